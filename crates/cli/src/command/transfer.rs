//! `brinell transfer`

use std::path::{Path, PathBuf};

use brinell::record::{Part, Transfer as Matrix};
use brinell::transfer::{Ensemble, ModelSpec, TransferEvent, TransferJob, TransferQuestion, read_models, transfer};
use brinell::{Artefact, Eps, Question};
use clap::Args;

use super::audit::{REPORT, json, stop_flag};
use crate::console::{WIDTH, colour, print, print_coloured, say};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::settings::{Classifiers, Fronts, Runners, Samples, free_folder, give_back};

/// Folder of runs that were given none.
const FOLDER: &str = "brinell-runs/transfer";

/// Which models meet on which images, and what may be changed.
#[derive(Debug, Args)]
pub(crate) struct Contest {
    /// Source models, on which examples are made: files, or names in --models [default: all in --models]
    #[arg(long, num_args = 1.., value_name = "MODEL", help_heading = Part::Model.heading())]
    from: Vec<String>,

    /// Target models, on which examples are tested: files, addresses, or names in --models [default: every model named here or in --models]
    #[arg(long, num_args = 1.., value_name = "MODEL", help_heading = Part::Model.heading())]
    to: Vec<String>,

    /// TOML file with a list of models: `[[model]]` with file, name, classes, map and settings
    #[arg(long, value_name = "FILE", help_heading = Part::Model.heading())]
    models: Option<PathBuf>,

    #[command(flatten)]
    ports: Classifiers,

    #[command(flatten)]
    fronts: Fronts,

    #[command(flatten)]
    samples: Samples,

    /// Height and width to which image files are resized, the same for all models
    #[arg(long, value_name = "HxW", value_parser = size, help_heading = Part::Data.heading())]
    size: Option<(usize, usize)>,

    /// How to combine the gradients of several sources: norm, loss, logits or prob. `universal` and `patch` always attack all sources together; `transfer` then adds rows in which all sources except the target are attacked together [default: norm; for `transfer`, each source alone]
    #[arg(long, value_name = "RULE", num_args = 0..=1, default_missing_value = "norm", help_heading = Part::Attacks.heading())]
    ensemble: Option<Ensemble>,

    /// Use a softer gradient for this share of the sources' ReLUs, counted from the last one [default: off; 0.5 if SHARE is missing]
    #[arg(long, value_name = "SHARE", num_args = 0..=1, default_missing_value = "0.5", value_parser = share, help_heading = Part::Attacks.heading())]
    soft_backward: Option<f64>,

    /// Seed of all random numbers
    #[arg(long, value_name = "SEED", default_value_t = 0, help_heading = Part::Attacks.heading())]
    seed: u64,

    #[command(flatten)]
    runners: Runners,
}

/// How far a change may go.
#[derive(Debug, Args)]
pub(crate) struct Reach {
    /// Largest change of a pixel value (linf), on the scale 0..1, such as 8/255
    #[arg(long, value_name = "EPS", help_heading = Part::Threat.heading())]
    pub(crate) eps: Eps,
}

#[derive(Debug, Args)]
pub(crate) struct Transfer {
    #[command(flatten)]
    contest: Contest,

    #[command(flatten)]
    reach: Reach,

    /// Attack that makes the examples, such as mi+di+si (see `brinell attacks`)
    #[arg(long, value_name = "ATTACK", default_value = "mi", help_heading = Part::Attacks.heading())]
    attack: String,

    /// Round examples to bytes before they are stored and tested, as in image files
    #[arg(long, help_heading = Part::Attacks.heading())]
    bytes: bool,

    /// Folder to write the run to [default: brinell-runs/transfer, with -2, -3, .. if it exists]
    #[arg(long, value_name = "DIR", help_heading = Part::Running.heading())]
    out: Option<PathBuf>,

    /// Continue the stopped run in --out
    #[arg(long, requires = "out", help_heading = Part::Running.heading())]
    resume: bool,

    /// Print only matrix.json on standard output
    #[arg(long)]
    json: bool,
}

fn size(text: &str) -> Result<(usize, usize), String> {
    let sides = text.split_once(['x', 'X']).and_then(|(h, w)| Some((h.trim().parse().ok()?, w.trim().parse().ok()?)));
    sides.filter(|(h, w)| *h > 0 && *w > 0).ok_or_else(|| "write height x width, such as 224x224".to_owned())
}

pub(crate) fn share(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|share| (0.0..=1.0).contains(share)).ok_or_else(|| "write a share between 0 and 1, such as 0.5".to_owned())
}

