//! Gradients of flat places, with a momentum for every point around.

use super::join::{Piece, Rule, Usual};
use super::look::{At, Look, around, mean_size};
use crate::settings::{COUNT, TIMES, UNIT, settings};
use crate::step::finite;

settings! {
    /// Parameters of the flatness.
    pub(crate) struct MefConfig {
        /// Number of nearby points per step.
        points: u32 = 20, COUNT, paper "20";
        /// Nearby points are drawn from a cube; this is half its side, relative to eps.
        gamma: f64 = 2.0, TIMES.in_units("relative to eps"), paper "2";
        /// How far each point moves along its own direction, relative to eps.
        kappa: f64 = 0.15, TIMES.in_units("relative to eps"), paper "0.15";
        /// Share of the previous direction of a point that is subtracted.
        inner: f64 = 0.9, UNIT, paper "0.9";
    }
}

/// `mef` in the registry.
///
/// Points are drawn around the iterate and moved by `kappa eps p`, with a direction p for each; `p <- g / mean|g| - inner p`. A step follows the mean of the gradients.
///
/// # Source
/// Qiu et al., "Enhancing Adversarial Transferability Through Neighborhood Conditional Sampling", arXiv 2405.16181, algorithm 1.
pub(crate) static RULE: Rule<MefConfig> = Rule {
    name: "mef",
    about: "transfer: mean gradient at nearby points, each with its own direction",
    default: || MefConfig::DEFAULT,
    make: |config| {
        Piece::look(move |d| Box::new(Mef::new(&config, d))).usually(Usual { steps: Some(20), momentum: Some(0.5), ..Usual::NONE })
    },
};

/// Memory: a direction for each point, and d floats.
struct Mef {
    config: MefConfig,
    seen: u32,
    directions: Box<[f32]>,
    sum: Box<[f32]>,
}

impl Mef {
    fn new(config: &MefConfig, d: usize) -> Self {
        let directions = vec![0.0; d * config.points as usize].into();
        Self { config: config.clone(), seen: 0, directions, sum: vec![0.0; d].into() }
    }

    fn direction(&mut self, d: usize) -> &mut [f32] {
        let at = self.seen as usize * d;
        &mut self.directions[at..at + d]
    }
}

impl Look for Mef {
    fn point(&mut self, at: &At<'_>, point: &mut [f32]) {
        around(at.ahead, self.config.gamma as f32 * at.eps, &mut at.dice.of("mef"), point);
        let length = self.config.kappa as f32 * at.eps;
        point.iter_mut().zip(&*self.direction(at.x.len())).for_each(|(v, p)| *v += length * p);
    }

    fn take(&mut self, at: &At<'_>, gradient: &mut [f32]) -> bool {
        let share = 1.0 / self.config.points as f32;
        self.sum.iter_mut().zip(&*gradient).for_each(|(sum, &g)| *sum += share * finite(g));
        let inner = self.config.inner as f32;
        if let Some(mean) = mean_size(gradient) {
            self.direction(at.x.len()).iter_mut().zip(&*gradient).for_each(|(p, &g)| *p = finite(g) / mean - inner * *p);
        }
        self.seen += 1;
        if self.seen < self.config.points {
            return false;
        }
        self.seen = 0;
        gradient.iter_mut().zip(&mut self.sum).for_each(|(g, sum)| *g = std::mem::take(sum));
        true
    }
}
