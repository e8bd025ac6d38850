//! `brinell bench`

use std::path::PathBuf;

use brinell::proofs::{self, Instance};
use clap::{Args, Subcommand};

use super::audit::{json, stop_flag};
use crate::console::{print, say};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::settings::Runners;

#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// Decide all instances in a folder of VNN-COMP, the verification competition, and compare with known answers
    Vnncomp(Vnncomp),
}

#[derive(Debug, Args)]
#[command(after_help = "\
The folder holds instances.csv (network,property,seconds), or verdicts.csv with a heading and the known answer as fourth column.

Exit codes: 0 no answer is wrong; 4 usage or input error; 5 an answer contradicts a known one.")]
pub(crate) struct Vnncomp {
    /// Folder of the instances
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// Time for each instance, in place of its own, such as 20s
    #[arg(long, value_name = "TIME", value_parser = super::verify::duration)]
    timeout: Option<f64>,

    /// Only instances whose files contain this text
    #[arg(long = "match", value_name = "TEXT", default_value = "", hide_default_value = true)]
    matching: String,

    /// Take one instance in N
    #[arg(long, value_name = "N", default_value_t = 1)]
    every: usize,

    #[command(flatten)]
    running: Runners,

    /// Print only the results of all instances, as JSON, on standard output
    #[arg(long)]
    json: bool,
}

impl Bench {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Vnncomp(vnncomp) => vnncomp.run(),
        }
    }
}

impl Vnncomp {
    fn run(self) -> Result<Exit, Failure> {
        let mut seen = |instance: &Instance| {
            let line = line(instance);
            if self.json { say(line.trim_end()) } else { print(&line) }
        };
        let chosen = (self.timeout, self.matching.as_str(), self.every);
        let done = proofs::vnncomp(&self.folder, chosen, &self.running.running()?, stop_flag()?.as_ref(), &mut seen)?;
        let wrong = done.iter().filter(|instance| instance.is_wrong()).count();
        if self.json {
            print(&json(&done)?);
        } else {
            print(&summary(&done, wrong));
        }
        Ok(if wrong == 0 { Exit::Done } else { Exit::Internal })
    }
}

fn line(instance: &Instance) -> String {
    let Instance { onnx, vnnlib, answer, seconds, .. } = instance;
    let known = match &instance.expected {
        Some(expected) if instance.is_wrong() => format!(" WRONG: it is {expected}"),
        Some(expected) if !instance.is_solved() => format!(" (it is {expected})"),
        _ => String::new(),
    };
    let why = instance.problem.as_ref().map(|problem| format!(": {problem}")).unwrap_or_default();
    format!("{onnx} {vnnlib} {answer}{known} {seconds:.2} s{why}\n")
}

fn summary(done: &[Instance], wrong: usize) -> String {
    let mut seconds: Vec<f64> = done.iter().filter(|instance| instance.is_solved()).map(|instance| instance.seconds).collect();
    seconds.sort_by(f64::total_cmp);
    let middle = seconds.get(seconds.len() / 2).map(|median| format!(", median {median:.2} s")).unwrap_or_default();
    format!("\n{} of {} solved{middle}; {wrong} wrong\n", seconds.len(), done.len())
}
