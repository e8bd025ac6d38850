//! Basic iterative method: steps of fixed length from the clean input.

use brinell_threat::{Ball, Norm};

use crate::{
    Attack, AttackError, Knowledge, Need, Objective, Recipe, Start,
    minimum::{Nearest, POLISH, Sample, Search, Told},
    settings::{above_zero, positive},
    step::{finite, finite_length, sign},
};

/// Parameters of [`Bim`] as given.
///
/// | Name | Default | Meaning | Range | Paper value |
/// |---|---|---|---|---|
/// | `steps` | 10 | updates at one radius | at least 1 | 4 to 20 |
/// | `step` | 0.2 | length of an update relative to the radius | above 0, finite | 1 / (255 eps) |
/// | `searches` | 20 | radii tried where none is given | at least 1 | |
/// | `polish` | 20 | queries spent on the nearest example at the end | | 0 |
#[derive(Debug, Clone, PartialEq)]
pub struct BimConfig {
    /// Updates at one radius.
    pub steps: u32,
    /// Length of an update relative to the radius.
    pub step: f64,
    /// Radii tried where none is given.
    pub searches: u32,
    /// Queries spent on the nearest example at the end.
    pub polish: u32,
}

impl Default for BimConfig {
    fn default() -> Self {
        Self { steps: 10, step: 0.2, searches: 20, polish: POLISH }
    }
}

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
        positive(Self::NAME, "steps", config.steps)?;
        positive(Self::NAME, "searches", config.searches)?;
        above_zero(Self::NAME, "step", config.step)?;
        Ok(Self { config })
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
        let BimConfig { steps, step, searches, polish } = self.config;
        format!("{}:steps={steps},step={step},searches={searches},polish={polish}", Self::NAME)
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
