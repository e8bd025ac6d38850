//! One run of APGD in L1: sparse steps, and radii that shrink to the one that counts.

use brinell_threat::{Region, kth_largest};

use super::ApgdConfig;
use crate::{
    Attack, Need, Next, Reply, Start,
    step::{copy_finite, finite, sign},
};

/// Fewest steps that are divided among several radii.
const DIVISIBLE: u32 = 10;

/// Share of elements in a step from a random start in the ball itself.
const FIRST_SHARE: f32 = 0.2;

/// What the number of changed elements is divided by to get that of a step, and what a step is shortened by.
const REDUCTION: f32 = 1.5;

/// The shortest step, as a share of the radius.
const SHORTEST: f64 = 0.1;

/// A stretch of a run with one radius.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    eps: f64,
    steps: u32,
}

/// The state machine. Memory: 4 d floats (clean input, point, best point, its gradient).
#[derive(Debug)]
pub(super) struct SparseRun {
    region: Region,
    x: Box<[f32]>,
    best: Box<[f32]>,
    best_gradient: Box<[f32]>,
    best_loss: f32,
    /// What is left of the run, the last stretch first.
    stretches: Vec<Stretch>,
    now: Stretch,
    done: u32,
    since: u32,
    step: f64,
    /// Share of elements that a step changes.
    share: f32,
    /// Changed elements of the best point at the last checkpoint.
    support: f32,
    first: bool,
    rival: Option<usize>,
}

/// The stretches of a run, in the order in which they are taken from the end.
fn stretches(eps: f64, steps: u32, larger: bool) -> Vec<Stretch> {
    if !larger || steps < DIVISIBLE {
        return vec![Stretch { eps, steps }];
    }
    let early = (0.3 * f64::from(steps)).ceil() as u32;
    vec![Stretch { eps, steps: steps - 2 * early }, Stretch { eps: 2.0 * eps, steps: early }, Stretch { eps: 3.0 * eps, steps: early }]
}

/// Number of points asked for in a run.
pub(super) fn points(config: &ApgdConfig) -> u32 {
    let stretches = stretches(1.0, config.steps, config.larger_radii);
    stretches.iter().map(|stretch| stretch.steps + 1).sum()
}

impl SparseRun {
    /// `random` says that the point was not given but drawn.
    pub(super) fn new(config: &ApgdConfig, start: &Start<'_>, point: Vec<f32>, random: bool, rival: Option<usize>) -> Self {
        let mut left = stretches(start.ball.eps, config.steps, config.larger_radii);
        let dense = random && left.len() == 1;
        let now = left.pop().unwrap_or(Stretch { eps: start.ball.eps, steps: config.steps });
        let mut run = Self {
            region: start.ball.around(start.x),
            best: point.clone().into(),
            best_gradient: vec![0.0; point.len()].into(),
            x: point.into(),
            best_loss: f32::NEG_INFINITY,
            stretches: left,
            now,
            done: 0,
            since: 0,
            step: 0.0,
            share: 0.0,
            support: 0.0,
            first: true,
            rival,
        };
        run.begin();
        if dense {
            run.share = FIRST_SHARE;
            run.support = run.x.len() as f32;
        }
        run
    }

    /// Begins a stretch at the point.
    fn begin(&mut self) {
        if let Region::L1(region) = &mut self.region {
            region.set_eps(self.now.eps);
        }
        self.region.project(&mut self.x);
        self.support = self.changed(&self.x);
        self.share = self.support / self.x.len() as f32 / REDUCTION;
        self.step = self.now.eps;
        self.done = 0;
        self.since = 0;
        self.first = true;
    }

    /// Number of elements in which a point differs from the clean input.
    fn changed(&self, x: &[f32]) -> f32 {
        let Region::L1(region) = &self.region else { return 0.0 };
        x.iter().zip(region.centre()).filter(|(x, clean)| x != clean).count() as f32
    }

    /// True if the run is to go back to its best point.
    fn checkpoint(&mut self) -> bool {
        let support = self.changed(&self.best);
        let sparser = support / self.support < 0.95;
        self.share = support / self.x.len() as f32 / REDUCTION;
        let step = if sparser { self.now.eps } else { self.step / f64::from(REDUCTION) };
        self.step = step.max(SHORTEST * self.now.eps);
        self.support = support;
        sparser
    }
}

impl Attack for SparseRun {
    fn ask(&mut self, x: &mut [f32]) -> Need {
        x.copy_from_slice(&self.x);
        if self.done == self.now.steps { Need::Values } else { Need::Gradient }
    }

    fn rival(&self) -> Option<usize> {
        self.rival
    }

    fn tell(&mut self, reply: &Reply<'_>) -> Next {
        let last = self.done == self.now.steps;
        let loss = if reply.loss.is_nan() { f32::NEG_INFINITY } else { reply.loss };
        let first = std::mem::take(&mut self.first);
        if first || loss > self.best_loss {
            self.best_loss = loss;
            self.best.copy_from_slice(&self.x);
            copy_finite(reply.gradient, &mut self.best_gradient);
        }
        if last {
            let Some(next) = self.stretches.pop() else { return Next::Done };
            self.now = next;
            self.x.copy_from_slice(&self.best);
            self.begin();
            return Next::Continue;
        }
        self.since += u32::from(!first);
        let mut gradient = reply.gradient;
        if self.since == ((0.04 * f64::from(self.now.steps)) as u32).max(1) {
            self.since = 0;
            if self.checkpoint() {
                self.x.copy_from_slice(&self.best);
                gradient = &self.best_gradient;
            }
        }
        sparse_step(&mut self.x, gradient, self.share, self.step);
        self.region.project(&mut self.x);
        self.done += 1;
        Next::Continue
    }
}

/// Adds to `x` a step of L1 length `step` along the signs of the largest entries of the gradient, a `share` of all.
fn sparse_step(x: &mut [f32], gradient: &[f32], share: f32, step: f64) {
    let n = x.len();
    // In f32 and truncated, as in the reference.
    let below = (((1.0 - share) * n as f32).max(0.0) as usize).min(n.saturating_sub(1));
    let least = kth_largest(gradient, n - below);
    let large = |g: f32| finite(g) != 0.0 && g.abs() >= least;
    let count = gradient.iter().filter(|&&g| large(g)).count();
    let size = (step / (count as f64 + 1e-10)) as f32;
    for (x, &g) in x.iter_mut().zip(gradient) {
        if large(g) {
            *x += size * sign(g);
        }
    }
}
