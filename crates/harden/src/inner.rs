//! The attacks of training: batched, in the units of the features where a table has rules.

use brinell_attack::rng::keyed;
use brinell_record::Method;
use brinell_threat::{Ball, Frame, Norm, fill_normal, fill_uniform};
use rand::Rng;

use crate::HardenError;
use crate::net::{Lane, Told, class_of};

/// One attack on the samples of a piece.
pub(crate) struct Inner<'a> {
    /// The allowed changes; the radius is that of the step.
    pub(crate) ball: &'a Ball,
    /// What is done.
    pub(crate) kind: Kind,
    /// Steps.
    pub(crate) steps: usize,
    /// Length of a step, in radii.
    pub(crate) size: f64,
    /// Random numbers are keyed by seed, epoch and sample.
    pub(crate) seed: u64,
    pub(crate) epoch: u32,
}

/// What an attack climbs, and from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Cross-entropy, from a random point of the ball.
    Ce,
    /// Divergence from the prediction at the clean sample, from very near to it.
    Divergence,
    /// Cross-entropy in one step from noise of twice the radius; only the box limits where it ends.
    ///
    /// # Source
    /// de Jorge et al., "Make some noise: reliable and efficient single-step adversarial training", NeurIPS 2022.
    Noise,
}

impl Kind {
    pub(crate) fn of(method: Method) -> Self {
        match method {
            Method::Pgd | Method::FgsmRs => Self::Ce,
            Method::Trades | Method::Mart => Self::Divergence,
            Method::Fast => Self::Noise,
        }
    }
}

/// Deviation of the start of [`Kind::Divergence`], as in the code of TRADES.
const NEAR: f32 = 1e-3;

/// Points in the units in which an attack moves.
struct Space<'a> {
    ball: Ball,
    len: usize,
    /// Clean samples `[rows, d]`.
    centre: Vec<f32>,
    frames: Vec<Frame>,
    clean: &'a [f32],
}

impl<'a> Space<'a> {
    fn new(ball: &Ball, clean: &'a [f32], len: usize) -> Self {
        let frames: Vec<Frame> =
            if ball.features.is_some() { clean.chunks(len.max(1)).filter_map(|x| ball.frame(x, false)).collect() } else { Vec::new() };
        let own = frames.first().map_or_else(|| ball.clone(), |frame| frame.ball().clone());
        let centre = if frames.is_empty() { clean.to_vec() } else { frames.iter().flat_map(|frame| frame.centre().to_vec()).collect() };
        Self { ball: own, len: len.max(1), centre, frames, clean }
    }

    /// Writes the inputs that points stand for.
    fn realise(&self, points: &[f32], out: &mut Vec<f32>) {
        out.clear();
        out.extend_from_slice(if self.frames.is_empty() { points } else { self.clean });
        let rows = points.chunks(self.len).zip(out.chunks_mut(self.len));
        for (frame, (u, x)) in self.frames.iter().zip(rows) {
            frame.realise(u, x);
        }
    }

    /// Turns a gradient by inputs into one by points.
    fn pull_back(&self, gradient: &mut [f32]) {
        let mut own = Vec::new();
        for (frame, row) in self.frames.iter().zip(gradient.chunks_mut(self.len)) {
            frame.pull_back(row, &mut own);
            row.copy_from_slice(&own);
        }
    }

