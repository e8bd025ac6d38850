//! Certifying the samples of a data set: a run folder with a line for each sample.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use brinell_certify::{Limits, Verdict};
use brinell_ledger::machine;
use brinell_record::{FileError, Question, Rate, Shard, hash};
use brinell_stats as stats;
use brinell_subject::{Case, Subject, SubjectError};
use brinell_task::Answer;
use brinell_threat::Ball;
use serde::{Deserialize, Serialize};

use crate::prover::{is_certifiable, limits};
use crate::{ProofError, Prover, Standing, write_certificate};

/// Where a run is kept, and how far it goes.
#[derive(Debug, Clone)]
pub struct CertifyJob {
    /// Folder of the run.
    pub out: PathBuf,
    /// Go on with the run in the folder.
    pub resume: bool,
    /// Seconds for each sample.
    pub timeout: f64,
    /// Look for the largest certified radius too.
    pub largest: bool,
    /// The command line, for the record.
    pub command: String,
}

/// What was found out about one sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CertifiedSample {
    /// Number of the sample.
    pub sample: usize,
    /// Its label.
    pub label: usize,
    /// What is known.
    pub standing: Standing,
    /// A lower bound, over all allowed changes, of the smallest difference between the label's logit and another; absent where none was computed.
    #[serde(with = "brinell_record::float::option", default)]
    pub bound: Option<f64>,
    /// Parts that were bounded.
    pub parts: usize,
    /// The largest radius that was certified, where it was looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub largest: Option<f64>,
    /// True where a certificate was written, which can be checked again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub certificate: bool,
    /// Wall-clock time.
    pub seconds: f64,
}

/// A number of samples, and what it is of all.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Certified {
    /// Samples.
    pub count: usize,
    /// Their share, with its exact interval.
    pub rate: Rate,
}

/// Everything that a run says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CertifySummary {
    /// Always `brinell.certify/1`.
    pub schema: String,
    /// Version of the program.
    pub brinell_version: String,
    /// When the run ended, in UTC.
    pub created: String,
    /// The command line.
    pub command: String,
    /// SHA-256 of the model.
    pub model_sha256: String,
    /// SHA-256 of the data.
    pub data_sha256: String,
    /// Norm of the changes.
    pub norm: String,
    /// Radius, in input-scale units.
    pub eps: f64,
    /// Seconds for each sample.
    pub timeout: f64,
    /// Number of samples.
    pub n: usize,
    /// Samples that are classified right.
    pub clean_correct: usize,
    /// Samples that no allowed change breaks.
    pub certified: Certified,
    /// Certified samples with a certificate in the folder, which can be checked again.
    #[serde(default)]
    pub certificates: usize,
    /// Why no certificates are written about this model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uncheckable: Option<String>,
    /// Samples that are classified right and that a change breaks.
    pub falsified: usize,
    /// Samples that are classified right and of which neither is known.
    pub open: usize,
    /// Lowest and middle of the largest certified radii of all samples, where they were looked for; a sample that is wrong has 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub median_largest: Option<f64>,
    /// Wall-clock time of all samples.
    pub seconds: f64,
    /// What was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<Question>,
}

/// Names of the files in the folder.
pub(crate) const QUESTION: &str = "certify.json";
pub(crate) const LINES: &str = "certify.jsonl";
pub(crate) const SUMMARY: &str = "summary.json";

/// What must be the same for a run to go on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) version: String,
    pub(crate) model: String,
    pub(crate) data: String,
    pub(crate) question: String,
    pub(crate) timeout: f64,
    pub(crate) largest: bool,
    /// The part of the samples, where it is not all.
    #[serde(default)]
    pub(crate) shard: Option<Shard>,
}

/// Certifies the samples that a question names, one after the other, and writes `certify.jsonl` and `summary.json` into the folder.
///
/// # Guarantees
/// A sample is certified only where no change that the question allows can break it, in real and in f32 arithmetic; falsified only where the original file
/// confirms the change. A run that was killed resumes after its last whole line.
///
/// # Errors
/// [`ProofError`] names what cannot be used. [`SubjectError::Interrupted`] where `stop` became true.
pub fn certify(
    question: &Question,
    job: &CertifyJob,
    stop: &AtomicBool,
    seen: &mut dyn FnMut(&CertifiedSample, usize),
) -> Result<(CertifySummary, Vec<CertifiedSample>), ProofError> {
    let (case, prover, done) = certify_share(question, job, None, stop, seen)?;
    let uncheckable = prover.checker().err().map(ToString::to_string);
    let summary = summary(question, job, &case, &done, uncheckable);
    write_json(&job.out.join(SUMMARY), &summary)?;
    Ok((summary, done))
}

/// Writes a value as a file of JSON.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), ProofError> {
    let text = serde_json::to_string_pretty(value).map_err(|error| FileError::on("write", path)(error.into()))?;
    Ok(std::fs::write(path, text + "\n").map_err(FileError::on("write", path))?)
}

