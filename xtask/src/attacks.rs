//! The tables of settings in docs/attacks.md, and docs/attacks.json, are what the attacks declare.

use std::process::Command;

/// Has the test that compares the files write them.
pub(crate) fn run() -> Result<(), String> {
    let status = Command::new(env!("CARGO"))
        .args(["test", "--quiet", "--locked", "--package", "brinell-attack", "--test", "settings", "documented"])
        .env("BRINELL_WRITE_DOCS", "1")
        .current_dir(crate::root())
        .status()
        .map_err(|error| format!("attacks: {error}"))?;
    if status.success() { Ok(()) } else { Err("attacks: docs/attacks.md does not name every attack in its tables".to_owned()) }
}
