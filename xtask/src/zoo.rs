//! The zoo: whole architectures as exporters write them, measured beside PyTorch and ONNX Runtime.
//!
//! `tests/zoo/export.py` writes models and what PyTorch says about them; the example `zoo` of the attack crate measures; this starts
//! both and writes SUPPORTED.md.

mod table;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use table::Table;

const FILE: &str = "SUPPORTED.md";

/// What is asked for.
#[derive(Default)]
struct Options {
    /// Only the models that are kept in the repository.
    short: bool,
    /// Beginnings of names; all where empty.
    only: Vec<String>,
    /// Where the measurements go as JSON.
    json: Option<PathBuf>,
    /// Measure what was exported before.
    exported: bool,
    /// Measurements that `--json` wrote, in place of new ones.
    from: Option<PathBuf>,
}

impl Options {
    fn parse(arguments: &[&str]) -> Result<Self, String> {
        let mut options = Self::default();
        let mut rest = arguments.iter();
        while let Some(&argument) = rest.next() {
            let mut value = || rest.next().ok_or_else(|| format!("zoo: {argument} needs a value"));
            match argument {
                "--short" => options.short = true,
                "--exported" => options.exported = true,
                "--only" => options.only.extend(value()?.split(',').map(str::to_owned)),
                "--from" => options.from = Some(PathBuf::from(value()?)),
                "--json" => options.json = Some(PathBuf::from(value()?)),
                other => return Err(format!("zoo: unknown argument `{other}`")),
            }
        }
        Ok(options)
    }
}

/// Exports, measures and reports; SUPPORTED.md is written where the whole zoo was measured.
pub(crate) fn run(arguments: &[&str]) -> Result<(), String> {
    let options = Options::parse(arguments)?;
    let all = match &options.from {
        Some(path) => read(path)?,
        None => fresh(&options)?,
    };
    if let Some(path) = &options.json {
        std::fs::write(path, format!("{all:#}\n")).map_err(|error| format!("zoo: {}: {error}", path.display()))?;
    }
    let part = |name: &str| all.get(name).ok_or_else(|| format!("zoo: the measurements have no `{name}`"));
    let wanted = |facts: &Value| {
        let name = facts.get("architecture").and_then(Value::as_str).unwrap_or_default();
        options.only.is_empty() || options.only.iter().any(|only| name.starts_with(only.as_str()))
    };
    let models: Vec<Value> = part("models")?.as_array().into_iter().flatten().filter(|facts| wanted(facts)).cloned().collect();
    if models.is_empty() {
        return Err("zoo: no such model was measured".to_owned());
    }
    let shipped = all.get("shipped").and_then(Value::as_array).cloned().unwrap_or_default();
    let table = Table::new(part("runtimes")?, part("versions")?, &models, &shipped);
    if options.short || !options.only.is_empty() {
        print!("{}", table.rows());
    } else {
        let path = crate::root().join(FILE);
        std::fs::write(&path, table.page()).map_err(|error| format!("zoo: {}: {error}", path.display()))?;
    }
    println!("zoo: {}", table.summary());
    // What the whole zoo shows is a result, what the short one shows must be right.
    if options.short && !table.failures().is_empty() { Err(format!("zoo:\n{}", table.failures())) } else { Ok(()) }
}

/// Measures files of packages that are installed beside the Python that exports.
fn shipped(options: &Options) -> Result<Vec<Value>, String> {
    let folder = crate::root().join("target/zoo-shipped");
    if !options.exported {
        write("tests/zoo/shipped.py", &folder, &[])?;
    }
    let lines = measure(&folder)?;
    Ok(lines.into_iter().skip(1).collect())
}

/// Exports where that is wanted, and measures.
fn fresh(options: &Options) -> Result<Value, String> {
    let (folder, versions) = if options.short {
        (crate::root().join("tests/zoo/small"), "manifest.json")
    } else {
        (crate::root().join("target/zoo"), "versions.json")
    };
    if !options.short && !options.exported {
        write("tests/zoo/export.py", &folder, &options.only)?;
    }
    let lines = measure(&folder)?;
    let (runtimes, models) = lines.split_first().ok_or("zoo: nothing was measured")?;
    let versions = read(&folder.join(versions))?;
    let versions = versions.get("versions").unwrap_or(&versions);
    let shipped = if options.short || !options.only.is_empty() { Vec::new() } else { shipped(options)? };
    Ok(serde_json::json!({ "runtimes": runtimes, "versions": versions, "models": models, "shipped": shipped }))
}

/// Runs a script that writes models to a folder.
fn write(script: &str, folder: &Path, only: &[String]) -> Result<(), String> {
    let python = python();
    let script = crate::root().join(script);
    let status = Command::new(&python).arg(script).arg(folder).args(only).current_dir(crate::root()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(format!(
            "zoo: {} could not write models; it needs the packages of tests/zoo/requirements.txt (`--short` needs no Python)",
            python.display()
        )),
        Err(error) => Err(format!("zoo: {}: {error}; activate a virtual environment, or use `--short`", python.display())),
    }
}

/// The Python of the active virtual environment, of `.venv`, or of the machine.
fn python() -> PathBuf {
    let active = std::env::var_os("VIRTUAL_ENV").map(PathBuf::from);
    let places = active.into_iter().chain([crate::root().join(".venv")]).map(|folder| folder.join("bin/python"));
    places.into_iter().find(|path| path.exists()).unwrap_or_else(|| PathBuf::from("python3"))
}

/// Versions of the runtimes, then the facts about each model.
fn measure(folder: &Path) -> Result<Vec<Value>, String> {
    let output = crate::example::run("zoo", &[folder])?;
    if !output.status.success() {
        return Err(format!("zoo: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    let text = String::from_utf8(output.stdout).map_err(|error| format!("zoo: {error}"))?;
    text.lines().map(|line| serde_json::from_str(line).map_err(|error| format!("zoo: {error}: {line}"))).collect()
}

fn read(path: &Path) -> Result<Value, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("zoo: {}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("zoo: {}: {error}", path.display()))
}
