//! Gradients along the direction of the step before.

use super::join::{Piece, Rule};
use super::look::{At, Look, mean_size};
use crate::settings::{COUNT, TIMES, settings};
use crate::step::finite;

settings! {
    /// Parameters of the look along the last direction.
    pub(crate) struct EmiConfig {
        /// Number of points per step.
        points: u32 = 11, COUNT, paper "11";
        /// Distance of the outermost points, in steps.
        radius: f64 = 7.0, TIMES, paper "7";
    }
}

/// `emi` in the registry.
///
/// The gradient of a step is the mean over points `x + c step b`, where c runs evenly from -radius to radius and b is the former step's gradient over the mean of
/// its absolute values (zero at first).
///
/// # Source
/// Wang et al., "Boosting Adversarial Transferability through Enhanced Momentum", BMVC 2021, equations 6 to 8.
pub(crate) static RULE: Rule<EmiConfig> = Rule {
    name: "emi",
    about: "transfer: mean gradient at points along the previous direction",
    default: || EmiConfig::DEFAULT,
    make: |config| Piece::look(move |d| Box::new(Emi::new(&config, d))),
};

/// Memory: 2 d floats.
struct Emi {
    points: u32,
    radius: f64,
    seen: u32,
    sum: Box<[f32]>,
    before: Box<[f32]>,
}

impl Emi {
    fn new(config: &EmiConfig, d: usize) -> Self {
        let zeros = || vec![0.0; d].into_boxed_slice();
        Self { points: config.points, radius: config.radius, seen: 0, sum: zeros(), before: zeros() }
    }
}

impl Look for Emi {
    fn point(&mut self, at: &At<'_>, point: &mut [f32]) {
        let place = if self.points == 1 { 0.0 } else { 2.0 * f64::from(self.seen) / f64::from(self.points - 1) - 1.0 };
        let length = (place * self.radius) as f32 * at.step;
        point.iter_mut().zip(at.ahead).zip(&self.before).for_each(|((v, x), b)| *v = x + length * b);
    }

    fn take(&mut self, _at: &At<'_>, gradient: &mut [f32]) -> bool {
        let share = 1.0 / self.points as f32;
        self.sum.iter_mut().zip(&*gradient).for_each(|(sum, &g)| *sum += share * finite(g));
        self.seen += 1;
        if self.seen < self.points {
            return false;
        }
        self.seen = 0;
        gradient.copy_from_slice(&self.sum);
        self.sum.fill(0.0);
        if let Some(mean) = mean_size(gradient) {
            self.before.iter_mut().zip(&*gradient).for_each(|(b, &g)| *b = finite(g) / mean);
        }
        true
    }
}
