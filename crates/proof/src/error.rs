use std::path::PathBuf;

use brinell_certify::CertifyError;
use brinell_engine::{EngineError, OracleError};
use brinell_graph::GraphError;
use brinell_ledger::LedgerError;
use brinell_record::{FileError, SettingError};
use brinell_subject::SubjectError;

/// Why nothing can be proved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// Model and data do not fit.
    #[error("{0}")]
    Subject(#[from] SubjectError),
    /// The network cannot be bounded.
    #[error("the model cannot be certified")]
    Network(#[source] CertifyError),
    /// The graph cannot be put together.
    #[error("the model cannot be certified")]
    Graph(#[source] GraphError),
    /// A model of a kind that is not certified.
    #[error("the model cannot be certified: {reason}")]
    Kind {
        /// What about it.
        reason: &'static str,
    },
    /// What is asked cannot be smoothed.
    #[error("nothing can be certified by smoothing: {reason}")]
    Smoothing {
        /// What is in the way.
        reason: &'static str,
    },
    /// A radius is too large for the noise and the number of votes.
    #[error("no sample can be certified within {eps}: so many votes reach a radius of at most {reach:.4}")]
    Reach {
        /// The radius of the question.
        eps: f64,
        /// The largest radius.
        reach: f64,
        /// Votes that would reach it, where there are so many.
        votes: Option<usize>,
    },
    /// A file of a property cannot be read.
    #[error("{path} is not a property that this program can read")]
    Property {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        #[source]
        source: CertifyError,
    },
    /// Network and property differ in size.
    #[error("the property has {found} {role}; the network has {expected}")]
    Size {
        /// `inputs` or `outputs`.
        role: &'static str,
        /// Those of the network.
        expected: usize,
        /// Those of the property.
        found: usize,
    },
    /// The query declares a network of another name.
    #[error("the property is about the network `{expected}`, and `{found}` is given")]
    Undeclared {
        /// Name in the property.
        expected: String,
        /// Name that was given.
        found: String,
    },
    /// A list of instances cannot be read.
    #[error("{path}, line {line}: {problem}")]
    Instances {
        /// The file.
        path: PathBuf,
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// The runtime refuses.
    #[error("{0}")]
    Engine(#[from] EngineError),
    /// The original file cannot be asked.
    #[error("{0}")]
    Oracle(#[from] OracleError),
    /// A file cannot be read or written.
    #[error("{0}")]
    File(#[from] FileError),
    /// The run on disk cannot be gone on with.
    #[error("{0}")]
    Ledger(#[from] LedgerError),
    /// A setting cannot be used.
    #[error("{0}")]
    Setting(#[from] SettingError),
    /// The folder holds a run of another question.
    #[error("the folder {folder} contains another run: its {fact} is {found}, but {expected} was given now")]
    Other {
        /// The folder.
        folder: PathBuf,
        /// What differs.
        fact: String,
        /// What the folder says.
        found: String,
        /// What is asked.
        expected: String,
    },
    /// The folder holds a run, and it is not to be gone on with.
    #[error("the folder {folder} already contains a run")]
    Exists {
        /// The folder.
        folder: PathBuf,
    },
    /// There is no run to go on with.
    #[error("the folder {folder} contains no run to continue")]
    Nothing {
        /// The folder.
        folder: PathBuf,
    },
    /// What the folder holds cannot be checked again.
    #[error("the run in {folder} cannot be checked again: {reason}")]
    Unfinished {
        /// The folder.
        folder: PathBuf,
        /// Why.
        reason: &'static str,
    },
    /// The same sample is broken and certified.
    #[error(
        "sample {sample} is both certified and broken at the same radius; one of the two results is wrong, which is an error in this program"
    )]
    Contradiction {
        /// Number of the sample.
        sample: usize,
    },
}
