//! Gradients of flat places: each point around is looked at, and then the point downhill of it.

use super::join::{Piece, Rule};
use super::look::{At, Look, around, mean_size};
use crate::settings::{COUNT, TIMES, UNIT, settings};
use crate::step::finite;

settings! {
    /// Parameters of the gradient norm's penalty.
    pub(crate) struct PgnConfig {
        /// Number of nearby points per step; each needs two gradients.
        points: u32 = 20, COUNT, paper "20";
        /// Nearby points are drawn from a cube; this is half its side, relative to eps.
        beta: f64 = 3.0, TIMES.in_units("relative to eps"), paper "3";
        /// Weight of the second gradient.
        gamma: f64 = 0.5, UNIT, paper "0.5";
    }
}

/// `pgn` in the registry.
///
/// The gradient of a step is the mean over points drawn around of `(1 - gamma) g1 + gamma g2`: g1 at the point, g2 at the point minus `step g1 / mean|g1|`.
///
/// # Source
/// Ge et al., "Boosting Adversarial Transferability by Achieving Flat Local Maxima", NeurIPS 2023, algorithm 1.
pub(crate) static RULE: Rule<PgnConfig> = Rule {
    name: "pgn",
    about: "transfer: mean gradient at nearby points and one step downhill from them",
    default: || PgnConfig::DEFAULT,
    make: |config| Piece::look(move |d| Box::new(Pgn::new(&config, d))),
};

/// Memory: 3 d floats.
struct Pgn {
    config: PgnConfig,
    seen: u32,
    downhill: bool,
    point: Box<[f32]>,
    first: Box<[f32]>,
    sum: Box<[f32]>,
}

impl Pgn {
    fn new(config: &PgnConfig, d: usize) -> Self {
        let zeros = || vec![0.0; d].into_boxed_slice();
        Self { config: config.clone(), seen: 0, downhill: false, point: zeros(), first: zeros(), sum: zeros() }
    }
}

impl Look for Pgn {
    fn point(&mut self, at: &At<'_>, point: &mut [f32]) {
        if !self.downhill {
            around(at.ahead, self.config.beta as f32 * at.eps, &mut at.dice.of("pgn"), point);
            return self.point.copy_from_slice(point);
        }
        let scale = mean_size(&self.first).map_or(0.0, |mean| at.step / mean);
        point.iter_mut().zip(&self.point).zip(&self.first).for_each(|((v, x), g)| *v = x - scale * g);
    }

    fn take(&mut self, _at: &At<'_>, gradient: &mut [f32]) -> bool {
        let weight = if self.downhill { self.config.gamma } else { 1.0 - self.config.gamma } / f64::from(self.config.points);
        self.sum.iter_mut().zip(&*gradient).for_each(|(sum, &g)| *sum += weight as f32 * finite(g));
        self.downhill = !self.downhill;
        if self.downhill {
            self.first.iter_mut().zip(&*gradient).for_each(|(first, &g)| *first = finite(g));
            return false;
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
