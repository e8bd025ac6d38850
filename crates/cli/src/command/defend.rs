//! `brinell defend`

use std::path::PathBuf;

use brinell::Population;
use brinell::defence::{Ask, Chain, DetectAsk, Detector, defend, detect};
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
    /// Put a detector behind a model, in its own file: it refuses what looks suspicious
    Detect(Box<Detect>),
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

    /// Print only what was measured, as JSON, on standard output
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Detectors: squeeze:A+B compares the answer with those for the transformed sample (transforms as in `brinell defend transform`); confidence, margin, entropy and energy:T read \
the output; noise:S adds noise of standard deviation S (in 0..1); mahalanobis measures the distance to the classes in the last layer. \
The samples of --data are ordinary ones: the threshold is found on them. `brinell race` tells what a detector is worth against attackers who know it.")]
pub(crate) struct Detect {
    #[command(flatten)]
    settings: Defended,

    /// The detector, such as squeeze:bits:1+median:2
    #[arg(long = "with", value_name = "DETECTOR", required = true, help_heading = "Defence")]
    detector: Detector,

    /// Share of ordinary samples that may be refused, such as 1% or 0.01
    #[arg(long, value_name = "SHARE", default_value = "1%", value_parser = share, help_heading = "Defence")]
    fpr: f64,

    /// Samples that are not in --data, on which the share that is refused is measured
    #[arg(long, value_name = "PATH", help_heading = "Defence")]
    fresh: Option<PathBuf>,

    /// Labels of --fresh, in the form of --labels
    #[arg(long, value_name = "LABELS", requires = "fresh", help_heading = "Defence")]
    fresh_labels: Option<String>,

    /// File to write; must not exist yet
    #[arg(short, long, value_name = "OUT", help_heading = "Defence")]
    out: PathBuf,

    /// Print only what was measured, as JSON, on standard output
    #[arg(long)]
    json: bool,
}

/// Share of ordinary samples that detectors may refuse where nothing else is said.
pub(super) const FPR: f64 = 0.01;

/// Reads a share: `1%` or `0.01`.
pub(super) fn share(text: &str) -> Result<f64, String> {
    let (number, scale) = text.trim().strip_suffix('%').map_or((text.trim(), 1.0), |number| (number.trim(), 100.0));
    let value = number.parse::<f64>().ok().map(|value| value / scale).filter(|value| *value > 0.0 && *value < 1.0);
    value.ok_or_else(|| format!("`{text}` is not a share between 0 and 1, such as 1% or 0.01"))
}

impl Detect {
    fn run(self) -> Result<Exit, Failure> {
        let question = self.settings.question()?;
        let classes = question.population.classes.clone();
        let fresh = self.fresh.map(|data| Population { data, labels: self.fresh_labels, classes, ..Population::default() });
        let ask = DetectAsk { question, detector: self.detector, fpr: self.fpr, fresh, output: self.out.clone() };
        let detected = detect(&ask, stop_flag()?.as_ref())?;
        if self.json {
            print(&json(&detected)?);
        } else {
            print(&brinell::report::race::detected(&detected, WIDTH));
            print(&format!("Model: {}\n", self.out.display()));
        }
        Ok(Exit::Done)
    }
}

impl Defend {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Transform(transform) => transform.run(),
            Self::Detect(detect) => detect.run(),
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
