//! Fast minimum-norm: gradient steps inside a ball whose radius follows the decision boundary.

use brinell_threat::{Ball, Norm};

use super::{Nearest, Sample, Search, Told, steps::Steps};
use crate::registry::Entry;
use crate::settings::{ABOVE_ZERO, COUNT, Declared, SHARE, SWITCH, settings};
use crate::{
    Attack, AttackError, Knowledge, Need, Recipe, Start,
    step::{dual_length, finite, finite_length},
};

/// Share by which the radius changes at last.
const LEAST_GAMMA: f64 = 0.001;

settings! {
    /// Parameters of [`Fmn`].
    pub struct FmnConfig {
        /// Number of points in one run.
        steps: u32 = 1000, COUNT, paper "1000";
        /// Length of the first step, relative to the input range; it falls to a hundredth on a cosine schedule.
        step: f64 = 1.0, ABOVE_ZERO, paper "1";
        /// Relative change of the radius in the first step; it falls to 0.001 on a cosine schedule.
        gamma: f64 = 0.05, SHARE, paper "0.05";
        /// Whether to start at the nearest known example instead of the clean input.
        warm: bool = false, SWITCH, paper "both";
        polish;
    }
}

/// `fmn` in the registry.
pub(crate) static ENTRY: Entry<FmnConfig> = Entry {
    name: Fmn::NAME,
    about: "fast minimum norm: a ball whose radius follows the boundary",
    default: || FmnConfig::DEFAULT,
    make: |config| Ok(Box::new(Fmn::new(config)?)),
};

/// Fast minimum-norm (L0, L1, L2, Linf).
///
/// The radius is the linear estimate of the boundary's distance until an example is found; then it shrinks where the point is adversarial and grows
/// where it is not. Every step is projected exactly onto ball and box.
///
/// One run costs `steps` forwards, `steps - 1` backwards, and at most `polish` of each. Memory per live sample: 4 d floats, for L0 6 d.
///
/// # Source
/// Pintor et al., "Fast Minimum-norm Adversarial Attacks through Adaptive Norm Constraints", NeurIPS 2021, Alg. 1.
#[derive(Debug, Clone)]
pub struct Fmn {
    config: FmnConfig,
}

impl Fmn {
    /// Name on the command line.
    pub const NAME: &'static str = "fmn";

    /// Checks the parameters.
    ///
    /// # Errors
    /// `BadValue` for a parameter out of its range.
    pub fn new(config: FmnConfig) -> Result<Self, AttackError> {
        Ok(Self { config: config.checked(Self::NAME)? })
    }
}

impl Recipe for Fmn {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn norms(&self) -> &'static [Norm] {
        &Norm::ALL
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
        let config = self.config.clone();
        let known = start.found.filter(|_| config.warm).map(Box::from);
        let polish = config.polish;
        let radius = if start.ball.norm == Norm::L0 { 1.0 } else { f64::INFINITY };
        let search = Run { steps: Steps::new(config.steps), config, known, radius, best: f64::INFINITY };
        Box::new(Nearest::new(start, Self::NAME, search, polish))
    }

    fn describe(&self) -> String {
        self.config.describe(Self::NAME)
    }
}

struct Run {
    config: FmnConfig,
    /// Where to start, unless at the clean input.
    known: Option<Box<[f32]>>,
    radius: f64,
    /// Distance of the nearest example of this run.
    best: f64,
    steps: Steps,
}

impl Search for Run {
    fn begin(&mut self, _sample: &Sample, point: &mut [f32]) -> Need {
        if let Some(known) = self.known.take() {
            point.copy_from_slice(&known);
        }
        self.steps.need()
    }

    fn step(&mut self, sample: &Sample, point: &mut [f32], told: &Told<'_>) -> Option<Need> {
        let falling = self.steps.falling();
        if !self.steps.take() {
            return None;
        }
        let step = sample.width() * self.config.step * (0.01 + 0.99 * falling);
        let gamma = LEAST_GAMMA + (self.config.gamma - LEAST_GAMMA) * falling;
        if told.adversarial {
            self.best = self.best.min(told.distance);
        }
        self.radius = self.next_radius(sample, told, gamma).min(sample.farthest);
        let size = finite_length(told.gradient);
        if size > 0.0 {
            for (v, &g) in point.iter_mut().zip(told.gradient) {
                *v = (f64::from(*v) + step / size * f64::from(finite(g))) as f32;
            }
        }
        Ball { eps: self.radius, ..sample.ball.clone() }.project(&sample.x, point);
        Some(self.steps.need())
    }

    fn stuck(&self, flat: bool) -> bool {
        self.steps.stuck(flat)
    }

    fn resume(&mut self, distance: f64) -> Option<Need> {
        self.radius = distance;
        Some(Need::Gradient)
    }
}

impl Run {
    fn next_radius(&self, sample: &Sample, told: &Told<'_>, gamma: f64) -> f64 {
        if sample.ball.norm == Norm::L0 {
            return if told.adversarial {
                (self.radius - 1.0).min((self.radius * (1.0 - gamma)).floor()).min(self.best).max(0.0)
            } else {
                (self.radius + 1.0).max((self.radius * (1.0 + gamma)).floor())
            };
        }
        if told.adversarial {
            (self.radius * (1.0 - gamma)).min(self.best)
        } else if self.best < f64::INFINITY {
            self.radius * (1.0 + gamma)
        } else {
            // Where the gradient is zero the boundary is out of sight, and the radius without limit.
            let far = told.margin.abs() / dual_length(sample.ball.norm, told.gradient);
            // A hair beyond it, since a point that only just falls short would ask for itself for ever.
            if far.is_finite() { (told.distance + far) * (1.0 + LEAST_GAMMA) } else { f64::INFINITY }
        }
    }
}
