//! One run of Square on one sample.

use brinell_threat::{Norm, Region, clamp};

use super::{
    SquareConfig, bump,
    dice::Dice,
    picture::{Picture, Window},
};
use crate::{Attack, Need, Next, Reply, Start};

/// Queries of the published schedule after which the share of the picture is halved once more.
const HALVINGS: [u32; 9] = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000];

/// Queries that the published schedule is made for.
const SCHEDULED: f64 = 10_000.0;

/// What keeps the reference from dividing by zero.
const TINY: f64 = 1e-12;

/// Draws after which a patch that changes nothing is asked about all the same.
const DRAWS: usize = 16;

/// Queries after which patience is tried for the first time.
const FIRST_LOOK: u32 = 32;

/// The state machine.
pub(super) struct Run<D> {
    norm: Norm,
    eps: f64,
    region: Region,
    picture: Picture,
    best: Box<[f32]>,
    tried: Box<[f32]>,
    /// The patch of the size last used, split by rows and by columns; empty for L-inf.
    bumps: [Box<[f32]>; 2],
    bump_size: (usize, usize),
    best_loss: f32,
    /// Best loss at the last look, for patience.
    looked: f32,
    next_look: u32,
    told: u32,
    queries: u32,
    p: f64,
    rescale: bool,
    patience: Option<f64>,
    dice: D,
}

/// Share of the picture that the patch of query number `query`, from 0, covers.
fn share(p: f64, query: u32, queries: u32, rescale: bool) -> f64 {
    let query = if rescale { (f64::from(query) / f64::from(queries) * SCHEDULED) as u32 } else { query };
    let halvings = HALVINGS.iter().filter(|&&after| query > after).count();
    p / f64::from(1u32 << halvings)
}

impl<D: Dice> Run<D> {
    pub(super) fn new(config: &SquareConfig, start: &Start<'_>, dice: D) -> Self {
        let norm = start.ball.norm;
        let mut region = start.ball.around(start.x);
        if let Region::L1(region) = &mut region {
            region.set_eps(start.ball.eps * (1.0 - 1e-6));
        }
        let picture = Picture::new(start.shape, start.x.len());
        let patch = if norm == Norm::Linf { 0 } else { picture.area() };
        let mut run = Self {
            norm,
            eps: start.ball.eps,
            region,
            picture,
            best: start.x.into(),
            tried: start.x.into(),
            bumps: [vec![0.0; patch].into(), vec![0.0; patch].into()],
            bump_size: (0, 0),
            best_loss: f32::NEG_INFINITY,
            looked: f32::NEG_INFINITY,
            next_look: FIRST_LOOK / 2,
            told: 0,
            queries: config.queries,
            p: config.p,
            rescale: config.rescale,
            patience: config.patience,
            dice,
        };
        match norm {
            Norm::Linf => run.stripes(),
            _ => run.tiles(),
        }
        run
    }

    /// The first point for L-inf: every column of every channel at one end of the ball.
    fn stripes(&mut self) {
        let Region::Linf(region) = &self.region else { return };
        for channel in 0..self.picture.channels {
            for column in 0..self.picture.columns {
                let ends = if self.dice.coin() { region.hi() } else { region.lo() };
                for row in 0..self.picture.rows {
                    copy_at(ends, &mut self.tried, self.picture.place(channel, row, column));
                }
            }
        }
    }

    /// The first point for L2 and L1: the picture tiled with patches, five by five.
    fn tiles(&mut self) {
        let Picture { channels, rows, columns, .. } = self.picture;
        let (tall, wide) = ((rows / 5).max(1), (columns / 5).max(1));
        self.tried.fill(0.0);
        let first = |all: usize, tile: usize| all.saturating_sub(5 * tile) / 2;
        self.cut(tall, wide);
        for top in (first(rows, tall)..=rows - tall).step_by(tall) {
            for left in (first(columns, wide)..=columns - wide).step_by(wide) {
                let window = Window { top, left, rows: tall, columns: wide };
                let flip = self.dice.coin();
                let [upright, flipped] = &self.bumps;
                let bump = if flip { flipped } else { upright };
                for channel in 0..channels {
                    let up = self.dice.coin();
                    for ((row, column), &height) in window.pixels().zip(bump) {
                        set(&mut self.tried, self.picture.place(channel, row, column), if up { height } else { -height });
                    }
                }
            }
        }
        self.land();
    }

