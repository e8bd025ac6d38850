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

fn build(name: &str) -> Result<PathBuf, String> {
    let output = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--locked", "--workspace", "--message-format", "json-render-diagnostics", "--example", name])
        .current_dir(crate::root())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("{name}: {error}"))?;
    let messages = String::from_utf8_lossy(&output.stdout);
    let program = |line: &str| {
        let message: Value = serde_json::from_str(line).ok()?;
        let wanted = message["target"]["name"] == name && message["target"]["kind"][0] == "example";
        message["executable"].as_str().filter(|_| wanted).map(PathBuf::from)
    };
    messages.lines().find_map(program).ok_or_else(|| format!("{name}: the example could not be built"))
}
