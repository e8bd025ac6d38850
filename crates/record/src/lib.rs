//! What an audit leaves behind: the serialisable types of `record.jsonl`, `summary.json` and `gallery.json`; and what is
//! claimed and found: claim files, `verdict.json` and `manifest.json`.
//!
//! The JSON field names are a contract that other programs read: a field may be added, but a name,
//! a unit or a meaning changes only together with [`SUMMARY_SCHEMA`]. [`Question`] says what is asked; everything else says what was found.
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
mod defence;
mod entry;
mod file_error;
mod flag;
pub mod float;
mod gallery;
mod harden;
pub mod hash;
mod history;
mod label;
mod minimum;
mod patch;
mod question;
mod race;
mod ranking;
mod rule;
mod sample;
mod shard;
mod summary;
mod transfer;
mod verdict;

pub use brinell_threat::{Eps, Norm};
pub use claim::{Among, CLAIM_SCHEMA, Claim, ClaimFile, ClaimThreat, Family, OnUndecided, Policy, Property, Quantity};
pub use comparison::{COMPARISON_SCHEMA, Change, Comparison, Difference, Paired, Turned};
pub use defence::{
    DEFENCE_SCHEMA, DEFENDED_SCHEMA, DETECTED_SCHEMA, Defence, DefenceStage, Defended, Detected, Latency, Refusal, Shares, Times,
};
pub use entry::RunEntry;
pub use file_error::FileError;
pub use flag::{Flag, Indicator, Measurement, Sanity, SanityLevel, Severity, Side};
pub use gallery::{Gallery, GalleryItem};
pub use harden::{
    Elsewhere, EpochLine, HARDEN_CURVE_SCHEMA, HARDEN_SCHEMA, HardenCurve, HardenIdentity, HardenSummary, Incident, Method, Optimizer,
    Recipe, StepLine, TensorPlan, WeightPoint,
};
pub use history::{HISTORY_SCHEMA, History, HistoryGroup};
pub use label::Label;
pub use minimum::{MinimumNorm, Quantile};
pub use patch::{PATCH_SCHEMA, Patch, PatchCondition, PatchScore, PatchTarget};
pub use question::{
    Artefact, Device, Effort, FilePaths, Form, Knowledge, Layout, Part, Population, Question, Radius, Running, RuntimeChoice, SETTINGS,
    Sampling, Scale, Setting, SettingError, TaskError, TaskKind, Threat, WordError, setting,
};
pub use race::{FreshRound, MoveKind, RACE_SCHEMA, Race, RaceMove, RaceRound, RaceVerdict, RoundKind};
pub use ranking::{ClassDistance, PairedDistances, RANKING_SCHEMA, RankInterval, Ranked, RankedDistances, RankedPair, Ranking};
pub use rule::{ChangeRule, Column, FeatureRule, Unit};
pub use sample::{Outcome, SampleRecord};
pub use shard::{SHARD_SCHEMA, Shard, ShardError, ShardMachine, ShardRecord};
pub use summary::{
    Allowed, Certificates, ClassCounts, CurvePoint, DataInfo, Exhaustive, Feature, Features, LabelCounts, Machine, ModelInfo,
    ModelInterface, Port, QueryPoint, Rate, Refusals, RuntimeInfo, SUMMARY_SCHEMA, Stage, Summary,
};
pub use transfer::{
    Cell, Control, Made, Mean, SourceTest, TRANSFER_SCHEMA, Together, Transfer, TransferData, TransferModel, TransferSource,
    UNIVERSAL_SCHEMA, Universal, UniversalTarget,
};
pub use verdict::{
    CHECK_SCHEMA, Check, CheckedClaim, EVIDENCE_SCHEMA, FileHash, Judge, Manifest, Numbers, Opinion, REPLAY_SCHEMA, Reason, Rechecked,
    Refound, Relation, Replay, Ruling, Standing, VERDICT_SCHEMA, Verdict, Witness,
};
