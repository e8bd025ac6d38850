//! Randomised smoothing: what a model answers under noise is certified by counting its votes.
//!
//! What is certified is the *smoothed* classifier, which answers with the class that the model gives most often under noise, and not the model itself. A certificate is wrong with a probability
//! of at most alpha for each sample.

mod noise;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use brinell_engine::Answer;
use brinell_ledger::machine;
use brinell_ledger::run::{Lines, write_json};
use brinell_record::{FileError, Question, Rate, Scale, hash};
use brinell_stats::{Look, Spending, clean_trials, lower_bound, rate, upper_bound};
use brinell_subject::{Case, Subject, SubjectError};
use serde::{Deserialize, Serialize};

pub use noise::Noise;
use noise::Smoothing;

use crate::ProofError;

/// Value of [`SmoothSummary::schema`].
pub const SMOOTH_SCHEMA: &str = "brinell.smooth/1";

/// Votes at the first look; each further look is at twice as many.
const FIRST: usize = 100;

/// How a model is smoothed, and where the run is kept.
#[derive(Debug, Clone)]
pub struct SmoothJob {
    /// The noise; `None` for the one that certifies most in the norm.
    pub noise: Option<Noise>,
    /// Standard deviation of the noise, in units of the input.
    pub sigma: f64,
    /// Most votes for a sample.
    pub votes: usize,
    /// Probability with which a certificate of a sample may be wrong.
    pub alpha: f64,
    /// Takes all votes for every sample and looks for the largest radius, instead of stopping once the radius of the question is decided.
    pub largest: bool,
    /// Folder of the run.
    pub out: PathBuf,
    /// Goes on with the run in the folder.
    pub resume: bool,
    /// The command line, for the record.
    pub command: String,
}

/// What is known of the smoothed classifier at a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SmoothStanding {
    /// No change within the radius makes it answer with another class than the label.
    Certified,
    /// The votes do not suffice for the radius.
    Open,
    /// Most votes are for another class.
    Misclassified,
}

/// The votes of one sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SmoothedSample {
    /// Number of the sample.
    pub sample: usize,
    /// Its label.
    pub label: usize,
    /// The class with the most votes; absent where no answer was finite.
    pub prediction: Option<usize>,
    /// Votes for the label.
    pub right: usize,
    /// Votes.
    pub votes: usize,
    /// What is known.
    pub standing: SmoothStanding,
    /// Radius that is certified, in units of the input; 0 where none is. Where votes were stopped at the radius of the question, more votes may certify more.
    pub radius: f64,
}

/// Everything that a run says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SmoothSummary {
    /// Always [`SMOOTH_SCHEMA`].
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
    /// What was asked.
    pub question: Question,
    /// The noise.
    pub noise: Noise,
    /// Its standard deviation.
    pub sigma: f64,
    /// Most votes for a sample.
    pub most_votes: usize,
    /// Probability with which the certificate of a sample may be wrong.
    pub alpha: f64,
    /// Upper bound on the probability that any certificate of the run is wrong.
    pub alpha_all: f64,
    /// Radius of the question, in units of the input.
    pub eps: f64,
    /// Largest radius that so many votes can certify, where all are for one class.
    pub reach: f64,
    /// Number of samples.
    pub n: usize,
    /// Samples for whose label most votes are: the accuracy of the smoothed classifier, as far as these votes tell.
    pub right: Rate,
    /// Samples whose label is certified within the radius.
    pub certified: Rate,
    /// Samples that are certified within radii from 0 to the largest, ascending; empty unless the largest radii were looked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub curve: Vec<(f64, Rate)>,
    /// Median of the radii of all samples, where the largest were looked for; one that is misclassified has 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub median_radius: Option<f64>,
    /// Votes of all samples.
    pub votes: u64,
}

/// What must be the same for a run to go on.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Identity {
    schema: String,
    version: String,
    model: String,
    data: String,
    question: String,
    noise: Noise,
    sigma: f64,
    votes: usize,
    alpha: f64,
    largest: bool,
}

/// Points of the curve.
const POINTS: usize = 20;

