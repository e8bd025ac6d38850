//! Brings an example onto the boundary and along it towards the clean input, in the norms with convex balls.

use brinell_threat::onto_plane;

use super::{Sample, Search, Told};
use crate::Need;

/// How much nearer, relatively, a point must be to be worth a query.
const WORTHWHILE: f64 = 1e-5;

/// Halvings of one step before it is given up.
const HALVINGS: u32 = 6;

/// Margin that a step aims at, relative to the two logits that decide: enough for a judge that rounds otherwise.
const CLEARANCE: f64 = 1e-5;

/// Newton's method for the nearest example: the model is taken for linear at the example, the nearest point beyond that plane within the box is tried,
/// and, where that is no example, points half way back. Each step that counts is nearer than the last, so that it cannot do harm.
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
    Radial { low: f64, high: f64, asked: f64 },
}

impl Polish {
    pub(super) fn new(sample: &Sample, queries: u32) -> Self {
        Self { queries, base: sample.x.clone(), distance: f64::INFINITY, state: State::Base }
    }

    /// Writes the nearest point beyond the tangent plane into `point`, where that is nearer than the example.
    fn tangent(&mut self, sample: &Sample, point: &mut [f32], told: &Told<'_>) -> Option<Need> {
        let above = told.margin - CLEARANCE * (told.logit.abs() + told.margin.abs());
        let moved = self.base.iter().zip(&sample.x).zip(told.gradient).map(|((&b, &x), &g)| f64::from(g) * (f64::from(b) - f64::from(x)));
        let rise = moved.sum::<f64>() - above;
        // A gradient that is zero or not finite shows no plane, and a plane on this side of the clean input is none of this example's.
        if rise.is_nan() || rise <= 0.0 {
            return self.radial(sample, point, 0.0, 1.0);
        }
        onto_plane(sample.ball.norm, &sample.x, told.gradient, rise, sample.ball.bounds, point);
        point.iter_mut().zip(&sample.x).for_each(|(v, &x)| *v += x);
        sample.clip(point);
        if sample.distance(point) >= self.distance * (1.0 - WORTHWHILE) {
            return self.radial(sample, point, 0.0, 1.0);
        }
        self.state = State::Try(0);
        Some(Need::Gradient)
    }

    /// Half way between an example and the nearest known point of the way that is none.
    fn radial(&mut self, sample: &Sample, point: &mut [f32], low: f64, high: f64) -> Option<Need> {
        // An example that a step has just missed lies near the boundary: look there first.
        let asked = if low == 0.0 { high * (1.0 - 1.0 / 64.0) } else { f64::midpoint(low, high) };
        if high - low < 1e-4 * high || asked <= 0.0 {
            return None;
        }
        for ((v, &b), &x) in point.iter_mut().zip(&self.base).zip(&sample.x) {
            *v = (f64::from(x) + asked * (f64::from(b) - f64::from(x))) as f32;
        }
        self.state = State::Radial { low, high, asked };
        Some(Need::Logits)
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
                    return self.radial(sample, point, 0.0, 1.0);
                }
                self.state = State::Try(halvings + 1);
                Some(Need::Gradient)
            }
            State::Try(_) => self.radial(sample, point, 0.0, 1.0),
            State::Radial { high, asked, .. } if !told.adversarial => self.radial(sample, point, asked, high),
            State::Radial { low, asked, .. } => self.radial(sample, point, low, asked),
        }
    }
}