/// Certifies all samples or those of a shard, and returns them in the order of their numbers.
pub(crate) fn certify_share(
    question: &Question,
    job: &CertifyJob,
    shard: Option<Shard>,
    stop: &AtomicBool,
    seen: &mut dyn FnMut(&CertifiedSample, usize),
) -> Result<(Case, Prover, Vec<CertifiedSample>), ProofError> {
    is_certifiable(question.artefact.scale(), question.threat.norm)?;
    let opened = Subject::open(&question.artefact, &question.population)?;
    let mut case = Case::new(opened, question)?;
    let prover = Prover::new(&case.subject, &case.preprocess)?;
    let identity = Identity {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        model: case.subject.sha256.clone(),
        data: case.data.sha256.clone(),
        question: hash::sha256_json(&(&question.threat, question.artefact.scale(), &question.artefact.mean, &question.artefact.std)),
        timeout: job.timeout,
        largest: job.largest,
        shard,
    };
    let mut done = open_folder(job, &identity)?;
    let path = job.out.join(LINES);
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(&path).map_err(FileError::on("write", &path))?;
    let all: Vec<usize> = case.data.samples().collect();
    let samples = shard.map_or_else(|| all.clone(), |shard| shard.of(&all));
    for &sample in &samples {
        if done.iter().any(|line| line.sample == sample) {
            continue;
        }
        if stop.load(Ordering::Relaxed) {
            return Err(SubjectError::Interrupted.into());
        }
        let line = one(&mut case, &prover, sample, job, stop)?;
        if stop.load(Ordering::Relaxed) && line.standing == Standing::OutOfTime {
            return Err(SubjectError::Interrupted.into());
        }
        let mut text = serde_json::to_string(&line).map_err(|error| FileError::on("write", &path)(error.into()))?;
        text.push('\n');
        file.write_all(text.as_bytes()).map_err(FileError::on("write", &path))?;
        seen(&line, samples.len());
        done.push(line);
    }
    case.subject.check_unchanged()?;
    done.sort_by_key(|line| line.sample);
    Ok((case, prover, done))
}

/// Checks or writes what the folder is about, and returns the whole lines that it holds.
fn open_folder(job: &CertifyJob, identity: &Identity) -> Result<Vec<CertifiedSample>, ProofError> {
    let folder = job.out.clone();
    let path = job.out.join(QUESTION);
    if !job.resume {
        if path.exists() {
            return Err(ProofError::Exists { folder });
        }
        std::fs::create_dir_all(&job.out).map_err(FileError::on("create", &job.out))?;
        write_json(&path, identity)?;
        return Ok(Vec::new());
    }
    let stored = identity_at(&job.out)?;
    let stored = serde_json::to_value(stored).map_err(|error| FileError::on("read", &path)(error.into()))?;
    let now = serde_json::to_value(identity).map_err(|error| FileError::on("read", &path)(error.into()))?;
    if let Some(facts) = now.as_object() {
        for (fact, expected) in facts {
            let found = stored.get(fact).unwrap_or(&serde_json::Value::Null);
            if found != expected {
                let (fact, found, expected) = (fact.clone(), found.to_string(), expected.to_string());
                return Err(ProofError::Other { folder, fact, found, expected });
            }
        }
    }
    let path = job.out.join(LINES);
    let text = if path.exists() { std::fs::read_to_string(&path).map_err(FileError::on("read", &path))? } else { String::new() };
    let whole = text.rfind('\n').map_or(0, |at| at + 1);
    if whole < text.len() {
        // What a kill left half written.
        std::fs::write(&path, &text[..whole]).map_err(FileError::on("write", &path))?;
    }
    lines_at(&job.out)
}

/// Reads what a folder is about.
pub(crate) fn identity_at(folder: &Path) -> Result<Identity, ProofError> {
    let path = folder.join(QUESTION);
    if !path.is_file() {
        return Err(ProofError::Nothing { folder: folder.to_path_buf() });
    }
    let text = std::fs::read_to_string(&path).map_err(FileError::on("read", &path))?;
    Ok(serde_json::from_str(&text).map_err(|error| FileError::on("read", &path)(error.into()))?)
}

/// Reads the lines of a folder, in the order of their samples.
pub(crate) fn lines_at(folder: &Path) -> Result<Vec<CertifiedSample>, ProofError> {
    let path = folder.join(LINES);
    let text = if path.exists() { std::fs::read_to_string(&path).map_err(FileError::on("read", &path))? } else { String::new() };
    let lines: Result<Vec<CertifiedSample>, _> = text.lines().map(serde_json::from_str).collect();
    let mut lines = lines.map_err(|error| FileError::on("read", &path)(error.into()))?;
    lines.sort_by_key(|line| line.sample);
    Ok(lines)
}

