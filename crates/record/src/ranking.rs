//! Which model is how vulnerable: `rank.json`.

use serde::{Deserialize, Serialize};

use crate::{CurvePoint, DataInfo, ModelInfo, Paired, Quantile, Rate, Threat};

/// Value of [`Ranking::schema`] that this crate writes and reads.
pub const RANKING_SCHEMA: &str = "brinell.rank/1";

/// Models that were audited on the same samples, and what tests on every two of them say. Radii and distances are in units of the declared scale.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ranking {
    /// Always [`RANKING_SCHEMA`].
    pub schema: String,
    /// Version of Brinell that made it.
    pub brinell_version: String,
    /// What may be changed, and how far.
    pub threat: Threat,
    /// The radius as a number.
    pub eps: f64,
    /// The samples.
    pub data: DataInfo,
    /// File or folder of the samples.
    pub data_path: String,
    /// Largest probability that any of the tests names a difference that is none.
    pub level: f64,
    /// The models, the most robust first.
    pub models: Vec<Ranked>,
    /// Every two of them.
    pub pairs: Vec<RankedPair>,
    /// How far the samples are from those of other classes, where that is a measure in this norm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class_distance: Option<ClassDistance>,
    /// What makes the ranks doubtful, in words.
    pub notes: Vec<String>,
}

/// A model among others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ranked {
    /// Name in tables.
    pub name: String,
    /// File or address.
    pub path: String,
    /// The model.
    pub model: ModelInfo,
    /// Folder of its audit at the radius, inside the folder of the ranking.
    pub run: String,
    /// Folder of its audit for the nearest examples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nearest_run: Option<String>,
    /// Ranks that it can have by the share of samples that survive at the radius, from 1.
    pub rank: RankInterval,
    /// Samples that it gets right.
    pub clean_correct: usize,
    /// `clean_correct` of all.
    pub clean_accuracy: Rate,
    /// Samples that it gets right and for which neither audit found an example within the radius.
    pub survived: usize,
    /// `survived` of all.
    pub robust_accuracy: Rate,
    /// Samples that only the audit for the nearest examples broke within the radius.
    pub broken_by_nearest_only: usize,
    /// What its nearest examples say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distances: Option<RankedDistances>,
    /// Robust accuracy over the radius.
    pub curve: Vec<CurvePoint>,
    /// Forwards and backwards of the audit at the radius.
    pub queries: u64,
    /// Forwards plus backwards for one sample after which half of the samples that it gets right are broken; absent where fewer are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queries_to_half: Option<u64>,
    /// The attacks at the radius.
    pub attacks: Vec<String>,
    /// Blocking flags of its audits: its figures are not reliable.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocking: Vec<String>,
}

/// Ranks that a model can have: one where every comparison with the others is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RankInterval {
    /// The best, from 1.
    pub best: usize,
    /// The worst.
    pub worst: usize,
}

/// The nearest known examples of all samples of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RankedDistances {
    /// The median over all samples, those that are wrong without any change counting as 0, with its exact interval.
    pub median: Quantile,
    /// Samples without any example: they count as infinitely far.
    pub not_found: usize,
    /// Ranks that it can have by these distances, from 1.
    pub rank: RankInterval,
    /// The median as a multiple of the class distance, with the ends of its interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multiple: Option<Quantile>,
}

/// Two models on the same samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RankedPair {
    /// Number of the first model.
    pub a: usize,
    /// Number of the second.
    pub b: usize,
    /// Survivors at the radius, and the exact McNemar test.
    pub robust: Paired,
    /// Its p-value after Holm's correction over both directions of all tests.
    pub robust_adjusted: f64,
    /// Number of the model that is more robust at the radius, where that is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more_robust: Option<usize>,
    /// Distances of the nearest examples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distances: Option<PairedDistances>,
}

/// Whose nearest example is farther, sample by sample.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairedDistances {
    /// Samples whose example is farther for the first.
    pub farther_a: usize,
    /// Samples whose example is farther for the second.
    pub farther_b: usize,
    /// Samples with equal distances, such as those that both get wrong.
    pub equal: usize,
    /// Two-sided exact sign test.
    pub p_value: f64,
    /// Its p-value after Holm's correction over both directions of all tests.
    pub adjusted: f64,
    /// Number of the model whose examples are farther, where that is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub farther: Option<usize>,
}

/// Distances from samples to the nearest one of another class: what a change of the truth takes in these data.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassDistance {
    /// Samples that were looked at; more of them are nearer to each other.
    pub n: usize,
    /// The smallest distance.
    pub least: f64,
    /// The median.
    pub median: f64,
}
