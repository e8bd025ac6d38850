//! Why claims cannot be checked, or counterexamples judged again.

use std::fmt;
use std::path::{Path, PathBuf};

use brinell_audit::AuditError;
use brinell_data::DataError;
use brinell_ledger::LedgerError;
use brinell_record::FileError;
use brinell_subject::SubjectError;

/// A claim, or evidence, that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimError {
    /// The audit that decides the claim cannot run.
    #[error("{0}")]
    Audit(#[from] AuditError),
    /// What is on disk cannot be used.
    #[error("{0}")]
    Ledger(#[from] LedgerError),
    /// A file cannot be read or written.
    #[error("{0}")]
    File(#[from] FileError),
    /// Neither TOML nor YAML by its name.
    #[error("{} is not a claim file; the name of a claim file ends in .toml, .yaml or .yml", path.display())]
    Name {
        /// The file.
        path: PathBuf,
    },
    /// The text is not what its name says.
    #[error("{} is not valid {format}: {problem}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// `TOML` or `YAML`.
        format: &'static str,
        /// The parser's words, with the line.
        problem: String,
    },
    /// A key is missing, unknown or has a value that cannot be used.
    #[error("{}{}: {key}: {problem}", path.display(), line.map_or_else(String::new, |line| format!(":{line}")))]
    Key {
        /// The file.
        path: PathBuf,
        /// The line of the key, or of the table that lacks it, counted from 1; `None` if the file has neither.
        line: Option<usize>,
        /// The key, such as `claim[0].threat.eps`.
        key: String,
        /// What is wrong and what would do.
        problem: String,
    },
    /// A folder of claims holds none.
    #[error("{} contains no claim files; their names end in .toml, .yaml or .yml", path.display())]
    Empty {
        /// The folder.
        path: PathBuf,
    },
    /// The data are fewer than the claim says.
    #[error("{} has {found} samples, but population.n in the claim is {asked}", path.display())]
    Samples {
        /// The data.
        path: PathBuf,
        /// What the claim says.
        asked: usize,
        /// What there is.
        found: usize,
    },
    /// A digest of a claim file cannot be exchanged for another by itself.
    #[error(
        "{}: the digest of {file} cannot be updated: {}",
        path.display(),
        if found.is_empty() { "the model no longer has weights in other files" } else { "another file has the same digest" }
    )]
    Digest {
        /// The claim file.
        path: PathBuf,
        /// The file whose digest it is.
        file: String,
        /// The file's digest now; empty where there is none.
        found: String,
    },
    /// The file to be written exists.
    #[error("{} exists already", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A run that no claim can be made from.
    #[error("no claim can be made from {}: {problem}", path.display())]
    Run {
        /// The folder of the run.
        path: PathBuf,
        /// Why not.
        problem: String,
    },
    /// A run that looked for the nearest examples.
    #[error("{} looked for the smallest changes, without a radius, but a claim needs a radius", path.display())]
    Nearest {
        /// The folder of the run.
        path: PathBuf,
    },
    /// The text is no property that a claim could be about.
    #[error("`{text}` is not a known property; the properties are {known}")]
    NoProperty {
        /// The text as given.
        text: String,
        /// How properties are written.
        known: &'static str,
    },
    /// The folder holds nothing that could be judged again.
    #[error(
        "{} contains neither evidence of a claim (manifest.json) nor a finished run (summary.json and adversarial.npz)",
        path.display()
    )]
    Nothing {
        /// The folder.
        path: PathBuf,
    },
    /// A file is not the one that is to be judged again.
    #[error("{} has SHA-256 {found}, but the counterexamples were found on a file with SHA-256 {expected}", path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// Its digest.
        found: String,
        /// The digest in the record.
        expected: String,
        /// What the file is.
        role: Role,
    },
    /// A file is not where it was.
    #[error("the {role} is missing: {} does not exist", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// What the file is.
        role: Role,
    },
}

/// What a file is to a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The model.
    Model,
    /// Where the second model of an `equal` claim is now, if it was moved.
    OtherModel,
    /// The data.
    Data,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Model => "model",
            Self::OtherModel => "other model",
            Self::Data => "data file",
        })
    }
}

impl From<SubjectError> for ClaimError {
    fn from(error: SubjectError) -> Self {
        Self::Audit(error.into())
    }
}

impl From<DataError> for ClaimError {
    fn from(error: DataError) -> Self {
        SubjectError::from(error).into()
    }
}

impl ClaimError {
    /// The user stopped the work.
    pub const INTERRUPTED: Self = Self::Audit(AuditError::INTERRUPTED);

    /// Returns true where the user stopped the work, which can be gone on with.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        matches!(self, Self::Audit(error) if error.is_interrupted())
    }

    /// Returns an error about a key.
    pub(super) fn key(path: &Path, key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Key { path: path.to_path_buf(), line: None, key: key.into(), problem: problem.into() }
    }
}
