//! The list that must pass, the same here and in continuous integration.

use std::process::Command;

use brinell_testkit::Need;

use crate::skips::Skips;

/// Runs every check and stops at the first that fails; what was skipped is shown at the end.
pub(crate) fn run() -> Result<(), String> {
    cargo("formatting", &["fmt", "--all", "--check"])?;
    crate::layers::check()?;
    crate::golden::check()?;
    cargo("lints", &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])?;
    let mut skips = Skips::begin()?;
    tests(&skips)?;
    if let Some(reason) = crate::ops::run(true)? {
        skips.add("ops", Need::OnnxRuntime, reason)?;
    }
    crate::zoo::run(&["--short"])?;
    println!("== Python package");
    crate::wheel::run(true)?;
    documentation()?;
    packages()?;
    deny()?;
    skips.show()
}

fn tests(skips: &Skips) -> Result<(), String> {
    let (variable, file) = skips.variable();
    run_command("tests", Command::new(env!("CARGO")).args(["test", "--workspace", "--locked"]).env(variable, file))
}

fn cargo(what: &str, arguments: &[&str]) -> Result<(), String> {
    run_command(what, Command::new(env!("CARGO")).args(arguments))
}

fn run_command(what: &str, command: &mut Command) -> Result<(), String> {
    println!("== {what}");
    let status = command.current_dir(crate::root()).status().map_err(|error| format!("{what}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{what} failed")) }
}

fn documentation() -> Result<(), String> {
    let mut command = Command::new(env!("CARGO"));
    command.args(["doc", "--workspace", "--no-deps", "--locked", "--document-private-items"]).env("RUSTDOCFLAGS", "-D warnings");
    run_command("documentation", &mut command)
}

/// Every crate that may be published can be packaged: it holds all that it embeds, and its dependencies have versions.
fn packages() -> Result<(), String> {
    let rest = ["--exclude", "xtask", "--exclude", "brinell-testkit", "--exclude", "brinell-py"];
    cargo("packages", &[&["package", "--workspace", "--no-verify", "--allow-dirty", "--locked", "--quiet"], &rest[..]].concat())
}

/// Licences and sources. Advisories need the network and are left to a scheduled job.
fn deny() -> Result<(), String> {
    let there = Command::new(env!("CARGO")).args(["deny", "--version"]).output().is_ok_and(|output| output.status.success());
    if !there {
        return Err("cargo-deny is missing; install it with `cargo install cargo-deny --locked`".to_owned());
    }
    cargo("licences and sources", &["deny", "--locked", "check", "licenses", "bans", "sources"])
}
