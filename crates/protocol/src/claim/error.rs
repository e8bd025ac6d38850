//! What can be wrong with a claim file.

use std::path::{Path, PathBuf};

/// A claim file that cannot be checked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimError {
    /// Neither TOML nor YAML by its name.
    #[error("{} is no claim file by its name; claims end in .toml, .yaml or .yml", path.display())]
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
    #[error("{}: {key}: {problem}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// The key, such as `claim[0].threat.eps`.
        key: String,
        /// What is wrong and what would do.
        problem: String,
    },
    /// A folder of claims holds none.
    #[error("{} holds no claims; claims end in .toml, .yaml or .yml", path.display())]
    Empty {
        /// The folder.
        path: PathBuf,
    },
    /// The data are fewer than the claim says.
    #[error("{} holds {found} samples, fewer than the {asked} of population.n", path.display())]
    Samples {
        /// The data.
        path: PathBuf,
        /// What the claim says.
        asked: usize,
        /// What there is.
        found: usize,
    },
    /// Another process works on the evidence.
    #[error("another check is writing to {}; wait for it to end", path.display())]
    Busy {
        /// The folder of the evidence.
        path: PathBuf,
    },
    /// The file to be written exists.
    #[error("{} exists already; choose another file with --out", path.display())]
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
}

impl ClaimError {
    /// Returns an error about a key.
    pub(super) fn key(path: &Path, key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Key { path: path.to_path_buf(), key: key.into(), problem: problem.into() }
    }
}
