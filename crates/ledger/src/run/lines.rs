//! Append-only files of JSON lines.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::LedgerError;
use brinell_record::FileError;

/// A file of JSON lines that is only ever appended to.
#[derive(Debug)]
pub struct Lines {
    path: PathBuf,
    file: File,
}

impl Lines {
    /// Opens the file, returns what it holds, and cuts off an incomplete last line.
    ///
    /// # Errors
    /// [`LedgerError::File`]; [`LedgerError::Damaged`] where a complete line is not what it should be.
    pub fn open<T: DeserializeOwned>(path: &Path) -> Result<(Self, Vec<T>), LedgerError> {
        let mut file = File::options().read(true).append(true).create(true).open(path).map_err(FileError::on("open", path))?;
        let bytes = std::fs::read(path).map_err(FileError::on("read", path))?;
        let complete = bytes.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
        if complete < bytes.len() {
            file.set_len(u64::try_from(complete).unwrap_or(u64::MAX)).map_err(FileError::on("repair", path))?;
        }
        let values = parse(path, bytes.get(..complete).unwrap_or_default())?;
        file.flush().map_err(FileError::on("open", path))?;
        Ok((Self { path: path.to_path_buf(), file }, values))
    }

    /// Appends one line in a single write.
    ///
    /// # Errors
    /// [`LedgerError::File`], for instance on a full disk; the incomplete line is cut off when the run is resumed.
    pub fn append<T: Serialize>(&mut self, value: &T) -> Result<(), LedgerError> {
        let mut line = serde_json::to_vec(value)
            .map_err(|error| LedgerError::Damaged { path: self.path.clone(), problem: format!("a line cannot be written: {error}") })?;
        line.push(b'\n');
        Ok(self.file.write_all(&line).map_err(FileError::on("write to", &self.path))?)
    }
}

/// Writes a file of JSON lines anew, in one step.
///
/// # Errors
/// [`LedgerError::File`].
pub(super) fn write_whole<T: Serialize>(path: &Path, values: &[T]) -> Result<(), LedgerError> {
    let mut bytes = Vec::new();
    for value in values {
        let line = serde_json::to_vec(value)
            .map_err(|error| LedgerError::Damaged { path: path.to_path_buf(), problem: format!("a line cannot be written: {error}") })?;
        bytes.extend(line);
        bytes.push(b'\n');
    }
    let partial = path.with_extension("partial");
    std::fs::write(&partial, bytes).map_err(FileError::on("write", &partial))?;
    Ok(std::fs::rename(&partial, path).map_err(FileError::on("write", path))?)
}

/// Reads a file of JSON lines that no run is writing to.
///
/// # Errors
/// [`LedgerError::File`]; [`LedgerError::Damaged`] where a line is not what it should be.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, LedgerError> {
    parse(path, &std::fs::read(path).map_err(FileError::on("read", path))?)
}

fn parse<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<Vec<T>, LedgerError> {
    let lines = bytes.split(|&b| b == b'\n').enumerate().filter(|(_, line)| !line.is_empty());
    let damaged = |number: usize, error: serde_json::Error| LedgerError::Damaged {
        path: path.to_path_buf(),
        problem: format!("line {}: {error}", number + 1),
    };
    lines.map(|(number, line)| serde_json::from_slice(line).map_err(|error| damaged(number, error))).collect()
}
