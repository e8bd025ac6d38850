//! Sigma-zero: sparse examples by descent on a smooth stand-in for the count, with small changes cut off.

use brinell_threat::Norm;

use super::{Nearest, POLISH, Sample, Search, Told, adam::Adam, steps::Steps};
use crate::{
    Attack, AttackError, Knowledge, Need, Recipe, Start,
    settings::{above_zero, positive},
    step::finite,
};

/// Parameters of [`SigmaZero`] as given.
///
/// | Name | Default | Meaning | Range | Paper value |
/// |---|---|---|---|---|
/// | `steps` | 1000 | points in one run | at least 1 | 1000 |
/// | `lr` | 1 | Adam's first step length; falls to a tenth along a cosine | above 0, finite | 1 |
/// | `sigma` | 0.001 | how sharply the stand-in follows the count | above 0, finite | 0.001 |
/// | `threshold` | 0.3 | changes below it are cut off at first, in widths of the box | 0 to 1 | 0.3 |
/// | `adapt` | 0.01 | by how much of the step length the threshold rises on examples and falls elsewhere | at least 0, finite | 0.01 |
/// | `polish` | 20 | queries spent on the nearest example at the end | | 0 |
#[derive(Debug, Clone, PartialEq)]
pub struct SigmaZeroConfig {
    /// Points in one run.
    pub steps: u32,
    /// Adam's first step length.
    pub lr: f64,
    /// How sharply the stand-in follows the count.
    pub sigma: f64,
    /// First threshold, in widths of the box.
    pub threshold: f64,
    /// Share of the step length by which the threshold moves.
    pub adapt: f64,
    /// Queries spent on the nearest example at the end.
    pub polish: u32,
}

impl Default for SigmaZeroConfig {
    fn default() -> Self {
        Self { steps: 1000, lr: 1.0, sigma: 1e-3, threshold: 0.3, adapt: 0.01, polish: POLISH }
    }
}

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
        positive(Self::NAME, "steps", config.steps)?;
        above_zero(Self::NAME, "lr", config.lr)?;
        above_zero(Self::NAME, "sigma", config.sigma)?;
        let bad =
            |setting, value: f64, expected| Err(AttackError::BadValue { attack: Self::NAME, setting, value: value.to_string(), expected });
        if !(0.0..=1.0).contains(&config.threshold) {
            return bad("threshold", config.threshold, "from 0 to 1");
        }
        if !(config.adapt >= 0.0 && config.adapt.is_finite()) {
            return bad("adapt", config.adapt, "a finite number of at least 0");
        }
        Ok(Self { config })
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
        let SigmaZeroConfig { steps, lr, sigma, threshold, adapt, polish } = self.config;
        format!("{}:steps={steps},lr={lr},sigma={sigma},threshold={threshold},adapt={adapt},polish={polish}", Self::NAME)
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
