//! Carlini and Wagner's attack: distance and misclassification in one objective, in a space without a box.

use brinell_threat::Norm;

use super::{Nearest, Sample, Search, Told, adam::Adam, tradeoff::TradeOff};
use crate::registry::Entry;
use crate::settings::{ABOVE_ZERO, COUNT, Declared, NOT_NEGATIVE, SWITCH, settings};
use crate::{Attack, AttackError, Knowledge, Need, Recipe, Start, step::finite};

settings! {
    /// Parameters of [`Cw`].
    pub struct CwConfig {
        /// Number of points for one trade-off constant.
        steps: u32 = 1000, COUNT, paper "10,000";
        /// Number of trade-off constants to try.
        searches: u32 = 9, COUNT, paper "9 (20 in the text)";
        /// Learning rate of Adam.
        lr: f64 = 0.01, ABOVE_ZERO, paper "0.01";
        /// First trade-off constant.
        c: f64 = 1e-3, ABOVE_ZERO, paper "0.001";
        /// Margin in logits at which the sample counts as sufficiently misclassified.
        confidence: f64 = 0.0, NOT_NEGATIVE, paper "0";
        /// Whether to stop with a constant if a tenth of its points brought no progress.
        abort_early: bool = true, SWITCH, paper "true";
        polish;
    }
}

/// `cw` in the registry.
pub(crate) static ENTRY: Entry<CwConfig> = Entry {
    name: Cw::NAME,
    about: "Carlini and Wagner: distance and misclassification in one objective",
    default: || CwConfig::DEFAULT,
    make: |config| Ok(Box::new(Cw::new(config)?)),
};

/// Carlini and Wagner (L2).
///
/// Minimises `|delta|^2 + c max(confidence - margin, 0)` over `w`, where the point is `(tanh w + 1) / 2` in the box, by Adam, and searches for the smallest c
/// that gives an example: tenfold until one does, then by halves. The abort is decided for each sample by itself.
///
/// One run costs at most `searches x steps` forwards and backwards, and `polish` of each. Memory per live sample: 7 d floats.
///
/// # Source
/// Carlini and Wagner, "Towards Evaluating the Robustness of Neural Networks", S&P 2017, section V and VI.A; constants, search and abort as in the
/// authors' implementation.
#[derive(Debug, Clone)]
pub struct Cw {
    config: CwConfig,
}

impl Cw {
    /// Name on the command line.
    pub const NAME: &'static str = "cw";

    /// Checks the parameters.
    ///
    /// # Errors
    /// `BadValue` for a parameter out of its range.
    pub fn new(config: CwConfig) -> Result<Self, AttackError> {
        Ok(Self { config: config.checked(Self::NAME)? })
    }
}

impl Recipe for Cw {
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

    fn steps(&self) -> u32 {
        self.config.steps.saturating_mul(self.config.searches)
    }

    fn start(&self, start: &Start<'_>) -> Box<dyn Attack> {
        let search = Run {
            config: self.config.clone(),
            w: vec![0.0; start.x.len()].into(),
            adam: Adam::new(start.x.len()),
            constant: TradeOff::new(self.config.c, self.config.searches),
            done: 0,
        };
        Box::new(Nearest::new(start, Self::NAME, search, self.config.polish))
    }

    fn describe(&self) -> String {
        self.config.describe(Self::NAME)
    }
}

struct Run {
    config: CwConfig,
    w: Box<[f32]>,
    adam: Adam,
    constant: TradeOff,
    done: u32,
}

impl Run {
    fn need(&self) -> Need {
        if self.done + 1 == self.config.steps { Need::Values } else { Need::Gradient }
    }

    /// Begins a constant at the clean input.
    fn restart(&mut self, sample: &Sample, point: &mut [f32]) -> Need {
        let (lo, width) = (f64::from(sample.ball.bounds.lo()), sample.width());
        for (w, &x) in self.w.iter_mut().zip(&sample.x) {
            *w = ((2.0 * (f64::from(x) - lo) / width - 1.0).clamp(-1.0, 1.0) * (1.0 - 1e-6)).atanh() as f32;
        }
        self.adam.reset();
        self.done = 0;
        self.place(sample, point);
        self.need()
    }

    fn place(&self, sample: &Sample, point: &mut [f32]) {
        let (lo, width) = (sample.ball.bounds.lo(), sample.width() as f32);
        point.iter_mut().zip(&self.w).for_each(|(v, &w)| *v = lo + width * (0.5 * (w.tanh() + 1.0)));
    }
}

impl Search for Run {
    fn begin(&mut self, sample: &Sample, point: &mut [f32]) -> Need {
        self.restart(sample, point)
    }

    fn step(&mut self, sample: &Sample, point: &mut [f32], told: &Told<'_>) -> Option<Need> {
        self.constant.note(told.adversarial && told.margin >= self.config.confidence);
        let short = self.config.confidence - told.margin;
        let objective = (told.distance / sample.width()).powi(2) + self.constant.value * short.max(0.0);
        let check = self.config.abort_early && self.done.is_multiple_of((self.config.steps / 10).max(1));
        self.done += 1;
        if check && self.constant.stuck(objective) || self.done == self.config.steps {
            return self.constant.next().then(|| self.restart(sample, point));
        }
        let (lo, width, c) = (sample.ball.bounds.lo(), sample.width() as f32, self.constant.value as f32);
        let c = if short > 0.0 { c } else { 0.0 };
        let lr = self.config.lr as f32;
        let rows = self.w.iter_mut().zip(&*point).zip(&sample.x).zip(told.gradient).zip(self.adam.step());
        for ((((w, &v), &x), &g), moments) in rows {
            let u = (v - lo) / width;
            let (mean, divisor) = moments.take((2.0 * (v - x) / width - c * width * finite(g)) * (2.0 * u * (1.0 - u)));
            *w -= lr * mean / divisor;
        }
        self.place(sample, point);
        Some(self.need())
    }
}
