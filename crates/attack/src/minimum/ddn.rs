//! Decoupled direction and norm: gradient steps on a sphere whose radius shrinks inside the wrong class and grows outside.

use brinell_threat::{Norm, fill_normal};
use rand_chacha::ChaCha8Rng;

use super::{Nearest, POLISH, Sample, Search, Told, steps::Steps};
use crate::{
    Attack, AttackError, Knowledge, Need, Objective, Recipe, Start,
    rng::generator,
    settings::{above_zero, positive},
    step::{finite, finite_length},
};

/// Parameters of [`Ddn`] as given.
///
/// | Name | Default | Meaning | Range | Paper value |
/// |---|---|---|---|---|
/// | `steps` | 1000 | points in one run | at least 1 | 100, 300, 1000 |
/// | `gamma` | 0.05 | share by which the radius changes at every step | above 0, below 1 | 0.05 |
/// | `radius` | 1 | radius of the first sphere, in widths of the box | above 0, finite | 1 |
/// | `polish` | 20 | queries spent on the nearest example at the end | | 0 |
#[derive(Debug, Clone, PartialEq)]
pub struct DdnConfig {
    /// Points in one run.
    pub steps: u32,
    /// Share by which the radius changes at every step.
    pub gamma: f64,
    /// Radius of the first sphere, in widths of the box.
    pub radius: f64,
    /// Queries spent on the nearest example at the end.
    pub polish: u32,
}

impl Default for DdnConfig {
    fn default() -> Self {
        Self { steps: 1000, gamma: 0.05, radius: 1.0, polish: POLISH }
    }
}

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
        positive(Self::NAME, "steps", config.steps)?;
        above_zero(Self::NAME, "radius", config.radius)?;
        if !(config.gamma > 0.0 && config.gamma < 1.0) {
            let value = config.gamma.to_string();
            return Err(AttackError::BadValue { attack: Self::NAME, setting: "gamma", value, expected: "above 0 and below 1" });
        }
        Ok(Self { config })
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
        let DdnConfig { steps, gamma, radius, polish } = self.config;
        format!("{}:steps={steps},gamma={gamma},radius={radius},polish={polish}", Self::NAME)
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
