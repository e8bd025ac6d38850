//! Gradient ascent without gradients: each step's direction is estimated from pairs of points on both sides of the iterate.

use brinell_threat::{Ball, Norm, Region, clamp, fill_normal};
use rand_chacha::{ChaCha8Rng, rand_core::Rng};

use crate::settings::{ABOVE_ZERO, BELOW_ONE, COUNT, Declared, settings};
use crate::{
    Attack, AttackError, Knowledge, Need, Next, Recipe, Reply, Start,
    rng::generator,
    step::{finite_length, sign},
};

settings! {
    /// Parameters of an [`Estimate`]; [`Flavour::default`] has those of each attack.
    pub struct EstimateConfig {
        /// Number of updates in one run.
        steps: u32 = 100, COUNT;
        /// Number of pairs of points per update.
        pairs: u32 = 25, COUNT;
        /// Size of the random changes, relative to the input range.
        sigma: f64 = 0.001, ABOVE_ZERO;
        /// First step size, relative to eps; it falls linearly to a fiftieth.
        step: f64 = 0.2, ABOVE_ZERO;
        /// Share of the previous direction in the next one.
        momentum: f64 = 0.9, BELOW_ONE;
        /// Number of runs per sample; the first starts at the clean input, others at random points within the radius.
        restarts: u32 = 1, COUNT;
    }
}

/// How the elements of a probe are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Draw {
    /// Standard normal.
    Normal,
    /// 1 or -1, equally likely.
    Sign,
}

/// What makes one attack of an [`Estimate`].
#[derive(Debug, Clone, PartialEq)]
pub struct Flavour {
    /// Name on the command line.
    pub name: &'static str,
    /// How the elements of a probe are drawn.
    pub draw: Draw,
    /// Parameters by default.
    pub default: EstimateConfig,
}

/// Projected gradient ascent on the margin, with gradients estimated from the logits at pairs of points `x + sigma u` and `x - sigma u`: steps of
/// falling length along the sign of the estimate (Linf) or its direction (L2), with momentum.
///
/// One run costs `steps (2 pairs + 1) + 1` forwards. Memory per live sample: 8 d floats for Linf, 7 d for L2.
#[derive(Debug, Clone)]
pub struct Estimate {
    flavour: &'static Flavour,
    config: EstimateConfig,
}

impl Estimate {
    /// Checks the parameters.
    ///
    /// # Errors
    /// `BadValue` for a parameter out of its range.
    pub fn new(flavour: &'static Flavour, config: EstimateConfig) -> Result<Self, AttackError> {
        Ok(Self { flavour, config: config.checked(flavour.name)? })
    }
}

impl Recipe for Estimate {
    fn name(&self) -> &str {
        self.flavour.name
    }

    fn norms(&self) -> &'static [Norm] {
        &[Norm::Linf, Norm::L2]
    }

    fn knowledge(&self) -> Knowledge {
        Knowledge::Score
    }

    fn runs(&self, _rivals: usize) -> u32 {
        self.config.restarts
    }

    fn steps(&self) -> u32 {
        self.config.steps
    }

    fn start(&self, start: &Start<'_>) -> Box<dyn Attack> {
        Box::new(Walk::new(self.flavour, &self.config, start))
    }

    fn describe(&self) -> String {
        self.config.describe(self.flavour.name)
    }
}

/// Steps along estimated gradients, each followed by the exact projection onto ball and box.
///
/// Probes are projected too: every point that is asked for is allowed, and what the estimate weighs is the difference of the two points as
/// they were asked for, not as they were drawn.
struct Walk {
    draw: Draw,
    region: Region,
    rng: ChaCha8Rng,
    x: Box<[f32]>,
    probe: Box<[f32]>,
    plus: Box<[f32]>,
    minus: Box<[f32]>,
    gradient: Box<[f32]>,
    direction: Box<[f32]>,
    loss_plus: f32,
    asking: Asking,
    pairs_left: u32,
    pairs: u32,
    sigma: f64,
    first_step: f64,
    momentum: f32,
    steps: u32,
    done: u32,
}

/// Which point was asked for last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asking {
    Iterate,
    Plus,
    Minus,
}

/// Part of the first step that the last one has.
const LAST_STEP: f64 = 0.02;

