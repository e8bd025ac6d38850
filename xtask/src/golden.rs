//! Golden files come from scripts that run other people's software; this checks that nobody edited them.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// Compares every file that a `manifest.json` under `tests` lists with its SHA-256.
pub(crate) fn check() -> Result<(), String> {
    let mut manifests = Vec::new();
    find(&crate::root().join("tests"), &mut manifests)?;
    if manifests.is_empty() {
        return Err("golden: no tests/**/manifest.json".to_owned());
    }
    let mut checked = 0;
    let mut wrong = Vec::new();
    for manifest in &manifests {
        let folder = manifest.parent().unwrap_or(Path::new(""));
        let text = std::fs::read(manifest).map_err(|error| format!("golden: {}: {error}", manifest.display()))?;
        let value: serde_json::Value = serde_json::from_slice(&text).map_err(|error| format!("golden: {}: {error}", manifest.display()))?;
        let files = value.get("files").and_then(serde_json::Value::as_object);
        let files = files.ok_or_else(|| format!("golden: {} lists no files", manifest.display()))?;
        for (name, expected) in files {
            let path = folder.join(name);
            let bytes = std::fs::read(&path).map_err(|error| format!("golden: {}: {error}", path.display()))?;
            let found: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            checked += 1;
            if expected.as_str() != Some(found.as_str()) {
                wrong.push(path.display().to_string());
            }
        }
    }
    if wrong.is_empty() {
        println!("golden: {checked} files are as their scripts wrote them");
        Ok(())
    } else {
        Err(format!("golden: changed since their script wrote them:\n  {}", wrong.join("\n  ")))
    }
}

fn find(folder: &Path, manifests: &mut Vec<PathBuf>) -> Result<(), String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let path = entry.map_err(|error| format!("golden: {error}"))?.path();
        if path.is_dir() {
            find(&path, manifests)?;
        } else if path.file_name().is_some_and(|name| name == "manifest.json") {
            manifests.push(path);
        }
    }
    Ok(())
}