/// Certifies the smoothed classifier of a model on the samples that a question names, and writes `smooth.jsonl` and `summary.json` into the folder.
///
/// The label is what is tested, fixed before any vote is seen, so that every vote counts. Votes are taken until the radius is certified, cannot be certified any more, or `votes` are
/// counted; the bound holds at every look ([`lower_bound`]).
///
/// # Guarantees
/// A certificate is wrong with a probability of at most `alpha`. Votes depend on seed and sample alone, so a resumed run has the same lines.
///
/// # Source
/// Cohen, Rosenfeld & Kolter, "Certified adversarial robustness via randomized smoothing", ICML 2019, algorithm CERTIFY, with the label in place of a guessed class and with looks in between.
///
/// # Errors
/// [`ProofError`] names what cannot be used; [`ProofError::Reach`] where no number of equal votes certifies the radius. [`SubjectError::Interrupted`] where `stop` became true.
pub fn smooth(
    question: &Question,
    job: &SmoothJob,
    stop: &AtomicBool,
    seen: &mut dyn FnMut(&SmoothedSample, usize),
) -> Result<(SmoothSummary, Vec<SmoothedSample>), ProofError> {
    let norm = question.threat.norm;
    let noise = job.noise.or_else(|| Noise::of(norm)).filter(|noise| noise.certifies(norm));
    let noise = noise.ok_or(ProofError::Smoothing { reason: "this noise certifies nothing in this norm" })?;
    check(job)?;
    let mut case = Case::new(Subject::open(&question.artefact, &question.population)?, question)?;
    if !case.is_of_classes() || case.target.is_some() {
        return Err(ProofError::Smoothing { reason: "smoothing counts votes for one class, without a target" });
    }
    if case.scale == Scale::Data || case.subject.signature.takes_integers() {
        return Err(ProofError::Smoothing {
            reason: "noise needs inputs of real numbers in one range, and tables and whole numbers are not",
        });
    }
    let smoothing = Smoothing { noise, sigma: job.sigma, norm, d: case.data.sample_len() };
    let eps = case.ball.eps;
    // All votes for one class leave this lower bound on its share.
    let reach = smoothing.radius(job.alpha.powf(1.0 / job.votes as f64));
    if !job.largest && eps > reach {
        let votes = clean_trials(smoothing.share(eps), job.alpha);
        return Err(ProofError::Reach { eps, reach, votes: if votes.is_finite() && votes < 1e9 { Some(votes as usize) } else { None } });
    }
    let identity = Identity {
        schema: SMOOTH_SCHEMA.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        model: case.subject.sha256.clone(),
        data: case.data.sha256.clone(),
        question: hash::sha256_json(&(&question.threat, &question.artefact, &question.population, question.effort.seed)),
        noise,
        sigma: job.sigma,
        votes: job.votes,
        alpha: job.alpha,
        largest: job.largest,
    };
    let mut done = open(job, &identity)?;
    let (mut lines, _): (Lines, Vec<SmoothedSample>) = Lines::open(&job.out.join(LINES))?;
    let (mut oracle, _) = case.oracle(&question.running)?;
    oracle.prepare_forward()?;
    let mut booth = Booth { case: &case, oracle: &mut oracle, smoothing, seed: question.effort.seed, stop };
    for sample in case.data.samples() {
        if done.iter().any(|line| line.sample == sample) {
            continue;
        }
        let line = booth.sample(sample, job, eps)?;
        lines.append(&line)?;
        seen(&line, case.data.n);
        done.push(line);
    }
    case.subject.check_unchanged()?;
    done.sort_by_key(|line| line.sample);
    let summary = summary(question, job, &case, &smoothing, reach, &done);
    write_json(&job.out.join(SUMMARY), &summary)?;
    Ok((summary, done))
}

const IDENTITY: &str = "smooth.json";
const LINES: &str = "smooth.jsonl";
const SUMMARY: &str = "summary.json";

fn check(job: &SmoothJob) -> Result<(), ProofError> {
    if !(job.sigma > 0.0 && job.sigma.is_finite()) {
        return Err(ProofError::Smoothing { reason: "the standard deviation of the noise must be above 0" });
    }
    if !(job.alpha > 0.0 && job.alpha < 1.0) {
        return Err(ProofError::Smoothing { reason: "alpha must lie between 0 and 1" });
    }
    if job.votes < FIRST || u32::try_from(job.votes).is_err() {
        return Err(ProofError::Smoothing { reason: "a sample needs at least 100 votes and at most four billion" });
    }
    Ok(())
}

/// Opens the folder, and reads the lines of a run that goes on.
fn open(job: &SmoothJob, identity: &Identity) -> Result<Vec<SmoothedSample>, ProofError> {
    let path = job.out.join(IDENTITY);
    if !job.resume {
        if path.exists() {
            return Err(ProofError::Exists { folder: job.out.clone() });
        }
        std::fs::create_dir_all(&job.out).map_err(FileError::on("create the folder", &job.out))?;
        write_json(&path, identity)?;
        return Ok(Vec::new());
    }
    if !path.exists() {
        return Err(ProofError::Nothing { folder: job.out.clone() });
    }
    let text = std::fs::read_to_string(&path).map_err(FileError::on("read", &path))?;
    let same = serde_json::to_string_pretty(identity).is_ok_and(|expected| expected.trim() == text.trim());
    if !same {
        return Err(ProofError::Other {
            folder: job.out.clone(),
            fact: "question".to_owned(),
            found: "another one".to_owned(),
            expected: "this one".to_owned(),
        });
    }
    let (_, lines) = Lines::open(&job.out.join(LINES))?;
    Ok(lines)
}

/// Where votes are taken.
struct Booth<'a> {
    case: &'a Case,
    oracle: &'a mut brinell_engine::Oracle,
    smoothing: Smoothing,
    seed: u64,
    stop: &'a AtomicBool,
}

