//! One audit as a line of a table that holds several.

use crate::{DataInfo, ModelInfo, Rate, RuntimeInfo, Threat};
use serde::{Deserialize, Serialize};

/// What a comparison or a history needs to know of an audit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunEntry {
    /// Folder of the run, as it was given.
    pub folder: String,
    /// When the audit ended, in UTC, as `2026-11-22T23:50:00Z`.
    pub created: String,
    /// Version of the program that ran it.
    pub brinell_version: String,
    /// Model that was asked.
    pub model: ModelInfo,
    /// Samples that it was asked about.
    pub data: DataInfo,
    /// What the attacker may do.
    pub threat: Threat,
    /// Attacks in the order in which they ran.
    pub attacks: Vec<String>,
    /// Seed of every random choice.
    pub seed: u64,
    /// What evaluated the model.
    pub runtime: RuntimeInfo,
    /// Samples classified correctly before any attack.
    pub clean_correct: usize,
    /// Correctly classified samples that no attack broke.
    pub survived: usize,
    /// `clean_correct` of all `n` samples.
    pub clean_accuracy: Rate,
    /// `survived` of all `n` samples: an upper bound on robustness, for these attacks.
    pub robust_accuracy: Rate,
    /// Ids of the flags that forbid to use the figures as a verdict.
    pub blocking: Vec<String>,
}
