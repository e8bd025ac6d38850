//! `brinell report`

use std::path::{Path, PathBuf};

use brinell::record::CheckedClaim;
use brinell::report::Run;
use brinell::report::export::Format;
use brinell::runs;
use clap::Args;
use clap::builder::PossibleValuesParser;

use super::audit::{REPORT, report_run};
use crate::console::{note, print};
use crate::exit::Exit;
use crate::exports::document;
use crate::failure::Failure;

/// Name of the page among the formats.
const HTML: &str = "html";

/// Files of a run, which a report is made from and must not replace.
const RECORD: [&str; 8] =
    ["run.json", "record.jsonl", "stages.jsonl", "found.bin", "summary.json", "gallery.json", "adversarial.npz", "verdict.json"];

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// Folders of finished runs, or folders of evidence
    #[arg(value_name = "DIR", required = true)]
    folders: Vec<PathBuf>,

    /// Format to write (docs/outputs.md says which software reads it)
    #[arg(long, default_value = HTML, value_parser = PossibleValuesParser::new(
        std::iter::once(HTML).chain(Format::ALL.map(Format::name))))]
    format: String,

    /// File to write; - for standard output [default: report.html in DIR for html, else standard output]
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Report {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let (mut runs, mut claims) = (Vec::new(), Vec::new());
        for folder in &self.folders {
            let stored = runs::stored(folder)?;
            if stored.is_empty() {
                runs.push(report_run(&runs::read(folder)?));
            }
            claims.extend(stored);
        }
        let text = match Format::from_name(&self.format) {
            Some(format) => brinell::report::export::export(format, &document(&runs, &claims))?,
            None => page(&runs, &claims)?,
        };
        let html = self.format == HTML;
        match (self.out, self.folders.as_slice()) {
            (Some(out), _) if out == Path::new("-") => print(&text),
            (Some(out), _) => write(&out, &text)?,
            // A page inside the evidence would be no evidence.
            (None, [folder]) if html && !claims.is_empty() => write(&folder.with_extension("html"), &text)?,
            (None, [folder]) if html => write(&folder.join(REPORT), &text)?,
            (None, _) if html => return Err(Failure::input("a page of several runs needs a file name; give it with --out")),
            (None, _) => print(&text),
        }
        Ok(Exit::Done)
    }
}

/// Renders the page of one run, of several side by side, or of one claim with the run that decided it.
fn page(runs: &[Run], claims: &[CheckedClaim]) -> Result<String, Failure> {
    match (runs, claims) {
        ([run], []) => Ok(brinell::report::render(run)?),
        (runs, []) => Ok(brinell::report::render_comparison(runs)?),
        ([], [claim]) => {
            let run = claim.verdict.runs.first().map(|name| runs::read(&Path::new(&claim.evidence).join(name))).transpose()?;
            Ok(brinell::report::render_claim(&claim.verdict, run.as_ref().map(report_run).as_ref())?)
        }
        _ => Err(Failure::input("a page can show runs or one claim; for a claim, give its folder NAME.evidence/ID")),
    }
}

/// Writes a report and says where.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    if path.file_name().is_some_and(|name| RECORD.iter().any(|file| name == *file)) {
        return Err(Failure::input(format!(
            "{} is part of the run and must not be replaced; choose another file with --out",
            path.display()
        )));
    }
    std::fs::write(path, text).map_err(|error| Failure::input(format!("cannot write {}: {error}", path.display())))?;
    note(&format!("wrote {}", path.display()));
    Ok(())
}
