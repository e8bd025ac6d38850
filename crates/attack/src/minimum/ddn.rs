//! Decoupled direction and norm: gradient steps on a sphere whose radius shrinks inside the wrong class and grows outside.

use brinell_threat::{Norm, fill_normal};
use rand_chacha::ChaCha8Rng;

use super::{Nearest, Sample, Search, Told, steps::Steps};
use crate::registry::Entry;
use crate::settings::{ABOVE_ZERO, COUNT, Declared, SHARE, settings};
use crate::{
    Attack, AttackError, Knowledge, Need, Objective, Recipe, Start,
    rng::generator,
    step::{finite, finite_length},
};

settings! {
    /// Parameters of [`Ddn`].
    pub struct DdnConfig {
        /// Number of points in one run.
        steps: u32 = 1000, COUNT, paper "100, 300, 1000";
        /// Relative change of the radius at every step.
        gamma: f64 = 0.05, SHARE, paper "0.05";
        /// Radius of the first sphere, relative to the input range.
        radius: f64 = 1.0, ABOVE_ZERO, paper "1";
        polish;
    }
}

/// `ddn` in the registry.
pub(crate) static ENTRY: Entry<DdnConfig> = Entry {
    name: Ddn::NAME,
    about: "decoupled direction and norm: steps on a sphere that shrinks after each success",
    default: || DdnConfig::DEFAULT,
    make: |config| Ok(Box::new(Ddn::new(config)?)),
};

/// Decoupled direction and norm (L2).
///
/// One run costs `steps` forwards, `steps - 1` backwards, and at most `polish` of each. Memory per live sample: 4 d floats.
///
/// # Source
/// Rony et al., "Decoupling Direction and Norm for Efficient Gradient-Based L2 Adversarial Attacks and Defenses", CVPR 2019, Alg. 1, without
/// the quantisation of the result; where the gradient is zero the direction is random, as in the authors' implementation.
#[derive(Debug, Clone)]
pub struct Ddn {
    config: DdnConfig,
}

impl Ddn {
    /// Name on the command line.
    pub const NAME: &'static str = "ddn";

    /// Checks the parameters.
    ///
    /// # Errors
    /// `BadValue` for a parameter out of its range.
    pub fn new(config: DdnConfig) -> Result<Self, AttackError> {
        Ok(Self { config: config.checked(Self::NAME)? })
    }
}

impl Recipe for Ddn {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn norms(&self) -> &'static [Norm] {
        &[Norm::L2]
    }

    fn knowledge(&self) -> Knowledge {
        Knowledge::White
    }

    fn seeks_minimum(&self) -> bool {
        true
    }

    fn objective(&self) -> Objective {
        Objective::LogOdds
    }

    fn steps(&self) -> u32 {
        self.config.steps
    }

    fn start(&self, start: &Start<'_>) -> Box<dyn Attack> {
        let DdnConfig { steps, gamma, radius, polish } = self.config;
        let radius = radius * start.ball.bounds.width();
        let search = Run { steps: Steps::new(steps), gamma, radius, rng: generator(Self::NAME, start) };
        Box::new(Nearest::new(start, Self::NAME, search, polish))
    }

    fn describe(&self) -> String {
        self.config.describe(Self::NAME)
    }
}

struct Run {
    steps: Steps,
    gamma: f64,
    radius: f64,
    rng: ChaCha8Rng,
}

impl Search for Run {
    fn begin(&mut self, _sample: &Sample, _point: &mut [f32]) -> Need {
        self.steps.need()
    }

    fn step(&mut self, sample: &Sample, point: &mut [f32], told: &Told<'_>) -> Option<Need> {
        let length = sample.width() * (0.01 + 0.99 * self.steps.falling());
        if !self.steps.take() {
            return None;
        }
        let size = finite_length(told.gradient);
        if size > 0.0 {
            for (v, &g) in point.iter_mut().zip(told.gradient) {
                *v = (f64::from(*v) + length / size * f64::from(finite(g))) as f32;
            }
        } else {
            wander(&mut self.rng, point, length);
        }
        self.radius = (self.radius * if told.adversarial { 1.0 - self.gamma } else { 1.0 + self.gamma }).min(sample.farthest);
        let now = sample.distance(point);
        if now > 0.0 {
            let scale = self.radius / now;
            for (v, &x) in point.iter_mut().zip(&sample.x) {
                *v = (f64::from(x) + scale * (f64::from(*v) - f64::from(x))) as f32;
            }
        }
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

/// Adds a normal draw whose length is `length` in the mean.
fn wander(rng: &mut ChaCha8Rng, point: &mut [f32], length: f64) {
    let scale = (length / (point.len().max(1) as f64).sqrt()) as f32;
    for pair in point.chunks_mut(2) {
        let mut draw = [0.0f32; 2];
        fill_normal(rng, &mut draw);
        pair.iter_mut().zip(draw).for_each(|(v, t)| *v += scale * t);
    }
}
