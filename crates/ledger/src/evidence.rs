//! The evidence of one claim on disk: sealed by digests, and read only where every byte is what was written.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use brinell_record::{EVIDENCE_SCHEMA, FileError, FileHash, Manifest, Reason, VERDICT_SCHEMA, Verdict};

use super::reason::{id, reason};
use crate::run::write_json;
use brinell_record::hash;

use crate::LedgerError;

/// What was found out, in the folder of a claim's evidence.
pub const VERDICT: &str = "verdict.json";

/// Digests of everything that the verdict rests on.
pub const MANIFEST: &str = "manifest.json";

/// Names that are no evidence: locks, and what a kill left half written.
const PASSING: [&str; 3] = [".lock", ".partial", ".part"];

/// Returns true where the folder holds the evidence of a claim.
pub fn is_evidence(path: &Path) -> bool {
    path.join(MANIFEST).exists() || path.join(VERDICT).exists()
}

/// What a claim rests on outside its folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outside {
    /// The claim file, with the digest of what in it decides the claim.
    pub claim: FileHash,
    /// Models and the files of their weights.
    pub models: Vec<FileHash>,
    /// Data and the file of class names.
    pub data: Vec<FileHash>,
    /// The suite, where it stands in a file.
    pub suite: Option<FileHash>,
}

/// What a folder of evidence holds.
#[derive(Debug)]
pub enum Stored {
    /// Nothing.
    Nothing,
    /// Work that was stopped before a verdict.
    Begun,
    /// A verdict about this very claim, model, data and version, every byte as it was written.
    Sealed(Box<Verdict>),
    /// A verdict about another claim, model, data or version, every byte as it was written.
    Other(Vec<Reason>),
    /// Files that are not as they were written.
    Stale(Vec<Reason>),
}

/// Takes the evidence folder for this process; it is given back when the file is dropped.
///
/// # Errors
/// [`LedgerError::Busy`] where another process has it, [`LedgerError::File`].
pub fn lock(folder: &Path) -> Result<File, LedgerError> {
    std::fs::create_dir_all(folder).map_err(FileError::on("create the folder", folder))?;
    let path = folder.join(".lock");
    let file =
        File::options().write(true).create(true).truncate(false).open(&path).map_err(FileError::on("write to the folder", folder))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(LedgerError::Busy { path: folder.to_path_buf() }),
        Err(std::fs::TryLockError::Error(source)) => Err(FileError { doing: "lock", path, source }.into()),
    }
}

/// Reads what a folder holds and compares it with what is outside.
///
/// # Errors
/// [`LedgerError::File`].
pub fn read(folder: &Path, outside: &Outside) -> Result<Stored, LedgerError> {
    let (verdict_path, manifest_path) = (folder.join(VERDICT), folder.join(MANIFEST));
    match (verdict_path.exists(), manifest_path.exists()) {
        (false, false) if folder.exists() => return Ok(Stored::Begun),
        (false, false) => return Ok(Stored::Nothing),
        _ => {}
    }
    let manifest = match intact(folder)? {
        Ok(manifest) => manifest,
        Err(reasons) => return Ok(Stored::Stale(reasons)),
    };
    let mut reasons = Vec::new();
    if manifest.brinell_version != env!("CARGO_PKG_VERSION") {
        let text = format!("it was decided by brinell {}, and this is brinell {}", manifest.brinell_version, env!("CARGO_PKG_VERSION"));
        reasons.push(reason(id::TOOL_CHANGED, text));
    }
    // The digests of model and data are part of the claim.
    let same_files = manifest.models == outside.models && manifest.data == outside.data;
    if manifest.claim != outside.claim && same_files {
        reasons.push(reason(id::CLAIM_CHANGED, format!("{} has changed since it was decided", outside.claim.path)));
    }
    if manifest.suite != outside.suite {
        let name = outside.suite.as_ref().or(manifest.suite.as_ref()).map_or("the suite", |file| &file.path);
        reasons.push(reason(id::CLAIM_CHANGED, format!("the suite {name} has changed since it was run")));
    }
    reasons.extend(changed(id::MODEL_CHANGED, &manifest.models, &outside.models));
    reasons.extend(changed(id::DATA_CHANGED, &manifest.data, &outside.data));
    if !reasons.is_empty() {
        return Ok(Stored::Other(reasons));
    }
    let bytes = std::fs::read(&verdict_path).map_err(FileError::on("read", &verdict_path))?;
    Ok(match serde_json::from_slice::<Verdict>(&bytes) {
        Ok(verdict) if verdict.schema == VERDICT_SCHEMA => Stored::Sealed(Box::new(verdict)),
        _ => Stored::Stale(vec![reason(id::TAMPERED, format!("{VERDICT} was not written by this version"))]),
    })
}

