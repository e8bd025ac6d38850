//! Maintenance commands: `cargo xtask ci | layers | golden | attacks | ops | zoo`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool for developers")]

mod attacks;
mod ci;
mod example;
mod golden;
mod layers;
mod ops;
mod skips;
mod zoo;

use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  ci               everything that must pass: fmt, clippy, tests, docs, deny, layers, golden, ops, zoo --short
  layers           arrows between crates only go down (ARCHITECTURE.md)
  golden --check   golden files are those that their scripts wrote
  attacks          docs/attacks.md and docs/attacks.json from the settings that attacks declare
  ops [--check]    SUPPORTED-OPS.md from the code's tables and the node tests
  zoo              SUPPORTED.md: whole architectures, exported with random weights, and files out of packages (needs Python and
                   tests/zoo/requirements.txt; without what they depend on, tests/zoo/shipped-requirements.txt)
    --short        ten small models of the repository instead; fails where one is wrong
    --only A,B     models whose names begin so, without SUPPORTED.md
    --exported     measures what the last run exported
    --json FILE    writes the measurements too
    --from FILE    takes the measurements that --json wrote";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["ci"] => ci::run(),
        ["layers"] => layers::check(),
        ["golden"] | ["golden", "--check"] => golden::check(),
        ["attacks"] => attacks::run(),
        ["ops"] => ops::run(false).and_then(said),
        ["ops", "--check"] => ops::run(true).and_then(said),
        ["zoo", rest @ ..] => zoo::run(rest),
        _ => Err(USAGE.to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// Says why nothing was done, where nothing was.
#[expect(clippy::unnecessary_wraps, reason = "one step of a chain of results")]
fn said(skipped: Option<&str>) -> Result<(), String> {
    if let Some(reason) = skipped {
        println!("ops: skipped, since {reason}");
    }
    Ok(())
}

/// Returns the root of the workspace.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().map(PathBuf::from).unwrap_or_default()
}
