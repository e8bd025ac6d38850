//! Taking files that were replaced on purpose, such as a retrained model, into the claims about them.

use std::path::Path;

use brinell_ledger::reason::{id, reason};
use brinell_record::{FileError, Reason};

use super::outside::Digests;
use super::read::Source;
use crate::ClaimError;

/// What a claim rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Differs {
    /// A model, or the files of its weights.
    Model,
    /// The data and their labels.
    Data,
}

/// A file that is not the one that a claim names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What the file is.
    pub what: Differs,
    /// The file, as the claim names it.
    pub path: String,
    /// The SHA-256 that the claim names.
    pub claimed: String,
    /// The SHA-256 of the file on disk.
    pub found: String,
}

impl Difference {
    /// Returns it as the reason of a stale verdict.
    pub(super) fn reason(&self) -> Reason {
        let Self { what, path, claimed, found } = self;
        let id = match what {
            Differs::Model => id::MODEL_CHANGED,
            Differs::Data => id::DATA_CHANGED,
        };
        reason(id, format!("the claim names {path} with SHA-256 {claimed}, but the file there has {found}"))
    }
}

/// Returns the files that are not those that the claims of a file name, each once.
///
/// # Errors
/// [`ClaimError::File`] and [`ClaimError::Audit`] where a file is missing or cannot be read.
pub fn differences(source: &Source) -> Result<Vec<Difference>, ClaimError> {
    let mut digests = Digests::default();
    let mut found = Vec::new();
    for claim in &source.file.claims {
        for difference in digests.of(source, claim)?.1 {
            if !found.contains(&difference) {
                found.push(difference);
            }
        }
    }
    Ok(found)
}

/// Writes the digests of the files on disk into a claim file. Everything else in it, comments included, stays as it is.
///
/// # Errors
/// [`ClaimError::Digest`] where a digest cannot be exchanged without touching another, [`ClaimError::File`].
pub fn update(source: &Source, taken: &[Difference]) -> Result<(), ClaimError> {
    let path = &source.path;
    let mut text = std::fs::read_to_string(path).map_err(FileError::on("read", path))?;
    let others: Vec<Difference> = differences(source)?.into_iter().filter(|difference| !taken.contains(difference)).collect();
    for difference in taken {
        let Difference { claimed, found, .. } = difference;
        if claimed.is_empty() || found.is_empty() {
            return Err(by_hand(path, difference));
        }
        text = text.replace(claimed.as_str(), found);
    }
    // The same digest may stand for two files of which one was replaced: what is left to differ tells.
    let left = differences(&Source::of_bytes(path, text.as_bytes())?)?;
    if let Some(difference) = left.into_iter().find(|difference| !others.contains(difference)) {
        return Err(by_hand(path, &difference));
    }
    let partial = path.with_extension("partial");
    std::fs::write(&partial, text).map_err(FileError::on("write", &partial))?;
    Ok(std::fs::rename(&partial, path).map_err(FileError::on("write", path))?)
}

fn by_hand(path: &Path, difference: &Difference) -> ClaimError {
    ClaimError::Digest { path: path.to_path_buf(), file: difference.path.clone(), found: difference.found.clone() }
}
