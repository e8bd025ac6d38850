//! Examples of the workspace, built as `cargo test --workspace` has built them, so that nothing is compiled twice with other features.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// Builds an example if it is not there yet and runs it.
pub(crate) fn run(name: &str, arguments: &[&Path]) -> Result<Output, String> {
    let program = build(name)?;
    Command::new(&program)
        .args(arguments)
        .current_dir(crate::root())
        .output()
        .map_err(|error| format!("{name}: {}: {error}", program.display()))
}

/// Builds the dynamic library of a package and returns its file.
pub(crate) fn library(package: &str) -> Result<PathBuf, String> {
    // With an example beside it the features are those of tests.
    let messages = messages(package, &["--lib", "--example", "operators"])?;
    let file = |line: &str| {
        let message: Value = serde_json::from_str(line).ok()?;
        let wanted = message["target"]["kind"][0] == "cdylib" && message["manifest_path"].as_str()?.ends_with("crates/py/Cargo.toml");
        message["filenames"][0].as_str().filter(|_| wanted).map(PathBuf::from)
    };
    messages.lines().find_map(file).ok_or_else(|| format!("{package}: the library could not be built"))
}

fn build(name: &str) -> Result<PathBuf, String> {
    let messages = messages(name, &["--example", name])?;
    let program = |line: &str| {
        let message: Value = serde_json::from_str(line).ok()?;
        let wanted = message["target"]["name"] == name && message["target"]["kind"][0] == "example";
        message["executable"].as_str().filter(|_| wanted).map(PathBuf::from)
    };
    messages.lines().find_map(program).ok_or_else(|| format!("{name}: the example could not be built"))
}

/// Builds targets of the workspace and returns what cargo says about them, a line of JSON each.
fn messages(what: &str, targets: &[&str]) -> Result<String, String> {
    let output = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--locked", "--workspace", "--message-format", "json-render-diagnostics"])
        .args(targets)
        .current_dir(crate::root())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("{what}: {error}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
