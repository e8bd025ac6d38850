//! `brinell defend`

use std::path::PathBuf;

use brinell::defence::{Ask, Chain, defend};
use clap::{Args, Subcommand};

use super::audit::{json, stop_flag};
use crate::console::{WIDTH, print};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::settings::Defended;

#[derive(Debug, Subcommand)]
pub(crate) enum Defend {
    /// Put transforms of the input in front of a model, in its own file
    Transform(Box<Transform>),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Transforms: bits:B rounds values to B bits (1 to 8), median:K takes the median of K x K pixels (2 to 5), jpeg:Q compresses at quality Q (1 to 100); \
several are passed in their order. `brinell race` tells what they are worth against attackers who know them.")]
pub(crate) struct Transform {
    #[command(flatten)]
    settings: Defended,

    /// Transforms, such as bits:3,median:3,jpeg:75
    #[arg(long = "with", value_name = "TRANSFORMS", required = true, help_heading = "Defence")]
    chain: Chain,

    /// File to write; must not exist yet
    #[arg(short, long, value_name = "OUT", help_heading = "Defence")]
    out: PathBuf,

    /// Most points of clean accuracy that the defence may cost
    #[arg(long, value_name = "POINTS", default_value_t = 2.0, help_heading = "Defence")]
    max_clean_loss: f64,

    /// Write the file whatever the defence costs
    #[arg(long, help_heading = "Defence")]
    force: bool,

    /// Print what was measured as JSON, and nothing else, on standard output
    #[arg(long)]
    json: bool,
}

impl Defend {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Transform(transform) => transform.run(),
        }
    }
}

impl Transform {
    fn run(self) -> Result<Exit, Failure> {
        let max_clean_loss = (!self.force).then_some(self.max_clean_loss);
        let ask = Ask { question: self.settings.question()?, chain: self.chain, output: self.out.clone(), max_clean_loss };
        let defended = defend(&ask, stop_flag()?.as_ref())?;
        if self.json {
            print(&json(&defended)?);
        } else {
            print(&brinell::report::race::defended(&defended, WIDTH));
            print(&format!("Model: {}\n", self.out.display()));
        }
        Ok(Exit::Done)
    }
}
