//! `brinell replay`

use std::path::PathBuf;

use brinell::claims::{ReplayOptions, replay};
use brinell::proofs::{self, RecheckOptions};
use brinell::record::{Rechecked, Standing};
use clap::Args;

use super::audit::{json, stop_flag};
use super::certify;
use crate::console::{WIDTH, colour, print, print_coloured};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::settings::Runners;

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 every counterexample is confirmed by every runtime, or every certificate by the checker; 2 one is not confirmed, or there are none; \
3 evidence was tampered with, or the model differs; 4 usage or input error.")]
pub(crate) struct Replay {
    /// Evidence of a claim (NAME.evidence, or a folder inside it), or the folder of a run of `audit` or `certify`
    #[arg(value_name = "EVIDENCE")]
    evidence: PathBuf,

    /// Where the model is now, if it was moved
    #[arg(long, value_name = "PATH")]
    model: Option<PathBuf>,

    /// Where the second model of an `equal` claim is now, if it was moved
    #[arg(long, value_name = "PATH")]
    other: Option<PathBuf>,

    /// Where the data of a run are now, if they were moved; evidence contains its own inputs
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,

    #[command(flatten)]
    running: Runners,

    /// Print only the results, as JSON, on standard output
    #[arg(long)]
    json: bool,
}

impl Replay {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        if proofs::is_certified_run(&self.evidence) {
            return self.certificates();
        }
        let running = self.running.running()?;
        let options = ReplayOptions { model: self.model, other: self.other, data: self.data, running };
        let replays = replay(&self.evidence, &options, stop_flag()?.as_ref())?;
        if self.json {
            print(&json(&replays)?);
        } else {
            print_coloured(&brinell::report::terminal::replays(&replays, WIDTH, colour()));
        }
        let rechecked: Vec<Rechecked> = replays.iter().flat_map(|replay| replay.certificates.iter().cloned()).collect();
        let proved = certify::exit(&rechecked);
        if proved == Exit::Stale {
            return Ok(proved);
        }
        let mut witnesses = replays.iter().flat_map(|replay| &replay.witnesses).peekable();
        let any = witnesses.peek().is_some() || !rechecked.is_empty();
        let confirmed =
            any && (rechecked.is_empty() || proved == Exit::Done) && witnesses.all(|witness| witness.standing == Standing::Confirmed);
        Ok(if confirmed { Exit::Done } else { Exit::Undecided })
    }

    /// Checks the certificates of a run again.
    fn certificates(self) -> Result<Exit, Failure> {
        let options = RecheckOptions { model: self.model, data: self.data };
        let rechecked = certify::check_again(&self.evidence, &options, stop_flag()?.as_ref())?;
        print(&if self.json { json(&rechecked)? } else { certify::counts(&rechecked) });
        Ok(certify::exit(&rechecked))
    }
}
