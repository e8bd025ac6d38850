//! `brinell demo`

use std::path::{Path, PathBuf};

use brinell::{Job, Question};
use clap::Args;

use super::audit::{answer, exit, report_run, stop_flag};
use crate::console::{WIDTH, colour, note, print, print_coloured};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::settings::{Settings, free_folder};

/// What the demo brings along: two models trained by `demo/train.py`, and 500 test images of Fashion-MNIST.
const FILES: [(&str, &[u8]); 5] = [
    ("ordinary.onnx", include_bytes!("../../demo/ordinary.onnx")),
    ("robust.onnx", include_bytes!("../../demo/robust.onnx")),
    ("images.idx3-ubyte", include_bytes!("../../demo/images.idx3-ubyte")),
    ("labels.idx1-ubyte", include_bytes!("../../demo/labels.idx1-ubyte")),
    ("classes.txt", include_bytes!("../../demo/classes.txt")),
];

/// Where links of the repository are checked out as text, their paths would be embedded instead of the files.
const _: () = assert!(FILES[0].1.len() > 1000, "crates/cli/demo holds links: set core.symlinks to true in git, and check out again");

/// The models, in the order of the report.
const MODELS: [&str; 2] = ["ordinary", "robust"];

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Folder for models, data and report [default: the first free one of brinell-demo, brinell-demo-2, ..]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Software that executes the models [default: auto]
    #[arg(long, value_name = "RUNTIME")]
    runtime: Option<String>,
}

impl Demo {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let out = self.out.map_or_else(|| free_folder("brinell-demo"), Ok)?;
        if let Some((name, _)) = FILES.iter().chain(&[("report.html", &[] as &[u8])]).find(|(name, _)| out.join(name).exists()) {
            return Err(Failure::input(format!("{} exists already; choose another folder with --out", out.join(name).display())));
        }
        unpack(&out)?;
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
        let html = brinell::report::render_comparison(&runs).map_err(Failure::from_internal)?;
        let path = out.join("report.html");
        std::fs::write(&path, html).map_err(|error| Failure::input(format!("cannot write {}: {error}", path.display())))?;
        print(&format!("Report: {}\n", path.display()));
        Ok(worst)
    }
}

fn unpack(out: &Path) -> Result<(), Failure> {
    let failed = |path: &Path, error: std::io::Error| Failure::input(format!("cannot write {}: {error}", path.display()));
    std::fs::create_dir_all(out).map_err(|error| failed(out, error))?;
    for (name, bytes) in FILES {
        let path = out.join(name);
        std::fs::write(&path, bytes).map_err(|error| failed(&path, error))?;
    }
    Ok(())
}

fn ask(out: &Path, name: &str, runtime: Option<&str>) -> Result<(Question, Job), Failure> {
    let path = |name: &str| out.join(name).display().to_string();
    let (model, data, classes) = (path(&format!("{name}.onnx")), path("images.idx3-ubyte"), path("classes.txt"));
    let command = format!("brinell audit {model} --data {data} --classes {classes} --norm linf --eps 0.1");
    let mut given = vec![
        ("model", model),
        ("data", data),
        ("labels", path("labels.idx1-ubyte")),
        ("classes", classes),
        ("norm", "linf".to_owned()),
        ("eps", "0.1".to_owned()),
    ];
    given.extend(runtime.map(|runtime| ("runtime", runtime.to_owned())));
    Settings::of(&given, out.join(name)).question(command, None)
}
