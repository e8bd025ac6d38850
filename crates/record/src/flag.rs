//! What makes a result doubtful, and what was measured to find out.

use serde::{Deserialize, Serialize};

use crate::question::words;

/// How much a flag matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know; the figures stand.
    Note,
    /// The figures may be too good or too bad.
    Warning,
    /// The figures must not be used as a verdict.
    Blocking,
}

impl Severity {
    /// Returns `note`, `warning` or `blocking`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Blocking => "blocking",
        }
    }
}

/// Something that makes the result doubtful or deserves to be known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Flag {
    /// Stable identifier, such as `zero-gradient`.
    pub id: String,
    /// What was seen and what to do about it, in plain sentences.
    pub message: String,
    /// How much it matters.
    pub severity: Severity,
    /// What was measured; `None` for a plain fact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measurement: Option<Measurement>,
    /// Place in the project's documentation that says when it is raised, why it matters and what to do.
    #[serde(default)]
    pub docs: String,
}

/// One thing that was measured for the sake of a flag, whether it was raised or not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Indicator {
    /// The flag's identifier.
    pub id: String,
    /// How much the flag matters where it is raised.
    pub severity: Severity,
    /// Whether it was raised.
    pub raised: bool,
    /// What was measured.
    pub measurement: Measurement,
    /// As in [`Flag::docs`].
    pub docs: String,
}

/// A measured value beside its threshold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// The value.
    #[serde(with = "crate::float")]
    pub value: f64,
    /// What it is compared with.
    #[serde(with = "crate::float")]
    pub threshold: f64,
    /// Side of the threshold on which the flag is raised.
    pub raised_if: Side,
    /// What both are counted in, such as `share of survivors`.
    pub unit: String,
}

/// A side of a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// Larger than the threshold.
    Above,
    /// As large as the threshold, or larger.
    AtLeast,
    /// Smaller than the threshold.
    Below,
    /// As small as the threshold, or smaller.
    AtMost,
}

/// How closely attacks and model are looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SanityLevel {
    /// Only what the attacks themselves show.
    Off,
    /// A few questions more, next to nothing beside an attack.
    #[default]
    Cheap,
    /// Attacks of their own on some of the samples.
    Full,
}

words!(SanityLevel, "sanity level", Off = "off", Cheap = "cheap", Full = "full");

/// What the checks that ask the model themselves have cost; none of it is part of a sample's or a stage's figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sanity {
    /// How closely was looked.
    pub level: SanityLevel,
    /// Samples that the checks of level `full` used: the first that are classified right and can be attacked.
    pub samples: usize,
    /// Forward passes.
    pub forwards: u64,
    /// Backward passes.
    pub backwards: u64,
    /// Wall-clock time.
    pub seconds: f64,
}
