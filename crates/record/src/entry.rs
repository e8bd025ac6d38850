//! One audit as a line of a table that holds several.

use crate::{Allowed, DataInfo, ModelInfo, Question, Rate, RuntimeInfo};
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
    /// What was asked.
    pub question: Question,
    /// What the model turned out to be.
    pub model: ModelInfo,
    /// The samples as they were read.
    pub data: DataInfo,
    /// What the threat means for this model and these samples.
    pub allowed: Allowed,
    /// Attacks in the order in which they ran.
    pub attacks: Vec<String>,
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
