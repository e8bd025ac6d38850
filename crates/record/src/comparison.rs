//! Two audits of the same samples, sample by sample.

use crate::{Label, Outcome, RunEntry};
use serde::{Deserialize, Serialize};

/// Value of [`Comparison::schema`] that this crate writes and reads.
pub const COMPARISON_SCHEMA: &str = "brinell.comparison/2";

/// What changed between audit A and audit B.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Always [`COMPARISON_SCHEMA`].
    pub schema: String,
    /// The audit that B is measured against.
    pub a: RunEntry,
    /// The audit that is measured.
    pub b: RunEntry,
    /// Settings other than the model in which the two differ; where there are any, a change is not the model's alone.
    pub differences: Vec<Difference>,
    /// Names of the classes, by class id; empty where none were given.
    pub classes: Vec<String>,
    /// Right answers before any attack.
    pub clean: Paired,
    /// Right answers under every attack tried.
    pub robust: Paired,
    /// Samples that survived in A and not in B, by sample.
    pub lost: Vec<Turned>,
    /// Samples that survived in B and not in A, by sample.
    pub gained: Vec<Turned>,
}

/// A setting that is not the same in both audits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Name of the setting.
    pub setting: String,
    /// Its value in A.
    pub a: String,
    /// Its value in B.
    pub b: String,
}

/// All samples by whether A and B hold, and what that says.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Paired {
    /// Samples on which both hold.
    pub both: usize,
    /// Samples on which A holds and B does not: lost.
    pub only_a: usize,
    /// Samples on which B holds and A does not: gained.
    pub only_b: usize,
    /// Samples on which neither holds.
    pub neither: usize,
    /// How much larger the share of B is.
    pub change: Change,
    /// Two-sided exact McNemar test: how likely a difference at least as large would be if a sample were lost as easily as
    /// gained.
    pub p_value: f64,
}

/// A difference of two shares of the same samples, with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Share of B minus share of A, in `[-1, 1]`.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// Nominal probability with which such an interval covers the truth, such as 0.95.
    pub confidence: f64,
}

/// A sample whose outcome went from survived to something else, or the other way round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Turned {
    /// Position of the sample in the data, counted from 0.
    pub sample: usize,
    /// What is right: of a classifier the class, counted from 0.
    pub label: Label,
    /// Outcome in A.
    pub a: Outcome,
    /// Outcome in B.
    pub b: Outcome,
    /// Attack that broke it in the audit where it did not survive; `None` where that model was wrong from the start.
    pub attack: Option<String>,
    /// Size of the change that broke it, in the threat's norm and in input-scale units.
    #[serde(default, with = "crate::float::option")]
    pub norm: Option<f64>,
    /// What was then answered about it.
    pub prediction: Option<Label>,
}
