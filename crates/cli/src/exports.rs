//! Runs and verdicts as the exports of the report take them.

use std::path::{Path, PathBuf};

use brinell::record::CheckedClaim;
use brinell::report::Run;
use brinell::report::export::{Audit, Check, Document, Format, export};

use crate::command::write;
use crate::failure::Failure;
use crate::place;

/// A file to write in a format, as `sarif=brinell.sarif` on the command line.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    format: Format,
    path: PathBuf,
}

impl std::str::FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = Format::ALL.map(Format::name).join(", ");
        let (name, path) = text.split_once('=').ok_or_else(|| format!("write FORMAT=FILE; the formats are {names}"))?;
        let format = Format::from_name(name).ok_or_else(|| format!("`{name}` is not a format; the formats are {names}"))?;
        if path.is_empty() { Err(format!("write {name}=FILE")) } else { Ok(Self { format, path: path.into() }) }
    }
}

impl Target {
    /// Renders and writes the document.
    ///
    /// # Errors
    /// Those of the format, and a file that cannot be written.
    pub(crate) fn write(&self, document: &Document<'_>) -> Result<(), Failure> {
        write(&self.path, &export(self.format, document)?)
    }
}

/// Returns runs and verdicts with the places of their files.
pub(crate) fn document<'a>(runs: &'a [Run], claims: &'a [CheckedClaim]) -> Document<'a> {
    Document {
        audits: runs.iter().map(|run| Audit { run, model: place::of(&run.summary.question.artefact.model) }).collect(),
        checks: claims.iter().map(check).collect(),
    }
}

fn check(claim: &CheckedClaim) -> Check<'_> {
    let file = Path::new(&claim.file);
    let model = file.parent().unwrap_or(Path::new("")).join(&claim.verdict.claim.subject.model);
    Check {
        verdict: &claim.verdict,
        model: place::of(&model),
        claim_file: place::of(file),
        evidence: place::of(Path::new(&claim.evidence)),
    }
}
