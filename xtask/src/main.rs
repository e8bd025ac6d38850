//! Maintenance commands: `cargo xtask ci | layers | golden | attacks | settings | ops | sound | wheel | zoo`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool for developers")]

mod attacks;
mod ci;
mod example;
mod golden;
mod layers;
mod ops;
mod skips;
mod wheel;
mod zoo;

use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  ci               everything that must pass: fmt, clippy, tests, docs, packages, deny, layers, golden, ops, wheel --short, zoo --short
  layers           arrows between crates only go down (ARCHITECTURE.md)
  golden --check   golden files are those that their scripts wrote
  attacks          docs/attacks.md and docs/attacks.json from the settings that attacks declare
  settings         docs/settings.md from the settings that are declared
  ops [--check]    SUPPORTED-OPS.md from the code's tables and the node tests
  wheel            the Python package: built, installed into bare environments and tested there (needs maturin)
    --short        without a wheel: the library of the workspace's build beside the Python files
  sound            10 million random points of every network of ../shared/data/certify against its bounds (hours)
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
        ["settings"] => attacks::settings(),
        ["ops"] => ops::run(false).and_then(said),
        ["ops", "--check"] => ops::run(true).and_then(said),
        ["wheel"] => wheel::run(false).and_then(said),
        ["wheel", "--short"] => wheel::run(true).and_then(said),
        ["sound"] => sound(),
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

/// Holds bounds to many more points than the tests do.
fn sound() -> Result<(), String> {
    let arguments = ["test", "--release", "--package", "brinell-certify", "--test", "sound", "--", "real_network", "--nocapture"];
    let status = std::process::Command::new("cargo").args(arguments).current_dir(root()).env("BRINELL_POINTS", "10000000").status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err("sound: a point leaves the bounds, or the test does not run".to_owned()),
        Err(error) => Err(format!("sound: cargo does not run: {error}")),
    }
}

/// Says why nothing was done, where nothing was.
#[expect(clippy::unnecessary_wraps, reason = "one step of a chain of results")]
fn said(skipped: Option<&str>) -> Result<(), String> {
    if let Some(reason) = skipped {
        println!("skipped: {reason}");
    }
    Ok(())
}

/// Returns the root of the workspace.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().map(PathBuf::from).unwrap_or_default()
}
