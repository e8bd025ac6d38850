//! Auto-PGD: projected gradient ascent with momentum that chooses its step length by itself.

mod checkpoint;
mod run;
mod sparse;

use brinell_threat::Norm;

use crate::registry::Entry;
use crate::settings::{COUNT, Choice, Declared, SWITCH, UNIT, settings};
use crate::{Attack, AttackError, Knowledge, Objective, Recipe, Start, driver::Queries, eot::averaged, reference::Spent};
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

impl Choice for ApgdLoss {
    const ALL: &'static [Self] = &[Self::CrossEntropy, Self::Dlr, Self::Margin];

    fn name(self) -> &'static str {
        match self {
            ApgdLoss::CrossEntropy => "ce",
            ApgdLoss::Dlr => "dlr",
            ApgdLoss::Margin => "margin",
        }
    }
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

    /// What the loss of a recipe is where the loss of this name is zero: cross-entropy never goes below.
    fn zero(self) -> f32 {
        match self {
            ApgdLoss::CrossEntropy => f32::NEG_INFINITY,
            ApgdLoss::Dlr | ApgdLoss::Margin => 0.0,
        }
    }
}

settings! {
    /// Parameters of [`Apgd`].
    pub struct ApgdConfig {
        /// The loss to be maximised.
        fixed loss: ApgdLoss = ApgdLoss::CrossEntropy;
        /// Number of updates in one run.
        steps: u32 = 100, COUNT, paper "100";
        /// Number of runs per sample (for `apgd-t`: per class), each from a random start.
        restarts: u32 = 1, COUNT, paper "1 to 5";
        /// The step size is halved if at most this share of the updates in a period raised the loss.
        rho: f64 = 0.75, UNIT, paper "0.75";
        /// Number of evaluations of every point, whose mean the attack uses; for randomised models.
        eot: u32 = 1, COUNT, paper "20, for such models";
        /// Whether a run in L1 uses radius 3 eps for the first 30 % of its updates and 2 eps for the next 30 %.
        larger_radii: bool = true, SWITCH, paper "true";
        /// Whether the first update counts as progress if its loss is above 0 (as in the reference implementation) instead of above the
        /// starting loss.
        reference_quirk: bool = false, SWITCH, paper "false";
    }
}

impl ApgdConfig {
    /// The defaults for a loss.
    pub const fn new(loss: ApgdLoss) -> Self {
        Self { loss, ..Self::DEFAULT }
    }
}

/// `apgd-ce` in the registry.
pub(crate) static CE: Entry<ApgdConfig> = Entry {
    name: ApgdLoss::CrossEntropy.attack_name(),
    about: "Auto-PGD with the cross-entropy loss",
    default: || ApgdConfig::new(ApgdLoss::CrossEntropy),
    make: |config| Ok(Box::new(Apgd::new(config)?)),
};

/// `apgd-dlr` in the registry.
pub(crate) static DLR: Entry<ApgdConfig> = Entry {
    name: ApgdLoss::Dlr.attack_name(),
    about: "Auto-PGD with the difference of logits ratio (DLR)",
    default: || ApgdConfig::new(ApgdLoss::Dlr),
    make: |config| Ok(Box::new(Apgd::new(config)?)),
};

/// `apgd-margin` in the registry.
pub(crate) static MARGIN: Entry<ApgdConfig> = Entry {
    name: ApgdLoss::Margin.attack_name(),
    about: "Auto-PGD with the difference of two logits (margin)",
    default: || ApgdConfig::new(ApgdLoss::Margin),
    make: |config| Ok(Box::new(Apgd::new(config)?)),
};

impl ApgdConfig {
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
        Ok(Self { config: config.checked(attack)? })
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
        self.config.describe(self.name())
    }
}
