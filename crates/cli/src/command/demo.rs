//! `brinell demo`

use std::path::{Path, PathBuf};

use brinell::defence::{RaceAsk, RaceJob};
use brinell::hardening::Ask;
use brinell::{Job, Population, Question, runs};
use clap::Args;

use super::audit::{answer, exit, report_run, stop_flag};
use super::defend::FPR;
use super::harden;
use crate::console::{WIDTH, colour, note, print, print_coloured};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::settings::{Settings, free_folder};

const IMAGES: &str = "images.idx3-ubyte";
const LABELS: &str = "labels.idx1-ubyte";

/// The model that hardening writes, and the folder of its run.
const HARDENED: &str = "hardened.onnx";
const HARDEN: &str = "harden";

/// What the demo brings along: two models trained by `demo/train.py`, and 500 test images of Fashion-MNIST.
const FILES: [(&str, &[u8]); 5] = [
    ("ordinary.onnx", include_bytes!("../../demo/ordinary.onnx")),
    ("robust.onnx", include_bytes!("../../demo/robust.onnx")),
    (IMAGES, include_bytes!("../../demo/images.idx3-ubyte")),
    (LABELS, include_bytes!("../../demo/labels.idx1-ubyte")),
    ("classes.txt", include_bytes!("../../demo/classes.txt")),
];

/// What hardening trains on: the first 4000 training images of Fashion-MNIST.
const TRAINING: [(&str, &[u8]); 2] = [
    ("train-images.idx3-ubyte.gz", include_bytes!("../../demo/train-images.idx3-ubyte.gz")),
    ("train-labels.idx1-ubyte.gz", include_bytes!("../../demo/train-labels.idx1-ubyte.gz")),
];

/// Passes over them, which take about half a minute on two cores.
const EPOCHS: usize = 12;

/// Where links of the repository are checked out as text, their paths would be embedded instead of the files.
const _: () = assert!(FILES[0].1.len() > 1000, "crates/cli/demo holds links: set core.symlinks to true in git, and check out again");

/// The models, in the order of the report.
const MODELS: [&str; 2] = ["ordinary", "robust"];

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Folder to write models, data and report to [default: brinell-demo, with -2, -3, .. if it exists]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Race a defence of the ordinary model against attackers who know it more and more, instead of auditing both
    #[arg(long)]
    race: bool,

    /// Also harden the ordinary model on 4000 training images, and audit the result; takes about a minute more
    #[arg(long, conflicts_with = "race")]
    harden: bool,

    /// Software that executes the models [default: auto]
    #[arg(long, value_name = "RUNTIME")]
    runtime: Option<String>,
}

impl Demo {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let out = self.out.map_or_else(|| free_folder("brinell-demo"), Ok)?;
        let training: &[(&str, &[u8])] = if self.harden { &TRAINING } else { &[] };
        let files = || FILES.iter().chain(training);
        let results = [super::audit::REPORT, HARDENED];
        if let Some(name) = files().map(|(name, _)| *name).chain(results).find(|name| out.join(name).exists()) {
            return Err(Failure::input(format!("{} exists already; choose another folder with --out", out.join(name).display())));
        }
        unpack(&out, files())?;
        if self.race {
            return race(&out, self.runtime.as_deref());
        }
        let stop = stop_flag()?;
        let mut runs = Vec::new();
        let mut worst = Exit::Done;
        for name in MODELS {
            note(&format!("\n{name}"));
            let (question, job) = ask(&out, name, self.runtime.as_deref())?;
            let completed = answer(&question, &job, &stop, &mut Progress::new())?;
            print_coloured(&brinell::report::terminal::table(&completed.summary, WIDTH, colour()));
            print("\n");
            if exit(&completed) != Exit::Done {
                worst = exit(&completed);
            }
            runs.push(report_run(&completed));
        }
        if self.harden {
            note("\nhardened");
            let ended = harden::answer(&hardening(&out, self.runtime.as_deref())?, &training_job(&out), &stop)?;
            print(&ended.told);
            print("\n");
            if ended.exit != Exit::Done {
                worst = ended.exit;
            }
            runs.push(report_run(&runs::read(&out.join(HARDEN).join("hardened"))?));
        }
        let html = brinell::report::render_comparison(&runs).map_err(Failure::from_internal)?;
        let path = out.join("report.html");
        std::fs::write(&path, html).map_err(|error| Failure::input(format!("cannot write {}: {error}", path.display())))?;
        print(&format!("Report: {}\n", path.display()));
        Ok(worst)
    }
}

