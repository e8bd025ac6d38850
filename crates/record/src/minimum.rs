//! What an audit for the nearest examples found, over all samples together.

use serde::{Deserialize, Serialize};

/// How far the nearest known examples are. Every distance is an upper bound of the truth: a nearer example may exist that no attack found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MinimumNorm {
    /// Samples classified right for which an example was found.
    pub found: usize,
    /// Samples that were attacked without finding one: they count as infinitely far.
    pub not_found: usize,
    /// Quantiles over all samples; those that are misclassified without any change count as 0.
    pub of_all: Vec<Quantile>,
    /// Quantiles over the samples that are classified right.
    pub of_right: Vec<Quantile>,
}

/// A distance below which a share of the samples have their nearest known example.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quantile {
    /// The share, strictly between 0 and 1; 0.5 for the median.
    pub share: f64,
    /// The quantile of the samples; infinite where too few have an example.
    #[serde(with = "crate::float")]
    pub value: f64,
    /// Lower end of its interval.
    #[serde(with = "crate::float")]
    pub low: f64,
    /// Upper end of its interval; infinite where the samples do not bound it.
    #[serde(with = "crate::float")]
    pub high: f64,
    /// Probability with which such an interval covers the quantile of the population that the samples were drawn from.
    pub confidence: f64,
}