    /// Makes sure that the patches have this size.
    fn cut(&mut self, rows: usize, columns: usize) {
        if self.bump_size != (rows, columns) {
            self.bump_size = (rows, columns);
            let power = if self.norm == Norm::L1 { 4 } else { 2 };
            let [upright, flipped] = &mut self.bumps;
            bump::fill(upright, rows, columns, power, false);
            bump::fill(flipped, rows, columns, power, true);
        }
    }

    /// Turns the change in `tried` into a point of the region.
    fn land(&mut self) {
        let (Region::L2(region) | Region::L1(region)) = &self.region else { return };
        let scale = if self.norm == Norm::L2 { self.eps / (self.norm.length(&self.tried) + TINY) } else { 1.0 };
        let (lo, hi) = (region.bounds().lo(), region.bounds().hi());
        for (delta, &x) in self.tried.iter_mut().zip(region.centre()) {
            let moved = (f64::from(x) + scale * f64::from(*delta)) as f32;
            // The projection of L1 has to see what lies outside the box.
            *delta = if self.norm == Norm::L2 { clamp(moved, lo, hi) } else { moved };
        }
        self.region.project(&mut self.tried);
    }

    fn window(&mut self, rows: usize, columns: usize) -> Window {
        let top = self.dice.below(self.picture.rows - rows + 1);
        let left = self.dice.below(self.picture.columns - columns + 1);
        Window { top, left, rows, columns }
    }

    /// Writes the next point into `tried`.
    fn propose(&mut self) {
        let share = share(self.p, self.told - 1, self.queries, self.rescale);
        if self.norm == Norm::Linf {
            self.tried.copy_from_slice(&self.best);
            let (rows, columns) = self.picture.patch(share, 1, false);
            for _ in 0..DRAWS {
                if self.paint(rows, columns) {
                    return;
                }
            }
        } else {
            let (rows, columns) = self.picture.patch(share, 3, true);
            self.cut(rows, columns);
            self.shift(rows, columns);
            self.land();
        }
    }

    /// Takes a window to one end of the ball in every channel; true if that changed anything.
    fn paint(&mut self, rows: usize, columns: usize) -> bool {
        let window = self.window(rows, columns);
        let Region::Linf(region) = &self.region else { return true };
        let mut changed = false;
        for channel in 0..self.picture.channels {
            let ends = if self.dice.coin() { region.hi() } else { region.lo() };
            for (row, column) in window.pixels() {
                changed |= copy_at(ends, &mut self.tried, self.picture.place(channel, row, column));
            }
        }
        changed
    }

