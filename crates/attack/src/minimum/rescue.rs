//! An example from elsewhere, for a search that finds none on its own way.

use brinell_threat::Norm;
use rand_chacha::ChaCha8Rng;

use super::Sample;
use crate::{
    Start,
    decision::{Opened, Opening},
};

/// Share of the way between the clean input and the example to which the edge is found.
const TOLERANCE: f64 = 0.05;

/// Tries simple points far away until one is an example, and halves the way back to the edge of the decision.
pub(super) struct Rescue {
    opening: Opening,
    /// Share of the way to the nearest example up to which there is none; `None` before one is known.
    below: Option<f64>,
    /// Share of that way that was asked about.
    asked: f64,
}

/// How a rescue stands.
pub(super) enum Rescued {
    /// The point is to be asked about.
    Asking,
    /// The nearest example is one to go on from.
    Found,
    /// No point that was tried is an example.
    Never,
}

impl Rescue {
    pub(super) fn new(start: &Start<'_>, rng: ChaCha8Rng) -> Self {
        Self { opening: Opening::new(start, rng), below: None, asked: 1.0 }
    }

    /// Writes the first point.
    pub(super) fn begin(&mut self, sample: &Sample, point: &mut [f32]) {
        self.opening.ask(&sample.x, point);
    }

    /// Takes whether the point is an example and writes the next. `nearest` is the nearest example.
    pub(super) fn step(&mut self, sample: &Sample, point: &mut [f32], adversarial: bool, nearest: &[f32]) -> Rescued {
        let below = match self.below {
            None => match self.opening.tell(adversarial) {
                Opened::Found => 0.0,
                Opened::Never => return Rescued::Never,
                Opened::NotYet => {
                    self.opening.ask(&sample.x, point);
                    return Rescued::Asking;
                }
            },
            Some(below) if adversarial => below / self.asked,
            Some(_) => self.asked,
        };
        self.below = Some(below);
        // On a straight way every element changes but at its end, which says nothing in L0.
        if 1.0 - below <= TOLERANCE || sample.ball.norm == Norm::L0 {
            return Rescued::Found;
        }
        self.asked = f64::midpoint(below, 1.0);
        let cap = self.asked * sample.distance(nearest);
        for ((v, &to), &from) in point.iter_mut().zip(nearest).zip(&sample.x) {
            let way = f64::from(to) - f64::from(from);
            let moved = if sample.ball.norm == Norm::Linf { way.clamp(-cap, cap) } else { self.asked * way };
            *v = (f64::from(from) + moved) as f32;
        }
        Rescued::Asking
    }
}
