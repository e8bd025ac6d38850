//! `brinell universal`

use std::path::PathBuf;

use brinell::record::Part;
use brinell::transfer::{UniversalSettings, universal};
use clap::Args;

use super::audit::{json, stop_flag};
use super::transfer::{Contest, Reach, tell};
use crate::console::{WIDTH, print};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::settings::{free_folder, give_back};

/// Folder of runs that were given none.
const FOLDER: &str = "brinell-runs/universal";

#[derive(Debug, Args)]
pub(crate) struct Universal {
    #[command(flatten)]
    contest: Contest,

    #[command(flatten)]
    reach: Reach,

    /// Number of passes over the images from which the change is computed
    #[arg(long, value_name = "N", default_value_t = UniversalSettings::DEFAULT.epochs, help_heading = Part::Attacks.heading())]
    epochs: u32,

    /// Share of the images from which the change is computed; it is tested on the others
    #[arg(long, value_name = "SHARE", default_value_t = UniversalSettings::DEFAULT.fit, help_heading = Part::Attacks.heading())]
    fit: f64,

    /// Folder to write the run to [default: brinell-runs/universal, with -2, -3, .. if it exists]
    #[arg(long, value_name = "DIR", help_heading = Part::Running.heading())]
    out: Option<PathBuf>,

    /// Print only universal.json on standard output
    #[arg(long)]
    json: bool,
}

impl Universal {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let question = self.contest.question(self.reach.eps)?;
        let settings = UniversalSettings { epochs: self.epochs, fit: self.fit, ..UniversalSettings::DEFAULT };
        let chosen_here = self.out.is_none();
        let out = self.out.map_or_else(|| free_folder(FOLDER), Ok)?;
        let stop = stop_flag()?;
        let found = universal(&question, &settings, &out, &stop, &mut tell).inspect_err(|_| {
            if chosen_here {
                give_back(&out);
            }
        })?;
        if self.json {
            print(&json(&found)?);
        } else {
            print(&brinell::report::transfer::universal(&found, WIDTH));
            print(&format!("\nChange: {}\n", out.join("change.npz").display()));
        }
        Ok(Exit::Done)
    }
}
