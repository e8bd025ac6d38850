//! DeepFool: steps onto the nearest of the planes between the true class and the others.

use brinell_threat::{Norm, onto_plane};

use super::{Nearest, POLISH, Sample, Search, Told};
use crate::{Attack, AttackError, Knowledge, Need, Objective, Recipe, Start, settings::positive, step::dual_length};

/// By how much every step goes beyond the plane, in widths of the box: the 1e-4 of the authors' implementation.
const BEYOND: f64 = 1e-4;

/// Parameters of [`DeepFool`] as given.
///
/// | Name | Default | Meaning | Range | Paper value |
/// |---|---|---|---|---|
/// | `steps` | 50 | steps, at most | at least 1 | 50 |
/// | `classes` | 10 | classes looked at, those with the largest clean logits, the true one included | at least 2 | 10 |
/// | `overshoot` | 0.02 | share by which a step is longer than the way to the plane | at least 0, finite | 0.02 |
/// | `polish` | 20 | queries spent on the example at the end | | 0 |
#[derive(Debug, Clone, PartialEq)]
pub struct DeepFoolConfig {
    /// Steps, at most.
    pub steps: u32,
    /// Classes looked at, the true one included.
    pub classes: u32,
    /// Share by which a step is longer than the way to the plane.
    pub overshoot: f64,
    /// Queries spent on the example at the end.
    pub polish: u32,
}

impl Default for DeepFoolConfig {
    fn default() -> Self {
        Self { steps: 50, classes: 10, overshoot: 0.02, polish: POLISH }
    }
}

/// DeepFool (L2, Linf).
///
/// At every point the model is asked once for each class; the step goes onto the plane that is nearest within the box, from the present point. With a target the
/// plane is that between the target and the largest other class. The search ends at the first example.
///
/// One run costs at most `steps x (classes - 1)` forwards and backwards (with a target `steps`), and `polish` of each. Memory per live sample: 6 d floats.
///
/// # Source
/// Moosavi-Dezfooli et al., "DeepFool: a simple and accurate method to fool deep neural networks", CVPR 2016, Alg. 2 and section 3.4, with the
/// constants of the authors' implementation. There steps ignore the box.
#[derive(Debug, Clone)]
pub struct DeepFool {
    config: DeepFoolConfig,
}

impl DeepFool {
    /// Name on the command line.
    pub const NAME: &'static str = "deepfool";

    /// Checks the parameters.
    ///
    /// # Errors
    /// `BadValue` for a parameter out of its range.
    pub fn new(config: DeepFoolConfig) -> Result<Self, AttackError> {
        positive(Self::NAME, "steps", config.steps)?;
        let bad = |setting, value: String, expected| Err(AttackError::BadValue { attack: Self::NAME, setting, value, expected });
        if config.classes < 2 {
            return bad("classes", config.classes.to_string(), "a whole number of at least 2");
        }
        if !(config.overshoot >= 0.0 && config.overshoot.is_finite()) {
            return bad("overshoot", config.overshoot.to_string(), "a finite number of at least 0");
        }
        Ok(Self { config })
    }
}

impl Recipe for DeepFool {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn norms(&self) -> &'static [Norm] {
        &[Norm::L2, Norm::Linf]
    }

    fn knowledge(&self) -> Knowledge {
        Knowledge::White
    }

    fn seeks_minimum(&self) -> bool {
        true
    }

    fn objective(&self) -> Objective {
        Objective::Plane
    }

    fn steps(&self) -> u32 {
        self.config.steps
    }

    fn start(&self, start: &Start<'_>) -> Box<dyn Attack> {
        let rivals = start.rivals.ranked(self.config.classes as usize - 1).into_iter().map(|rival| rival.id).collect();
        let search = Run {
            overshoot: 1.0 + self.config.overshoot,
            left: self.config.steps,
            rivals,
            next: 0,
            nearest: f64::INFINITY,
            step: vec![0.0; start.x.len()].into(),
            candidate: vec![0.0; start.x.len()].into(),
        };
        Box::new(Nearest::new(start, Self::NAME, search, self.config.polish))
    }

    fn describe(&self) -> String {
        let DeepFoolConfig { steps, classes, overshoot, polish } = self.config;
        format!("{}:steps={steps},classes={classes},overshoot={overshoot},polish={polish}", Self::NAME)
    }
}

struct Run {
    overshoot: f64,
    left: u32,
    rivals: Box<[usize]>,
    /// Place in `rivals` of the one that the model is asked about.
    next: usize,
    /// Its length.
    nearest: f64,
    /// The shortest step so far from the present point.
    step: Box<[f32]>,
    candidate: Box<[f32]>,
}

impl Search for Run {
    fn begin(&mut self, _sample: &Sample, _point: &mut [f32]) -> Need {
        Need::Gradient
    }

    fn rival(&self) -> Option<usize> {
        self.rivals.get(self.next).copied()
    }

    fn step(&mut self, sample: &Sample, point: &mut [f32], told: &Told<'_>) -> Option<Need> {
        let rival = *self.rivals.get(self.next)?;
        if told.adversarial || self.left == 0 {
            return None;
        }
        let short = -told.rivals.margin(rival);
        let slope = dual_length(sample.ball.norm, told.gradient);
        let rise = short.max(0.0) + BEYOND * sample.width() * slope;
        if rise > 0.0 && rise.is_finite() && told.gradient.iter().all(|g| g.is_finite()) {
            let length = onto_plane(sample.ball.norm, point, told.gradient, rise, sample.ball.bounds, &mut self.candidate);
            if length < self.nearest {
                self.nearest = length;
                std::mem::swap(&mut self.step, &mut self.candidate);
            }
        }
        self.next += 1;
        if self.next < self.rivals.len() {
            return Some(Need::Gradient);
        }
        if self.nearest == f64::INFINITY {
            return None;
        }
        for (v, &change) in point.iter_mut().zip(&self.step) {
            *v = (f64::from(*v) + self.overshoot * f64::from(change)) as f32;
        }
        (self.next, self.nearest) = (0, f64::INFINITY);
        self.left -= 1;
        Some(if self.left == 0 { Need::Values } else { Need::Gradient })
    }
}
