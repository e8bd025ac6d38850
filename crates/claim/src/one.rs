//! Deciding one claim: the work, and what it tells.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use brinell_autodiff::AutodiffError;
use brinell_engine::{EngineError, OracleError};
use brinell_proof::recheck_audit;
use brinell_record::{Claim, Flag, Judge, Refound, Ruling, Verdict, Witness};

use super::check::until;
use super::decide::{Levels, Question};
use super::equal::{self, Agreement};
use super::examine::{Count, Examination};
use super::plan::{CheckOptions, order, question};
use super::read::Source;
use super::wording;
use crate::ClaimError;
use brinell_audit::{AuditError, Job as AuditJob, Observer, audit_along};
use brinell_ledger::reason::{id, reason};
use brinell_subject::{Panel, Subject, SubjectError};

/// Folder of the run, relative to the evidence.
const RUN: &str = "run";

/// One claim to be decided.
pub(super) struct Job<'j> {
    pub(super) claim: &'j Claim,
    pub(super) source: &'j Source,
    pub(super) folder: &'j Path,
    pub(super) options: &'j CheckOptions,
    pub(super) deadline: Option<Instant>,
}

/// What was found out about one claim.
pub(super) struct Examined {
    kind: Kind,
    witnesses: Vec<Witness>,
    judges: Vec<Judge>,
    flags: Vec<Flag>,
    runs: Vec<String>,
    timeout: bool,
    seconds: f64,
}

enum Kind {
    Counted(Question, Count),
    Compared(Agreement),
    /// Nothing can be found out, and why.
    Unsupported(String),
}

impl Examined {
    fn unsupported(error: &ClaimError) -> Self {
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(error);
        while let Some(error) = cause {
            if !text.contains(&error.to_string()) {
                text = format!("{text}: {error}");
            }
            cause = error.source();
        }
        let kind = Kind::Unsupported(text);
        Self { kind, witnesses: Vec::new(), judges: Vec::new(), flags: Vec::new(), runs: Vec::new(), timeout: false, seconds: 0.0 }
    }

    /// Fills a verdict in.
    pub(super) fn tell(&self, claim: &Claim, levels: Levels, verdict: &mut Verdict) {
        match &self.kind {
            Kind::Counted(question, count) => {
                let decision = question.decide(count, levels, &self.flags, self.timeout);
                verdict.finding = wording::finding(claim, question, &decision, &self.witnesses, &self.judges);
                (verdict.verdict, verdict.reasons) = (decision.ruling, decision.reasons);
                (verdict.numbers, verdict.certified) = (Some(decision.numbers), decision.certified);
            }
            Kind::Compared(agreement) => agreement.tell(claim, self.timeout, self.witnesses.first(), &self.judges, verdict),
            Kind::Unsupported(text) => {
                verdict.verdict = Ruling::Undecided;
                verdict.finding = "the model cannot be examined".to_owned();
                verdict.reasons = vec![reason(id::UNSUPPORTED, text)];
            }
        }
        verdict.witnesses.clone_from(&self.witnesses);
        verdict.judges.clone_from(&self.judges);
        verdict.flags.clone_from(&self.flags);
        verdict.runs.clone_from(&self.runs);
        verdict.seconds = self.seconds;
    }
}