impl Transfer {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let question = TransferQuestion { attack: self.attack, bytes: self.bytes, ..self.contest.question(self.reach.eps)? };
        let chosen_here = self.out.is_none();
        let out = self.out.map_or_else(|| free_folder(FOLDER), Ok)?;
        let job = TransferJob { out: out.clone(), resume: self.resume };
        let stop = stop_flag()?;
        let matrix = transfer(&question, &job, &stop, &mut tell).inspect_err(|_| {
            if chosen_here {
                give_back(&out);
            }
        })?;
        write(&out, "matrix.csv", &brinell::report::transfer::csv(&matrix))?;
        write(&out, REPORT, &brinell::report::transfer::page(&matrix)?)?;
        if self.json {
            print(&json(&matrix)?);
        } else {
            print_coloured(&brinell::report::transfer::table(&matrix, WIDTH, colour()));
            print(&format!("\nReport: {}\n", out.join(REPORT).display()));
        }
        Ok(exit(&matrix))
    }
}

impl Contest {
    /// Puts together what is asked, within this radius; the attack is the default one.
    pub(crate) fn question(&self, eps: Eps) -> Result<TransferQuestion, Failure> {
        let mut given = Question::default();
        self.samples.put(&mut given)?;
        if given.population.data.as_os_str().is_empty() {
            return Err(Failure::input("the images are missing").hint("give them with --data"));
        }
        let mut models = self.models.as_deref().map(read_models).transpose()?.unwrap_or_default();
        let listed = models.len();
        let mut find = |name: &String| {
            find(&mut models, listed, name, || {
                let mut question = Question { artefact: self.ports.artefact(Path::new(name))?, ..Question::default() };
                self.fronts.put(&mut question)?;
                Ok(question.artefact)
            })
        };
        let from: Vec<usize> = self.from.iter().map(&mut find).collect::<Result<_, _>>()?;
        let to: Vec<usize> = self.to.iter().map(&mut find).collect::<Result<_, _>>()?;
        if models.is_empty() {
            return Err(Failure::input("the models are missing")
                .hint("give them with --from and --to, or list them in a file and give it with --models"));
        }
        let every = |given: Vec<usize>, all: std::ops::Range<usize>| if given.is_empty() { all.collect() } else { given };
        let from = unique(every(from, 0..listed));
        let to = unique(every(to, 0..models.len()));
        Ok(TransferQuestion {
            models,
            from,
            to,
            population: given.population,
            size: self.size,
            eps,
            attack: "mi".to_owned(),
            ensemble: self.ensemble,
            soft: self.soft_backward.unwrap_or(0.0),
            seed: self.seed,
            bytes: false,
            running: self.runners.running()?,
        })
    }
}

/// The number of a model by its name or file; one that is not there yet is made by `artefact`, and added. The first `listed` ones come from a list.
pub(crate) fn find(
    models: &mut Vec<ModelSpec>,
    listed: usize,
    name: &str,
    artefact: impl FnOnce() -> Result<Artefact, Failure>,
) -> Result<usize, Failure> {
    let same = |model: &ModelSpec| model.name() == name || model.artefact.model == Path::new(name);
    if let Some(at) = models.iter().position(same) {
        return Ok(at);
    }
    if !Artefact::of(name).is_address() && !Path::new(name).exists() && listed > 0 {
        let known = models.iter().map(ModelSpec::name).collect::<Vec<_>>().join(", ");
        return Err(Failure::input(format!("there is no model `{name}`; the models are {known}")));
    }
    models.push(ModelSpec { artefact: artefact()?, ..ModelSpec::default() });
    Ok(models.len() - 1)
}

/// Each number once, where it stands first.
pub(crate) fn unique(numbers: Vec<usize>) -> Vec<usize> {
    let mut seen = Vec::new();
    for number in numbers {
        if !seen.contains(&number) {
            seen.push(number);
        }
    }
    seen
}

pub(crate) fn tell(event: TransferEvent<'_>) {
    match event {
        TransferEvent::Making { source, n } => say(&format!("making examples of {n} images on {source}")),
        TransferEvent::Asking => say("testing the stored examples on every model"),
        _ => {}
    }
}

pub(crate) fn write(folder: &Path, name: &str, text: &str) -> Result<(), Failure> {
    let path = folder.join(name);
    std::fs::write(&path, text).map_err(|error| Failure::input(format!("cannot write {}: {error}", path.display())))
}

/// Where a model does no better than guessing, no figure of it can be relied on.
fn exit(matrix: &Matrix) -> Exit {
    let reliable = matrix.models.iter().all(|model| model.accuracy.value * model.classes as f64 > 1.0);
    if reliable { Exit::Done } else { Exit::Unreliable }
}