    /// Moves points by a step of this length along a gradient; `inside` the ball, or in the box alone.
    fn climb(&self, points: &mut [f32], gradient: &[f32], length: f64, inside: bool) {
        let (lo, hi) = (self.ball.bounds.lo(), self.ball.bounds.hi());
        let eps = if inside { self.ball.eps } else { f64::INFINITY } as f32;
        let rows = points.chunks_mut(self.len).zip(gradient.chunks(self.len)).zip(self.centre.chunks(self.len));
        for ((p, g), c) in rows {
            match self.ball.norm {
                Norm::L2 => {
                    let size = crate::optimiser::square(g).sqrt();
                    let step = if size > 0.0 && size.is_finite() { (length / size) as f32 } else { 0.0 };
                    p.iter_mut().zip(g).for_each(|(p, &g)| *p += step * g);
                    if inside {
                        let far = p.iter().zip(c).map(|(&p, &c)| f64::from(p - c).powi(2)).sum::<f64>().sqrt();
                        let shrink = if far > self.ball.eps { (self.ball.eps / far) as f32 } else { 1.0 };
                        p.iter_mut().zip(c).for_each(|(p, &c)| *p = c + (*p - c) * shrink);
                    }
                    p.iter_mut().for_each(|p| *p = p.clamp(lo, hi));
                }
                _ => {
                    let length = length as f32;
                    for ((p, &g), &c) in p.iter_mut().zip(g).zip(c) {
                        let moved = if g > 0.0 {
                            *p + length
                        } else if g < 0.0 {
                            *p - length
                        } else {
                            *p
                        };
                        *p = moved.min(c + eps).max(c - eps).min(hi).max(lo);
                    }
                }
            }
        }
    }
}

impl Inner<'_> {
    /// Returns attacked samples, in inputs.
    ///
    /// # Shapes
    /// `x`: `[rows, ..sample]`, `label`: `[rows, K]`, `ids`: `[rows]`, numbers that random draws are keyed by.
    ///
    /// # Errors
    /// [`HardenError::Engine`].
    pub(crate) fn run(
        &self,
        lane: &mut Lane,
        weights: &[Vec<f32>],
        x: &[f32],
        label: &[f32],
        ids: &[u64],
    ) -> Result<Vec<f32>, HardenError> {
        let rows = ids.len();
        let space = Space::new(self.ball, x, x.len() / rows.max(1));
        let (mut points, mut told) = (self.start(&space, ids), Told::default());
        let soft = if self.kind == Kind::Divergence {
            lane.attack(weights, x, label, &mut told)?;
            probabilities(&told.logits, label.len() / rows.max(1))
        } else {
            label.to_vec()
        };
        let mut inputs = Vec::new();
        let inside = self.kind != Kind::Noise;
        for _ in 0..self.steps {
            space.realise(&points, &mut inputs);
            lane.attack(weights, &inputs, &soft, &mut told)?;
            space.pull_back(&mut told.gradient);
            space.climb(&mut points, &told.gradient, self.size * space.ball.eps, inside);
        }
        space.realise(&points, &mut inputs);
        Ok(inputs)
    }

    fn start(&self, space: &Space<'_>, ids: &[u64]) -> Vec<f32> {
        let mut points = vec![0.0; space.centre.len()];
        let rows = points.chunks_mut(space.len).zip(space.centre.chunks(space.len)).zip(ids);
        let (lo, hi) = (space.ball.bounds.lo(), space.ball.bounds.hi());
        for ((p, c), &id) in rows {
            let mut rng = keyed("harden", self.seed, id, self.epoch);
            match self.kind {
                Kind::Ce => space.ball.sample_uniform(c, &mut rng, p),
                Kind::Divergence => offset(&mut rng, p, c, (lo, hi), NEAR.min(space.ball.eps as f32), false),
                Kind::Noise => offset(&mut rng, p, c, (lo, hi), 2.0 * space.ball.eps as f32, true),
            }
        }
        points
    }
}

/// Writes the clean sample plus noise of this size, uniform or normal, inside the box.
fn offset(rng: &mut impl Rng, p: &mut [f32], c: &[f32], (lo, hi): (f32, f32), size: f32, uniform: bool) {
    if uniform {
        fill_uniform(rng, p);
    } else {
        fill_normal(rng, p);
    }
    p.iter_mut().zip(c).for_each(|(p, &c)| *p = (c + size * *p).clamp(lo, hi));
}

/// Returns the softmax of rows of logits.
pub(crate) fn probabilities(logits: &[f32], classes: usize) -> Vec<f32> {
    let mut out = Vec::with_capacity(logits.len());
    for row in logits.chunks(classes.max(1)) {
        let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = row.iter().map(|&z| f64::from(z - most).exp()).sum();
        out.extend(row.iter().map(|&z| (f64::from(z - most).exp() / sum) as f32));
    }
    out
}

