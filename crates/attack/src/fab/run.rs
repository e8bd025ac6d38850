//! One run of FAB on one sample.

use brinell_threat::{InputBox, Norm, clamp, fill_normal, fill_uniform, onto_plane};

use super::FabConfig;
use crate::{
    Attack, Need, Next, Reply, Start,
    rng::generator,
    step::{copy_finite, finite},
};

/// Keeps quotients of lengths defined, as in the reference implementation.
const SHORTEST: f64 = 1e-8;

/// The state machine.
#[derive(Debug)]
pub(super) struct Run {
    norm: Norm,
    bounds: InputBox,
    clean: Box<[f32]>,
    x: Box<[f32]>,
    /// From the point onto the plane, and from the clean input onto it.
    steps: [Box<[f32]>; 2],
    /// Rivals whose planes are looked at; with a goal that names one it is that of this one and whatever it has to beat.
    rivals: Vec<usize>,
    /// The rival that is asked about.
    at: usize,
    /// The nearest plane so far, where there are several rivals.
    nearest: Plane,
    alpha_max: f64,
    eta: f64,
    beta: f32,
    left: u32,
    asked: Need,
    /// True where the point comes from a step: if it is adversarial, it is pulled back.
    fresh: bool,
    /// True where the last step led to an adversarial point: the next one is asked for its values first.
    hot: bool,
}

/// A linear model of a decision function.
#[derive(Debug)]
struct Plane {
    distance: f64,
    value: f64,
    slope: Box<[f32]>,
}

/// A point half as far from the clean input as the radius or the best known example.
pub(super) fn random_start(name: &str, start: &Start<'_>) -> Vec<f32> {
    let mut rng = generator(name, start);
    let mut point = vec![0.0; start.x.len()];
    match start.ball.norm {
        Norm::Linf => fill_uniform(&mut rng, &mut point),
        _ => fill_normal(&mut rng, &mut point),
    }
    let known = start.found.map_or(f64::INFINITY, |found| start.ball.distance(start.x, found));
    let radius = match known.min(start.ball.eps) {
        radius if radius.is_finite() => radius,
        // Without a radius, those that the reference implementation takes for the box from 0 to 1.
        _ => {
            start.ball.bounds.width()
                * match start.ball.norm {
                    Norm::Linf => 0.3,
                    Norm::L2 => 1.0,
                    Norm::L1 | Norm::L0 => 5.0,
                }
        }
    };
    let scale = 0.5 * radius / start.ball.norm.length(&point).max(f64::MIN_POSITIVE);
    let (lo, hi) = (start.ball.bounds.lo(), start.ball.bounds.hi());
    for (t, &x) in point.iter_mut().zip(start.x) {
        *t = clamp((f64::from(x) + scale * f64::from(*t)) as f32, lo, hi);
    }
    point
}

impl Run {
    pub(super) fn new(config: &FabConfig, start: &Start<'_>, rivals: Vec<usize>, mut point: Vec<f32>) -> Self {
        let bounds = start.ball.bounds;
        point.iter_mut().for_each(|v| *v = clamp(*v, bounds.lo(), bounds.hi()));
        let zeros = || vec![0.0; point.len()].into_boxed_slice();
        let slope = if rivals.len() > 1 { zeros() } else { Box::default() };
        Self {
            norm: start.ball.norm,
            bounds,
            clean: start.x.iter().map(|&x| clamp(x, bounds.lo(), bounds.hi())).collect(),
            steps: [zeros(), zeros()],
            rivals,
            at: 0,
            nearest: Plane { distance: f64::INFINITY, value: 0.0, slope },
            alpha_max: config.alpha_max,
            eta: config.eta,
            beta: config.beta as f32,
            left: config.steps,
            asked: Need::Gradient,
            fresh: false,
            hot: false,
            x: point.into(),
        }
    }

    /// Notes the plane of the rival asked about, and steps once all have been heard.
    fn weigh(&mut self, value: f64, slope: &[f32]) {
        if self.rivals.len() <= 1 {
            step(self.norm, self.bounds, [&self.clean, slope], value, &mut self.x, &mut self.steps, [self.alpha_max, self.eta]);
            self.stepped();
            return;
        }
        let distance = value.abs() / (1e-12 + self.norm.dual().length(slope));
        if distance < self.nearest.distance || self.at == 0 {
            self.nearest.distance = distance;
            self.nearest.value = value;
            copy_finite(slope, &mut self.nearest.slope);
        }
        self.at += 1;
        if self.at == self.rivals.len() {
            self.at = 0;
            let plane = &self.nearest;
            step(
                self.norm,
                self.bounds,
                [&self.clean, &plane.slope],
                plane.value,
                &mut self.x,
                &mut self.steps,
                [self.alpha_max, self.eta],
            );
            self.stepped();
        }
    }

    fn stepped(&mut self) {
        self.left -= 1;
        self.fresh = true;
    }
}

impl Attack for Run {
    fn ask(&mut self, x: &mut [f32]) -> Need {
        x.copy_from_slice(&self.x);
        self.asked = if self.left == 0 || self.fresh && self.hot { Need::Values } else { Need::Gradient };
        self.asked
    }

    fn rival(&self) -> Option<usize> {
        self.rivals.get(self.at).copied()
    }

    fn tell(&mut self, reply: &Reply<'_>) -> Next {
        if std::mem::take(&mut self.fresh) {
            self.hot = reply.reached;
            if self.hot {
                for (x, &clean) in self.x.iter_mut().zip(&self.clean) {
                    *x = clean + (*x - clean) * self.beta;
                }
                return if self.left == 0 { Next::Done } else { Next::Continue };
            }
        }
        if self.left == 0 {
            return Next::Done;
        }
        if self.asked == Need::Gradient {
            let value = if reply.loss.is_finite() { f64::from(reply.loss) } else { 0.0 };
            self.weigh(value, reply.gradient);
        }
        Next::Continue
    }
}

/// Moves `x` by one step, given value and slope there of a decision function that is to become zero.
fn step(
    norm: Norm,
    bounds: InputBox,
    [clean, slope]: [&[f32]; 2],
    value: f64,
    x: &mut [f32],
    [near, far]: &mut [Box<[f32]>; 2],
    [alpha_max, eta]: [f64; 2],
) {
    let between: f64 = x.iter().zip(clean).zip(slope).map(|((&x, &c), &w)| f64::from(finite(w)) * (f64::from(x) - f64::from(c))).sum();
    let from_x = onto_plane(norm, x, slope, -value, bounds, near).max(SHORTEST);
    let from_clean = onto_plane(norm, clean, slope, between - value, bounds, far).max(SHORTEST);
    let alpha = (from_x / (from_x + from_clean)).min(alpha_max) as f32;
    let eta = eta as f32;
    let (lo, hi) = (bounds.lo(), bounds.hi());
    for ((x, &clean), (&near, &far)) in x.iter_mut().zip(clean).zip(near.iter().zip(far.iter())) {
        *x = clamp((*x + eta * near) * (1.0 - alpha) + (clean + eta * far) * alpha, lo, hi);
    }
}
