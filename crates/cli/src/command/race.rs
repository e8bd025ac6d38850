//! `brinell race`

use std::path::PathBuf;

use brinell::Population;
use brinell::defence::{Defender, RaceAsk, RaceEvent, RaceJob, race};
use clap::Args;

use super::audit::{REPORT, json, stop_flag};
use super::defend::share;
use crate::console::{WIDTH, colour, print, print_coloured, say};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::settings::{Training, free_folder, give_back};

#[derive(Debug, Args)]
pub(crate) struct Race {
    #[command(flatten)]
    settings: Training,

    /// A defence: transforms such as bits:3 or bits:3,median:3, or a detector such as squeeze:bits:1+median:2; may be repeated
    #[arg(long = "with", value_name = "DEFENCE", required = true, help_heading = "Defences")]
    with: Vec<Defender>,

    /// Ordinary samples on which detectors find their thresholds; none of them may be in --data
    #[arg(long, value_name = "PATH", help_heading = "Defences")]
    calibrate: Option<PathBuf>,

    /// Labels of --calibrate, in the form of --labels
    #[arg(long, value_name = "LABELS", requires = "calibrate", help_heading = "Defences")]
    calibrate_labels: Option<String>,

    /// Share of ordinary samples that a detector may refuse, such as 1% or 0.01
    #[arg(long, value_name = "SHARE", default_value = "1%", value_parser = share, help_heading = "Defences")]
    fpr: f64,

    /// Another model with the same input, such as one from `brinell harden`; every defence is compared with it
    #[arg(long, value_name = "MODEL", help_heading = "Defences")]
    rival: Option<PathBuf>,

    /// Samples that are not in --data; defences with survivors are attacked again on them
    #[arg(long, value_name = "PATH", help_heading = "Defences")]
    fresh: Option<PathBuf>,

    /// Labels of --fresh, in the form of --labels
    #[arg(long, value_name = "LABELS", requires = "fresh", help_heading = "Defences")]
    fresh_labels: Option<String>,

    /// Folder to write the race to [default: brinell-runs/MODEL-race, with -2, -3, .. if it exists]
    #[arg(long, value_name = "DIR", help_heading = "Running")]
    out: Option<PathBuf>,

    /// Continue the stopped race in --out
    #[arg(long, requires = "out", help_heading = "Running")]
    resume: bool,

    /// Print only race.json on standard output
    #[arg(long)]
    json: bool,
}

impl Race {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let question = self.settings.question()?;
        let own = &question.population;
        let others = |data: Option<PathBuf>, labels: Option<String>| {
            data.map(|data| Population { data, labels, classes: own.classes.clone(), ..Population::default() })
        };
        let (fresh, calibration) = (others(self.fresh, self.fresh_labels), others(self.calibrate, self.calibrate_labels));
        let stem = question.artefact.model.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let ask = RaceAsk { question, defences: self.with, calibration, fpr: self.fpr, rival: self.rival, fresh };
        let chosen_here = self.out.is_none();
        let out = self.out.map_or_else(|| free_folder(&format!("brinell-runs/{stem}-race")), Ok)?;
        let job = RaceJob { out: out.clone(), resume: self.resume };
        run(&ask, &job, self.json).inspect_err(|_| {
            if chosen_here {
                give_back(&out);
            }
        })
    }
}

/// Runs a race, and shows it.
pub(crate) fn run(ask: &RaceAsk, job: &RaceJob, as_json: bool) -> Result<Exit, Failure> {
    let race = race(ask, job, stop_flag()?.as_ref(), &mut tell)?;
    let page = job.out.join(REPORT);
    super::write(&page, &brinell::report::race::page(&race).map_err(Failure::from_internal)?)?;
    if as_json {
        print(&json(&race)?);
    } else {
        print_coloured(&brinell::report::race::table(&race, WIDTH, colour()));
        print(&format!("\nReport: {}\n", page.display()));
    }
    let doubtful = race.rounds.iter().any(|round| !round.doubts.is_empty());
    Ok(if doubtful { Exit::Unreliable } else { Exit::Done })
}

fn tell(event: RaceEvent<'_>) {
    match event {
        RaceEvent::Round { number, name, fresh } => {
            say(&format!("round {number}: {name}{}", if fresh { ", on fresh samples" } else { "" }));
        }
        RaceEvent::Step { kind, attack, left } => say(&format!("  {}: {attack}, {left} samples left", kind.name())),
        _ => {}
    }
}
