//! `brinell defend detect`: a detector behind a model, its threshold found on ordinary samples.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use brinell_record::{Artefact, DETECTED_SCHEMA, Detected, FileError, Population, Question, Refusal, Shares, hash};
use brinell_stats::{calibrate, rate, scores_needed};
use brinell_subject::{Case, Opinion, Referee, Subject};
use brinell_task::Answer;

use super::build::{ACCEPT, SUSPICION, build, check_outputs};
use super::{Detector, Score};
use crate::DefendError;
use crate::latency::latency;
use crate::write::{Fresh, TIMED, refuse_kinds, timed_inputs};

/// A model that is to get a detector, and which.
#[derive(Debug, Clone)]
pub struct DetectAsk {
    /// Model, samples of the calibration and runtime; threat is not read, and of effort only the seed.
    pub question: Question,
    /// The detector.
    pub detector: Detector,
    /// Share of ordinary samples that may be refused, in 0..1.
    pub fpr: f64,
    /// Samples that were not used for the calibration, on which the share that is refused is measured.
    pub fresh: Option<Population>,
    /// File to write.
    pub output: PathBuf,
}

/// A detector with its constants and its threshold, ready to be written.
pub(crate) struct Detection {
    pub(crate) bytes: Vec<u8>,
    pub(crate) refusal: Refusal,
}

/// What a calibration is made on.
pub(crate) struct Calibration<'a> {
    pub(crate) detector: &'a Detector,
    pub(crate) fpr: f64,
    pub(crate) seed: u64,
    /// A place for files that are asked before the threshold is known.
    pub(crate) scratch: &'a Path,
}

/// Finds constants and threshold of a detector on the samples of a case.
///
/// # Errors
/// [`DefendError::TooFew`] with too few samples for the share that may be refused, and as the detector says.
pub(crate) fn calibrated(case: &mut Case, with: &Calibration<'_>, stop: &AtomicBool) -> Result<Detection, DefendError> {
    refuse_kinds(case)?;
    let Calibration { detector, fpr, seed, scratch } = *with;
    if !(fpr > 0.0 && fpr < 1.0) {
        return Err(DefendError::Share { fpr });
    }
    let several = matches!(detector, Detector::Squeeze(_) | Detector::Noise(_));
    check_outputs(case, several, matches!(detector, Detector::Energy(_)))?;
    let right = right(case, stop)?;
    // Constants that have seen a sample know it better than others.
    let (learnt, measured): (Vec<_>, Vec<_>) =
        right.iter().copied().enumerate().partition(|(place, _)| detector.learns() && place % 2 == 0);
    let [learnt, measured]: [Vec<(usize, usize)>; 2] = [learnt, measured].map(|list| list.into_iter().map(|(_, sample)| sample).collect());
    let needed = scores_needed(fpr);
    if measured.len() < needed {
        let factor = if detector.learns() { 2 } else { 1 };
        let (needed, found) = (factor * needed, right.len());
        return Err(DefendError::TooFew {
            what: format!("correctly classified samples for a false-positive rate of {fpr}"),
            needed,
            found,
        });
    }
    let score = detector.fit(case, &learnt, seed)?;
    let mut refusal = Refusal {
        detector: detector.to_string(),
        views: None,
        suspicion: SUSPICION.to_owned(),
        accept: ACCEPT.to_owned(),
        threshold: 0.0,
        unit: 1.0,
        fpr,
        n: 0,
        k: 0,
        fpr_upper: 1.0,
        data_sha256: case.data.sha256.clone(),
    };
    let fresh = Fresh::write(case, &build(case, score.as_ref(), &refusal)?, scratch)?;
    let mut child = Child::open(case, fresh.path())?;
    let mut scores = Vec::with_capacity(measured.len());
    for &(sample, class) in &measured {
        if stop.load(Ordering::Relaxed) {
            return Err(DefendError::Interrupted);
        }
        let x = case.sample(sample);
        let opinion = child.ask(case, &x, sample)?;
        // With a threshold of 0 the room is the suspicion, turned round.
        let suspicion = opinion.values.last().map_or(f64::NAN, |room| -f64::from(*room));
        if !suspicion.is_finite() {
            return Err(DefendError::Score { sample });
        }
        let same = opinion.values.split_last().is_some_and(|(_, values)| brinell_task::argmax(values) == Some(class));
        if !same {
            return Err(DefendError::NotEquivalent { gap: f64::INFINITY });
        }
        scores.push(suspicion);
    }
    let found = calibrate(&scores, fpr).ok_or(DefendError::Share { fpr })?;
    scores.sort_by(f64::total_cmp);
    let median = scores.get(scores.len() / 2).copied().unwrap_or_default();
    let unit = Some(found.value - median).filter(|unit| *unit > 0.0).unwrap_or(1.0);
    refusal = Refusal { threshold: found.value, unit, n: found.n, k: found.k, fpr_upper: found.fpr_upper, ..refusal };
    Ok(Detection { bytes: build(case, score.as_ref() as &dyn Score, &refusal)?, refusal })
}

