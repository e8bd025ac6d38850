//! Checking the certificates of a finished run again.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use brinell_checker::{CheckError, Checked};
use brinell_record::FileError;
use brinell_subject::{Case, Subject, SubjectError};
use serde::Serialize;

use crate::certificates::{about, read};
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

/// What became of a certified sample.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rechecked {
    /// Number of the sample.
    pub sample: usize,
    /// What was found.
    pub found: Refound,
    /// Why it is not confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Parts that were bounded again.
    pub parts: usize,
    /// The lowest bound that closed a part; in a confirmed certificate it is above 0.
    #[serde(with = "brinell_record::float::option", skip_serializing_if = "Option::is_none")]
    pub bound: Option<f64>,
    /// Wall-clock time.
    pub seconds: f64,
}

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refound {
    /// The certificate proves what the record says.
    Confirmed,
    /// The sample was certified without a certificate.
    Unchecked,
    /// The certificate does not prove it.
    Refused,
    /// The certificate is damaged, or about something else.
    Altered,
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
    let mut question = summary.question.ok_or_else(|| unfinished("an earlier version wrote it, which kept no certificates"))?;
    if let Some(model) = &options.model {
        question.artefact.model.clone_from(model);
    }
    if let Some(data) = &options.data {
        question.population.data.clone_from(data);
    }
    let mut case = Case::new(Subject::open(&question.artefact, &question.population)?, &question)?;
    for (fact, expected, found) in
        [("model", &summary.model_sha256, &case.subject.sha256), ("data", &summary.data_sha256, &case.data.sha256)]
    {
        if expected != found {
            let [found, expected] = [expected, found].map(Clone::clone);
            return Err(ProofError::Other { folder: folder.to_path_buf(), fact: fact.to_owned(), found, expected });
        }
    }
    let path = folder.join(LINES);
    let lines: Vec<CertifiedSample> = text(&path)?.lines().map(|line| json(&path, line)).collect::<Result<_, _>>()?;
    let certified: Vec<CertifiedSample> = lines.into_iter().filter(|line| line.standing == Standing::Certified).collect();
    if certified.len() != summary.certified.count {
        return Err(unfinished("its lines do not add up to its summary"));
    }
    let prover = Prover::new(&case.subject, &case.preprocess)?;
    let mut rechecked = Vec::new();
    for line in &certified {
        let begun = Instant::now();
        let result = one(&mut case, &prover, folder, line, stop)?;
        if stop.load(Ordering::Relaxed) {
            return Err(SubjectError::Interrupted.into());
        }
        let (found, checked, problem) = match result {
            Ok(checked) => (Refound::Confirmed, Some(checked), None),
            Err((found, problem)) => (found, None, Some(problem)),
        };
        let parts = checked.map_or(0, |checked| checked.parts);
        let bound = checked.map(|checked| checked.bound).filter(|bound| bound.is_finite());
        let line = Rechecked { sample: line.sample, found, problem, parts, bound, seconds: begun.elapsed().as_secs_f64() };
        seen(&line, certified.len());
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
    case: &mut Case,
    prover: &Prover,
    folder: &Path,
    line: &CertifiedSample,
    stop: &AtomicBool,
) -> Result<Result<Checked, Unproved>, ProofError> {
    if line.sample >= case.data.n {
        return Ok(Err((Refound::Altered, "the data have no such sample".to_owned())));
    }
    let label = case.data.labels.get(line.sample).copied().unwrap_or(usize::MAX);
    if label != line.label {
        return Ok(Err((Refound::Altered, format!("the record says label {}, but the data say {label}", line.label))));
    }
    let Some(written) = &line.certificate else {
        let reason = prover.checker().err().map_or_else(|| "no certificate was kept of it".to_owned(), ToString::to_string);
        return Ok(Err((Refound::Unchecked, reason)));
    };
    if !folder.join(&written.file).is_file() {
        return Ok(Err((Refound::Altered, format!("its certificate {} is not there", written.file))));
    }
    let checker = match prover.checker() {
        Ok(checker) => checker,
        Err(error) => return Ok(Err((Refound::Unchecked, error.to_string()))),
    };
    let statement = statement(&case.sample(line.sample), label, case.target, prover.network().outputs(), &case.ball)?;
    let checked = read(folder, written)?.and_then(|certificate| checker.check(&about(case), &statement, &certificate, stop));
    Ok(checked.map_err(|error| {
        let found = match error {
            CheckError::Open { .. } | CheckError::Part { .. } | CheckError::Stopped => Refound::Refused,
            _ => Refound::Altered,
        };
        (found, error.to_string())
    }))
}
