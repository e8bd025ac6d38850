//! Verdicts read back from their evidence.

use std::path::{Path, PathBuf};

use brinell_record::{CheckedClaim, FileError, VERDICT_SCHEMA, Verdict};

use super::evidence;
use crate::LedgerError;

/// Reads the verdicts in a folder: of one claim's evidence, or of every claim in `NAME.evidence`. Empty where it holds no evidence.
///
/// # Guarantees
/// Every byte of the evidence is what was written. Whether claim, model and data still are is for a check to say.
///
/// # Errors
/// [`LedgerError::Tampered`], [`LedgerError::Schema`], [`LedgerError::File`].
pub fn stored(path: &Path) -> Result<Vec<CheckedClaim>, LedgerError> {
    if evidence::is_evidence(path) {
        return Ok(vec![one(path)?]);
    }
    let Ok(entries) = std::fs::read_dir(path) else { return Ok(Vec::new()) };
    let mut folders: Vec<PathBuf> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|folder| evidence::is_evidence(folder)).collect();
    folders.sort();
    folders.iter().map(|folder| one(folder)).collect()
}

fn one(folder: &Path) -> Result<CheckedClaim, LedgerError> {
    let tampered = |problem: String| LedgerError::Tampered { path: folder.to_path_buf(), problem };
    if let Err(reasons) = evidence::intact(folder)? {
        return Err(tampered(reasons.into_iter().map(|reason| reason.text).collect::<Vec<_>>().join("; ")));
    }
    let path = folder.join(evidence::VERDICT);
    let bytes = std::fs::read(&path).map_err(FileError::on("read", &path))?;
    let verdict: Verdict = serde_json::from_slice(&bytes).map_err(|error| tampered(error.to_string()))?;
    if verdict.schema != VERDICT_SCHEMA {
        return Err(LedgerError::Schema { path, found: verdict.schema, expected: VERDICT_SCHEMA });
    }
    // The evidence lies in NAME.evidence/ID beside the claim file.
    let whole = folder.canonicalize().map_err(FileError::on("read", folder))?;
    let beside = whole.parent().and_then(Path::parent).unwrap_or(Path::new(""));
    let file = beside.join(&verdict.claim_file.path).display().to_string();
    Ok(CheckedClaim { file, evidence: folder.display().to_string(), unchanged: true, replaced: Vec::new(), verdict })
}