impl Booth<'_> {
    fn sample(&mut self, sample: usize, job: &SmoothJob, eps: f64) -> Result<SmoothedSample, ProofError> {
        let label = self.case.label(sample).class().unwrap_or(usize::MAX);
        let x = self.case.sample(sample);
        let needed = self.smoothing.share(eps);
        let spending = if job.largest { Spending::at_the_end() } else { Spending::above(needed, job.votes, job.alpha) };
        let mut counts = vec![0usize; self.case.subject.signature.classes];
        let mut looks: Vec<Look> = Vec::new();
        let (mut taken, mut bound) = (0, 0.0);
        while taken < job.votes {
            let next = if job.largest { job.votes } else { (2 * taken).clamp(FIRST, job.votes) };
            self.votes(sample, &x, taken..next, &mut counts)?;
            taken = next;
            let right = counts.get(label).copied().unwrap_or_default();
            looks.push(Look { taken, sure: right, possible: right });
            bound = lower_bound(&looks, job.votes, job.alpha, spending);
            // A look at what cannot be reached any more costs nothing but votes, so its own error is free.
            if !job.largest && (bound >= needed || upper_bound(&looks, job.votes, job.alpha, spending) < needed) {
                break;
            }
        }
        let right = counts.get(label).copied().unwrap_or_default();
        let most =
            counts.iter().enumerate().filter(|(_, votes)| **votes > 0).max_by_key(|(class, votes)| (**votes, std::cmp::Reverse(*class)));
        let prediction = most.map(|(class, _)| class);
        let radius = self.smoothing.radius(bound).max(0.0);
        let standing = match prediction {
            _ if bound > 0.5 && bound >= needed => SmoothStanding::Certified,
            Some(class) if class == label => SmoothStanding::Open,
            _ => SmoothStanding::Misclassified,
        };
        Ok(SmoothedSample { sample, label, prediction, right, votes: taken, standing, radius })
    }

    /// Counts the classes of draws.
    fn votes(&mut self, sample: usize, x: &[f32], draws: std::ops::Range<usize>, counts: &mut [usize]) -> Result<(), ProofError> {
        let rows = (self.case.batch * self.oracle.lanes()).max(1);
        let (mut batch, mut answer) = (Vec::new(), Answer::default());
        let task = self.case.task();
        let mut from = draws.start;
        while from < draws.end {
            if self.stop.load(Ordering::Relaxed) {
                return Err(SubjectError::Interrupted.into());
            }
            let to = draws.end.min(from + rows);
            batch.resize((to - from) * x.len(), 0.0);
            for (out, draw) in batch.chunks_exact_mut(x.len().max(1)).zip(from..to) {
                self.smoothing.draw(x, self.seed, sample, draw as u32, out);
            }
            self.oracle.about(std::iter::repeat_n(sample, to - from));
            self.oracle.values(&batch, &mut answer)?;
            for row in answer.values.chunks_exact(self.oracle.width().max(1)) {
                let class = match task.answer(row) {
                    Some(brinell_task::Answer::Class(class)) => Some(class),
                    Some(brinell_task::Answer::Classes(classes)) => classes.first().copied(),
                    _ => None,
                };
                if let Some(count) = class.and_then(|class| counts.get_mut(class)) {
                    *count += 1;
                }
            }
            from = to;
        }
        Ok(())
    }
}

fn summary(question: &Question, job: &SmoothJob, case: &Case, smoothing: &Smoothing, reach: f64, done: &[SmoothedSample]) -> SmoothSummary {
    let n = done.len();
    let count = |keep: &dyn Fn(&SmoothedSample) -> bool| rate(done.iter().filter(|line| keep(line)).count(), n);
    let mut radii: Vec<f64> = done.iter().map(|line| line.radius).collect();
    radii.sort_by(f64::total_cmp);
    let largest = radii.last().copied().unwrap_or_default();
    let point = |place: usize| {
        let radius = largest * place as f64 / POINTS as f64;
        (radius, count(&|line| line.radius >= radius && line.radius > 0.0))
    };
    let median = if n == 0 {
        0.0
    } else {
        f64::midpoint(radii.get((n - 1) / 2).copied().unwrap_or_default(), radii.get(n / 2).copied().unwrap_or_default())
    };
    SmoothSummary {
        schema: SMOOTH_SCHEMA.to_owned(),
        brinell_version: env!("CARGO_PKG_VERSION").to_owned(),
        created: machine::utc_now(),
        command: job.command.clone(),
        model_sha256: case.subject.sha256.clone(),
        data_sha256: case.data.sha256.clone(),
        question: question.clone(),
        noise: smoothing.noise,
        sigma: job.sigma,
        most_votes: job.votes,
        alpha: job.alpha,
        alpha_all: (job.alpha * n as f64).min(1.0),
        eps: case.ball.eps,
        reach,
        n,
        right: count(&|line| line.prediction == Some(line.label)),
        certified: count(&|line| line.standing == SmoothStanding::Certified),
        curve: if job.largest { (0..=POINTS).map(point).collect() } else { Vec::new() },
        median_radius: job.largest.then_some(median),
        votes: done.iter().map(|line| line.votes as u64).sum(),
    }
}
