//! What the attacker may do and see.

use std::fmt;
use std::str::FromStr;

use brinell_threat::{Ball, Eps, InputBox, Norm, ThreatError};
use serde::{Deserialize, Serialize};

use super::words::{by_text, words};
use crate::{FeatureRule, Unit};

/// The changes that an attacker may make, and what of the model the attacker sees.
///
/// | Name | Default | Meaning |
/// |---|---|---|
/// | `norm` | | how a change is measured |
/// | `eps` | | largest change in input-scale units, as typed; `any` where the nearest example is looked for |
/// | `target` | any wrong class | class, by name or index, that every sample is to be turned into |
/// | `knowledge` | what the model allows | what the attacker sees of the model |
/// | `unit` | the range of each feature with the scale `data`, else the number 1 | what a change of 1 is |
/// | `feature` | none | rules of the features of a table, in whose units eps and distances are then given |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the table says it")]
pub struct Threat {
    pub norm: Norm,
    pub eps: Radius,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub knowledge: Option<Knowledge>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub feature: Vec<FeatureRule>,
}

impl Default for Threat {
    /// No change at all.
    fn default() -> Self {
        Self { norm: Norm::Linf, eps: Radius::Within(Eps::ZERO), target: None, knowledge: None, unit: None, feature: Vec::new() }
    }
}

/// How far a change may go.
#[derive(Clone, Debug, PartialEq)]
pub enum Radius {
    /// So far and no further.
    Within(Eps),
    /// Any distance: the nearest example of each sample is looked for.
    Nearest,
}

impl Radius {
    /// The text of [`Radius::Nearest`] in records.
    pub const ANY: &'static str = "any";

    /// Returns true where the nearest example of each sample is looked for.
    #[must_use]
    pub fn is_nearest(&self) -> bool {
        *self == Self::Nearest
    }

    /// Returns the radius, where there is one.
    #[must_use]
    pub fn eps(&self) -> Option<&Eps> {
        match self {
            Self::Within(eps) => Some(eps),
            Self::Nearest => None,
        }
    }

    /// Returns the radius as typed, or `any`.
    #[must_use]
    pub fn text(&self) -> &str {
        self.eps().map_or(Self::ANY, Eps::text)
    }

    /// Returns the ball of this radius in a box; without a radius the box alone is the limit.
    #[must_use]
    pub fn ball(&self, norm: Norm, bounds: InputBox) -> Ball {
        match self {
            Self::Within(eps) => Ball::new(norm, eps, bounds),
            Self::Nearest => Ball::unlimited(norm, bounds),
        }
    }
}

impl FromStr for Radius {
    type Err = ThreatError;

    fn from_str(text: &str) -> Result<Self, ThreatError> {
        if text == Self::ANY { Ok(Self::Nearest) } else { text.parse().map(Self::Within) }
    }
}

impl fmt::Display for Radius {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

by_text!(Radius);

/// What an attacker can see of a model, from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Knowledge {
    /// The predicted class.
    Label,
    /// The outputs.
    Score,
    /// Everything, gradients included.
    White,
}

words!(Knowledge, "knowledge", Label = "label" | "decision", Score = "score", White = "white");