/// The defence of the race, and the images that it is run on.
const DEFENCE: &str = "bits:3";
const RACED: usize = 100;

/// Races a defence of the ordinary model, beside the robust one.
fn race(out: &Path, runtime: Option<&str>) -> Result<Exit, Failure> {
    let [ordinary, robust] = MODELS;
    let (mut question, _) = ask(out, ordinary, runtime)?;
    question.population.n = Some(RACED);
    let defence = DEFENCE.parse().map_err(Failure::input)?;
    let rival = Some(out.join(format!("{robust}.onnx")));
    let ask = RaceAsk { question, defences: vec![defence], calibration: None, fpr: FPR, rival, fresh: None };
    super::race::run(&ask, &RaceJob { out: out.join("race"), resume: false }, false)
}

fn unpack<'f>(out: &Path, files: impl Iterator<Item = &'f (&'f str, &'f [u8])>) -> Result<(), Failure> {
    let failed = |path: &Path, error: std::io::Error| Failure::input(format!("cannot write {}: {error}", path.display()));
    std::fs::create_dir_all(out).map_err(|error| failed(out, error))?;
    for (name, bytes) in files {
        let path = out.join(name);
        std::fs::write(&path, bytes).map_err(|error| failed(&path, error))?;
    }
    Ok(())
}

/// Returns the settings that all models of the demo share.
fn shared(out: &Path, runtime: Option<&str>) -> Vec<(&'static str, String)> {
    let given = [("classes", out.join("classes.txt").display().to_string()), ("norm", "linf".to_owned()), ("eps", "0.1".to_owned())];
    given.into_iter().chain(runtime.map(|runtime| ("runtime", runtime.to_owned()))).collect()
}

fn ask(out: &Path, name: &str, runtime: Option<&str>) -> Result<(Question, Job), Failure> {
    let path = |name: &str| out.join(name).display().to_string();
    let (model, data) = (path(&format!("{name}.onnx")), path(IMAGES));
    let command = format!("brinell audit {model} --data {data} --classes {} --norm linf --eps 0.1", path("classes.txt"));
    let mut given = vec![("model", model), ("data", data), ("labels", path(LABELS))];
    given.extend(shared(out, runtime));
    Settings::of(&given, out.join(name)).question(command, None)
}

/// Returns how the ordinary model is hardened: trained on images of its own, judged on those of the demo by the suite of its audits.
fn hardening(out: &Path, runtime: Option<&str>) -> Result<Ask, Failure> {
    let path = |name: &str| out.join(name).display().to_string();
    let mut given = vec![("model", path("ordinary.onnx")), ("data", path(TRAINING[0].0)), ("labels", path(TRAINING[1].0))];
    given.extend(shared(out, runtime));
    let (question, _) = Settings::of(&given, out.join(HARDEN)).question(String::new(), None)?;
    let test = Population { data: out.join(IMAGES), labels: Some(path(LABELS)), ..question.population.clone() };
    Ok(Ask {
        question,
        test: Some(test),
        suite: "standard".to_owned(),
        epochs: Some(EPOCHS),
        // The demo shows the price; whether it is too high is for a user to say.
        max_clean_loss: 100.0,
        ..Ask::default()
    })
}

fn training_job(out: &Path) -> brinell::hardening::Job {
    let command = format!("brinell harden {} --data {}", out.join("ordinary.onnx").display(), out.join(TRAINING[0].0).display());
    brinell::hardening::Job { folder: out.join(HARDEN), output: out.join(HARDENED), command, ..Default::default() }
}
