//! `brinell defend`: a model's own file with transforms in front, and what they cost.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use brinell_record::{DEFENDED_SCHEMA, Defended, FileError, Question, hash};
use brinell_stats::rate;
use brinell_subject::{Case, Referee, Subject};

use crate::latency::latency;
use crate::write::{Fresh, TIMED, check, defended, refuse_kinds, timed_inputs};
use crate::{Chain, DefendError};

/// A model that is to be defended, and with what.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Model, samples and runtime; threat and effort are not read.
    pub question: Question,
    /// The transforms.
    pub chain: Chain,
    /// File to write.
    pub output: PathBuf,
    /// Points of clean accuracy that may be lost; `None` for any.
    pub max_clean_loss: Option<f64>,
}

/// Writes a model's file with transforms in front of it, once accuracy and latency of both are measured.
///
/// # Guarantees
/// The file has the inputs, outputs and weights of the original, and says in its metadata what was put in front. It appears whole or not at all.
///
/// # Errors
/// [`DefendError`] says what cannot be used; [`DefendError::CleanLoss`] where the transforms cost too much, in which case nothing is written.
pub fn defend(ask: &Ask, stop: &AtomicBool) -> Result<Defended, DefendError> {
    let question = &ask.question;
    if question.artefact.is_address() {
        return Err(DefendError::Address { model: question.artefact.model.clone() });
    }
    if ask.chain.0.is_empty() {
        return Err(DefendError::Nothing);
    }
    if ask.output.exists() {
        return Err(DefendError::Exists { path: ask.output.clone() });
    }
    let mut case = Case::new(Subject::open(&question.artefact, &question.population)?, question)?;
    refuse_kinds(&case)?;
    let (bytes, prefix) = defended(&case, &ask.chain)?;
    let fresh = Fresh::write(&case, &bytes, &ask.output)?;
    let runtime = std::sync::Arc::clone(&case.runtime);
    check(&case, &prefix, runtime.as_ref(), fresh.path())?;
    let signature = &case.subject.signature;
    let mut child = Referee::new(fresh.path(), runtime.as_ref(), signature, std::sync::Arc::clone(&case.subject.held))?;
    let mut right = [0usize; 2];
    let mut differing = 0;
    let n = case.data.n;
    for sample in case.data.samples() {
        if stop.load(Ordering::Relaxed) {
            return Err(DefendError::Interrupted);
        }
        let (x, demand, task) = (case.sample(sample), case.demand(sample), case.task());
        let opinions = [case.referee.ask(&case.preprocess, &x, sample)?, child.ask(&case.preprocess, &x, sample)?];
        for (right, opinion) in right.iter_mut().zip(&opinions) {
            *right += usize::from(opinion.is_right(task.as_ref(), demand.posed()));
        }
        differing += usize::from(opinions[0].answer != opinions[1].answer);
    }
    let [before, after] = right;
    let loss = 100.0 * (before as f64 - after as f64) / n.max(1) as f64;
    if let Some(limit) = ask.max_clean_loss.filter(|limit| loss > *limit) {
        return Err(DefendError::CleanLoss { transforms: ask.chain.to_string(), loss, before, after, n, limit });
    }
    let all = timed_inputs(&case, TIMED);
    let subject = &case.subject;
    let files = [subject.path(), fresh.path()];
    let latency = latency(runtime.as_ref(), files, &subject.signature.input_name, &subject.signature.sample, &all)?;
    let output_sha256 = hash::sha256_file(fresh.path()).map_err(FileError::on("read", fresh.path()))?;
    fresh.keep()?;
    Ok(Defended {
        schema: DEFENDED_SCHEMA.to_owned(),
        brinell_version: env!("CARGO_PKG_VERSION").to_owned(),
        parent: subject.path().display().to_string(),
        parent_sha256: subject.sha256.clone(),
        output: ask.output.display().to_string(),
        output_sha256,
        transforms: ask.chain.to_string(),
        n,
        clean: [rate(before, n), rate(after, n)],
        differing,
        latency,
        runtime: format!("{} {} on {}", runtime.name(), runtime.version(), runtime.device()),
    })
}
