//! What an audit leaves behind: the serialisable types of `record.jsonl`, `summary.json` and `gallery.json`; and what is
//! claimed and found: claim files, `verdict.json` and `manifest.json`.
//!
//! The JSON field names are a contract that other programs read: a field may be added, but a name,
//! a unit or a meaning changes only together with [`SUMMARY_SCHEMA`]. The crate holds no logic.
//!
//! # Shapes
//! `n` is the number of samples audited, `K` the number of classes.
//!
//! # Units
//! Radii and distances are in units of the declared input scale (8/255 on `0..1`, 8 on `0..255`),
//! before mean and standard deviation are applied. Margins are differences of logits, confidences
//! are softmax probabilities in `[0, 1]`, times are seconds, sizes are bytes.
//!
//! # Non-finite numbers
//! JSON has no NaN or infinity, and `serde_json` would write `null` for them. Every float that comes
//! out of a model is written through [`float`]: a finite value as a number, others as the strings
//! `"nan"`, `"inf"` and `"-inf"`, so that a broken value stays visible and reads back as what it was.

mod claim;
mod comparison;
mod entry;
mod flag;
pub mod float;
mod gallery;
mod history;
mod minimum;
mod rule;
mod sample;
mod summary;
mod verdict;

pub use claim::{
    Among, CLAIM_SCHEMA, Claim, ClaimFile, ClaimThreat, Family, Knowledge, OnUndecided, Policy, Population, Property, Quantity, Sampling,
    Subject,
};
pub use comparison::{COMPARISON_SCHEMA, Change, Comparison, Difference, Paired, Turned};
pub use entry::RunEntry;
pub use flag::{Flag, Indicator, Measurement, Sanity, SanityLevel, Severity, Side};
pub use gallery::{Gallery, GalleryItem};
pub use history::{HISTORY_SCHEMA, History, HistoryGroup};
pub use minimum::{MinimumNorm, Quantile};
pub use rule::{ChangeRule, Column, FeatureRule, Unit};
pub use sample::{Outcome, SampleRecord};
pub use summary::{
    ClassCounts, CurvePoint, DataInfo, Exhaustive, Feature, Features, Machine, ModelInfo, ModelInterface, Norm, Port, Preprocessing,
    QueryPoint, Rate, RuntimeInfo, SUMMARY_SCHEMA, Stage, Summary, Threat,
};
pub use verdict::{
    CHECK_SCHEMA, Check, CheckedClaim, EVIDENCE_SCHEMA, FileHash, Judge, Manifest, Numbers, Opinion, REPLAY_SCHEMA, Reason, Relation,
    Replay, Ruling, Standing, VERDICT_SCHEMA, Verdict, Witness,
};