impl Job<'_> {
    /// Does the work, or goes on with it.
    ///
    /// # Errors
    /// [`ClaimError::INTERRUPTED`] where `stop` became true; an end of the time is no error. [`LedgerError::Stale`](brinell_ledger::LedgerError::Stale) where
    /// work was begun with something else.
    pub(super) fn run(
        &self,
        question: Option<Question>,
        levels: Levels,
        stop: &AtomicBool,
        observer: &mut dyn Observer,
    ) -> Result<Examined, ClaimError> {
        let done = until(self.deadline, stop, |stop| match question {
            Some(question) => self.count(question, levels, stop, observer),
            None => self.compare(stop),
        });
        match done {
            Err(error) if is_unsupported(&error) => Ok(Examined::unsupported(&error)),
            Ok(examined) if examined.timeout && stop.load(Ordering::Relaxed) => Err(ClaimError::INTERRUPTED),
            other => other,
        }
    }

    fn count(&self, question: Question, levels: Levels, stop: &AtomicBool, observer: &mut dyn Observer) -> Result<Examined, ClaimError> {
        let asked = super::plan::question(self.claim, self.source.folder(), &self.options.running);
        let opened = Subject::open(&asked.artefact, &asked.population)?;
        if let (Some(found), None) = (&opened.subject.weights_sha256, &asked.artefact.weights_sha256) {
            let problem = format!("missing; the model has weights in other files, and their SHA-256 is {found}");
            return Err(ClaimError::key(&self.source.path, format!("{}: subject.weights_sha256", self.claim.id), problem));
        }
        let mut panel = Panel::open(&opened.subject, &self.options.running)?;
        let judges = panel.judges();
        let enough = |count: &Count| question.enough(count, levels);
        let order = order(question.n, asked.effort.seed);
        let mut examination = Examination::new(question, &mut panel, order, &enough, self.folder.to_path_buf());
        let started = Instant::now();
        let out = self.folder.join(RUN);
        let job = AuditJob { resume: out.join("run.json").exists(), out, command: self.options.command.clone() };
        let completed = match audit_along(&asked, &job, opened, &mut examination, stop, observer) {
            Ok(completed) => Some(completed),
            Err(error) if error.is_interrupted() => None,
            Err(error) => return Err(error),
        };
        let (mut count, witnesses) = examination.into_parts();
        if question.certified && completed.is_some() {
            let rechecked = recheck_audit(&self.folder.join(RUN), &asked, stop).map_err(AuditError::from)?;
            count.proved = Some(rechecked.iter().filter(|line| line.found == Refound::Confirmed).count());
        }
        count.adaptive = completed.as_ref().is_some_and(|completed| completed.summary.is_adaptive());
        Ok(Examined {
            kind: Kind::Counted(question, count),
            // Until the run is complete, its adversarial inputs are in no file that others read.
            witnesses: if completed.is_some() { witnesses } else { Vec::new() },
            judges,
            timeout: completed.is_none(),
            seconds: completed.as_ref().map_or_else(|| started.elapsed().as_secs_f64(), |completed| completed.summary.seconds),
            flags: completed.map_or_else(Vec::new, |completed| completed.summary.flags),
            runs: vec![RUN.to_owned()],
        })
    }

    fn compare(&self, stop: &AtomicBool) -> Result<Examined, ClaimError> {
        let started = Instant::now();
        let asked = question(self.claim, self.source.folder(), &self.options.running);
        let comparison = equal::compare(self.claim, self.source, self.folder, &asked, stop)?;
        Ok(Examined {
            timeout: comparison.stopped,
            witnesses: comparison.witness.into_iter().collect(),
            judges: comparison.judges,
            kind: Kind::Compared(comparison.agreement),
            flags: Vec::new(),
            runs: Vec::new(),
            seconds: started.elapsed().as_secs_f64(),
        })
    }
}

/// True where the model, and not what the user gave, stands in the way.
fn is_unsupported(error: &ClaimError) -> bool {
    let engine =
        |error: &EngineError| matches!(error, EngineError::Operators { .. } | EngineError::Model { .. } | EngineError::PortType { .. });
    let ClaimError::Audit(AuditError::Subject(error)) = error else { return false };
    match error {
        SubjectError::Engine(error) => engine(error),
        SubjectError::Oracle(OracleError::Engine(error)) => engine(error),
        SubjectError::Oracle(OracleError::Autodiff(error)) => !matches!(error, AutodiffError::TooFewClasses { .. }),
        SubjectError::Oracle(OracleError::Export(_)) => true,
        _ => false,
    }
}

/// Returns the file that a path of a claim means.
pub(super) fn resolve(source: &Source, path: &str) -> PathBuf {
    source.folder().join(path)
}
