//! Auto-PGD: projected gradient ascent with momentum that chooses its step length by itself.

mod checkpoint;
mod run;

use brinell_threat::Norm;

use crate::{Attack, AttackError, Knowledge, Loss, Recipe, Start, settings::positive};
use run::Run;

/// What APGD maximises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ApgdLoss {
    /// Cross-entropy, through the log-odds of the label: these rise where it rises and have gradients of the same direction, so that every
    /// iterate is that of cross-entropy, but do not vanish where the softmax rounds to 1.
    CrossEntropy,
    /// Difference of logits ratio; the margin where the model has too few classes for it (3, targeted 4).
    Dlr,
    /// Difference of two logits.
    Margin,
}

impl ApgdLoss {
    /// Name of APGD with this loss, on the command line and in records.
    pub const fn attack_name(self) -> &'static str {
        match self {
            ApgdLoss::CrossEntropy => "apgd-ce",
            ApgdLoss::Dlr => "apgd-dlr",
            ApgdLoss::Margin => "apgd-margin",
        }
    }

    /// What [`Recipe::loss`] is where the loss of this name is zero: cross-entropy never goes below.
    fn zero(self) -> f32 {
        match self {
            ApgdLoss::CrossEntropy => f32::NEG_INFINITY,
            ApgdLoss::Dlr | ApgdLoss::Margin => 0.0,
        }
    }
}

/// Parameters of [`Apgd`] as given.
///
/// | Name | Default | Meaning | Range | Paper value |
/// |---|---|---|---|---|
/// | `steps` | 100 | updates in one run | at least 1 | 100 |
/// | `restarts` | 1 | runs, each from a random start | at least 1 | 1 to 5 |
/// | `rho` | 0.75 | the step is halved if at most this share of a period's updates raised the loss | 0 to 1 | 0.75 |
/// | `reference_quirk` | false | compare the first update's loss with 0, as the reference implementation does | | false |
#[derive(Debug, Clone, PartialEq)]
pub struct ApgdConfig {
    /// The loss to be maximised.
    pub loss: ApgdLoss,
    /// Updates in one run.
    pub steps: u32,
    /// Runs per sample.
    pub restarts: u32,
    /// Share of rising updates at or below which the step is halved.
    pub rho: f64,
    /// Whether the first update counts as a rise if its loss is above 0, instead of above the loss of the start.
    pub reference_quirk: bool,
}

impl ApgdConfig {
    /// The defaults for a loss.
    pub fn new(loss: ApgdLoss) -> Self {
        Self { loss, steps: 100, restarts: 1, rho: 0.75, reference_quirk: false }
    }
}

/// Auto-PGD.
///
/// One run costs `steps` backwards and `steps + 1` forwards: the last point's gradient would not be used and is not asked for.
/// Memory per live sample: 6 d floats for both norms (Linf: point, previous point, best point, its gradient, lower and upper bounds;
/// L2: point, previous point, best point, its gradient, clean input, one scratch row).
///
/// # Source
/// Croce and Hein, "Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free attacks", ICML 2020, Alg. 1;
/// starts, the L2 projection (rescale, then clip) and the order of operations at a checkpoint as in the authors' implementation. That one
/// leaves the start out of the history of losses, so that its first comparison is with a zero: `reference_quirk` does so too.
#[derive(Debug, Clone)]
pub struct Apgd {
    config: ApgdConfig,
}

impl Apgd {
    /// Checks the parameters.
    ///
    /// # Errors
    /// `BadValue` for a parameter out of its range.
    pub fn new(config: ApgdConfig) -> Result<Self, AttackError> {
        let attack = config.loss.attack_name();
        positive(attack, "steps", config.steps)?;
        positive(attack, "restarts", config.restarts)?;
        if !(0.0..=1.0).contains(&config.rho) {
            return Err(AttackError::BadValue { attack, setting: "rho", value: config.rho.to_string(), expected: "from 0 to 1" });
        }
        Ok(Self { config })
    }

    /// Begins a run at a given point instead of a random one; the point is moved into ball and box first.
    pub fn start_at(&self, start: &Start<'_>, point: &[f32]) -> Box<dyn Attack> {
        Box::new(Run::new(&self.config, start, point.to_vec()))
    }
}

impl Recipe for Apgd {
    fn name(&self) -> &str {
        self.config.loss.attack_name()
    }

    fn norms(&self) -> &'static [Norm] {
        &[Norm::Linf, Norm::L2]
    }

    fn knowledge(&self) -> Knowledge {
        Knowledge::White
    }

    fn loss(&self, targeted: bool, classes: usize) -> Loss {
        match (self.config.loss, targeted) {
            (ApgdLoss::CrossEntropy, false) => Loss::LogOdds,
            (ApgdLoss::CrossEntropy, true) => Loss::TargetedLogOdds,
            (ApgdLoss::Dlr, false) if classes >= 3 => Loss::Dlr,
            (ApgdLoss::Dlr, true) if classes >= 4 => Loss::TargetedDlr,
            (ApgdLoss::Dlr | ApgdLoss::Margin, false) => Loss::Margin,
            (ApgdLoss::Dlr | ApgdLoss::Margin, true) => Loss::TargetedMargin,
        }
    }

    fn runs(&self, _targeted: bool, _classes: usize) -> u32 {
        self.config.restarts
    }

    fn steps(&self) -> u32 {
        self.config.steps
    }

    fn start(&self, start: &Start<'_>) -> Box<dyn Attack> {
        let point = run::random_start(self.config.loss.attack_name(), start);
        Box::new(Run::new(&self.config, start, point))
    }

    fn describe(&self) -> String {
        let ApgdConfig { loss, steps, restarts, rho, reference_quirk } = &self.config;
        format!("{}:steps={steps},restarts={restarts},rho={rho},reference-quirk={reference_quirk}", loss.attack_name())
    }
}
