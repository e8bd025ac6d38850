//! `brinell check`

use std::path::PathBuf;
use std::time::Duration;

use brinell::claims::{self as claim, CHECK_SCHEMA, CheckOptions, CheckedClaim, OnUndecided, Ruling, Source};
use brinell::record::Standing;
use clap::Args;

use super::audit::{command_line, json, stop_flag};
use crate::console::{WIDTH, colour, detail, print, print_coloured};
use crate::exit::Exit;
use crate::exports::{Target, document};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::settings::Runners;

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 every claim holds (or is undecided under policy warn); 1 a claim is refuted; 2 a claim \
is undecided; 3 a claim is stale or its evidence was tampered with; 4 usage or input error; \
5 internal error; 130 interrupted. If several apply, 1 takes precedence over 3, and 3 over 2.")]
pub(crate) struct Check {
    /// Claim files (.toml, .yaml), or folders of them
    #[arg(value_name = "CLAIMS", required = true)]
    claims: Vec<PathBuf>,

    /// Wall-clock time for all claims together, such as 90s, 10m or 2h; the next check continues where this one stopped
    #[arg(long, value_name = "TIME", value_parser = duration)]
    budget: Option<Duration>,

    /// Delete the evidence of these claims and decide them again, even if nothing changed
    #[arg(long)]
    fresh: bool,

    #[command(flatten)]
    running: Runners,

    /// Also write the verdicts to a file, such as sarif=brinell.sarif; may be repeated (formats: docs/outputs.md)
    #[arg(long = "report", value_name = "FORMAT=FILE")]
    reports: Vec<Target>,

    /// Print only the verdicts, as JSON, on standard output
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let mut sources = Vec::new();
        for path in &self.claims {
            for file in claim::files(path)? {
                sources.push(Source::read(&file)?);
            }
        }
        for source in &sources {
            detail(&json(&source.file)?);
        }
        let running = self.running.running()?;
        let options = CheckOptions { running, budget: self.budget, fresh: self.fresh, command: command_line() };
        let claims = claim::check(&sources, &options, stop_flag()?.as_ref(), &mut Progress::of_claims())?;
        let exit = exit(&claims);
        for target in &self.reports {
            target.write(&document(&[], &claims))?;
        }
        if self.json {
            let check = claim::Check { schema: CHECK_SCHEMA.to_owned(), exit_code: exit.code(), claims };
            print(&json(&check)?);
        } else {
            print_coloured(&brinell::report::terminal::verdicts(&claims, WIDTH, colour()));
            for claim in claims.iter().filter(|claim| claim.verdict.witnesses.iter().any(|witness| witness.standing == Standing::Confirmed))
            {
                print(&format!("hint: test its counterexamples again: brinell replay {}\n", claim.evidence));
            }
            for hint in stale_hints(&claims) {
                print(&format!("hint: {hint}\n"));
            }
        }
        Ok(exit)
    }
}

/// Says what can be done about stale claims, each thing once.
fn stale_hints(claims: &[CheckedClaim]) -> Vec<String> {
    let mut hints = Vec::new();
    for claim in claims.iter().filter(|claim| claim.verdict.verdict == Ruling::Stale) {
        for reason in &claim.verdict.reasons {
            let hint = match reason.id.as_str() {
                "model-changed" | "data-changed" => format!("if the new file is intended, accept it: brinell claim update {}", claim.file),
                "tampered" => "--fresh deletes the evidence and decides the claim again".to_owned(),
                "expired" => format!("set a later `expires` in {}", claim.file),
                _ => "check it again".to_owned(),
            };
            if !hints.contains(&hint) {
                hints.push(hint);
            }
        }
    }
    hints
}

/// Returns how a check ends: refuted wins over stale, stale over undecided.
fn exit(claims: &[CheckedClaim]) -> Exit {
    let any = |ruling: Ruling| claims.iter().any(|claim| claim.verdict.verdict == ruling);
    let failing =
        |claim: &CheckedClaim| claim.verdict.verdict == Ruling::Undecided && claim.verdict.claim.policy.undecided == OnUndecided::Fail;
    if any(Ruling::Refuted) {
        Exit::Refuted
    } else if any(Ruling::Stale) {
        Exit::Stale
    } else if claims.iter().any(failing) {
        Exit::Undecided
    } else {
        Exit::Done
    }
}

/// Reads a time such as `90s`, `10m`, `1h30m` or `1.5h`.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a time; write it as 90s, 10m, 2h or 1h30m");
    let time: jiff::SignedDuration = text.trim().parse().map_err(|_| wrong())?;
    Duration::try_from(time).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_units() {
        for (text, seconds) in [
            ("90s", 90.0),
            ("10m", 600.0),
            ("2h", 7200.0),
            ("1h30m", 5400.0),
            ("1.5h", 5400.0),
            ("0.5s", 0.5),
            (" 1 m ", 60.0),
            ("10 minutes", 600.0),
            ("0s", 0.0),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_secs_f64(seconds)), "{text}");
        }
        for text in ["", "10", "m", "-5s", "5s ago", "1h30", "inf s", "nans"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
