//! Auto-PGD: projected gradient ascent with momentum that chooses its step length by itself.

mod checkpoint;
mod run;
mod sparse;

use brinell_threat::Norm;

use crate::{
    Attack, AttackError, Knowledge, Objective, Recipe, Start, driver::Queries, eot::averaged, reference::Spent, settings::positive,
};
use run::Run;
use sparse::SparseRun;

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

impl std::str::FromStr for ApgdLoss {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::CrossEntropy, Self::Dlr, Self::Margin].into_iter().find(|loss| loss.name() == text).ok_or_else(|| text.to_owned())
    }
}

impl ApgdLoss {
    /// Name in the settings of an attack.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            ApgdLoss::CrossEntropy => "ce",
            ApgdLoss::Dlr => "dlr",
            ApgdLoss::Margin => "margin",
        }
    }

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
/// | `eot` | 1 | times that every point is asked about, for models with randomness of their own: means are used | at least 1 | 20 |
/// | `larger_radii` | true | in L1: the first 30 % of the updates in a ball of radius 3 eps, the next 30 % in 2 eps | | true |
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
    /// Times that every point is asked about.
    pub eot: u32,
    /// Whether a run in L1 begins in larger balls.
    pub larger_radii: bool,
    /// Whether the first update counts as a rise if its loss is above 0, instead of above the loss of the start.
    pub reference_quirk: bool,
}

impl ApgdConfig {
    /// The defaults for a loss.
    pub fn new(loss: ApgdLoss) -> Self {
        Self { loss, steps: 100, restarts: 1, rho: 0.75, eot: 1, larger_radii: true, reference_quirk: false }
    }
}

impl ApgdConfig {
    /// Refuses parameters out of their range.
    pub(crate) fn check(&self, attack: &'static str) -> Result<(), AttackError> {
        positive(attack, "steps", self.steps)?;
        positive(attack, "restarts", self.restarts)?;
        positive(attack, "eot", self.eot)?;
        if (0.0..=1.0).contains(&self.rho) {
            return Ok(());
        }
        Err(AttackError::BadValue { attack, setting: "rho", value: self.rho.to_string(), expected: "from 0 to 1" })
    }

    /// Begins a run of the attack `name` at a random point, for a `rival` of its own where there is one.
    pub(crate) fn begin(&self, name: &str, start: &Start<'_>, rival: Option<usize>) -> Box<dyn Attack> {
        self.run(start, run::random_start(name, start), true, rival)
    }

    fn run(&self, start: &Start<'_>, point: Vec<f32>, random: bool, rival: Option<usize>) -> Box<dyn Attack> {
        let run: Box<dyn Attack> = match start.ball.norm {
            Norm::L1 => Box::new(SparseRun::new(self, start, point, random, rival)),
            _ => Box::new(Run::new(self, start, point, rival)),
        };
        averaged(run, self.eot, start.x.len())
    }

    /// Points that the reference implementation asks about in one run, each with its gradient.
    pub(crate) fn reference_points(&self, norm: Norm) -> u64 {
        let points = if norm == Norm::L1 { sparse::points(self) } else { self.steps + 1 };
        u64::from(points) * u64::from(self.eot)
    }

    /// The settings that all forms of APGD share, as they are given back on the command line.
    pub(crate) fn describe(&self) -> String {
        let Self { loss: _, steps, restarts, rho, eot, larger_radii, reference_quirk } = self;
        format!("steps={steps},restarts={restarts},rho={rho},eot={eot},larger-radii={larger_radii},reference-quirk={reference_quirk}")
    }
}

/// Auto-PGD.
///
/// One run costs `steps` backwards and `steps + 1` forwards: the last point's gradient would not be used and is not asked for. In L1 with
/// larger radii it costs two forwards more, one at the end of each. Memory per live sample: 6 d floats for Linf (point, previous point,
/// best point, its gradient, lower and upper bounds) and L2 (point, previous point, best point, its gradient, clean input, one scratch row),
/// 4 d for L1; 2 d more with `eot` above 1.
///
/// In L1, points of the larger radii lie outside the ball.
///
/// # Source
/// Croce and Hein, "Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free attacks", ICML 2020, Alg. 1;
/// starts, the L2 projection (rescale, then clip) and the order of operations at a checkpoint as in the authors' implementation. That one
/// leaves the start out of the history of losses, so that its first comparison is with a zero: `reference_quirk` does so too. For L1: Croce
/// and Hein, "Mind the box: l1-APGD for sparse adversarial attacks on image classifiers", ICML 2021, Alg. 1 and section 3.4.
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
        config.check(attack)?;
        Ok(Self { config })
    }

    /// Begins a run at a given point instead of a random one; the point is moved into ball and box first.
    pub fn start_at(&self, start: &Start<'_>, point: &[f32]) -> Box<dyn Attack> {
        self.config.run(start, point.to_vec(), false, None)
    }
}

impl Recipe for Apgd {
    fn name(&self) -> &str {
        self.config.loss.attack_name()
    }

    fn norms(&self) -> &'static [Norm] {
        &[Norm::Linf, Norm::L2, Norm::L1]
    }

    fn knowledge(&self) -> Knowledge {
        Knowledge::White
    }

    fn objective(&self) -> Objective {
        match self.config.loss {
            ApgdLoss::CrossEntropy => Objective::LogOdds,
            ApgdLoss::Dlr => Objective::Ratio,
            ApgdLoss::Margin => Objective::Margin,
        }
    }

    fn runs(&self, _rivals: usize) -> u32 {
        self.config.restarts
    }

    fn steps(&self) -> u32 {
        self.config.steps
    }

    fn start(&self, start: &Start<'_>) -> Box<dyn Attack> {
        self.config.begin(self.name(), start, None)
    }

    fn reference(&self, spent: &Spent) -> Option<Queries> {
        let points = self.config.reference_points(spent.norm);
        spent.reference(points, points)
    }

    fn describe(&self) -> String {
        format!("{}:{}", self.name(), self.config.describe())
    }
}
