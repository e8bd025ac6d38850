//! A finished run, read back from its folder.

use std::path::Path;

use brinell_record::{FileError, SUMMARY_SCHEMA, Summary};
use serde::de::DeserializeOwned;

use super::Completed;
use super::{agree, first, read_identity};
use crate::LedgerError;

/// Reads the record of a finished run.
///
/// # Guarantees
/// Every count and rate of the summary was computed again from `record.jsonl` and is equal; flags, times and settings cannot be,
/// and are as they stand in the file.
///
/// # Errors
/// [`LedgerError::NoRun`] where the folder holds no finished run, [`LedgerError::OneShard`] where it holds a part of one, [`LedgerError::Schema`] where another version wrote it,
/// [`LedgerError::Disagrees`] where the summary says something else than the record, [`LedgerError::Damaged`],
/// [`LedgerError::File`].
pub fn read(folder: &Path) -> Result<Completed, LedgerError> {
    let path = folder.join("summary.json");
    if !path.is_file() {
        let begun = folder.join("run.json");
        let stopped = begun.is_file();
        if let Some(shard) = stopped.then(|| read_identity(&begun)).transpose()?.and_then(|identity| identity.shard) {
            return Err(LedgerError::OneShard { path: folder.to_path_buf(), shard });
        }
        return Err(LedgerError::NoRun { path: folder.to_path_buf(), stopped });
    }
    let value: serde_json::Value = json(&path)?;
    let value = match value.get("schema").and_then(serde_json::Value::as_str).unwrap_or("none") {
        SUMMARY_SCHEMA => value,
        first::SCHEMA => first::upgrade(value, SUMMARY_SCHEMA),
        other => return Err(LedgerError::Schema { path, found: other.to_owned(), expected: SUMMARY_SCHEMA }),
    };
    let summary: Summary =
        serde_json::from_value(value).map_err(|error| LedgerError::Damaged { path: path.clone(), problem: error.to_string() })?;
    let mut samples = super::lines::read(&folder.join("record.jsonl"))?;
    samples.sort_by_key(|record: &brinell_record::SampleRecord| record.sample);
    let gallery = json(&folder.join("gallery.json"))?;
    agree::check(folder, &summary, &samples, &gallery)?;
    Ok(Completed { summary, samples, gallery })
}

fn json<T: DeserializeOwned>(path: &Path) -> Result<T, LedgerError> {
    let bytes = std::fs::read(path).map_err(FileError::on("read", path))?;
    serde_json::from_slice(&bytes).map_err(|error| LedgerError::Damaged { path: path.to_path_buf(), problem: error.to_string() })
}
