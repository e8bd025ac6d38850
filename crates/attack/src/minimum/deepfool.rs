//! DeepFool: steps onto the nearest of the planes between the true class and the others.

use brinell_threat::{Norm, onto_plane};

use super::{Nearest, Sample, Search, Told};
use crate::registry::Entry;
use crate::settings::{COUNT, Declared, NOT_NEGATIVE, TWO_OR_MORE, settings};
use crate::{Attack, AttackError, Knowledge, Need, Objective, Recipe, Start, step::dual_length};

/// By how much every step goes beyond the plane, in widths of the box: the 1e-4 of the authors' implementation.
const BEYOND: f64 = 1e-4;

settings! {
    /// Parameters of [`DeepFool`].
    pub struct DeepFoolConfig {
        /// Largest number of steps.
        steps: u32 = 50, COUNT, paper "50";
        /// Number of classes to consider, including the true one: those with the largest clean logits.
        classes: u32 = 10, TWO_OR_MORE, paper "10";
        /// How much longer a step is than the distance to the plane, as a share of it.
        overshoot: f64 = 0.02, NOT_NEGATIVE, paper "0.02";
        polish;
    }
}

/// `deepfool` in the registry.
pub(crate) static ENTRY: Entry<DeepFoolConfig> = Entry {
    name: DeepFool::NAME,
    about: "steps onto the nearest plane between two classes",
    default: || DeepFoolConfig::DEFAULT,
    make: |config| Ok(Box::new(DeepFool::new(config)?)),
};

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
        Ok(Self { config: config.checked(Self::NAME)? })
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
        self.config.describe(Self::NAME)
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
