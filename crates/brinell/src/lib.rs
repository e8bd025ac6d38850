//! Measures how hard it is to fool an AI model, with evidence.
//!
//! This crate is the stable surface of Brinell: what a program depends on, and what the command line is made of. The crates behind it may change
//! from version to version.
//!
//! - [`Question`] says what is asked: model, samples, threat, effort, and what executes the model.
//! - [`audit()`] answers it and leaves a run; [`runs`] reads, compares and lists runs; [`report`] renders them.
//! - [`claims`] decides claims about models and replays their evidence.
//! - [`defence`] puts transforms in front of a model or a detector behind it, and races them against attackers who know them.
//! - [`hardening`] trains a model against attacks and shows gain and price.
//! - [`inspect()`] describes a model, [`gradient_file`] writes its gradient as ONNX.
//!
//! Without the feature `audit`, which is on by default, only what reads finished runs is left: no runtime, no Parquet and no TLS is linked.
//!
//! ```no_run
//! use brinell::{Job, Question, Silent};
//!
//! let settings = [
//!     ("model", vec!["model.onnx".to_owned()]),
//!     ("data", vec!["x.npy".to_owned()]),
//!     ("norm", vec!["linf".to_owned()]),
//!     ("eps", vec!["8/255".to_owned()]),
//! ];
//! let question = Question::of(settings.iter().map(|(name, values)| (*name, values.as_slice())))?;
//! let job = Job { out: "run".into(), ..Job::default() };
//! # #[cfg(feature = "audit")]
//! let run = brinell::audit(&question, &job, &false.into(), &mut Silent)?;
//! # #[cfg(feature = "audit")]
//! println!("{} of {} samples survive", run.summary.survived, run.summary.data.n);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

/// Reading, comparing and listing runs; nothing here runs a model.
pub mod runs {
    pub use brinell_ledger::run::{Completed, Identity, SHARD_FILE, read_identity};
    pub use brinell_ledger::{Found, LedgerError, RankEntry, compare, history, rank, read, stored};
}

/// Types of what a run leaves behind.
pub mod record {
    pub use brinell_record::*;
}

/// Pages, tables and exports of runs and verdicts.
pub use brinell_report as report;

pub use brinell_ledger::LedgerError;
pub use brinell_record::{
    Artefact, Device, Effort, Eps, Knowledge, Layout, Norm, Population, Question, Radius, Running, RuntimeChoice, SanityLevel, Scale,
    Threat,
};

#[cfg(feature = "audit")]
pub mod errors;
#[cfg(feature = "audit")]
mod running;

#[cfg(feature = "audit")]
pub use running::*;