impl Walk {
    fn new(flavour: &Flavour, config: &EstimateConfig, start: &Start<'_>) -> Self {
        let mut rng = generator(flavour.name, start);
        let mut x = start.x.to_vec().into_boxed_slice();
        if start.run > 0 {
            start.ball.sample_uniform(start.x, &mut rng, &mut x);
        }
        let region = start.ball.around(start.x);
        region.project(&mut x);
        let empty = || vec![0.0; start.x.len()].into_boxed_slice();
        Self {
            draw: flavour.draw,
            region,
            rng,
            x,
            probe: empty(),
            plus: empty(),
            minus: empty(),
            gradient: empty(),
            direction: empty(),
            loss_plus: f32::NAN,
            asking: Asking::Iterate,
            pairs_left: config.pairs,
            pairs: config.pairs,
            sigma: config.sigma * start.ball.bounds.width(),
            first_step: config.step * radius(start.ball, start.x.len()),
            momentum: config.momentum as f32,
            steps: config.steps,
            done: 0,
        }
    }

    fn draw_probe(&mut self) {
        match self.draw {
            Draw::Normal => fill_normal(&mut self.rng, &mut self.probe),
            Draw::Sign => {
                for signs in self.probe.chunks_mut(32) {
                    let mut bits = self.rng.next_u32();
                    for sign in signs {
                        *sign = if bits & 1 == 0 { 1.0 } else { -1.0 };
                        bits >>= 1;
                    }
                }
            }
        }
    }

    /// Writes the iterate moved by `scale` times the probe, projected.
    fn write_probe(&self, scale: f64, out: &mut [f32]) {
        for ((out, &x), &probe) in out.iter_mut().zip(&self.x).zip(&self.probe) {
            *out = (f64::from(x) + scale * f64::from(probe)) as f32;
        }
        self.region.project(out);
    }

    /// Adds what a pair tells; a pair with a loss that is not finite tells nothing.
    fn add_pair(&mut self, loss_minus: f32) {
        let difference = self.loss_plus - loss_minus;
        if !difference.is_finite() {
            return;
        }
        let weight = difference / self.sigma as f32;
        for ((g, &plus), &minus) in self.gradient.iter_mut().zip(&self.plus).zip(&self.minus) {
            *g += weight * (plus - minus);
        }
    }

    /// Moves the iterate and begins the next estimate.
    fn update(&mut self) {
        let length = finite_length(&self.gradient);
        if length > 0.0 && length.is_finite() {
            // Of length 1, so that early steep places do not outweigh later ones.
            let scale = (1.0 / length) as f32 * (1.0 - self.momentum);
            for (direction, &g) in self.direction.iter_mut().zip(&self.gradient) {
                *direction = self.momentum * *direction + scale * g;
            }
        }
        self.gradient.fill(0.0);
        let progress = f64::from(self.done) / f64::from(self.steps.max(2) - 1);
        let step = self.first_step * (1.0 - (1.0 - LAST_STEP) * progress);
        match &self.region {
            Region::Linf(region) => {
                let bounds = region.lo().iter().zip(region.hi());
                for ((x, &g), (&lo, &hi)) in self.x.iter_mut().zip(&self.direction).zip(bounds) {
                    *x = clamp(*x + step as f32 * sign(g), lo, hi);
                }
            }
            region => {
                let length = finite_length(&self.direction);
                if length > 0.0 {
                    for (x, &g) in self.x.iter_mut().zip(&self.direction) {
                        *x = (f64::from(*x) + step / length * f64::from(g)) as f32;
                    }
                }
                region.project(&mut self.x);
            }
        }
        self.done += 1;
        self.pairs_left = self.pairs;
    }
}

/// The radius, or the box's own where the ball has none.
fn radius(ball: &Ball, elements: usize) -> f64 {
    let diameter = if ball.norm == Norm::Linf { ball.bounds.width() } else { ball.bounds.width() * (elements as f64).sqrt() };
    ball.eps.min(diameter)
}

impl Attack for Walk {
    fn ask(&mut self, x: &mut [f32]) -> Need {
        match self.asking {
            Asking::Iterate => x.copy_from_slice(&self.x),
            Asking::Plus => {
                self.draw_probe();
                self.write_probe(self.sigma, x);
                self.plus.copy_from_slice(x);
            }
            Asking::Minus => {
                self.write_probe(-self.sigma, x);
                self.minus.copy_from_slice(x);
            }
        }
        Need::Values
    }

    fn tell(&mut self, reply: &Reply<'_>) -> Next {
        match self.asking {
            Asking::Iterate if self.done == self.steps => return Next::Done,
            Asking::Iterate => self.asking = Asking::Plus,
            Asking::Plus => {
                self.loss_plus = reply.loss;
                self.asking = Asking::Minus;
            }
            Asking::Minus => {
                self.add_pair(reply.loss);
                self.pairs_left -= 1;
                self.asking = Asking::Plus;
                if self.pairs_left == 0 {
                    self.update();
                    self.asking = Asking::Iterate;
                }
            }
        }
        Next::Continue
    }
}
