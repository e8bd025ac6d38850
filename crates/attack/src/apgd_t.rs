//! APGD-T: Auto-PGD towards each of the likeliest wrong classes in turn.

mod ranked;

use brinell_threat::Norm;

use crate::registry::Entry;
use crate::settings::{COUNT, Choice, Declared, SettingRange, settings};
use crate::{ApgdConfig, ApgdLoss, Attack, AttackError, Knowledge, Objective, Recipe, Start, driver::Queries, reference::Spent, rivals};
use ranked::Ranked;

/// In which order classes are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// By their logits at the clean input, the largest first.
    Logits,
    /// By the distance to their decision planes in a linear model at the clean input, the nearest first. It costs one gradient for each of
    /// at most 100 classes.
    Malt,
}

impl Choice for Order {
    const ALL: &'static [Self] = &[Self::Logits, Self::Malt];

    fn name(self) -> &'static str {
        match self {
            Self::Logits => "logits",
            Self::Malt => "malt",
        }
    }
}

settings! {
    /// Parameters of [`ApgdT`].
    pub struct ApgdTConfig {
        /// Number of wrong classes to try.
        targets: u32 = 9, COUNT, paper "9; 5 in L1";
        /// Which classes are tried first: those with the largest logits, or those whose decision boundary is nearest in a linear approximation.
        order: Order = Order::Logits, SettingRange::OneOf(&["logits", "malt"]), paper "logits";
        /// Loss to maximise: the difference of logits ratio, or the difference of two logits.
        part apgd.loss: SettingRange::OneOf(&["dlr", "margin"]), paper "dlr";
        /// What a run does; `restarts` are for each class, and the loss is DLR or the margin.
        group apgd: ApgdConfig = ApgdConfig::new(ApgdLoss::Dlr);
    }
}

/// `apgd-t` in the registry.
pub(crate) static ENTRY: Entry<ApgdTConfig> = Entry {
    name: ApgdT::NAME,
    about: "Auto-PGD towards each of the likeliest wrong classes in turn",
    default: || ApgdTConfig::DEFAULT,
    make: |config| Ok(Box::new(ApgdT::new(config)?)),
};

/// APGD towards the most likely wrong classes, one run each; any wrong class is a success.
///
/// For each class it costs what [`Apgd`](crate::Apgd) does. In the order of MALT one run holds all classes, and their ranking is part of its cost.
/// Memory per live sample: that of APGD; with MALT d floats more.
///
/// # Source
/// As [`Apgd`](crate::Apgd); targets as in the authors' implementation. That one predicts the clean input again for every class; here the
/// logits of the clean pass serve. MALT: Melamed, Yehudai and Vardi, "MALT powers up adversarial attacks", NeurIPS 2024, Alg. 1. With the
/// margin loss the ranking is theirs; with DLR the value of this loss stands in for the difference of logits, which vanishes on the same
/// planes, so that ranking and attack share one gradient.
#[derive(Debug, Clone)]
pub struct ApgdT {
    config: ApgdTConfig,
}

impl ApgdT {
    /// Name on the command line.
    pub const NAME: &'static str = "apgd-t";

    /// Checks the parameters.
    ///
    /// # Errors
    /// `BadValue` for a parameter out of its range.
    pub fn new(config: ApgdTConfig) -> Result<Self, AttackError> {
        Ok(Self { config: config.checked(Self::NAME)? })
    }
}

impl Recipe for ApgdT {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn norms(&self) -> &'static [Norm] {
        &[Norm::Linf, Norm::L2, Norm::L1]
    }

    fn knowledge(&self) -> Knowledge {
        Knowledge::White
    }

    fn objective(&self) -> Objective {
        match self.config.apgd.loss {
            ApgdLoss::Dlr => Objective::RivalRatio,
            _ => Objective::RivalMargin,
        }
    }

    fn runs(&self, rivals: usize) -> u32 {
        let restarts = self.config.apgd.restarts;
        match self.config.order {
            Order::Malt => restarts,
            Order::Logits => restarts.saturating_mul(rivals::count(self.config.targets, rivals)),
        }
    }

    fn steps(&self) -> u32 {
        let apgd = self.config.apgd.steps;
        match self.config.order {
            Order::Logits => apgd,
            Order::Malt => apgd.saturating_mul(self.config.targets),
        }
    }

    fn start(&self, start: &Start<'_>) -> Box<dyn Attack> {
        let ApgdTConfig { apgd, targets, order } = &self.config;
        if let Some(named) = start.rivals.named() {
            return apgd.begin(Self::NAME, start, Some(named));
        }
        match order {
            Order::Logits => {
                let place = (start.run / apgd.restarts) as usize;
                let rival = start.rivals.ranked(*targets as usize).get(place).map(|rival| rival.id);
                apgd.begin(Self::NAME, start, rival)
            }
            Order::Malt => Box::new(Ranked::new(apgd, *targets, start)),
        }
    }

    fn reference(&self, spent: &Spent) -> Option<Queries> {
        if self.config.order == Order::Malt || self.config.apgd.loss != ApgdLoss::Dlr {
            return None;
        }
        let points = self.config.apgd.reference_points(spent.norm);
        // For every class, the logits of the clean input once more.
        spent.reference(points + 1, points)
    }

    fn describe(&self) -> String {
        self.config.describe(Self::NAME)
    }
}