/// Writes a model's file with a detector, once its threshold is found and what it refuses is measured.
///
/// # Guarantees
/// The file has the inputs, outputs and weights of the original and two outputs more: `suspicion` f32 `[B]`, and `accept` bool `[B]`, which is true where the suspicion is at most
/// the threshold. It appears whole or not at all.
///
/// # Errors
/// [`DefendError`] says what cannot be used; [`DefendError::TooFew`] where the samples do not suffice for the share that may be refused, [`DefendError::Overlap`] where
/// fresh samples are among those of the calibration.
pub fn detect(ask: &DetectAsk, stop: &AtomicBool) -> Result<Detected, DefendError> {
    let question = &ask.question;
    if question.artefact.is_address() {
        return Err(DefendError::Address { model: question.artefact.model.clone() });
    }
    if ask.output.exists() {
        return Err(DefendError::Exists { path: ask.output.clone() });
    }
    let mut case = Case::new(Subject::open(&question.artefact, &question.population)?, question)?;
    let scratch = ask.output.with_extension("calibration.onnx");
    let with = Calibration { detector: &ask.detector, fpr: ask.fpr, seed: question.effort.seed, scratch: &scratch };
    let Detection { bytes, refusal } = calibrated(&mut case, &with, stop)?;
    let fresh = Fresh::write(&case, &bytes, &ask.output)?;
    let calibration = shares(&mut case, fresh.path(), stop)?;
    let measured = match &ask.fresh {
        Some(population) => {
            let mut other = Question { population: population.clone(), ..question.clone() };
            other.artefact = question.artefact.clone();
            let mut unseen = Case::new(Subject::open(&other.artefact, &other.population)?, &other)?;
            let known = crate::race::digests(&case);
            let count = crate::race::digests(&unseen).intersection(&known).count();
            if count > 0 {
                return Err(DefendError::Overlap { count });
            }
            Some(shares(&mut unseen, fresh.path(), stop)?)
        }
        None => None,
    };
    let subject = &case.subject;
    let all = timed_inputs(&case, TIMED);
    let latency =
        latency(case.runtime.as_ref(), [subject.path(), fresh.path()], &subject.signature.input_name, &subject.signature.sample, &all)?;
    let output_sha256 = hash::sha256_file(fresh.path()).map_err(FileError::on("read", fresh.path()))?;
    let runtime = case.runtime.as_ref();
    let detected = Detected {
        schema: DETECTED_SCHEMA.to_owned(),
        brinell_version: env!("CARGO_PKG_VERSION").to_owned(),
        parent: subject.path().display().to_string(),
        parent_sha256: subject.sha256.clone(),
        output: ask.output.display().to_string(),
        output_sha256,
        refusal,
        calibration,
        fresh: measured,
        latency,
        runtime: format!("{} {} on {}", runtime.name(), runtime.version(), runtime.device()),
    };
    fresh.keep()?;
    Ok(detected)
}

/// The samples that the model classifies correctly, with their classes.
fn right(case: &mut Case, stop: &AtomicBool) -> Result<Vec<(usize, usize)>, DefendError> {
    let samples: Vec<usize> = case.data.samples().collect();
    let mut right = Vec::with_capacity(samples.len());
    for sample in samples {
        if stop.load(Ordering::Relaxed) {
            return Err(DefendError::Interrupted);
        }
        let (x, demand, task) = (case.sample(sample), case.demand(sample), case.task());
        let opinion = case.referee.ask(&case.preprocess, &x, sample)?;
        if let (true, Some(Answer::Class(class))) = (opinion.is_right(task.as_ref(), demand.posed()), &opinion.answer) {
            right.push((sample, *class));
        }
    }
    Ok(right)
}

/// A file with a detector, asked about the samples of the case of its parent.
struct Child {
    referee: Referee,
}

impl Child {
    fn open(case: &Case, file: &Path) -> Result<Self, DefendError> {
        let artefact = Artefact { model: file.to_path_buf(), sha256: None, weights_sha256: None, ..case.subject.artefact.clone() };
        let subject = Subject::load(&artefact)?;
        let referee = Referee::new(file, case.runtime.as_ref(), &subject.signature, Arc::clone(&case.subject.held))?;
        Ok(Self { referee })
    }

    fn ask(&mut self, case: &Case, x: &[f32], sample: usize) -> Result<Opinion, DefendError> {
        Ok(self.referee.ask(&case.preprocess, x, sample)?)
    }
}

/// What a file with a detector does with the samples of a case: right and accepted, refused, wrong and accepted.
fn shares(case: &mut Case, file: &Path, stop: &AtomicBool) -> Result<Shares, DefendError> {
    let mut child = Child::open(case, file)?;
    let samples: Vec<usize> = case.data.samples().collect();
    let (mut counts, mut correct, mut refused_correct) = ([0usize; 3], 0, 0);
    let mut classes: BTreeMap<usize, [usize; 2]> = BTreeMap::new();
    for &sample in &samples {
        if stop.load(Ordering::Relaxed) {
            return Err(DefendError::Interrupted);
        }
        let (x, demand, task) = (case.sample(sample), case.demand(sample), case.task());
        let without = case.referee.ask(&case.preprocess, &x, sample)?.is_right(task.as_ref(), demand.posed());
        let opinion = child.ask(case, &x, sample)?;
        let refused = opinion.answer == Some(Answer::Refused);
        let right = !refused && opinion.is_right(child.referee.task(), demand.posed());
        let place = if refused {
            1
        } else if right {
            0
        } else {
            2
        };
        counts[place] += 1;
        if without {
            correct += 1;
            refused_correct += usize::from(refused);
            if let Some(class) = demand.truth.class() {
                let [of, refused_of] = classes.entry(class).or_default();
                *of += 1;
                *refused_of += usize::from(refused);
            }
        }
    }
    let n = samples.len();
    let share = |[of, refused]: [usize; 2]| refused as f64 / of.max(1) as f64;
    let worst = classes.into_iter().reduce(|worst, next| if share(next.1) > share(worst.1) { next } else { worst });
    Ok(Shares {
        n,
        data_sha256: case.data.sha256.clone(),
        right: rate(counts[0], n),
        refused: rate(counts[1], n),
        fooled: rate(counts[2], n),
        fpr: rate(refused_correct, correct),
        worst_class: worst.map(|(class, [of, refused])| (class, rate(refused, of))),
    })
}
