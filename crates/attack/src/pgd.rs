//! Projected gradient descent with random starts.

use brinell_threat::{Ball, Norm, Region, clamp};

use crate::{
    Attack, AttackError, Knowledge, Need, Next, Objective, Recipe, Reply, Start,
    rng::generator,
    settings::positive,
    step::{finite, finite_length, sign},
};

/// Parameters of [`Pgd`] as given.
///
/// | Name | Default | Meaning | Range | Paper value |
/// |---|---|---|---|---|
/// | `steps` | 40 | updates in one run | at least 1 | 40 (MNIST), 7 to 20 (CIFAR-10) |
/// | `restarts` | 1 | runs, each from a random start | at least 1 | 1 to 20 |
/// | `step` | 2.5 / steps | length of an update relative to eps | above 0, finite | 2.5 / steps |
/// | `random_start` | true | start uniformly in the ball, or at the clean input | | true |
#[derive(Debug, Clone, PartialEq)]
pub struct PgdConfig {
    /// Updates in one run.
    pub steps: u32,
    /// Runs per sample.
    pub restarts: u32,
    /// Length of an update relative to eps; `None` for 2.5 / steps.
    pub step: Option<f64>,
    /// Whether a run starts at a random point of the ball instead of the clean input.
    pub random_start: bool,
}

impl Default for PgdConfig {
    fn default() -> Self {
        Self { steps: 40, restarts: 1, step: None, random_start: true }
    }
}

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
    steps: u32,
    restarts: u32,
    step: f64,
    random_start: bool,
}

impl Pgd {
    /// Name on the command line.
    pub const NAME: &'static str = "pgd";

    /// Checks the parameters.
    ///
    /// # Errors
    /// `BadValue` for a parameter out of its range.
    pub fn new(config: PgdConfig) -> Result<Self, AttackError> {
        let steps = positive(Self::NAME, "steps", config.steps)?;
        let restarts = positive(Self::NAME, "restarts", config.restarts)?;
        let step = config.step.unwrap_or(2.5 / f64::from(steps));
        if !(step > 0.0 && step.is_finite()) {
            let expected = "a finite number above 0, relative to eps";
            return Err(AttackError::BadValue { attack: Self::NAME, setting: "step", value: step.to_string(), expected });
        }
        Ok(Self { steps, restarts, step, random_start: config.random_start })
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
        self.restarts
    }

    fn steps(&self) -> u32 {
        self.steps
    }

    fn start(&self, start: &Start<'_>) -> Box<dyn Attack> {
        let mut x = start.x.to_vec();
        if self.random_start {
            start.ball.sample_uniform(start.x, &mut generator(Self::NAME, start), &mut x);
        }
        Box::new(Walk::new(start.ball, start.x, x, self.step, self.steps))
    }

    fn describe(&self) -> String {
        format!("{}:steps={},restarts={},step={},random-start={}", Self::NAME, self.steps, self.restarts, self.step, self.random_start)
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
