//! Runs over time.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use brinell_record::{FileError, HISTORY_SCHEMA, History, HistoryGroup, RunEntry, Severity, Summary};

use crate::compare::{same_radius, task_of};
use crate::{LedgerError, run};

/// What [`history`] found.
#[derive(Debug, Clone)]
pub struct Found {
    /// The finished runs, in groups.
    pub history: History,
    /// Runs that were begun and are not finished.
    pub unfinished: Vec<PathBuf>,
}

/// Reads runs and groups those whose figures answer the same question: same samples, task, norm, radius and target.
///
/// Each folder is a run, or holds runs as its direct subfolders. A run that is named twice counts once.
///
/// # Errors
/// [`LedgerError::NoRun`] where a folder neither is nor holds a run, and those of [`run::read`].
pub fn history(folders: &[PathBuf]) -> Result<Found, LedgerError> {
    let mut seen = BTreeSet::new();
    let (mut entries, mut unfinished) = (Vec::new(), Vec::new());
    for folder in folders {
        for run_folder in runs_in(folder)? {
            if !seen.insert(std::fs::canonicalize(&run_folder).unwrap_or_else(|_| run_folder.clone())) {
                continue;
            }
            if run_folder.join("summary.json").is_file() {
                entries.push(entry(&run_folder, &run::read(&run_folder)?.summary));
            } else {
                unfinished.push(run_folder);
            }
        }
    }
    entries.sort_by(|a, b| a.created.cmp(&b.created).then_with(|| a.folder.cmp(&b.folder)));
    let mut groups: Vec<HistoryGroup> = Vec::new();
    for entry in entries {
        match groups.iter_mut().find(|group| group.runs.first().is_some_and(|first| comparable(first, &entry))) {
            Some(group) => group.runs.push(entry),
            None => groups.push(HistoryGroup { runs: vec![entry], varies: Vec::new() }),
        }
    }
    for group in &mut groups {
        group.varies = varies(&group.runs);
    }
    Ok(Found { history: History { schema: HISTORY_SCHEMA.to_owned(), groups }, unfinished })
}

/// Returns the folder itself where it is a run, else those of its subfolders that are, by name.
fn runs_in(folder: &Path) -> Result<Vec<PathBuf>, LedgerError> {
    let is_run = |folder: &Path| ["summary.json", "run.json"].iter().any(|name| folder.join(name).is_file());
    if is_run(folder) {
        return Ok(vec![folder.to_path_buf()]);
    }
    let mut runs = Vec::new();
    for child in std::fs::read_dir(folder).map_err(FileError::on("read the folder", folder))? {
        let child = child.map_err(FileError::on("read the folder", folder))?.path();
        if is_run(&child) {
            runs.push(child);
        }
    }
    runs.sort();
    if runs.is_empty() { Err(LedgerError::NoRun { path: folder.to_path_buf(), stopped: false }) } else { Ok(runs) }
}

fn comparable(a: &RunEntry, b: &RunEntry) -> bool {
    let same_samples = a.data.sha256 == b.data.sha256 && a.data.n == b.data.n && a.data.samples == b.data.samples;
    let same_task = task_of(&a.question.artefact) == task_of(&b.question.artefact);
    let same_threat = a.question.threat.norm == b.question.threat.norm && a.allowed.target == b.allowed.target;
    same_samples && same_task && same_threat && same_radius(a, b)
}

/// Names the settings that are not the same in all runs.
fn varies(runs: &[RunEntry]) -> Vec<String> {
    let vary = |same: fn(&RunEntry, &RunEntry) -> bool| runs.windows(2).any(|pair| matches!(pair, [a, b] if !same(a, b)));
    let same_runtime: fn(&RunEntry, &RunEntry) -> bool =
        |a, b| (&a.runtime.name, &a.runtime.version, &a.runtime.device) == (&b.runtime.name, &b.runtime.version, &b.runtime.device);
    let same_preprocessing: fn(&RunEntry, &RunEntry) -> bool = |a, b| {
        let of = |entry: &RunEntry| {
            let artefact = &entry.question.artefact;
            (artefact.scale(), artefact.mean.clone(), artefact.std.clone(), artefact.layout)
        };
        of(a) == of(b)
    };
    [
        ("preprocessing", vary(same_preprocessing)),
        ("query budget", vary(|a, b| a.question.effort.max_queries == b.question.effort.max_queries)),
        ("attacks", vary(|a, b| a.attacks == b.attacks)),
        ("seed", vary(|a, b| a.question.effort.seed == b.question.effort.seed)),
        ("runtime", vary(same_runtime)),
        ("brinell version", vary(|a, b| a.brinell_version == b.brinell_version)),
    ]
    .into_iter()
    .filter(|(_, varies)| *varies)
    .map(|(name, _)| name.to_owned())
    .collect()
}

/// Returns the run in `folder` as a line of a table.
pub(crate) fn entry(folder: &Path, summary: &Summary) -> RunEntry {
    let blocking = summary.flags.iter().filter(|flag| flag.severity == Severity::Blocking);
    RunEntry {
        folder: folder.strip_prefix(".").unwrap_or(folder).display().to_string(),
        created: summary.created.clone(),
        brinell_version: summary.brinell_version.clone(),
        question: summary.question.clone(),
        model: summary.model.clone(),
        data: summary.data.clone(),
        allowed: summary.allowed.clone(),
        attacks: summary.attacks.clone(),
        runtime: summary.runtime.clone(),
        clean_correct: summary.clean_correct,
        survived: summary.survived,
        clean_accuracy: summary.clean_accuracy,
        robust_accuracy: summary.robust_accuracy,
        blocking: blocking.map(|flag| flag.id.clone()).collect(),
    }
}
