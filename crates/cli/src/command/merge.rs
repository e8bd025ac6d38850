//! `brinell merge`

use std::path::PathBuf;

use brinell::MergeOptions;
use brinell::proofs::{self, MergeCertified};
use clap::Args;

use super::audit::{command_line, exit, json, print_run, say_hints, stop_flag, write_report};
use super::certify;
use crate::console::print;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::settings::Runners;

#[derive(Debug, Args)]
#[command(after_help = "\
The record of the merged run has the same bytes as that of one run on all samples. Model and data are read again: every adversarial example is judged on the \
original file, and flags and sanity checks are about all samples. Shards of `brinell certify` are merged with their certificates.")]
pub(crate) struct Merge {
    /// Folders of the shards, all of them, in any order
    #[arg(value_name = "SHARD", required = true)]
    shards: Vec<PathBuf>,

    /// Folder of the merged run
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// The model, where it is no longer where the shards say
    #[arg(long, value_name = "PATH")]
    model: Option<String>,

    /// The data, where they are no longer where the shards say
    #[arg(long, value_name = "PATH")]
    data: Option<String>,

    /// The labels, likewise
    #[arg(long, value_name = "PATH")]
    labels: Option<String>,

    /// The names of the classes, likewise
    #[arg(long, value_name = "PATH")]
    classes: Option<String>,

    /// Accept shards from machines with other processor instructions, where results can round differently; this raises a flag
    #[arg(long)]
    mixed: bool,

    #[command(flatten)]
    running: Runners,

    /// Print only summary.json on standard output
    #[arg(long)]
    json: bool,
}

impl Merge {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let files = [("model", self.model), ("data", self.data), ("labels", self.labels), ("classes", self.classes)];
        let files = files.into_iter().filter_map(|(name, value)| Some((name.to_owned(), vec![value?])));
        let settings = files.chain(self.running.words()).collect();
        if self.shards.first().is_some_and(|first| proofs::is_certify_folder(first)) {
            let options = MergeCertified { out: self.out, settings, command: command_line() };
            let summary = proofs::merge_certified(&self.shards, &options)?;
            print(&if self.json { json(&summary)? } else { certify::text(&summary, &options.out) });
            return Ok(Exit::Done);
        }
        let options = MergeOptions { out: self.out, settings, mixed: self.mixed, command: command_line() };
        let completed = brinell::merge(&self.shards, &options, stop_flag()?.as_ref(), &mut Progress::new())?;
        write_report(&completed, &options.out)?;
        if self.json {
            print(&json(&completed.summary)?);
        } else {
            print_run(&completed, &options.out);
        }
        say_hints(&completed);
        Ok(exit(&completed))
    }
}
