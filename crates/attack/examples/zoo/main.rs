//! Measures exported models: `zoo FOLDER` prints one JSON object for each model that `tests/zoo/export.py` wrote to the folder.
//! `cargo xtask zoo` runs it and makes a table of what it says.
#![expect(clippy::print_stdout, reason = "the measurements are what the program is for")]

mod measure;
mod model;
mod reference;
mod slope;
mod step;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use brinell_engine::{Running, Runtime, RuntimeChoice, open};
use serde_json::{Value, json};

use crate::reference::Reference;

/// The runtimes that models are run on; ONNX Runtime may be missing.
struct Runtimes {
    ort: Option<Arc<dyn Runtime>>,
    rten: Arc<dyn Runtime>,
}

fn main() -> Result<(), String> {
    let folder = std::env::args().nth(1).map(PathBuf::from).ok_or("usage: zoo FOLDER")?;
    let settings = Running::default();
    let ort = open(&Running { runtime: RuntimeChoice::OnnxRuntime, ..settings.clone() }).ok();
    let rten = open(&Running { runtime: RuntimeChoice::Rten, ..settings.clone() }).map_err(|e| e.to_string())?;
    let version = |runtime: &Arc<dyn Runtime>| Value::from(runtime.version());
    println!("{}", json!({ "onnxruntime": ort.as_ref().map(version), "rten": version(&rten) }));
    let runtimes = Runtimes { ort, rten };
    for path in files(&folder)? {
        println!("{}", describe(&path, &runtimes));
    }
    Ok(())
}

/// What stands for a model: its reference, or the note that says why it could not be exported.
fn files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    let stands = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.ends_with(".safetensors") || (name.ends_with(".json") && name != "versions.json" && name != "manifest.json")
    };
    paths.retain(stands);
    paths.sort();
    Ok(paths)
}

fn describe(path: &Path, runtimes: &Runtimes) -> Value {
    let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    if path.extension().is_some_and(|extension| extension == "json") {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        return serde_json::from_str(&text).unwrap_or_else(|e| json!({ "architecture": name, "failure": e.to_string() }));
    }
    let reference = match Reference::read(path) {
        Ok(reference) => reference,
        Err(problem) => return json!({ "architecture": name, "failure": problem }),
    };
    let mut facts = reference.facts.clone();
    if let Some(object) = facts.as_object_mut() {
        measure::measure(&path.with_extension("onnx"), &reference, runtimes, object);
    }
    facts
}
