//! A finished run, read back from its folder.

use std::path::Path;

use brinell_record::{SUMMARY_SCHEMA, Summary};
use serde::de::DeserializeOwned;

use super::agree;
use crate::{Completed, ProtocolError};

/// Reads the record of a finished run.
///
/// # Guarantees
/// Every count and rate of the summary was computed again from `record.jsonl` and is equal; flags, times and settings cannot be,
/// and are as they stand in the file.
///
/// # Errors
/// [`ProtocolError::NoRun`] where the folder holds no finished run, [`ProtocolError::Schema`] where another version wrote it,
/// [`ProtocolError::Disagrees`] where the summary says something else than the record, [`ProtocolError::Damaged`],
/// [`ProtocolError::Io`].
pub fn read(folder: &Path) -> Result<Completed, ProtocolError> {
    let path = folder.join("summary.json");
    if !path.is_file() {
        let stopped = folder.join("run.json").is_file();
        return Err(ProtocolError::NoRun { path: folder.to_path_buf(), stopped });
    }
    let summary: Summary = json(&path)?;
    if summary.schema != SUMMARY_SCHEMA {
        return Err(ProtocolError::Schema { path, found: summary.schema, expected: SUMMARY_SCHEMA });
    }
    let mut samples = super::lines::read(&folder.join("record.jsonl"))?;
    samples.sort_by_key(|record: &brinell_record::SampleRecord| record.sample);
    let gallery = json(&folder.join("gallery.json"))?;
    agree::check(folder, &summary, &samples, &gallery)?;
    Ok(Completed { summary, samples, gallery })
}

fn json<T: DeserializeOwned>(path: &Path) -> Result<T, ProtocolError> {
    let bytes = std::fs::read(path).map_err(ProtocolError::io("read", path))?;
    serde_json::from_slice(&bytes).map_err(|error| ProtocolError::Damaged { path: path.to_path_buf(), problem: error.to_string() })
}
