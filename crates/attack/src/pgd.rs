//! Projected gradient descent with random starts.

use brinell_threat::{Ball, Norm, Region, clamp};

use crate::registry::Entry;
use crate::settings::{ABOVE_ZERO, COUNT, Declared, SWITCH, settings};
use crate::{
    Attack, AttackError, Knowledge, Need, Next, Objective, Recipe, Reply, Start,
    rng::generator,
    step::{finite, finite_length, sign},
};

settings! {
    /// Parameters of [`Pgd`].
    pub struct PgdConfig {
        /// Number of updates in one run.
        steps: u32 = 40, COUNT, paper "40 (MNIST), 7 to 20 (CIFAR-10)";
        /// Number of runs per sample, each from a random start.
        restarts: u32 = 1, COUNT, paper "1 to 20";
        /// Step size, relative to eps.
        step: Option<f64> = None, ABOVE_ZERO.in_units("relative to eps"), unset "2.5 / steps", paper "2.5 / steps";
        /// Whether a run starts at a random point within the radius instead of the clean input.
        random_start: bool = true, SWITCH, paper "true";
    }
}

/// `pgd` in the registry.
pub(crate) static ENTRY: Entry<PgdConfig> = Entry {
    name: Pgd::NAME,
    about: "steps of fixed length from random starts",
    default: || PgdConfig::DEFAULT,
    make: |config| Ok(Box::new(Pgd::new(config)?)),
};

/// Projected gradient descent on the cross-entropy: steps of fixed length along the sign of the gradient (Linf) or its direction (L2),
/// each followed by the exact projection onto ball and box.
///
/// One run costs `steps` backwards and `steps + 1` forwards. Memory per live sample: 3 d floats for Linf, 2 d for L2.
///
/// # Source
/// Madry et al., "Towards Deep Learning Models Resistant to Adversarial Attacks", ICLR 2018, Eq. (2.2); step length as in its section
/// "Resistance for different values of eps": 2.5 eps / steps.
#[derive(Debug, Clone)]
pub struct Pgd {
    config: PgdConfig,
    /// Step size, relative to eps.
    step: f64,
}

impl Pgd {
    /// Name on the command line.
    pub const NAME: &'static str = "pgd";

    /// Checks the parameters.
    ///
    /// # Errors
    /// `BadValue` for a parameter out of its range.
    pub fn new(config: PgdConfig) -> Result<Self, AttackError> {
        let step = config.step.unwrap_or(2.5 / f64::from(config.steps));
        let config = PgdConfig { step: Some(step), ..config }.checked(Self::NAME)?;
        Ok(Self { config, step })
    }
}

impl Recipe for Pgd {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn norms(&self) -> &'static [Norm] {
        &[Norm::Linf, Norm::L2]
    }

    fn knowledge(&self) -> Knowledge {
        Knowledge::White
    }

    fn objective(&self) -> Objective {
        Objective::LogOdds
    }

    fn runs(&self, _rivals: usize) -> u32 {
        self.config.restarts
    }

    fn steps(&self) -> u32 {
        self.config.steps
    }

    fn start(&self, start: &Start<'_>) -> Box<dyn Attack> {
        let mut x = start.x.to_vec();
        if self.config.random_start {
            start.ball.sample_uniform(start.x, &mut generator(Self::NAME, start), &mut x);
        }
        Box::new(Walk::new(start.ball, start.x, x, self.step, self.config.steps))
    }

    fn describe(&self) -> String {
        self.config.describe(Self::NAME)
    }
}

/// Steps of fixed length with exact projection, from any start.
#[derive(Debug)]
pub(crate) struct Walk {
    region: Region,
    x: Box<[f32]>,
    step: f64,
    left: u32,
}

impl Walk {
    /// `step` is relative to the radius of `ball`, which lies around `clean`.
    pub(crate) fn new(ball: &Ball, clean: &[f32], mut x: Vec<f32>, step: f64, steps: u32) -> Self {
        let region = ball.around(clean);
        region.project(&mut x);
        Self { region, x: x.into(), step: step * ball.eps, left: steps }
    }
}

impl Attack for Walk {
    fn ask(&mut self, x: &mut [f32]) -> Need {
        x.copy_from_slice(&self.x);
        if self.left == 0 { Need::Values } else { Need::Gradient }
    }

    fn tell(&mut self, reply: &Reply<'_>) -> Next {
        if self.left == 0 {
            return Next::Done;
        }
        self.left -= 1;
        match &self.region {
            Region::Linf(region) => {
                let step = self.step as f32;
                let bounds = region.lo().iter().zip(region.hi());
                for ((x, &g), (&lo, &hi)) in self.x.iter_mut().zip(reply.gradient).zip(bounds) {
                    *x = clamp(*x + step * sign(finite(g)), lo, hi);
                }
            }
            region => {
                let length = finite_length(reply.gradient);
                if length > 0.0 {
                    // In f64, since a vanishing gradient has a reciprocal that f32 cannot hold.
                    let scale = self.step / length;
                    for (x, &g) in self.x.iter_mut().zip(reply.gradient) {
                        *x = (f64::from(*x) + scale * f64::from(finite(g))) as f32;
                    }
                }
                region.project(&mut self.x);
            }
        }
        Next::Continue
    }
}