fn one(case: &mut Case, prover: &Prover, sample: usize, job: &CertifyJob, stop: &AtomicBool) -> Result<CertifiedSample, ProofError> {
    let begun = Instant::now();
    let x = case.sample(sample);
    let label = case.data.label(sample).unwrap_or(usize::MAX);
    let clean = case.referee.ask(&case.preprocess, &x, sample)?;
    let mut line = CertifiedSample {
        sample,
        label,
        standing: Standing::Misclassified,
        bound: None,
        parts: 0,
        largest: None,
        certificate: false,
        seconds: 0.0,
    };
    if clean.answer == Some(Answer::Class(label)) {
        let ball = case.ball.clone();
        let limits = Limits { evidence: prover.checker().is_ok(), ..limits(job.timeout, stop) };
        let outcome = at_radius(case, prover, (sample, label), &x, &ball, limits)?;
        line.standing = Standing::of(&outcome.verdict);
        line.bound = outcome.bound.is_finite().then_some(outcome.bound);
        line.parts = outcome.parts;
        if let (Verdict::Certified, Some(evidence)) = (&outcome.verdict, outcome.evidence) {
            write_certificate(&job.out, case, prover, sample, evidence)?;
            line.certificate = true;
        }
        if job.largest {
            line.largest = Some(largest(case, prover, (sample, label), &x, line.standing == Standing::Certified, job, stop)?);
        }
    } else if job.largest {
        line.largest = Some(0.0);
    }
    line.seconds = begun.elapsed().as_secs_f64();
    Ok(line)
}

fn at_radius(
    case: &mut Case,
    prover: &Prover,
    (sample, label): (usize, usize),
    x: &[f32],
    ball: &Ball,
    limits: Limits<'_>,
) -> Result<brinell_certify::Outcome, ProofError> {
    let demand = case.demand(sample);
    let mut failed = None;
    let (referee, preprocess) = (&mut case.referee, &case.preprocess);
    let mut judge = |x_adv: &[f32]| match referee.judge(preprocess, ball, demand.posed(), sample, x, x_adv) {
        Ok(judgement) => judgement.adversarial,
        Err(error) => {
            failed = Some(error);
            false
        }
    };
    let outcome = prover.decide(x, label, case.target, ball, limits, &mut judge)?;
    failed.map_or(Ok(outcome), |error| Err(error.into()))
}

/// Steps of the bisection.
const BISECTIONS: usize = 7;

/// The largest radius that is certified, by doubling or halving and bisection.
fn largest(
    case: &mut Case,
    prover: &Prover,
    sample: (usize, usize),
    x: &[f32],
    certified: bool,
    job: &CertifyJob,
    stop: &AtomicBool,
) -> Result<f64, ProofError> {
    let eps = case.ball.eps;
    let widest = case.ball.diameter(x.len());
    let mut holds = |radius: f64| -> Result<bool, ProofError> {
        let ball = Ball { eps: radius, ..case.ball.clone() };
        let outcome = at_radius(case, prover, sample, x, &ball, limits(job.timeout, stop))?;
        Ok(matches!(outcome.verdict, Verdict::Certified))
    };
    let (mut below, mut above) = if certified { (eps, f64::INFINITY) } else { (0.0, eps) };
    while above.is_infinite() {
        let next = (2.0 * below).min(widest);
        if next <= below {
            return Ok(below);
        }
        if holds(next)? { below = next } else { above = next }
    }
    for _ in 0..BISECTIONS {
        let middle = 0.5 * below + 0.5 * above;
        if holds(middle)? { below = middle } else { above = middle }
    }
    Ok(below)
}

pub(crate) fn summary(
    question: &Question,
    job: &CertifyJob,
    case: &Case,
    lines: &[CertifiedSample],
    uncheckable: Option<String>,
) -> CertifySummary {
    let count = |wanted: &dyn Fn(Standing) -> bool| lines.iter().filter(|line| wanted(line.standing)).count();
    let n = lines.len();
    let certified = count(&|standing| standing == Standing::Certified);
    let falsified = count(&|standing| standing == Standing::Falsified);
    let wrong = count(&|standing| standing == Standing::Misclassified);
    let mut radii: Vec<f64> = lines.iter().filter_map(|line| line.largest).collect();
    radii.sort_by(f64::total_cmp);
    CertifySummary {
        schema: "brinell.certify/1".to_owned(),
        brinell_version: env!("CARGO_PKG_VERSION").to_owned(),
        created: machine::utc_now(),
        command: job.command.clone(),
        model_sha256: case.subject.sha256.clone(),
        data_sha256: case.data.sha256.clone(),
        norm: question.threat.norm.name().to_owned(),
        eps: case.ball.eps,
        timeout: job.timeout,
        n,
        clean_correct: n - wrong,
        certified: Certified { count: certified, rate: stats::rate(certified, n) },
        certificates: lines.iter().filter(|line| line.certificate).count(),
        uncheckable,
        falsified,
        open: n - wrong - certified - falsified,
        median_largest: radii.get(radii.len() / 2).copied(),
        seconds: lines.iter().map(|line| line.seconds).sum(),
        question: Some(question.clone()),
    }
}
