//! Sigma-zero: sparse examples by descent on a smooth stand-in for the count, with small changes cut off.

use brinell_threat::Norm;

use super::{Nearest, Sample, Search, Told, adam::Adam, steps::Steps};
use crate::registry::Entry;
use crate::settings::{ABOVE_ZERO, COUNT, Declared, NOT_NEGATIVE, UNIT, settings};
use crate::{Attack, AttackError, Knowledge, Need, Recipe, Start, step::finite};

settings! {
    /// Parameters of [`SigmaZero`].
    pub struct SigmaZeroConfig {
        /// Number of points in one run.
        steps: u32 = 1000, COUNT, paper "1000";
        /// Initial learning rate of Adam; it falls to a tenth on a cosine schedule.
        lr: f64 = 1.0, ABOVE_ZERO, paper "1";
        /// How closely the approximation follows the count; smaller is closer.
        sigma: f64 = 1e-3, ABOVE_ZERO, paper "0.001";
        /// Changes smaller than this are set to zero at first, relative to the input range.
        threshold: f64 = 0.3, UNIT, paper "0.3";
        /// How much the threshold rises after a success and falls otherwise, relative to the learning rate.
        adapt: f64 = 0.01, NOT_NEGATIVE, paper "0.01";
        polish;
    }
}

/// `sigma-zero` in the registry.
pub(crate) static ENTRY: Entry<SigmaZeroConfig> = Entry {
    name: SigmaZero::NAME,
    about: "gradient descent on a smooth approximation of the number of changes",
    default: || SigmaZeroConfig::DEFAULT,
    make: |config| Ok(Box::new(SigmaZero::new(config)?)),
};

/// Sigma-zero (L0).
///
/// Descends by Adam on `max(-margin, 0) + mean of delta^2 / (delta^2 + sigma)`, the gradient divided by its largest entry; after every step changes below the
/// threshold are set to zero.
///
/// One run costs `steps` forwards, `steps - 1` backwards, and at most `polish` of each. Memory per live sample: 8 d floats.
///
/// # Source
/// Cinà et al., "Sigma-zero: Gradient-based Optimization of l0-norm Adversarial Examples", ICLR 2025, Alg. 1.
#[derive(Debug, Clone)]
pub struct SigmaZero {
    config: SigmaZeroConfig,
}

impl SigmaZero {
    /// Name on the command line.
    pub const NAME: &'static str = "sigma-zero";

    /// Checks the parameters.
    ///
    /// # Errors
    /// `BadValue` for a parameter out of its range.
    pub fn new(config: SigmaZeroConfig) -> Result<Self, AttackError> {
        Ok(Self { config: config.checked(Self::NAME)? })
    }
}

impl Recipe for SigmaZero {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn norms(&self) -> &'static [Norm] {
        &[Norm::L0]
    }

    fn knowledge(&self) -> Knowledge {
        Knowledge::White
    }

    fn seeks_minimum(&self) -> bool {
        true
    }

    fn steps(&self) -> u32 {
        self.config.steps
    }

    fn start(&self, start: &Start<'_>) -> Box<dyn Attack> {
        let SigmaZeroConfig { steps, lr, threshold, polish, .. } = self.config;
        let search = Run { config: self.config.clone(), adam: Adam::new(start.x.len()), lr, threshold, steps: Steps::new(steps) };
        Box::new(Nearest::new(start, Self::NAME, search, polish))
    }

    fn describe(&self) -> String {
        self.config.describe(Self::NAME)
    }
}

struct Run {
    config: SigmaZeroConfig,
    adam: Adam,
    lr: f64,
    threshold: f64,
    steps: Steps,
}

impl Search for Run {
    fn begin(&mut self, _sample: &Sample, _point: &mut [f32]) -> Need {
        self.steps.need()
    }

    fn step(&mut self, sample: &Sample, point: &mut [f32], told: &Told<'_>) -> Option<Need> {
        let falling = self.steps.falling();
        if !self.steps.take() {
            return None;
        }
        let (width, sigma, n) = (sample.width() as f32, self.config.sigma as f32, point.len() as f32);
        let pull = if told.margin < 0.0 { width } else { 0.0 };
        // In the change as a share of the box: the margin where it is short, and the stand-in for the count.
        let slope = |v: f32, x: f32, g: f32| {
            let change = (v - x) / width;
            let square = change * change + sigma;
            2.0 * change * sigma / (square * square * n) - pull * finite(g)
        };
        let rows = || point.iter().zip(&sample.x).zip(told.gradient);
        let largest = rows().fold(1e-12f32, |most, ((&v, &x), &g)| most.max(slope(v, x, g).abs()));
        let lr = width * self.lr as f32;
        for (((v, &x), &g), moments) in point.iter_mut().zip(&sample.x).zip(told.gradient).zip(self.adam.step()) {
            let (mean, divisor) = moments.take(slope(*v, x, g) / largest);
            *v -= lr * mean / divisor;
        }
        self.lr = self.config.lr * (0.1 + 0.9 * falling);
        let adapt = self.config.adapt * self.lr;
        self.threshold = (self.threshold + if told.adversarial { adapt } else { -adapt }).clamp(0.0, 1.0);
        sample.clip(point);
        let cut = self.threshold as f32 * width;
        for (v, &x) in point.iter_mut().zip(&sample.x) {
            if (*v - x).abs() < cut {
                *v = x;
            }
        }
        Some(self.steps.need())
    }

    fn stuck(&self, flat: bool) -> bool {
        self.steps.stuck(flat)
    }

    fn resume(&mut self, _distance: f64) -> Option<Need> {
        Some(Need::Gradient)
    }
}