fn changed(id: &str, before: &[FileHash], now: &[FileHash]) -> Option<Reason> {
    if before == now {
        return None;
    }
    let other = now.iter().find(|file| !before.contains(file)).or(before.first());
    Some(reason(id, format!("{} has changed since the claim was decided", other.map_or("something", |file| &file.path))))
}

/// Returns the manifest of a folder, or what was tampered with.
///
/// # Errors
/// [`LedgerError::File`].
pub fn intact(folder: &Path) -> Result<Result<Manifest, Vec<Reason>>, LedgerError> {
    let tampered = |text: String| Ok(Err(vec![reason(id::TAMPERED, text)]));
    let path = folder.join(MANIFEST);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return tampered(format!("{MANIFEST} is missing")),
        Err(error) => return Err(FileError::on("read", &path)(error).into()),
    };
    // Only the very bytes that this program writes pass: a change that a JSON reader would overlook is one, too.
    let manifest = match serde_json::from_slice::<Manifest>(&bytes) {
        Ok(manifest) if manifest.schema == EVIDENCE_SCHEMA && text(&manifest) == bytes => manifest,
        _ => return tampered(format!("{MANIFEST} was changed")),
    };
    let now = digests(folder)?;
    let mut wrong = Vec::new();
    for file in &manifest.files {
        match now.get(&file.path) {
            None => wrong.push(format!("{} is missing", file.path)),
            Some(sha256) if *sha256 != file.sha256 => wrong.push(format!("{} was changed", file.path)),
            Some(_) => {}
        }
    }
    for path in now.keys().filter(|path| manifest.files.iter().all(|file| file.path != **path)) {
        wrong.push(format!("{path} is not listed in {MANIFEST}"));
    }
    if !now.contains_key(VERDICT) {
        wrong.push(format!("{VERDICT} is missing"));
    }
    if wrong.is_empty() { Ok(Ok(manifest)) } else { tampered(wrong.join("; ")) }
}

fn text(manifest: &Manifest) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(manifest).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// Removes what seals a folder: work goes on in it.
///
/// # Errors
/// [`LedgerError::File`].
pub fn open(folder: &Path) -> Result<(), LedgerError> {
    std::fs::create_dir_all(folder).map_err(FileError::on("create the folder", folder))?;
    for name in [MANIFEST, VERDICT] {
        remove(&folder.join(name), |path| std::fs::remove_file(path))?;
    }
    Ok(())
}

/// Removes the evidence of a claim.
///
/// # Errors
/// [`LedgerError::File`].
pub fn discard(folder: &Path) -> Result<(), LedgerError> {
    remove(folder, |path| std::fs::remove_dir_all(path))
}

fn remove(path: &Path, how: impl FnOnce(&Path) -> std::io::Result<()>) -> Result<(), LedgerError> {
    match how(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(FileError::on("remove", path)(error).into()),
        _ => Ok(()),
    }
}

/// Writes verdict and manifest; from here on every byte counts.
///
/// # Errors
/// [`LedgerError::File`].
pub fn seal(folder: &Path, verdict: &mut Verdict, outside: &Outside) -> Result<(), LedgerError> {
    open(folder)?;
    verdict.files = list(digests(folder)?);
    write_json(&folder.join(VERDICT), verdict)?;
    let manifest = Manifest {
        schema: EVIDENCE_SCHEMA.to_owned(),
        brinell_version: verdict.brinell_version.clone(),
        claim: outside.claim.clone(),
        models: outside.models.clone(),
        data: outside.data.clone(),
        suite: outside.suite.clone(),
        files: list(digests(folder)?),
    };
    write_json(&folder.join(MANIFEST), &manifest)
}

fn list(digests: BTreeMap<String, String>) -> Vec<FileHash> {
    digests.into_iter().map(|(path, sha256)| FileHash { path, sha256 }).collect()
}

/// Returns the digest of every file below a folder but the manifest, by path. A link would lead to bytes that no digest here protects.
fn digests(folder: &Path) -> Result<BTreeMap<String, String>, LedgerError> {
    let mut found = BTreeMap::new();
    let mut todo: Vec<(PathBuf, String)> = vec![(folder.to_path_buf(), String::new())];
    while let Some((place, prefix)) = todo.pop() {
        let entries = std::fs::read_dir(&place).map_err(FileError::on("read", &place))?;
        for entry in entries {
            let entry = entry.map_err(FileError::on("read", &place))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let (path, relative) = (entry.path(), format!("{prefix}{name}"));
            let kind = entry.file_type().map_err(FileError::on("read", &path))?;
            if !kind.is_dir() && !kind.is_file() {
                return Err(LedgerError::Tampered { path: folder.to_path_buf(), problem: format!("{relative} is not a regular file") });
            }
            if kind.is_dir() {
                todo.push((path, format!("{relative}/")));
            } else if relative != MANIFEST && !PASSING.iter().any(|ending| name.ends_with(ending)) {
                found.insert(relative, hash::sha256_file(&path).map_err(FileError::on("read", &path))?);
            }
        }
    }
    Ok(found)
}
