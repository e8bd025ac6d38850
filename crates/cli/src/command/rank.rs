//! `brinell rank`

use std::path::{Path, PathBuf};

use brinell::Job;
use brinell::ranking::{Candidate, RankQuestion, rank};
use brinell::record::{Part, Ranking};
use brinell::runs::Completed;
use brinell::transfer::{ModelSpec, read_models};
use clap::Args;

use super::audit::{REPORT, command_line, json, report_run, stop_flag};
use super::transfer::{find, unique, write};
use crate::console::{WIDTH, colour, print, print_coloured};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::settings::{Contenders, free_folder, give_back};

/// Folder of runs that were given none.
const FOLDER: &str = "brinell-runs/rank";

#[derive(Debug, Args)]
pub(crate) struct Rank {
    /// Models to rank: files, addresses, or names in --models [default: all in --models]
    #[arg(value_name = "MODEL")]
    names: Vec<String>,

    /// TOML file with a list of models: `[[model]]` with file, name, and settings such as mean and std
    #[arg(long, value_name = "FILE", help_heading = Part::Model.heading())]
    models: Option<PathBuf>,

    #[command(flatten)]
    settings: Contenders,

    /// Do not search for the nearest examples as well: rank only by survivors at --eps, in less than half of the time
    #[arg(long, help_heading = Part::Attacks.heading())]
    no_distances: bool,

    /// Folder to write the run to [default: brinell-runs/rank, with -2, -3, .. if it exists]
    #[arg(long, value_name = "DIR", help_heading = Part::Running.heading())]
    out: Option<PathBuf>,

    /// Continue the stopped run in --out
    #[arg(long, requires = "out", help_heading = Part::Running.heading())]
    resume: bool,

    /// Print only rank.json on standard output
    #[arg(long)]
    json: bool,
}

impl Rank {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let asked = self.question()?;
        let chosen_here = self.out.is_none();
        let out = self.out.map_or_else(|| free_folder(FOLDER), Ok)?;
        let job = Job { out: out.clone(), resume: self.resume, command: command_line() };
        let stop = stop_flag()?;
        let ranking = rank(&asked, &job, &stop, &mut Progress::new(), &mut report).inspect_err(|_| {
            if chosen_here {
                give_back(&out);
            }
        })?;
        leave(&out, &ranking)?;
        if self.json {
            print(&json(&ranking)?);
        } else {
            print_coloured(&brinell::report::rank::table(&ranking, WIDTH, colour()));
            print(&format!("\nReport: {}\n", out.join(REPORT).display()));
        }
        Ok(if ranking.models.iter().all(|model| model.blocking.is_empty()) { Exit::Done } else { Exit::Unreliable })
    }

    fn question(&self) -> Result<RankQuestion, Failure> {
        let mut models = self.models.as_deref().map(read_models).transpose()?.unwrap_or_default();
        let listed = models.len();
        if self.names.is_empty() && listed == 0 {
            return Err(Failure::input("missing: the models").hint("name two or more, or give a list of them with --models"));
        }
        let first = self.names.first().map(PathBuf::from).or_else(|| models.first().map(|model| model.artefact.model.clone()));
        let question = self.settings.question(&first.unwrap_or_default())?;
        let mut chosen = Vec::new();
        for name in &self.names {
            let artefact = || Ok(brinell::Artefact { model: name.into(), ..question.artefact.clone() });
            chosen.push(find(&mut models, listed, name, artefact)?);
        }
        let chosen = if chosen.is_empty() { (0..listed).collect() } else { unique(chosen) };
        let models: Vec<&ModelSpec> = chosen.iter().filter_map(|&number| models.get(number)).collect();
        let models = models.iter().map(|spec| Candidate { name: name(spec, &models), artefact: spec.artefact.clone() }).collect();
        Ok(RankQuestion { models, question, nearest: !self.no_distances })
    }
}

/// The name of a model; where another file has the same, that of its folder in front.
fn name(spec: &ModelSpec, all: &[&ModelSpec]) -> String {
    let name = spec.name();
    let twice = all.iter().filter(|other| other.name() == name).count() > 1;
    let folder = spec.artefact.model.parent().and_then(Path::file_name).map(|folder| folder.to_string_lossy().into_owned());
    match folder {
        Some(folder) if twice && spec.name.is_none() => format!("{folder}-{name}"),
        _ => name,
    }
}

/// Writes the page of an audit that ended.
fn report(out: &Path, completed: &Completed) -> Result<(), Failure> {
    let html = brinell::report::render(&report_run(completed)).map_err(Failure::from_internal)?;
    write(out, REPORT, &html)
}

/// Writes everything that a ranking leaves beside its audits.
fn leave(out: &Path, ranking: &Ranking) -> Result<(), Failure> {
    write(out, "rank.csv", &brinell::report::rank::csv(ranking))?;
    write(out, "rank.md", &brinell::report::rank::markdown(ranking))?;
    write(out, REPORT, &brinell::report::rank::page(ranking)?)?;
    for (number, model) in ranking.models.iter().enumerate() {
        let badge = brinell::report::rank::badge(ranking, number).unwrap_or_default();
        write(&out.join(&model.run), "rank.svg", &badge)?;
    }
    // Last: whoever finds it finds the rest.
    write(out, "rank.json", &json(ranking)?)
}
