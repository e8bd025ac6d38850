//! One run of APGD on one sample.

use brinell_threat::{LinfRegion, Norm, Region, clamp, fill_normal, fill_uniform};

use super::{ApgdConfig, checkpoint::Checkpoints};
use crate::{
    Attack, Need, Next, Reply, Start,
    rng::generator,
    step::{copy_finite, finite, finite_length, sign},
};

/// Share of the new step in an update; the rest is momentum.
const MOMENTUM: f32 = 0.75;

/// What keeps the reference from dividing by zero when it normalises.
const TINY: f64 = 1e-12;

/// The state machine.
#[derive(Debug)]
pub(crate) struct Run {
    region: Region,
    x: Box<[f32]>,
    previous: Box<[f32]>,
    best: Box<[f32]>,
    best_gradient: Box<[f32]>,
    /// The point before momentum; empty for Linf, which needs none.
    scratch: Box<[f32]>,
    best_loss: f32,
    step: f64,
    done: u32,
    steps: u32,
    rho: f64,
    /// What the first update's loss is compared with, where that is not the start's loss.
    before_first: Option<f32>,
    checkpoints: Option<Checkpoints>,
    rival: Option<usize>,
}

/// The random start: it touches the ball's boundary, for Linf at its largest element, and is clipped to the box when the run begins. For L1
/// it is noise as wide as the box, which the run projects.
pub(crate) fn random_start(name: &str, start: &Start<'_>) -> Vec<f32> {
    let mut rng = generator(name, start);
    let mut point = vec![0.0; start.x.len()];
    match start.ball.norm {
        Norm::Linf => fill_uniform(&mut rng, &mut point),
        _ => fill_normal(&mut rng, &mut point),
    }
    let scale = match start.ball.norm {
        Norm::L1 => start.ball.bounds.width(),
        norm => start.ball.eps / (norm.length(&point) + TINY),
    };
    for (t, &x) in point.iter_mut().zip(start.x) {
        *t = (f64::from(x) + scale * f64::from(*t)) as f32;
    }
    point
}

impl Run {
    pub(crate) fn new(config: &ApgdConfig, start: &Start<'_>, mut point: Vec<f32>, rival: Option<usize>) -> Self {
        let region = start.ball.around(start.x);
        region.project_reference(&mut point);
        let x: Box<[f32]> = point.into();
        let scratch = match region {
            Region::Linf(_) => Box::default(),
            _ => x.clone(),
        };
        Self {
            region,
            previous: x.clone(),
            best: x.clone(),
            best_gradient: vec![0.0; x.len()].into(),
            scratch,
            x,
            best_loss: f32::NEG_INFINITY,
            step: 2.0 * start.ball.eps,
            done: 0,
            steps: config.steps,
            rho: config.rho,
            before_first: config.reference_quirk.then_some(config.loss.zero()),
            checkpoints: None,
            rival,
        }
    }
}

impl Attack for Run {
    fn ask(&mut self, x: &mut [f32]) -> Need {
        x.copy_from_slice(&self.x);
        if self.done == self.steps { Need::Values } else { Need::Gradient }
    }

    fn rival(&self) -> Option<usize> {
        self.rival
    }

    fn tell(&mut self, reply: &Reply<'_>) -> Next {
        if self.done == self.steps {
            return Next::Done;
        }
        // NaN would lose every comparison, also as the best loss so far.
        let loss = if reply.loss.is_nan() { f32::NEG_INFINITY } else { reply.loss };
        let first = self.checkpoints.is_none();
        if first || loss > self.best_loss {
            self.best_loss = loss;
            self.best.copy_from_slice(&self.x);
            copy_finite(reply.gradient, &mut self.best_gradient);
        }
        let mut gradient = reply.gradient;
        match &mut self.checkpoints {
            None => {
                self.checkpoints = Some(Checkpoints::new(self.steps, self.rho, self.before_first.unwrap_or(loss), loss));
            }
            Some(checkpoints) => {
                if checkpoints.halve(loss, self.best_loss) {
                    self.step /= 2.0;
                    // The previous point stays: the next momentum goes from it to the best point.
                    self.x.copy_from_slice(&self.best);
                    gradient = &self.best_gradient;
                }
            }
        }
        let share = if first { 1.0 } else { MOMENTUM };
        match &self.region {
            Region::Linf(region) => update_linf(region, &mut self.x, &mut self.previous, gradient, self.step as f32, share),
            region => {
                update_l2(region, [&self.x, &self.previous], &mut self.scratch, gradient, self.step, share);
                std::mem::swap(&mut self.previous, &mut self.x);
                std::mem::swap(&mut self.x, &mut self.scratch);
            }
        }
        self.done += 1;
        Next::Continue
    }
}

/// Moves `x` one update on, and `previous` to where `x` was.
fn update_linf(region: &LinfRegion, x: &mut [f32], previous: &mut [f32], gradient: &[f32], step: f32, share: f32) {
    let bounds = region.lo().iter().zip(region.hi());
    let points = x.iter_mut().zip(previous).zip(gradient);
    for (((x, previous), &g), (&lo, &hi)) in points.zip(bounds) {
        let momentum = *x - *previous;
        *previous = *x;
        let stepped = clamp(*x + step * sign(finite(g)), lo, hi);
        *x = clamp(*x + (stepped - *x) * share + momentum * (1.0 - share), lo, hi);
    }
}

/// Writes into `next` the point one update after `x`.
fn update_l2(region: &Region, [x, previous]: [&[f32]; 2], next: &mut [f32], gradient: &[f32], step: f64, share: f32) {
    let scale = (step / (finite_length(gradient) + TINY)) as f32;
    for ((next, &x), &g) in next.iter_mut().zip(x).zip(gradient) {
        *next = x + scale * finite(g);
    }
    region.project_reference(next);
    for ((next, &x), &previous) in next.iter_mut().zip(x).zip(previous) {
        *next = x + (*next - x) * share + (x - previous) * (1.0 - share);
    }
    region.project_reference(next);
}
