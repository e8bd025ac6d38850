//! `brinell report`

use std::path::{Path, PathBuf};

use brinell_report::export::{Audit, Document, Format};
use clap::Args;
use clap::builder::PossibleValuesParser;

use super::audit::{REPORT, report_run};
use crate::console::{print, say};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::place;

/// Name of the page among the formats.
const HTML: &str = "html";

/// Files of a run, which a report is made from and must not replace.
const RECORD: [&str; 8] =
    ["run.json", "record.jsonl", "stages.jsonl", "found.bin", "summary.json", "gallery.json", "adversarial.npz", "verdict.json"];

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// Folders of finished runs
    #[arg(value_name = "DIR", required = true)]
    folders: Vec<PathBuf>,

    /// What to write; docs/outputs.md says who reads which
    #[arg(long, default_value = HTML, value_parser = PossibleValuesParser::new(
        std::iter::once(HTML).chain(Format::ALL.map(Format::name))))]
    format: String,

    /// File to write, - for standard output [default: report.html in DIR for a page, else standard output]
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Report {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let runs =
            self.folders.iter().map(|folder| Ok(report_run(&brinell_protocol::run::read(folder)?))).collect::<Result<Vec<_>, Failure>>()?;
        let text = match Format::from_name(&self.format) {
            Some(format) => {
                let audits = runs.iter().map(|run| Audit { run, model: place::of(Path::new(&run.summary.model.path)) }).collect();
                brinell_report::export::export(format, &Document { audits, checks: Vec::new() })?
            }
            None => match runs.as_slice() {
                [run] => brinell_report::render(run)?,
                runs => brinell_report::render_comparison(runs)?,
            },
        };
        let page = self.format == HTML;
        match (self.out, self.folders.as_slice()) {
            (Some(out), _) if out == Path::new("-") => print(&text),
            (Some(out), _) => write(&out, &text)?,
            (None, [folder]) if page => write(&folder.join(REPORT), &text)?,
            (None, _) if page => return Err(Failure::input("a page of several runs has no folder of its own; name its file with --out")),
            (None, _) => print(&text),
        }
        Ok(Exit::Done)
    }
}

/// Writes a report, in one step, and says where.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    if path.file_name().is_some_and(|name| RECORD.iter().any(|file| name == *file)) {
        return Err(Failure::input(format!("{} would replace a record; choose another file with --out", path.display())));
    }
    std::fs::write(path, text).map_err(|error| Failure::input(format!("cannot write {}: {error}", path.display())))?;
    say(&format!("wrote {}", path.display()));
    Ok(())
}
