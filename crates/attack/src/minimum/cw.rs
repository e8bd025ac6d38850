//! Carlini and Wagner's attack: distance and misclassification in one objective, in a space without a box.

use brinell_threat::Norm;

use super::{Nearest, POLISH, Sample, Search, Told, adam::Adam, tradeoff::TradeOff};
use crate::{
    Attack, AttackError, Knowledge, Need, Recipe, Start,
    settings::{above_zero, positive},
    step::finite,
};

/// Parameters of [`Cw`] as given.
///
/// | Name | Default | Meaning | Range | Paper value |
/// |---|---|---|---|---|
/// | `steps` | 1000 | points for one trade-off constant | at least 1 | 10000 |
/// | `searches` | 9 | trade-off constants tried | at least 1 | 9 (20 in the text) |
/// | `lr` | 0.01 | Adam's step length | above 0, finite | 0.01 |
/// | `c` | 0.001 | first trade-off constant | above 0, finite | 0.001 |
/// | `confidence` | 0 | margin in logits beyond which misclassification is not pursued | at least 0, finite | 0 |
/// | `abort_early` | true | leave a constant where a tenth of its points brought nothing | | true |
/// | `polish` | 20 | queries spent on the nearest example at the end | | 0 |
#[derive(Debug, Clone, PartialEq)]
pub struct CwConfig {
    /// Points for one trade-off constant.
    pub steps: u32,
    /// Trade-off constants tried.
    pub searches: u32,
    /// Adam's step length.
    pub lr: f64,
    /// First trade-off constant.
    pub c: f64,
    /// Margin in logits beyond which misclassification is not pursued.
    pub confidence: f64,
    /// Whether to leave a constant where a tenth of its points brought nothing.
    pub abort_early: bool,
    /// Queries spent on the nearest example at the end.
    pub polish: u32,
}

impl Default for CwConfig {
    fn default() -> Self {
        Self { steps: 1000, searches: 9, lr: 0.01, c: 1e-3, confidence: 0.0, abort_early: true, polish: POLISH }
    }
}

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
        positive(Self::NAME, "steps", config.steps)?;
        positive(Self::NAME, "searches", config.searches)?;
        above_zero(Self::NAME, "lr", config.lr)?;
        above_zero(Self::NAME, "c", config.c)?;
        if !(config.confidence >= 0.0 && config.confidence.is_finite()) {
            let value = config.confidence.to_string();
            return Err(AttackError::BadValue {
                attack: Self::NAME,
                setting: "confidence",
                value,
                expected: "a finite number of at least 0",
            });
        }
        Ok(Self { config })
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
        self.config.steps * self.config.searches
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
        let CwConfig { steps, searches, lr, c, confidence, abort_early, polish } = self.config;
        format!(
            "{}:steps={steps},searches={searches},lr={lr},c={c},confidence={confidence},abort-early={abort_early},polish={polish}",
            Self::NAME
        )
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
