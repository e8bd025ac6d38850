//! Elastic-net attack: sparse examples by iterative shrinkage.

use brinell_threat::{Norm, clamp};

use super::{Nearest, Sample, Search, Told, proximal::soft, tradeoff::TradeOff};
use crate::registry::Entry;
use crate::settings::{ABOVE_ZERO, COUNT, Declared, SWITCH, settings};
use crate::{Attack, AttackError, Knowledge, Need, Recipe, Start, step::finite};

settings! {
    /// Parameters of [`Ead`].
    pub struct EadConfig {
        /// Number of updates for one trade-off constant.
        steps: u32 = 1000, COUNT, paper "1000";
        /// Number of trade-off constants to try.
        searches: u32 = 9, COUNT, paper "9";
        /// Length of the first step; it falls with the square root of the remaining steps.
        lr: f64 = 0.01, ABOVE_ZERO, paper "0.01";
        /// First trade-off constant.
        c: f64 = 1e-3, ABOVE_ZERO, paper "0.001";
        /// How much each step shrinks every change, relative to the input range.
        beta: f64 = 0.01, ABOVE_ZERO, paper "0.001 to 0.1";
        /// Whether to stop with a constant if a tenth of its updates brought no progress.
        abort_early: bool = true, SWITCH, paper "true";
        polish;
    }
}

/// `ead` in the registry.
pub(crate) static ENTRY: Entry<EadConfig> = Entry {
    name: Ead::NAME,
    about: "elastic net: sparse changes by shrinkage",
    default: || EadConfig::DEFAULT,
    make: |config| Ok(Box::new(Ead::new(config)?)),
};

/// Elastic-net attack (L1).
///
/// Minimises `c max(-margin, 0) + beta |delta|_1 + |delta|_2^2` by the fast iterative shrinkage-thresholding algorithm, with Carlini and Wagner's search for c. The
/// example that counts is the nearest in L1 (the paper's decision rule L1).
///
/// One run costs at most `2 x searches x steps` forwards, half as many backwards, and `polish` of each. Memory per live sample: 6 d floats.
///
/// # Source
/// Chen et al., "EAD: Elastic-Net Attacks to Deep Neural Networks via Adversarial Examples", AAAI 2018, Alg. 1. As in the authors' implementation the
/// shrinkage is `beta` at every step, not the step length times `beta`.
#[derive(Debug, Clone)]
pub struct Ead {
    config: EadConfig,
}

impl Ead {
    /// Name on the command line.
    pub const NAME: &'static str = "ead";

    /// Checks the parameters.
    ///
    /// # Errors
    /// `BadValue` for a parameter out of its range.
    pub fn new(config: EadConfig) -> Result<Self, AttackError> {
        Ok(Self { config: config.checked(Self::NAME)? })
    }
}

impl Recipe for Ead {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn norms(&self) -> &'static [Norm] {
        &[Norm::L1]
    }

    fn knowledge(&self) -> Knowledge {
        Knowledge::White
    }

    fn seeks_minimum(&self) -> bool {
        true
    }

    fn steps(&self) -> u32 {
        self.config.steps.saturating_mul(self.config.searches)
    }

    fn start(&self, start: &Start<'_>) -> Box<dyn Attack> {
        let search = Run {
            config: self.config.clone(),
            shrunk: start.x.into(),
            momentum: start.x.into(),
            constant: TradeOff::new(self.config.c, self.config.searches),
            done: 0,
            at_momentum: true,
        };
        Box::new(Nearest::new(start, Self::NAME, search, self.config.polish))
    }

    fn describe(&self) -> String {
        self.config.describe(Self::NAME)
    }
}

struct Run {
    config: EadConfig,
    /// The newest shrunk point.
    shrunk: Box<[f32]>,
    /// The point beyond it where the next gradient is taken.
    momentum: Box<[f32]>,
    constant: TradeOff,
    done: u32,
    /// Whether the model was asked about `momentum`, and not about `shrunk`.
    at_momentum: bool,
}

impl Run {
    fn next_constant(&mut self, sample: &Sample, point: &mut [f32]) -> Option<Need> {
        if !self.constant.next() {
            return None;
        }
        for row in [&mut *point, &mut self.shrunk, &mut self.momentum] {
            row.copy_from_slice(&sample.x);
        }
        (self.done, self.at_momentum) = (0, true);
        Some(Need::Gradient)
    }

    /// From a gradient at `momentum` to the next shrunk point, in `point`, and the momentum beyond it.
    fn shrink(&mut self, sample: &Sample, point: &mut [f32], told: &Told<'_>) {
        let (lo, hi, width) = (sample.ball.bounds.lo(), sample.ball.bounds.hi(), sample.width() as f32);
        let lr = (self.config.lr * (1.0 - f64::from(self.done) / f64::from(self.config.steps)).sqrt()) as f32;
        let c = if told.margin < 0.0 { self.constant.value as f32 } else { 0.0 };
        let (beta, beyond) = (self.config.beta as f32, (f64::from(self.done) / (f64::from(self.done) + 3.0)) as f32);
        let rows = self.shrunk.iter_mut().zip(&mut self.momentum).zip(point).zip(&sample.x).zip(told.gradient);
        for ((((shrunk, momentum), point), &x), &g) in rows {
            let change = (*momentum - x) / width;
            let moved = change - lr * (2.0 * change - c * width * finite(g));
            *point = clamp(x + width * soft(moved, beta), lo, hi);
            *momentum = clamp(*point + beyond * (*point - *shrunk), lo, hi);
            *shrunk = *point;
        }
    }
}

impl Search for Run {
    fn begin(&mut self, _sample: &Sample, _point: &mut [f32]) -> Need {
        Need::Gradient
    }

    fn step(&mut self, sample: &Sample, point: &mut [f32], told: &Told<'_>) -> Option<Need> {
        self.constant.note(told.adversarial);
        if !self.at_momentum {
            self.done += 1;
            if self.done == self.config.steps {
                return self.next_constant(sample, point);
            }
            point.copy_from_slice(&self.momentum);
            self.at_momentum = true;
            return Some(Need::Gradient);
        }
        if self.config.abort_early && self.done.is_multiple_of((self.config.steps / 10).max(1)) {
            let squared: f64 = point.iter().zip(&sample.x).map(|(&v, &x)| (f64::from(v) - f64::from(x)).powi(2)).sum();
            let objective = squared / sample.width().powi(2)
                + self.config.beta * told.distance / sample.width()
                + self.constant.value * (-told.margin).max(0.0);
            if self.constant.stuck(objective) {
                return self.next_constant(sample, point);
            }
        }
        self.shrink(sample, point, told);
        self.at_momentum = false;
        Some(Need::Values)
    }
}
