//! Brings an example onto the boundary and along it towards the clean input, in the norms with convex balls.

use brinell_threat::onto_plane;

use super::{Sample, Search, Told};
use crate::Need;

/// How much nearer, relatively, a point must be to be worth a query.
const WORTHWHILE: f64 = 1e-5;

/// Halvings of one step before it is given up.
const HALVINGS: u32 = 6;

/// First step of the way back, as a share of it: an example that a step has just missed lies near the boundary.
const FIRST_STEP: f64 = 1.0 / 64.0;

/// Share of the way up to which its end is looked for, where it is near.
const FINEST: f64 = 1e-4;

/// Margin that a step aims at, relative to the two values that decide: enough for a judge that rounds otherwise.
const CLEARANCE: f64 = 1e-5;

/// Newton's method for the nearest example: the model is taken for linear at the example, the nearest point beyond that plane within the box is tried,
/// and, where that is no example, points half way back; where none of them is one, points on the straight way to the clean input, and all
/// again from where that ends. Each step that counts is nearer than the last, so that it cannot do harm.
///
/// Memory: d floats.
///
/// # Source
/// The step is the projection of the clean input in FAB (Croce & Hein, ICML 2020); the way back is a bisection.
pub(super) struct Polish {
    queries: u32,
    base: Box<[f32]>,
    distance: f64,
    state: State,
}

#[derive(Clone, Copy)]
enum State {
    /// The example itself was asked about.
    Base,
    /// A nearer point was asked about, after this many halvings.
    Try(u32),
    /// A point on the way to the clean input was asked about; no example is known below this share of the way.
    Radial { low: f64, high: f64, asked: f64, step: f64 },
}

impl Polish {
    pub(super) fn new(sample: &Sample, queries: u32) -> Self {
        Self { queries, base: sample.x.clone(), distance: f64::INFINITY, state: State::Base }
    }

    /// Writes the nearest point beyond the tangent plane into `point`, where that is nearer than the example.
    fn tangent(&mut self, sample: &Sample, point: &mut [f32], told: &Told<'_>) -> Option<Need> {
        let above = told.margin - CLEARANCE * (told.scale + told.margin.abs());
        let moved = self.base.iter().zip(&sample.x).zip(told.gradient).map(|((&b, &x), &g)| f64::from(g) * (f64::from(b) - f64::from(x)));
        let rise = moved.sum::<f64>() - above;
        // A gradient that is zero or not finite shows no plane, and a plane on this side of the clean input is none of this example's.
        if rise.is_nan() || rise <= 0.0 {
            return self.radial(sample, point, 0.0, 1.0, FIRST_STEP);
        }
        onto_plane(sample.ball.norm, &sample.x, told.gradient, rise, sample.ball.bounds, point);
        point.iter_mut().zip(&sample.x).for_each(|(v, &x)| *v += x);
        sample.clip(point);
        if sample.distance(point) >= self.distance * (1.0 - WORTHWHILE) {
            return self.radial(sample, point, 0.0, 1.0, FIRST_STEP);
        }
        self.state = State::Try(0);
        Some(Need::Gradient)
    }

    /// The next point of the way back from the example: in steps that double until one is missed, then half way between.
    fn radial(&mut self, sample: &Sample, point: &mut [f32], low: f64, high: f64, step: f64) -> Option<Need> {
        let asked = if low == 0.0 { high * (1.0 - step) } else { f64::midpoint(low, high) };
        // The farther the way, the less it matters where exactly it ends.
        let fine = ((1.0 - high) / 16.0).max(FINEST);
        if high - low < fine * high || asked <= 0.0 {
            return self.start_again(sample, point, high);
        }
        self.along(sample, point, asked);
        self.state = State::Radial { low, high, asked, step };
        Some(Need::Values)
    }

    /// Begins at the end of the way back, if that is nearer by enough.
    fn start_again(&mut self, sample: &Sample, point: &mut [f32], share: f64) -> Option<Need> {
        if share > 1.0 - 10.0 * FINEST {
            return None;
        }
        self.along(sample, point, share);
        self.begin(sample, point);
        Some(Need::Gradient)
    }

    /// Writes the point at a share of the way from the clean input to the example.
    fn along(&self, sample: &Sample, point: &mut [f32], share: f64) {
        for ((v, &b), &x) in point.iter_mut().zip(&self.base).zip(&sample.x) {
            *v = (f64::from(x) + share * (f64::from(b) - f64::from(x))) as f32;
        }
    }
}

impl Search for Polish {
    fn begin(&mut self, sample: &Sample, point: &mut [f32]) -> Need {
        self.base.copy_from_slice(point);
        self.distance = sample.distance(point);
        self.state = State::Base;
        Need::Gradient
    }

    fn step(&mut self, sample: &Sample, point: &mut [f32], told: &Told<'_>) -> Option<Need> {
        self.queries = self.queries.checked_sub(1).filter(|&left| left > 0)?;
        match self.state {
            State::Base => self.tangent(sample, point, told),
            State::Try(_) if told.adversarial && told.distance < self.distance => {
                self.base.copy_from_slice(point);
                self.distance = told.distance;
                self.tangent(sample, point, told)
            }
            State::Try(halvings) if halvings < HALVINGS => {
                for (v, &b) in point.iter_mut().zip(&self.base) {
                    *v = 0.5 * (*v + b);
                }
                if sample.distance(point) >= self.distance * (1.0 - WORTHWHILE) {
                    return self.radial(sample, point, 0.0, 1.0, FIRST_STEP);
                }
                self.state = State::Try(halvings + 1);
                Some(Need::Gradient)
            }
            State::Try(_) => self.radial(sample, point, 0.0, 1.0, FIRST_STEP),
            State::Radial { high, asked, step, .. } if !told.adversarial => self.radial(sample, point, asked, high, step),
            State::Radial { low, asked, step, .. } => self.radial(sample, point, low, asked, (2.0 * step).min(0.5)),
        }
    }
}
