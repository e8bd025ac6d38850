//! `brinell certify`

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use brinell::proofs::{self, CertifiedSample, CertifyJob, CertifySummary, ProofError, RecheckOptions, Standing};
use brinell::record::{Rechecked, Refound};
use clap::Args;

use super::audit::{command_line, json, shard_of, stop_flag};
use crate::console::{print, say};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::settings::{Certifiable, default_folder, free_folder, give_back};

#[derive(Debug, Args)]
pub(crate) struct Certify {
    #[command(flatten)]
    question: Certifiable,

    /// Largest time for each sample, such as 30s or 5m
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = super::verify::duration)]
    timeout: f64,

    /// Also look for the largest certified radius of each sample
    #[arg(long)]
    largest: bool,

    /// Folder to write the run to [default: brinell-runs/MODEL-NORM-EPS-certified, with -2, -3, .. if it exists]
    #[arg(long, value_name = "DIR", help_heading = "Running")]
    out: Option<PathBuf>,

    /// Continue the stopped run in --out
    #[arg(long, requires = "out", help_heading = "Running")]
    resume: bool,

    /// Certify one share of the samples: I/N, from 0/16 to 15/16 for 16 shares, or auto for the share that the scheduler gives. `brinell merge` makes one run of all
    /// shares
    #[arg(long, value_name = "I/N", requires = "out", conflicts_with = "check", help_heading = "Running")]
    shard: Option<String>,

    /// Check every certificate again at the end, as `brinell replay` does
    #[arg(long)]
    check: bool,

    /// Print only summary.json on standard output
    #[arg(long)]
    json: bool,
}

impl Certify {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let question = self.question.question()?;
        let chosen_here = self.out.is_none();
        let out = match self.out {
            Some(out) => out,
            None => free_folder(&format!("{}-certified", default_folder(&question)))?,
        };
        let job = CertifyJob { out, resume: self.resume, timeout: self.timeout, largest: self.largest, command: command_line() };
        let stop = stop_flag()?;
        let mut report = |line: &CertifiedSample, _: usize| {
            say(&format!("sample {}: {} in {:.1} s", line.sample, words(line.standing), line.seconds));
        };
        if let Some(shard) = self.shard.as_deref().map(shard_of).transpose()? {
            let done = proofs::certify_shard(&question, &job, shard, &stop, &mut report)?;
            if self.json {
                print(&json(&done)?);
            } else {
                print(&format!("Shard {shard} is done: {} samples, in {}\n", done.samples, job.out.display()));
                say("hint: once all shards are done, combine them with `brinell merge SHARD.. --out DIR`");
            }
            return Ok(Exit::Done);
        }
        let (summary, _) = proofs::certify(&question, &job, &stop, &mut report).inspect_err(|_| {
            if chosen_here {
                give_back(&job.out);
            }
        })?;
        print(&if self.json { json(&summary)? } else { text(&summary, &job.out) });
        if !self.check {
            return Ok(Exit::Done);
        }
        let rechecked = check_again(&job.out, &RecheckOptions::default(), &stop)?;
        if !self.json {
            print(&counts(&rechecked));
        }
        Ok(exit(&rechecked))
    }
}

fn words(standing: Standing) -> &'static str {
    match standing {
        Standing::Certified => "certified",
        Standing::Falsified => "broken",
        Standing::Boundary => "not decided: the margin is smaller than the rounding error",
        Standing::OutOfTime => "not decided: out of time",
        Standing::OutOfMemory => "not decided: out of memory",
        Standing::Misclassified => "misclassified",
        _ => "not decided",
    }
}

pub(super) fn text(summary: &CertifySummary, out: &Path) -> String {
    let folder = out.display();
    let rate = &summary.certified.rate;
    let mut out = format!(
        "certified   {} of {} samples ({:.1} %, {:.0} % interval {:.1} % to {:.1} %)\nbroken      {}\nnot decided {}\nmisclassified {}\n",
        summary.certified.count,
        summary.n,
        100.0 * rate.value,
        100.0 * rate.confidence,
        100.0 * rate.low,
        100.0 * rate.high,
        summary.falsified,
        summary.open,
        summary.n - summary.clean_correct,
    );
    out += &match &summary.uncheckable {
        Some(reason) => format!("certificates none, so nothing can be checked again: {reason}\n"),
        None => format!("certificates {}, which `brinell replay` checks again\n", summary.certificates),
    };
    if let Some(median) = summary.median_largest {
        out += &format!("median of the largest certified radii {median:.6}\n");
    }
    out + &format!("\nRun: {folder}\n")
}

/// Checks the certificates of a run again, and says what becomes of each.
pub(super) fn check_again(folder: &Path, options: &RecheckOptions, stop: &AtomicBool) -> Result<Vec<Rechecked>, ProofError> {
    proofs::recheck(folder, options, stop, &mut |line, _| {
        let why = line.problem.as_ref().map(|problem| format!(": {problem}")).unwrap_or_default();
        say(&format!("sample {}: {}{why}", line.sample, word(line.found)));
    })
}

fn word(found: Refound) -> &'static str {
    match found {
        Refound::Confirmed => "the certificate is confirmed",
        Refound::Unchecked => "certified, but not checked again",
        Refound::Refused => "the certificate is refused",
        Refound::Altered => "the certificate was changed, or is about something else",
    }
}

/// How many certificates are confirmed.
pub(super) fn counts(rechecked: &[Rechecked]) -> String {
    let count = |found: Refound| rechecked.iter().filter(|line| line.found == found).count();
    let mut out = format!("{} of {} certified samples are confirmed", count(Refound::Confirmed), rechecked.len());
    for (found, what) in [(Refound::Unchecked, "not checked"), (Refound::Refused, "refused"), (Refound::Altered, "changed")] {
        if count(found) > 0 {
            out += &format!("; {} {what}", count(found));
        }
    }
    out + "\n"
}

/// Done where every certificate is confirmed, and there is one.
pub(super) fn exit(rechecked: &[Rechecked]) -> Exit {
    if rechecked.iter().any(|line| line.found == Refound::Altered) {
        Exit::Stale
    } else if !rechecked.is_empty() && rechecked.iter().all(|line| line.found == Refound::Confirmed) {
        Exit::Done
    } else {
        Exit::Undecided
    }
}