/// How an epoch is checked: an attack on cross-entropy and then one on the margin, on samples that still stand.
pub(crate) struct Check<'a> {
    pub(crate) ball: &'a Ball,
    pub(crate) steps: usize,
    pub(crate) margin: bool,
    pub(crate) seed: u64,
}

/// Length of a step of the check, in radii times the number of steps.
const TRAVEL: f64 = 2.5;

impl Check<'_> {
    /// Returns how many samples are classified correctly, and how many of these at every point of the attacks.
    ///
    /// # Errors
    /// [`HardenError::Engine`].
    pub(crate) fn run(
        &self,
        lane: &mut Lane,
        weights: &[Vec<f32>],
        x: &[f32],
        labels: &[usize],
        ids: &[u64],
        classes: usize,
    ) -> Result<(usize, usize), HardenError> {
        let len = x.len() / labels.len().max(1);
        let mut told = Told::default();
        lane.attack(weights, x, &one_hot(labels, classes, 0.0), &mut told)?;
        let right = |logits: &[f32], labels: &[usize]| -> Vec<bool> {
            logits.chunks(classes.max(1)).zip(labels).map(|(row, &label)| class_of(row) == Some(label)).collect()
        };
        let mut standing: Vec<usize> =
            right(&told.logits, labels).into_iter().enumerate().filter_map(|(row, right)| right.then_some(row)).collect();
        let clean = standing.len();
        for margin in [false, true].into_iter().filter(|&margin| self.margin || !margin) {
            if standing.is_empty() {
                break;
            }
            let rows: Vec<f32> = standing.iter().flat_map(|&row| x.get(row * len..(row + 1) * len).unwrap_or_default().to_vec()).collect();
            let pick = |from: &[usize]| standing.iter().filter_map(|&row| from.get(row).copied()).collect::<Vec<usize>>();
            let own = pick(labels);
            let keys: Vec<u64> = standing.iter().filter_map(|&row| ids.get(row).copied()).collect();
            let hot = one_hot(&own, classes, 0.0);
            let space = Space::new(self.ball, &rows, len);
            let inner =
                Inner { ball: self.ball, kind: Kind::Ce, steps: 0, size: 0.0, seed: self.seed, epoch: u32::MAX - u32::from(margin) };
            let (mut points, mut inputs) = (inner.start(&space, &keys), Vec::new());
            let mut stands = vec![true; own.len()];
            for step in 0..=self.steps {
                space.realise(&points, &mut inputs);
                let asked =
                    if margin { lane.margin(weights, &inputs, &hot, &mut told) } else { lane.attack(weights, &inputs, &hot, &mut told) };
                asked?;
                stands.iter_mut().zip(right(&told.logits, &own)).for_each(|(stands, right)| *stands &= right);
                if step == self.steps || !stands.contains(&true) {
                    break;
                }
                space.pull_back(&mut told.gradient);
                // The step shrinks, so that a climb that began coarse ends fine.
                let share = 1.0 - step as f64 / self.steps as f64;
                let size = 2.0 * TRAVEL / self.steps as f64 * share;
                space.climb(&mut points, &told.gradient, size * space.ball.eps, true);
            }
            standing = standing.into_iter().zip(stands).filter_map(|(row, stands)| stands.then_some(row)).collect();
        }
        Ok((clean, standing.len()))
    }
}

/// Returns one-hot rows, of which a share is spread over all classes.
pub(crate) fn one_hot(labels: &[usize], classes: usize, smoothing: f64) -> Vec<f32> {
    let rest = smoothing / classes.max(1) as f64;
    let mut rows = vec![rest as f32; labels.len() * classes];
    for (row, &label) in rows.chunks_mut(classes.max(1)).zip(labels) {
        if let Some(hit) = row.get_mut(label) {
            *hit = (1.0 - smoothing + rest) as f32;
        }
    }
    rows
}
