//! What was gained and what was lost, on samples that training never saw.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use brinell_audit::{Event, Observer, audit};
use brinell_ledger::run::Completed;
use brinell_record::{Comparison, Question, Rate, SanityLevel};

use crate::training::{Progress, Watcher};
use crate::{HardenError, Job};

/// Both models under the same audit.
pub(crate) struct Judged {
    pub(crate) comparison: Comparison,
    pub(crate) accuracy: [[Rate; 2]; 2],
    pub(crate) headline: String,
    pub(crate) unreliable: bool,
}

/// Passes on what audits tell.
struct Passed<'w> {
    watcher: &'w mut dyn Watcher,
}

impl Observer for Passed<'_> {
    fn event(&mut self, event: Event<'_>) {
        self.watcher.event(event);
    }
}

/// Audits parent and child and compares them.
///
/// # Errors
/// [`HardenError::Audit`], [`HardenError::Ledger`].
pub(crate) fn judge(question: &Question, job: &Job, stop: &AtomicBool, watcher: &mut dyn Watcher) -> Result<Judged, HardenError> {
    let parent_folder = job.parent.clone().unwrap_or_else(|| job.folder.join("parent"));
    let child_folder = job.folder.join("hardened");
    let mut one = |name: &'static str, out: &PathBuf, model: &Path, sanity: SanityLevel| -> Result<Completed, HardenError> {
        watcher.progress(Progress::Judging(name));
        let mut question = question.clone();
        question.artefact.model = model.to_path_buf();
        question.effort.sanity = sanity;
        let resume = out.join("run.json").is_file();
        let job = brinell_audit::Job { out: out.clone(), resume, command: job.command.clone() };
        Ok(audit(&question, &job, stop, &mut Passed { watcher })?)
    };
    let parent = one("parent", &parent_folder, &question.artefact.model, SanityLevel::default())?;
    // Training against attacks can hide gradients instead of giving them nothing to find.
    let child = one("hardened", &child_folder, &job.output, SanityLevel::Full)?;
    let comparison = brinell_ledger::compare(&parent_folder, &child_folder)?;
    let rates = |run: &Completed| [run.summary.clean_accuracy, run.summary.robust_accuracy];
    let accuracy = [rates(&parent), rates(&child)];
    let headline = headline(&accuracy);
    Ok(Judged { comparison, accuracy, headline, unreliable: parent.unreliable() || child.unreliable() })
}

/// Returns gain and price in one sentence.
fn headline([[clean, robust], [clean_after, robust_after]]: &[[Rate; 2]; 2]) -> String {
    let share = |rate: &Rate| format!("{:.1} %", 100.0 * rate.value);
    format!("robust {} -> {}, clean {} -> {}", share(robust), share(robust_after), share(clean), share(clean_after))
}
