//! Basic iterative method: steps of fixed length from the clean input.

use brinell_threat::{Ball, Norm};

use crate::registry::Entry;
use crate::settings::{ABOVE_ZERO, COUNT, Declared, settings};
use crate::{
    Attack, AttackError, Knowledge, Need, Objective, Recipe, Start,
    minimum::{Nearest, Sample, Search, Told},
    step::{finite, finite_length, sign},
};

settings! {
    /// Parameters of [`Bim`].
    pub struct BimConfig {
        /// Number of updates at one radius.
        steps: u32 = 10, COUNT, paper "4 to 20";
        /// Step size, relative to the radius.
        step: f64 = 0.2, ABOVE_ZERO, paper "1 / (255 eps)";
        /// Number of radii to try if no radius is given.
        searches: u32 = 20, COUNT;
        polish;
    }
}

/// `bim` in the registry.
pub(crate) static ENTRY: Entry<BimConfig> = Entry {
    name: Bim::NAME,
    about: "steps of fixed length from the clean input; without a radius, searches for the smallest radius that works",
    default: || BimConfig::DEFAULT,
    make: |config| Ok(Box::new(Bim::new(config)?)),
};

/// Basic iterative method on the cross-entropy (L1, L2, Linf): steps along the sign of the gradient (Linf), its direction (L2), or its largest element (L1), from
/// the clean input, each projected exactly onto ball and box.
///
/// Where no radius is given, it is doubled from 1/1000 of the farthest corner's distance until an example is found, and then halved in between.
///
/// One run at one radius costs `steps` backwards and `steps + 1` forwards. Memory per live sample: 4 d floats.
///
/// # Source
/// Kurakin et al., "Adversarial examples in the physical world", ICLR 2017 workshop, section 2.2; number and length of steps as in foolbox.
#[derive(Debug, Clone)]
pub struct Bim {
    config: BimConfig,
}

impl Bim {
    /// Name on the command line.
    pub const NAME: &'static str = "bim";

    /// Checks the parameters.
    ///
    /// # Errors
    /// `BadValue` for a parameter out of its range.
    pub fn new(config: BimConfig) -> Result<Self, AttackError> {
        Ok(Self { config: config.checked(Self::NAME)? })
    }
}

impl Recipe for Bim {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn norms(&self) -> &'static [Norm] {
        &[Norm::Linf, Norm::L2, Norm::L1]
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
        let search = Run { config: self.config.clone(), radius: start.ball.eps, low: 0.0, high: f64::INFINITY, searched: 0, done: 0 };
        // At a given radius nothing nearer is looked for.
        let polish = if start.ball.eps.is_finite() { 0 } else { self.config.polish };
        Box::new(Nearest::new(start, Self::NAME, search, polish))
    }

    fn describe(&self) -> String {
        self.config.describe(Self::NAME)
    }
}

struct Run {
    config: BimConfig,
    radius: f64,
    /// Largest radius without an example and smallest with one.
    low: f64,
    high: f64,
    searched: u32,
    done: u32,
}

impl Run {
    /// Goes on to the next radius and the clean input; `None` where the last was tried.
    fn next_radius(&mut self, sample: &Sample, point: &mut [f32], found: bool) -> Option<Need> {
        self.searched += 1;
        if sample.ball.eps.is_finite() || self.searched >= self.config.searches || (!found && self.radius >= sample.farthest) {
            return None;
        }
        if found {
            self.high = self.radius;
        } else {
            self.low = self.radius;
        }
        self.radius = if self.high.is_finite() { f64::midpoint(self.low, self.high) } else { (2.0 * self.radius).min(sample.farthest) };
        self.done = 0;
        point.copy_from_slice(&sample.x);
        Some(Need::Gradient)
    }
}

impl Search for Run {
    fn begin(&mut self, sample: &Sample, _point: &mut [f32]) -> Need {
        if !self.radius.is_finite() {
            self.radius = sample.farthest / 1000.0;
        }
        Need::Gradient
    }

    fn step(&mut self, sample: &Sample, point: &mut [f32], told: &Told<'_>) -> Option<Need> {
        if told.adversarial || self.done == self.config.steps {
            return self.next_radius(sample, point, told.adversarial);
        }
        self.done += 1;
        let step = self.config.step * self.radius;
        match sample.ball.norm {
            Norm::Linf => point.iter_mut().zip(told.gradient).for_each(|(v, &g)| *v += step as f32 * sign(finite(g))),
            Norm::L2 => {
                let length = finite_length(told.gradient);
                if length > 0.0 {
                    let scale = step / length;
                    point.iter_mut().zip(told.gradient).for_each(|(v, &g)| *v = (f64::from(*v) + scale * f64::from(finite(g))) as f32);
                }
            }
            Norm::L1 | Norm::L0 => steepest(sample, point, told.gradient, step as f32),
        }
        Ball { eps: self.radius, ..sample.ball.clone() }.project(&sample.x, point);
        Some(if self.done == self.config.steps { Need::Values } else { Need::Gradient })
    }
}

/// Moves the element with the largest slope among those that the box lets go on.
fn steepest(sample: &Sample, point: &mut [f32], gradient: &[f32], step: f32) {
    let bounds = sample.ball.bounds;
    let free = |v: f32, g: f32| if g > 0.0 { v < bounds.hi() } else { v > bounds.lo() };
    let slopes = point.iter().zip(gradient).map(|(&v, &g)| if free(v, finite(g)) { finite(g).abs() } else { 0.0 });
    let Some((index, _)) = slopes.enumerate().filter(|&(_, slope)| slope > 0.0).max_by(|(_, a), (_, b)| a.total_cmp(b)) else { return };
    if let (Some(v), Some(&g)) = (point.get_mut(index), gradient.get(index)) {
        *v += step * sign(finite(g));
    }
}
