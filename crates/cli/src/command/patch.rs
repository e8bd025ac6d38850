//! `brinell patch`

use std::path::PathBuf;

use brinell::Eps;
use brinell::record::Part;
use brinell::transfer::{PatchSettings, patch};
use clap::Args;

use super::audit::{REPORT, json, stop_flag};
use super::transfer::{Contest, share, tell, write};
use crate::console::{WIDTH, colour, note, print, print_coloured};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::settings::{free_folder, give_back};

/// Folder of runs that were given none.
const FOLDER: &str = "brinell-runs/patch";

#[derive(Debug, Args)]
pub(crate) struct Patch {
    #[command(flatten)]
    contest: Contest,

    /// Share of the image that the patch covers
    #[arg(long, value_name = "SHARE", default_value_t = PatchSettings::DEFAULT.area, value_parser = share, help_heading = Part::Attacks.heading())]
    area: f64,

    /// Class that models should answer, by name or number [default: any wrong class]
    #[arg(long, value_name = "CLASS", help_heading = Part::Attacks.heading())]
    target: Option<String>,

    /// Number of steps of the fit
    #[arg(long, value_name = "N", default_value_t = PatchSettings::DEFAULT.steps, help_heading = Part::Attacks.heading())]
    steps: u32,

    /// Share of the images that the patch is fitted to; it is tested on the others
    #[arg(long, value_name = "SHARE", default_value_t = PatchSettings::DEFAULT.fit, value_parser = share, help_heading = Part::Attacks.heading())]
    fit: f64,

    /// Width of the printed patch, such as 10cm, 80mm or 4in
    #[arg(long, value_name = "LENGTH", default_value = "10cm", value_parser = length, help_heading = Part::Attacks.heading())]
    width: f64,

    /// Folder to write the run to [default: brinell-runs/patch, with -2, -3, .. if it exists]
    #[arg(long, value_name = "DIR", help_heading = Part::Running.heading())]
    out: Option<PathBuf>,

    /// Print only patch.json on standard output
    #[arg(long)]
    json: bool,
}

/// A length in metres.
fn length(text: &str) -> Result<f64, String> {
    let units = [("cm", 0.01), ("mm", 0.001), ("in", 0.0254)];
    let read = |(unit, metres): &(&str, f64)| text.strip_suffix(unit)?.trim().parse::<f64>().ok().map(|number| number * metres);
    let found = units.iter().find_map(read).filter(|metres| *metres > 0.0 && metres.is_finite());
    found.ok_or_else(|| "write it as 10cm, 80mm or 4in".to_owned())
}

impl Patch {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let question = self.contest.question(Eps::ZERO)?;
        let settings = PatchSettings { area: self.area, target: self.target, steps: self.steps, fit: self.fit, ..PatchSettings::DEFAULT };
        let chosen_here = self.out.is_none();
        let out = self.out.map_or_else(|| free_folder(FOLDER), Ok)?;
        let stop = stop_flag()?;
        let (found, values) = patch(&question, &settings, &out, &stop, &mut tell).inspect_err(|_| {
            if chosen_here {
                give_back(&out);
            }
        })?;
        write(&out, REPORT, &brinell::report::patch::page(&found, &values)?)?;
        match brinell::report::patch::png(&found, &values, self.width)? {
            Some(bytes) => {
                let path = out.join("patch.png");
                std::fs::write(&path, bytes).map_err(|error| Failure::input(format!("cannot write {}: {error}", path.display())))?;
            }
            None => note("note: a patch of two or four channels cannot be printed; its values are in patch.npz"),
        }
        if self.json {
            print(&json(&found)?);
        } else {
            print_coloured(&brinell::report::patch::table(&found, WIDTH, colour()));
            print(&format!("\nReport: {}\n", out.join(REPORT).display()));
        }
        Ok(Exit::Done)
    }
}
