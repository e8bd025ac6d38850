//! Takes elements out of an example in L0 that it can do without.

use brinell_threat::{Norm, onto_plane};

use super::{Sample, Search, Told};
use crate::{Need, step::finite};

/// Where the model is taken for linear at the example, the fewest elements that do are tried first. Then as many elements as the margin
/// pays for go back to their clean values, those that contribute least first. What remains changed goes to the side of the box that raises the
/// loss, since its distance does not count.
///
/// Memory: 3 d floats.
pub(super) struct Prune {
    queries: u32,
    base: Box<[f32]>,
    /// What each element of `base` contributes to the margin by the linear estimate; infinite where it is unchanged.
    gains: Box<[f32]>,
    scratch: Box<[f32]>,
    changed: usize,
    /// Margin of `base`.
    margin: f64,
    state: State,
}

#[derive(Clone, Copy)]
enum State {
    /// The example itself was asked about.
    Base,
    /// All that is changed was pushed to the box.
    Pushed,
    /// The fewest elements that would do by the linear estimate were tried.
    Chosen,
    /// This many elements were restored, and the least contributions that were tried in vain were left alone.
    Restored { count: usize, spared: usize },
}

/// Single elements that are tried in vain before the search ends.
const SPARED: usize = 8;

impl Prune {
    pub(super) fn new(sample: &Sample, queries: u32) -> Self {
        let row = || vec![0.0; sample.x.len()].into();
        Self { queries, base: row(), gains: row(), scratch: row(), changed: 0, margin: 0.0, state: State::Base }
    }

    /// Takes `point` for the example in hand, and the gradient there.
    fn adopt(&mut self, sample: &Sample, point: &[f32], told: &Told<'_>) {
        self.base.copy_from_slice(point);
        self.changed = 0;
        self.margin = told.margin;
        let clean = sample.x.iter().zip(told.gradient);
        for ((gain, &v), (&x, &g)) in self.gains.iter_mut().zip(point).zip(clean) {
            *gain = if v == x { f32::INFINITY } else { finite(g) * (v - x) };
            self.changed += usize::from(v != x);
        }
    }

    /// Restores `count` elements, beginning with the smallest contribution but `spared`.
    fn restore(&mut self, sample: &Sample, point: &mut [f32], count: usize, spared: usize) -> Option<Need> {
        if count == 0 || spared + count > self.changed || self.changed < 2 {
            return None;
        }
        self.scratch.copy_from_slice(&self.gains);
        let place = |scratch: &mut [f32], k: usize| *scratch.select_nth_unstable_by(k, f32::total_cmp).1;
        let from = place(&mut self.scratch, spared);
        let upto = place(&mut self.scratch, spared + count - 1);
        let mut left = count;
        for (((v, &b), &x), &gain) in point.iter_mut().zip(&self.base).zip(&sample.x).zip(&self.gains) {
            let out = gain >= from && gain <= upto && b != x && left > 0;
            left -= usize::from(out);
            *v = if out { x } else { b };
        }
        self.state = State::Restored { count, spared };
        Some(Need::Gradient)
    }

    /// Restores as many elements as the margin pays for by the linear estimate, at least one.
    fn restore_many(&mut self, sample: &Sample, point: &mut [f32], margin: f64) -> Option<Need> {
        self.scratch.copy_from_slice(&self.gains);
        self.scratch.sort_unstable_by(f32::total_cmp);
        let mut left = margin;
        let affordable = self.scratch.iter().take_while(|&&gain| {
            left -= f64::from(gain);
            left > 0.0
        });
        let count = affordable.count().clamp(1, self.changed.saturating_sub(1).max(1));
        self.restore(sample, point, count, 0)
    }

    /// Writes the clean input with the fewest changes that would do by the linear estimate; false where these are no fewer.
    fn choose(&self, sample: &Sample, point: &mut [f32], told: &Told<'_>) -> bool {
        let moved = self.base.iter().zip(&sample.x).zip(told.gradient).map(|((&b, &x), &g)| f64::from(g) * (f64::from(b) - f64::from(x)));
        let rise = moved.sum::<f64>() - told.margin;
        if rise.is_nan() || rise <= 0.0 {
            return false;
        }
        let bounds = sample.ball.bounds;
        onto_plane(Norm::L0, &sample.x, told.gradient, rise, bounds, point);
        let mut changed = 0;
        for (v, &x) in point.iter_mut().zip(&sample.x) {
            changed += usize::from(*v != 0.0);
            *v = match *v {
                change if change > 0.0 => bounds.hi(),
                change if change < 0.0 => bounds.lo(),
                _ => x,
            };
        }
        changed < self.changed
    }

    /// Moves every changed element on to the side of the box where a step towards it raises the loss; false where all are there.
    fn push(&self, sample: &Sample, point: &mut [f32]) -> bool {
        let bounds = sample.ball.bounds;
        let mut moved = false;
        for (((v, &b), &x), &gain) in point.iter_mut().zip(&self.base).zip(&sample.x).zip(&self.gains) {
            // What a change contributes, it contributes more of the farther it goes; what contributes less than nothing goes the other way.
            let up = (b > x) == (gain > 0.0);
            let side = if up { bounds.hi() } else { bounds.lo() };
            *v = if b != x && gain != 0.0 && side != x { side } else { b };
            moved |= *v != b;
        }
        moved
    }

    /// Tries the fewest elements that would do, or, where they are no fewer, what the example can do without.
    fn choose_or_push(&mut self, sample: &Sample, point: &mut [f32], told: &Told<'_>) -> Option<Need> {
        if self.choose(sample, point, told) {
            self.state = State::Chosen;
            return Some(Need::Gradient);
        }
        if self.push(sample, point) {
            self.state = State::Pushed;
            return Some(Need::Gradient);
        }
        self.restore_many(sample, point, self.margin)
    }
}

impl Search for Prune {
    fn begin(&mut self, _sample: &Sample, point: &mut [f32]) -> Need {
        self.base.copy_from_slice(point);
        self.state = State::Base;
        Need::Gradient
    }

    fn step(&mut self, sample: &Sample, point: &mut [f32], told: &Told<'_>) -> Option<Need> {
        self.queries = self.queries.checked_sub(1).filter(|&left| left > 0)?;
        match self.state {
            State::Base => {
                self.adopt(sample, point, told);
                self.choose_or_push(sample, point, told)
            }
            State::Chosen | State::Restored { .. } if told.adversarial && told.distance < self.changed as f64 => {
                self.adopt(sample, point, told);
                self.choose_or_push(sample, point, told)
            }
            State::Chosen => {
                if self.push(sample, point) {
                    self.state = State::Pushed;
                    return Some(Need::Gradient);
                }
                self.restore_many(sample, point, self.margin)
            }
            State::Pushed => {
                if told.adversarial && told.margin > self.margin {
                    self.adopt(sample, point, told);
                }
                self.restore_many(sample, point, self.margin)
            }
            State::Restored { count: 1, spared } if spared < SPARED => self.restore(sample, point, 1, spared + 1),
            State::Restored { count: 1, .. } => None,
            State::Restored { count, spared } => self.restore(sample, point, count / 2, spared),
        }
    }
}
