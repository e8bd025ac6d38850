//! Primal-dual proximal gradient descent: the weight of misclassification is learned while the norm is dealt with exactly.

use brinell_threat::{Norm, clamp};

use super::{Nearest, Sample, Search, Told, adam::Adam, proximal, steps::Steps};
use crate::registry::Entry;
use crate::settings::{ABOVE_ZERO, COUNT, Declared, settings};
use crate::{Attack, AttackError, Knowledge, Need, Recipe, Start, step::finite};

/// Largest size of the logarithm of the ratio of the dual variables: -ln 1e-6.
const WIDEST: f64 = 13.815_510_557_964_274;

/// Share of an old value in the moving mean of the dual variables.
const MEMORY: f64 = 0.9;

/// Proximal steps within one update, and the relative change at which they end.
const INNER: u32 = 5;
const SETTLED: f64 = 1e-2;

settings! {
    /// Parameters of [`Pdpgd`].
    pub struct PdpgdConfig {
        /// Number of points in one run.
        steps: u32 = 1000, COUNT, paper "500";
        /// Initial learning rate of Adam; it falls to a hundredth.
        lr: f64 = 0.1, ABOVE_ZERO, paper "0.1";
        /// Learning rate of the dual variable; it falls to a tenth.
        dual_lr: f64 = 0.1, ABOVE_ZERO, paper "0.1";
        /// Initial weight of the norm, relative to the weight of misclassification.
        ratio: f64 = 0.01, ABOVE_ZERO, paper "0.01";
        polish;
    }
}

/// `pdpgd` in the registry.
pub(crate) static ENTRY: Entry<PdpgdConfig> = Entry {
    name: Pdpgd::NAME,
    about: "primal-dual proximal gradient descent on the norm of the change",
    default: || PdpgdConfig::DEFAULT,
    make: |config| Ok(Box::new(Pdpgd::new(config)?)),
};

/// Primal-dual proximal gradient descent (L0, L1, L2, Linf).
///
/// Descends on `softplus(-margin)` by Adam, applies the proximal operator of the norm in Adam's own metric, and raises or lowers the weight of
/// misclassification by whether the point is one. For L0 the operator is that of the sum of |delta|^(2/3).
///
/// One run costs `steps` forwards, `steps - 1` backwards, and at most `polish` of each. Memory per live sample: 9 d floats, for L0 11 d.
///
/// # Source
/// Matyasko and Chau, "PDPGD: Primal-Dual Proximal Gradient Descent Adversarial Attack", 2021; constants as in adversarial-library; proximal Adam from
/// Melchior et al., "Proximal Adam", 2019.
#[derive(Debug, Clone)]
pub struct Pdpgd {
    config: PdpgdConfig,
}

impl Pdpgd {
    /// Name on the command line.
    pub const NAME: &'static str = "pdpgd";

    /// Checks the parameters.
    ///
    /// # Errors
    /// `BadValue` for a parameter out of its range.
    pub fn new(config: PdpgdConfig) -> Result<Self, AttackError> {
        Ok(Self { config: config.checked(Self::NAME)? })
    }
}

impl Recipe for Pdpgd {
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
        let dual = -self.config.ratio.ln();
        let search = Run {
            config: self.config.clone(),
            adam: Adam::new(start.x.len()),
            sizes: vec![0.0; start.x.len()].into(),
            descended: start.x.into(),
            before: start.x.into(),
            dual,
            weight: logistic(dual),
            steps: Steps::new(self.config.steps),
        };
        Box::new(Nearest::new(start, Self::NAME, search, self.config.polish))
    }

    fn describe(&self) -> String {
        self.config.describe(Self::NAME)
    }
}

struct Run {
    config: PdpgdConfig,
    adam: Adam,
    /// What Adam divides every element by.
    sizes: Box<[f32]>,
    /// The point after Adam's step, before the proximal steps.
    descended: Box<[f32]>,
    /// The point before the last proximal step.
    before: Box<[f32]>,
    /// Logarithm of the weight of misclassification relative to that of the norm.
    dual: f64,
    /// Moving mean of the share that misclassification has in the sum of both weights.
    weight: f64,
    steps: Steps,
}

impl Search for Run {
    fn begin(&mut self, _sample: &Sample, _point: &mut [f32]) -> Need {
        self.steps.need()
    }

    fn step(&mut self, sample: &Sample, point: &mut [f32], told: &Told<'_>) -> Option<Need> {
        let (done, steps) = (f64::from(self.steps.done()), f64::from(self.config.steps));
        if !self.steps.take() {
            return None;
        }
        let lr = self.config.lr * 0.01f64.powf(done / steps);
        self.descend(sample, point, told, lr as f32);
        self.settle(sample, point, lr);
        let dual_lr = self.config.dual_lr * (1.0 - 0.9 * done / (steps - 1.0).max(1.0));
        self.dual = (self.dual + if told.margin > 0.0 { -dual_lr } else { dual_lr }).clamp(-WIDEST, WIDEST);
        self.weight += (1.0 - MEMORY) * (logistic(self.dual) - self.weight);
        Some(self.steps.need())
    }

    fn stuck(&self, flat: bool) -> bool {
        self.steps.stuck(flat)
    }

    fn resume(&mut self, _distance: f64) -> Option<Need> {
        Some(Need::Gradient)
    }
}

impl Run {
    /// Adam's step on the softplus of the margin.
    fn descend(&mut self, sample: &Sample, point: &mut [f32], told: &Told<'_>, lr: f32) {
        let width = sample.width() as f32;
        let slope = width * logistic(-told.margin.max(-1e6)) as f32;
        for (((v, size), &g), moments) in point.iter_mut().zip(&mut self.sizes).zip(told.gradient).zip(self.adam.step()) {
            let (mean, divisor) = moments.take(-slope * finite(g));
            *v -= width * lr * mean / divisor;
            *size = divisor;
        }
        sample.clip(point);
        self.descended.copy_from_slice(point);
    }

    /// Proximal steps from Adam's point, in the metric of its divisors.
    fn settle(&mut self, sample: &Sample, point: &mut [f32], lr: f64) {
        let largest = self.sizes.iter().fold(0.0f32, |most, &size| most.max(size));
        let price = ((1.0 - self.weight) / self.weight * lr / f64::from(largest)) as f32;
        let (lo, hi, width) = (sample.ball.bounds.lo(), sample.ball.bounds.hi(), sample.width() as f32);
        for _ in 0..INNER {
            self.before.copy_from_slice(point);
            // The metric pulls back towards Adam's point where the norm has moved away from it.
            for ((v, &descended), &size) in point.iter_mut().zip(&self.descended).zip(&self.sizes) {
                *v -= size / largest * (*v - descended);
            }
            proximal::shrink(sample.ball.norm, &sample.x, point, width, price);
            let (mut moved, mut length) = (0.0f64, 0.0f64);
            for ((v, &before), &x) in point.iter_mut().zip(&self.before).zip(&sample.x) {
                *v = clamp(*v, lo, hi);
                moved += f64::from(*v - before).powi(2);
                length += f64::from(*v - x).powi(2);
            }
            if moved <= SETTLED * SETTLED * length {
                break;
            }
        }
    }
}

fn logistic(v: f64) -> f64 {
    1.0 / (1.0 + (-v).exp())
}
