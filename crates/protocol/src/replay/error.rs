//! Why counterexamples cannot be judged again.

use std::path::PathBuf;

/// Evidence or a run that cannot be replayed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The folder is neither.
    #[error(
        "{} holds neither the evidence of a claim (manifest.json) nor a finished run (summary.json and adversarial.npz)",
        path.display()
    )]
    Nothing {
        /// The folder.
        path: PathBuf,
    },
    /// A file is not what was written.
    #[error("{}: tampered with: {problem}", path.display())]
    Tampered {
        /// The folder.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The model or the data are others.
    #[error("{} has SHA-256 {found}, but what is to be replayed is about {expected}; name the right file with {flag}", path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// Its digest.
        found: String,
        /// The digest in the record.
        expected: String,
        /// The option that names the file.
        flag: &'static str,
    },
    /// The model or the data are not where they were.
    #[error("no such file: {}; name it with {flag}", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// The option that names the file.
        flag: &'static str,
    },
}
