//! The inputs that the model is asked about.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Labelled samples, and what they stand for.
///
/// | Name | Default | Meaning |
/// |---|---|---|
/// | `data` | | data file or folder |
/// | `labels` | those in or beside the data | labels file, or one class for all samples; of a table the column, by name or number |
/// | `classes` | as the model or the data say | file with the names of the classes |
/// | `pairs` | | pairs of samples that show the same or not, for the task `embedding` |
/// | `drop` | none | columns of a table that are no features, by name |
/// | `sha256` | any | SHA-256 that samples and labels must have, as they are read |
/// | `n` | all | number of samples |
/// | `selection` | | how the samples were chosen, in words |
/// | `sampling` | | what the samples are to the inputs that a claim speaks of |
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the table says it")]
pub struct Population {
    pub data: PathBuf,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pairs: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drop: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampling: Option<Sampling>,
}

impl Population {
    /// Returns the SHA-256 that the samples must have; empty where any will do.
    #[must_use]
    pub fn digest(&self) -> &str {
        self.sha256.as_deref().unwrap_or_default()
    }
}

/// What the samples are to the inputs that a claim speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sampling {
    /// They are all inputs that the claim is about: the claim speaks of nothing else.
    Exhaustive,
    /// They were drawn independently and at random from all of them.
    Iid,
    /// They are what was at hand. Such a sample can refute a statement about all, and support nothing.
    Convenience,
}
