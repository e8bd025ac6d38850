//! Documentation that is generated from declarations: the settings of attacks and of audits.

use std::process::Command;

/// Has the test that compares docs/attacks.md and docs/attacks.json with the attacks write them.
pub(crate) fn run() -> Result<(), String> {
    write("brinell-attack", "settings", "documented")
}

/// Has the test that compares docs/settings.md with the settings write it.
pub(crate) fn settings() -> Result<(), String> {
    write("brinell-record", "documented", "")
}

fn write(package: &str, test: &str, filter: &str) -> Result<(), String> {
    let status = Command::new(env!("CARGO"))
        .args(["test", "--quiet", "--locked", "--package", package, "--test", test, filter])
        .env("BRINELL_WRITE_DOCS", "1")
        .current_dir(crate::root())
        .status()
        .map_err(|error| format!("{package}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{package}: the documentation lacks what would be filled in")) }
}
