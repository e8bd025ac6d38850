//! A claim file: what is asserted about a model, and what would decide it.

use serde::{Deserialize, Deserializer, Serialize};

use crate::{FeatureRule, Norm, SanityLevel, Unit};

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
    /// What is claimed, in one plain sentence.
    pub statement: String,
    /// The artefact that it is about.
    pub subject: Subject,
    /// The inputs that it is about.
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

/// The artefact that a claim is about, and how inputs reach it. Paths are relative to the claim file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// ONNX file.
    pub model: String,
    /// Lower-case hexadecimal SHA-256 of the file.
    pub sha256: String,
    /// The same of the other files that hold its weights, one after the other by name; `None` where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights_sha256: Option<String>,
    /// Range of the input in which radii and distances are given: `0..1`, `0..255`, or `data`, where each feature has its own range in the data.
    #[serde(default = "scale")]
    pub scale: String,
    /// Mean per channel in input-scale units; empty for none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mean: Vec<f64>,
    /// Standard deviation per channel in input-scale units; empty for none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub std: Vec<f64>,
    /// Order in which the model wants the values, such as `nchw`; `auto` reads it from the shapes.
    #[serde(default = "layout")]
    pub layout: String,
    /// Name of the input that is attacked, of a model with several; the others are held at what the data say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// Name of the output that decides; `None` for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// Score from which on the class is 1, of a model with one score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Sizes of one sample of the input, without the batch, where the file leaves some free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<Vec<usize>>,
}

fn scale() -> String {
    "0..1".to_owned()
}

fn layout() -> String {
    "auto".to_owned()
}

/// The labelled inputs that decide a claim. Paths are relative to the claim file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Population {
    /// Data file or folder.
    pub data: String,
    /// Labels file, or one class for all; `None` for those in or beside the data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<String>,
    /// File of class names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<String>,
    /// Lower-case hexadecimal SHA-256 of samples and labels as they are read.
    pub sha256: String,
    /// Number of samples, from the first.
    pub n: usize,
    /// How these samples were chosen, in words, before the model was asked about them.
    pub selection: String,
    /// What the samples are to the inputs that the claim speaks of.
    pub sampling: Sampling,
}

/// What the samples are to the inputs that a claim speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sampling {
    /// They are all of them: the claim speaks of nothing else.
    Exhaustive,
    /// They were drawn independently at random from all of them.
    Iid,
    /// They are what was at hand. Such a sample can refute a statement about all, and support nothing.
    Convenience,
}

/// What the attacker may do and know, and how hard it is tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimThreat {
    /// How a change is measured.
    pub norm: Norm,
    /// Radius in input-scale units, as typed: `8/255`, `0.03`.
    #[serde(deserialize_with = "number_or_text")]
    pub eps: String,
    /// Class, by name or index, that every sample is to be turned into; `None` if any wrong class counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What the attacker sees of the model.
    #[serde(default)]
    pub knowledge: Knowledge,
    /// What a change of 1 is; `None` for the range of each feature with the scale `data`, and for the number 1 with others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// Rules of features, in whose units eps and distances are then given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub feature: Vec<FeatureRule>,
    /// Attacks that run one after the other, by the name of their suite or its file, relative to the claim file; `None` where `attacks` names them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suite: Option<String>,
    /// Attacks by name and settings, such as `pgd:steps=40`, instead of a suite.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attacks: Vec<String>,
    /// Forwards plus backwards that one sample may cost in one stage; `None` for no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_queries: Option<u64>,
    /// Seed of every random choice, the order of the samples included.
    #[serde(default)]
    pub seed: u64,
    /// How closely attacks and model are looked at, which raises flags and changes no count.
    #[serde(default, skip_serializing_if = "is_cheap")]
    pub sanity: SanityLevel,
}

fn is_cheap(level: &SanityLevel) -> bool {
    *level == SanityLevel::Cheap
}

/// What the attacker sees of the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Knowledge {
    /// Everything, gradients included.
    #[default]
    White,
    /// The outputs for inputs of its choice.
    Score,
    /// The predicted class for inputs of its choice.
    #[serde(alias = "label")]
    Decision,
    /// Other models only.
    Transfer,
}

fn number_or_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    struct Visitor;
    impl serde::de::Visitor<'_> for Visitor {
        type Value = String;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a number such as 0.03 or a quotient such as \"8/255\"")
        }

        fn visit_str<E>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }

        fn visit_u64<E>(self, number: u64) -> Result<String, E> {
            Ok(number.to_string())
        }

        fn visit_i64<E>(self, number: i64) -> Result<String, E> {
            Ok(number.to_string())
        }

        fn visit_f64<E>(self, number: f64) -> Result<String, E> {
            Ok(number.to_string())
        }
    }
    deserializer.deserialize_any(Visitor)
}

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
