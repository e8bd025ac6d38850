//! How the input moves: momentum iterative steps.

use super::join::{Part, Piece, Rule};
use crate::settings::{COUNT, Choice, PART, SettingRange, UNIT, settings};

/// What a step climbs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StepLoss {
    /// The log-odds of another answer: its gradient has the direction of the cross-entropy's and does not vanish where the model is sure.
    LogOdds,
    /// The cross-entropy: where a step looks at several points, those count more at which the model is less sure.
    CrossEntropy,
    /// The margin.
    Margin,
}

impl Choice for StepLoss {
    const ALL: &'static [Self] = &[Self::LogOdds, Self::CrossEntropy, Self::Margin];

    fn name(self) -> &'static str {
        match self {
            Self::LogOdds => "log-odds",
            Self::CrossEntropy => "ce",
            Self::Margin => "margin",
        }
    }
}

settings! {
    /// Parameters of the steps that all combinations share.
    pub(crate) struct MiConfig {
        /// Number of updates in one run.
        steps: Option<u32> = None, COUNT, unset "10; 20 with `mef`", paper "10";
        /// Step size, relative to eps.
        step: Option<f64> = None, PART.in_units("relative to eps"), unset "0.1, or 1 / steps where that is more; 1 with `dem`", paper "1 / steps";
        /// Share of the previous direction in the next one.
        momentum: Option<f64> = None, UNIT, unset "1; 0 with `pi`, 0.5 with `mef`", paper "1";
        /// Loss to maximise.
        loss: StepLoss = StepLoss::LogOdds, SettingRange::OneOf(&["log-odds", "ce", "margin"]), paper "ce";
    }
}

/// `mi` in the registry.
///
/// `m <- mu m + g / mean|g|`, `x <- project(x + step sign m)`, from the clean input with m = 0. A gradient that is zero or not finite leaves m as it is.
///
/// # Source
/// Dong et al., "Boosting Adversarial Attacks with Momentum", CVPR 2018, algorithm 1; the paper divides by the sum of |g|, all code by the mean, without
/// which the look-ahead of `ni` would vanish.
pub(crate) static RULE: Rule<MiConfig> = Rule {
    name: "mi",
    about: "transfer: steps along the sign of the accumulated gradients (momentum)",
    default: || MiConfig::DEFAULT,
    make: |config| Piece::new(Part::Move(config)),
};