    /// Writes into `tried` the change of the best point with the mass of two windows moved into the first, in the form of a patch.
    fn shift(&mut self, rows: usize, columns: usize) {
        let (into, from) = (self.window(rows, columns), self.window(rows, columns));
        let flip = self.dice.coin();
        let (Region::L2(region) | Region::L1(region)) = &self.region else { return };
        for ((delta, &best), &x) in self.tried.iter_mut().zip(&self.best).zip(region.centre()) {
            *delta = best - x;
        }
        let squared = self.norm == Norm::L2;
        let power = |v: f64| if squared { v * v } else { v.abs() };
        let root = |v: f64| if squared { v.sqrt() } else { v };
        let channels = self.picture.channels as f64;
        let left = (power(self.eps) - power(self.norm.length(&self.tried))).max(0.0) / channels;
        let [upright, flipped] = &self.bumps;
        let bump = if flip { flipped } else { upright };
        for channel in 0..self.picture.channels {
            let sign = if self.dice.coin() { 1.0 } else { -1.0 };
            let place = |(row, column): (usize, usize)| self.picture.place(channel, row, column);
            let at = |tried: &[f32], pixel| f64::from(tried.get(place(pixel)).copied().unwrap_or_default());
            let tried = &mut self.tried;
            let inside: f64 = into.pixels().map(|pixel| power(at(tried, pixel))).sum();
            let only_from: f64 = from.pixels().filter(|&(row, column)| !into.holds(row, column)).map(|pixel| power(at(tried, pixel))).sum();
            let mixed = |tried: &[f32], pixel, height: f32| sign * f64::from(height) + at(tried, pixel) / (TINY + root(inside));
            let length = root(into.pixels().zip(bump).map(|(pixel, &height)| power(mixed(tried, pixel, height))).sum());
            let mass = inside + only_from;
            // The L1 form of the reference shares out by channel and then multiplies by their number.
            let size = if squared { (left + mass).sqrt() } else { (left + mass) * channels };
            let scale = size / (TINY + length);
            for pixel in from.pixels().filter(|&(row, column)| !into.holds(row, column)) {
                set(tried, place(pixel), 0.0);
            }
            for (pixel, &height) in into.pixels().zip(bump) {
                let value = mixed(tried, pixel, height) * scale;
                set(tried, place(pixel), value as f32);
            }
        }
    }

    /// True if the loss rises too slowly to reach success within the queries that are left.
    fn hopeless(&mut self) -> bool {
        let Some(patience) = self.patience.filter(|_| self.told >= self.next_look) else { return false };
        let first = self.next_look < FIRST_LOOK;
        let rise = f64::from(self.best_loss) - f64::from(self.looked);
        let doublings = (f64::from(self.queries) / f64::from(self.told)).log2();
        self.looked = self.best_loss;
        self.next_look *= 2;
        !first && f64::from(self.best_loss) + patience * rise * doublings < 0.0
    }
}

impl<D: Dice> Attack for Run<D> {
    fn ask(&mut self, x: &mut [f32]) -> Need {
        if self.told > 0 {
            self.propose();
        }
        x.copy_from_slice(&self.tried);
        Need::Values
    }

    fn tell(&mut self, reply: &Reply<'_>) -> Next {
        let first = self.told == 0;
        self.told += 1;
        // A point across the decision is taken even where an earlier one went further; NaN is taken by neither comparison.
        if first || reply.loss > self.best_loss || reply.loss >= 0.0 {
            self.best_loss = if reply.loss.is_nan() { f32::NEG_INFINITY } else { reply.loss };
            self.best.copy_from_slice(&self.tried);
        }
        if self.told > self.queries || self.hopeless() { Next::Done } else { Next::Continue }
    }
}

/// Copies one element; true if that changed it.
fn copy_at(from: &[f32], to: &mut [f32], place: usize) -> bool {
    match (from.get(place), to.get_mut(place)) {
        (Some(&from), Some(to)) => std::mem::replace(to, from) != from,
        _ => false,
    }
}

fn set(values: &mut [f32], place: usize, value: f32) {
    if let Some(slot) = values.get_mut(place) {
        *slot = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_halved_where_the_schedule_says() {
        let shares: Vec<f64> = [0, 10, 11, 50, 51, 4000, 4001, 5000, 8001].iter().map(|&query| share(0.8, query, 5000, false)).collect();
        assert_eq!(shares, [0.8, 0.8, 0.4, 0.4, 0.2, 0.8 / 64.0, 0.8 / 128.0, 0.8 / 128.0, 0.8 / 512.0]);
        assert_eq!(share(0.8, 4500, 5000, true), 0.8 / 512.0);
    }
}
