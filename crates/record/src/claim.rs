//! A claim file: what is asserted about a model, and what would decide it.

use serde::{Deserialize, Serialize};

use crate::{Artefact, Effort, Population, Threat};

/// Value of [`ClaimFile::schema`] that this crate reads.
pub const CLAIM_SCHEMA: &str = "brinell.claim/1";

/// A file of claims, which share the error that they may make together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimFile {
    /// Always [`CLAIM_SCHEMA`].
    pub schema: String,
    /// Probability, of the whole file, that no false claim is called supported, and likewise that no true one is called refuted.
    #[serde(default = "confidence")]
    pub confidence: f64,
    /// How that probability is shared among the claims.
    #[serde(default)]
    pub family: Family,
    /// The claims, in the order in which they are decided.
    #[serde(rename = "claim")]
    pub claims: Vec<Claim>,
}

fn confidence() -> f64 {
    0.95
}

/// How the error of a file is shared among its claims.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// Holm's step-down correction, over the claims that a random sample decides.
    #[default]
    Holm,
}

/// One claim.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Short name, unique in the file: letters, digits, `-`, `_` and `.`.
    pub id: String,
    /// What is claimed, in one plain sentence; where the file has none, one is made of the property.
    #[serde(default)]
    pub statement: String,
    /// The artefact that it is about. Paths are relative to the claim file.
    pub subject: Artefact,
    /// The labelled inputs that decide it. Paths are relative to the claim file.
    pub population: Population,
    /// What the attacker may do; `None` where the property knows no attacker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threat: Option<ClaimThreat>,
    /// What must hold.
    pub property: Property,
    /// Day, as `2027-06-30`, after which the evidence counts no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// What has to be true beyond this file for the claim to mean anything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assumptions: Vec<String>,
    /// What follows from a verdict.
    #[serde(default)]
    pub policy: Policy,
}

/// What the attacker may do and see, and how hard it is tried: one table of a claim file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClaimThreat {
    /// What the attacker may do and see.
    #[serde(flatten)]
    pub threat: Threat,
    /// How hard the attacker tries; the seed fixes the order of the samples too.
    #[serde(flatten)]
    pub effort: Effort,
    /// The model has a defence, and the claim is supported only if the attacks knew it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub adaptive: bool,
}

impl<'de> Deserialize<'de> for ClaimThreat {
    /// Flattened parts would let unknown keys pass; here each key is one of either part.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut keys = serde_json::Map::deserialize(deserializer)?;
        let adaptive = keys.remove(Self::ADAPTIVE).map_or(Ok(false), serde_json::from_value).map_err(serde::de::Error::custom)?;
        let (threat, effort) = Self::parts(keys);
        Ok(Self {
            adaptive,
            threat: serde_json::from_value(threat.into()).map_err(serde::de::Error::custom)?,
            effort: serde_json::from_value(effort.into()).map_err(serde::de::Error::custom)?,
        })
    }
}

impl ClaimThreat {
    /// The key that is of neither part.
    pub const ADAPTIVE: &str = "adaptive";

    /// Divides the keys of the table between [`Threat`], with those that nobody knows, and [`Effort`].
    #[must_use]
    pub fn parts(keys: serde_json::Map<String, serde_json::Value>) -> (Keys, Keys) {
        let of_effort = serde_json::to_value(Effort::every()).unwrap_or_default();
        keys.into_iter().partition(|(key, _)| of_effort.get(key).is_none())
    }
}

/// Keys of a table, with their values.
type Keys = serde_json::Map<String, serde_json::Value>;

/// What must hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
#[non_exhaustive]
pub enum Property {
    /// No allowed change fools the model on any of the samples.
    Forall {
        /// Which samples the claim speaks of.
        #[serde(default)]
        among: Among,
    },
    /// The share of the population that is answered right, and stays right under the threat, is on one side of a threshold.
    Rate {
        /// Smallest share.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at_least: Option<f64>,
        /// Largest share.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at_most: Option<f64>,
    },
    /// A quantity is on one side of a value.
    Bound {
        /// The quantity.
        quantity: Quantity,
        /// Smallest value.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at_least: Option<f64>,
        /// Largest value.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at_most: Option<f64>,
    },
    /// Another artefact gives the same predictions, and outputs that differ by no more than `tolerance`, on every sample.
    Equal {
        /// The other ONNX file; it takes the same inputs through the same preprocessing.
        other: String,
        /// Its SHA-256.
        sha256: String,
        /// SHA-256 of its external weights; `None` where there are none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        weights_sha256: Option<String>,
        /// Largest absolute difference of any output.
        tolerance: f64,
    },
}

/// Which samples a `forall` claim speaks of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Among {
    /// All: a sample that the model gets wrong unchanged refutes the claim.
    #[default]
    All,
    /// Those that the model gets right unchanged.
    Correct,
}

/// A quantity that a `bound` claim speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Quantity {
    /// Share of samples that are answered right unchanged.
    CleanAccuracy,
    /// Share of samples that are answered right and stay right under the threat.
    RobustAccuracy,
    /// Share of samples for which the model returns NaN or infinity unchanged.
    NonFiniteRate,
}

/// What follows from a verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// What an undecided claim does to the exit code.
    #[serde(default)]
    pub undecided: OnUndecided,
}

/// What an undecided claim does to the exit code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnUndecided {
    /// The check fails.
    #[default]
    Fail,
    /// It is printed and does not fail the check.
    Warn,
}
