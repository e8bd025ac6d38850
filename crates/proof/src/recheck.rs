//! Checking the certificates of a finished run again.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use brinell_checker::{Certificate, CheckError, Checked};
use brinell_record::{FileError, Question, Rechecked, Refound, SampleRecord};
use brinell_subject::{Case, Subject, SubjectError};

use crate::certificates::{about, name, read};
use crate::certify::{LINES, QUESTION, SUMMARY};
use crate::statement::statement;
use crate::{CertifiedSample, CertifySummary, ProofError, Prover, Standing};

/// Where the files lie that checking a run again needs.
#[derive(Debug, Clone, Default)]
pub struct RecheckOptions {
    /// The model; by default where the record says.
    pub model: Option<PathBuf>,
    /// The data; by default where the record says.
    pub data: Option<PathBuf>,
}

/// Says whether a folder holds a run of certificates.
#[must_use]
pub fn is_certified_run(folder: &Path) -> bool {
    folder.join(QUESTION).is_file()
}

/// Checks every certificate of a finished run again, on the very model and data that it is about.
///
/// # Guarantees
/// `Confirmed` rests on the checker alone, not on the code that searched for the proof.
///
/// # Errors
/// [`ProofError::Other`] where model or data are others, [`ProofError::Unfinished`], and those of reading them. [`SubjectError::Interrupted`] where `stop`
/// became true.
pub fn recheck(
    folder: &Path,
    options: &RecheckOptions,
    stop: &AtomicBool,
    seen: &mut dyn FnMut(&Rechecked, usize),
) -> Result<Vec<Rechecked>, ProofError> {
    let unfinished = |reason| ProofError::Unfinished { folder: folder.to_path_buf(), reason };
    let path = folder.join(SUMMARY);
    if !path.is_file() {
        return Err(unfinished("it did not end"));
    }
    let summary: CertifySummary = json(&path, &text(&path)?)?;
    let mut question = summary.question.ok_or_else(|| unfinished("it was written by an earlier version, which stored no certificates"))?;
    if let Some(model) = &options.model {
        question.artefact.model.clone_from(model);
    }
    if let Some(data) = &options.data {
        question.population.data.clone_from(data);
    }
    let path = folder.join(LINES);
    let lines: Vec<CertifiedSample> = text(&path)?.lines().map(|line| json(&path, line)).collect::<Result<_, _>>()?;
    let certified = |line: &CertifiedSample| (line.standing == Standing::Certified).then_some((line.sample, line.label));
    let samples: Vec<(usize, usize)> = lines.iter().filter_map(certified).collect();
    if samples.len() != summary.certified.count {
        return Err(unfinished("its lines do not add up to its summary"));
    }
    again(folder, &question, [&summary.model_sha256, &summary.data_sha256], &samples, stop, seen)
}

/// Checks every certificate of a finished audit again. `question` is that of the audit, with the paths at which model and data lie now.
///
/// # Guarantees
/// As [`recheck`].
///
/// # Errors
/// As [`recheck`]; [`ProofError::Ledger`].
pub fn recheck_audit(folder: &Path, question: &Question, stop: &AtomicBool) -> Result<Vec<Rechecked>, ProofError> {
    let run = brinell_ledger::read(folder)?;
    let certified = |record: &SampleRecord| record.certified.then(|| (record.sample, record.label.class().unwrap_or(usize::MAX)));
    let samples: Vec<(usize, usize)> = run.samples.iter().filter_map(certified).collect();
    if samples.is_empty() {
        return Ok(Vec::new());
    }
    again(folder, question, [&run.summary.model.sha256, &run.summary.data.sha256], &samples, stop, &mut |_, _| {})
}

/// Checks the certificates of samples, given with their labels.
fn again(
    folder: &Path,
    question: &Question,
    [model, data]: [&String; 2],
    samples: &[(usize, usize)],
    stop: &AtomicBool,
    seen: &mut dyn FnMut(&Rechecked, usize),
) -> Result<Vec<Rechecked>, ProofError> {
    let case = Case::new(Subject::open(&question.artefact, &question.population)?, question)?;
    for (fact, expected, found) in [("model", model, &case.subject.sha256), ("data", data, &case.data.sha256)] {
        if expected != found {
            let [found, expected] = [found, expected].map(Clone::clone);
            return Err(ProofError::Other { folder: folder.to_path_buf(), fact: fact.to_owned(), found, expected });
        }
    }
    let prover = Prover::new(&case.subject, &case.preprocess)?;
    let mut rechecked = Vec::new();
    for &(sample, label) in samples {
        let begun = Instant::now();
        let result = one(&case, &prover, folder, sample, label, stop)?;
        if stop.load(Ordering::Relaxed) {
            return Err(SubjectError::Interrupted.into());
        }
        let (found, checked, problem) = match result {
            Ok(checked) => (Refound::Confirmed, Some(checked), None),
            Err((found, problem)) => (found, None, Some(problem)),
        };
        let parts = checked.map_or(0, |checked| checked.parts);
        let bound = checked.map(|checked| checked.bound).filter(|bound| bound.is_finite());
        let line = Rechecked { sample, found, problem, parts, bound, seconds: begun.elapsed().as_secs_f64() };
        seen(&line, samples.len());
        rechecked.push(line);
    }
    Ok(rechecked)
}

fn text(path: &Path) -> Result<String, FileError> {
    std::fs::read_to_string(path).map_err(FileError::on("read", path))
}

fn json<T: serde::de::DeserializeOwned>(path: &Path, text: &str) -> Result<T, FileError> {
    serde_json::from_str(text).map_err(|error| FileError::on("read", path)(error.into()))
}

type Unproved = (Refound, String);

fn one(
    case: &Case,
    prover: &Prover,
    folder: &Path,
    sample: usize,
    label: usize,
    stop: &AtomicBool,
) -> Result<Result<Checked, Unproved>, ProofError> {
    if case.data.place(sample).is_none() {
        return Ok(Err((Refound::Altered, "the data have no such sample".to_owned())));
    }
    let stated = case.data.label(sample).unwrap_or(usize::MAX);
    if label != stated {
        return Ok(Err((Refound::Altered, format!("the record says label {label}, but the data say {stated}"))));
    }
    let checker = match prover.checker() {
        Ok(checker) => checker,
        Err(error) => return Ok(Err((Refound::Unchecked, error.to_string()))),
    };
    let Some(bytes) = read(folder, sample)? else {
        return Ok(Err((Refound::Altered, format!("its certificate {} is missing", name(sample)))));
    };
    let statement = statement(&case.sample(sample), label, case.target, prover.network().outputs(), &case.ball)?;
    let certificate = Certificate::from_bytes(&bytes);
    let checked = certificate.and_then(|certificate| checker.check(&about(case), &statement, &certificate, stop));
    Ok(checked.map_err(|error| {
        let found = match error {
            CheckError::Open { .. } | CheckError::Part { .. } | CheckError::Stopped => Refound::Refused,
            _ => Refound::Altered,
        };
        (found, error.to_string())
    }))
}
