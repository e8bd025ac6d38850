//! Do two artefacts give the same answers?

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use brinell_engine::Preprocess;
use brinell_record::{
    Artefact, Claim, FileError, Judge, Label, Numbers, Opinion, Property, Question, Ruling, Sampling, Standing, Verdict, Witness,
};
use serde::{Deserialize, Serialize};

use super::one::resolve;
use super::read::Source;
use super::{INPUTS, wording};
use crate::ClaimError;
use brinell_data::npz;
use brinell_ledger::reason::{id, reason};
use brinell_ledger::run::Lines;
use brinell_subject::{Opened, Panel, Subject, label_of, standing};
use brinell_task::Answer;

/// What was found out about every sample, a line each.
const LINES: &str = "equal.jsonl";

/// One line of the record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Line {
    /// What the lines below are about.
    Facts { facts: Vec<String> },
    /// One sample.
    Sample { sample: usize, label: Label, opinions: Vec<Opinion> },
}

/// How far two artefacts agree.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Agreement {
    population: usize,
    sampling: Sampling,
    agreeing: usize,
    doubtful: usize,
    different: usize,
    largest: f64,
}

/// Two artefacts compared.
pub(super) struct Comparison {
    pub(super) agreement: Agreement,
    pub(super) witness: Option<Witness>,
    pub(super) judges: Vec<Judge>,
    /// True where it was stopped before it was decided.
    pub(super) stopped: bool,
}

/// Compares the two artefacts of an `equal` claim on every sample, up to the first on which they differ on all runtimes.
///
/// # Errors
/// [`ClaimError`] names what cannot be used.
pub(super) fn compare(
    claim: &Claim,
    source: &Source,
    folder: &Path,
    question: &Question,
    stop: &AtomicBool,
) -> Result<Comparison, ClaimError> {
    let Property::Equal { other, tolerance, .. } = &claim.property else {
        return Err(ClaimError::key(&source.path, "property", "is not equal"));
    };
    let population = claim.population.n.unwrap_or_default();
    let Opened { subject: one, data } = Subject::open(&question.artefact, &question.population)?;
    let artefact = Artefact { model: resolve(source, other), sha256: None, weights_sha256: None, ..one.artefact.clone() };
    let two = Subject::open_with(&artefact, &question.population, &|_| Ok(data.clone()))?.subject;
    if one.signature.classes != two.signature.classes {
        let problem = format!("has {} classes, but the model has {}", two.signature.classes, one.signature.classes);
        return Err(ClaimError::key(&source.path, format!("{}: property.other", claim.id), problem));
    }
    if data.n < population {
        return Err(ClaimError::Samples { path: question.population.data.clone(), asked: population, found: data.n });
    }
    let scale = question.artefact.scale();
    let mut pair = Pair {
        panels: [Panel::open(&one, &question.running)?, Panel::open(&two, &question.running)?],
        preprocess: [one.preprocess(&question.artefact, &data.shape)?, two.preprocess(&question.artefact, &data.shape)?],
        tolerance: *tolerance,
    };
    let judges = pair.judges();
    let facts = judges.iter().map(|judge| format!("{} {}", judge.runtime, judge.version)).chain([source.sha256.clone()]).collect();
    let (mut lines, past) = Record::open(&folder.join(LINES), facts)?;
    let mut agreement = Agreement {
        population,
        sampling: claim.population.sampling.unwrap_or(Sampling::Convenience),
        agreeing: 0,
        doubtful: 0,
        different: 0,
        largest: 0.0,
    };
    let mut past = past.into_iter();
    let mut found: Option<(usize, Vec<Opinion>)> = None;
    let mut stopped = false;
    let mut x = vec![0.0; data.sample_len()];
    for sample in data.samples().take(population) {
        let opinions = match past.next() {
            Some(opinions) => opinions,
            None if stop.load(Ordering::Relaxed) => {
                stopped = true;
                break;
            }
            None => {
                data.sample(sample, scale, &mut x);
                let opinions = pair.opinions(sample, &x)?;
                let label = label_of(&data, sample).unwrap_or(Label::Class(0));
                lines.append(&Line::Sample { sample, label, opinions: opinions.clone() })?;
                opinions
            }
        };
        let difference = opinions.iter().filter_map(|opinion| opinion.difference).fold(0.0, f64::max);
        agreement.largest = agreement.largest.max(difference);
        match standing(&opinions) {
            Standing::Rejected => agreement.agreeing += 1,
            Standing::Boundary => {
                agreement.doubtful += 1;
                found.get_or_insert((sample, opinions));
            }
            Standing::Confirmed => {
                agreement.different += 1;
                found = Some((sample, opinions));
                break;
            }
        }
    }
    let witness = found.map(|(sample, opinions)| witness(sample, label_of(&data, sample).unwrap_or(Label::Class(0)), *tolerance, opinions));
    if let Some(witness) = &witness {
        // What is right plays no part in a comparison of two answers; a class stands beside the input as in other evidence.
        let label = witness.label.class().and_then(|class| i64::try_from(class).ok()).unwrap_or(-1);
        let facts = [npz::column("label", vec![label])];
        npz::write_inputs(&folder.join(INPUTS), &[witness.sample as i64], &facts, &data.shape, &data.rows_of(&[witness.sample]), |_| {
            data.sample(witness.sample, scale, &mut x);
            Ok::<_, ClaimError>(x.clone())
        })?;
    }
    Ok(Comparison { agreement, witness, judges, stopped })
}

fn witness(sample: usize, label: Label, tolerance: f64, opinions: Vec<Opinion>) -> Witness {
    Witness {
        file: INPUTS.to_owned(),
        row: 0,
        sample,
        label,
        target: None,
        prediction: opinions.first().and_then(|opinion| opinion.prediction.clone()),
        norm: 0.0,
        margin: opinions.iter().filter_map(|opinion| opinion.difference).fold(f64::INFINITY, f64::min) - tolerance,
        attack: None,
        standing: standing(&opinions),
        violation: None,
        opinions,
    }
}

/// Two artefacts on every runtime that can load both.
pub(super) struct Pair {
    pub(super) panels: [Panel; 2],
    pub(super) preprocess: [Preprocess; 2],
    pub(super) tolerance: f64,
}

impl Pair {
    /// Returns the runtimes that can load both.
    pub(super) fn judges(&self) -> Vec<Judge> {
        let [one, two] = self.panels.each_ref().map(Panel::judges);
        one.into_iter().filter(|judge| two.contains(judge)).collect()
    }

    /// Returns what each runtime says of the two on stored sample number `sample`, which is `x`; confirmed where they differ.
    ///
    /// # Errors
    /// [`ClaimError::Audit`] where a run fails.
    pub(super) fn opinions(&mut self, sample: usize, x: &[f32]) -> Result<Vec<Opinion>, ClaimError> {
        let [one, two] = &mut self.panels;
        let (ones, twos) = (one.outputs(&self.preprocess[0], sample, x)?, two.outputs(&self.preprocess[1], sample, x)?);
        let both = ones.into_iter().filter_map(|(judge, one)| {
            let (_, two) = twos.iter().find(|(other, _)| *other == judge)?;
            let difference = one.output.iter().zip(&two.output).map(|(&a, &b)| gap(a, b)).fold(0.0, f64::max);
            Some(Opinion {
                runtime: judge.runtime,
                version: judge.version,
                prediction: said(&one),
                margin: difference - self.tolerance,
                other_prediction: said(two),
                difference: Some(difference),
                confirmed: difference > self.tolerance || decided(&one) != decided(two),
            })
        });
        Ok(both.collect())
    }
}

/// Returns what an answer decides by itself: numbers and embeddings decide nothing, so that their difference alone tells.
fn decided(opinion: &brinell_subject::Opinion) -> Option<&Answer> {
    opinion.answer.as_ref().filter(|answer| !matches!(answer, Answer::Values(_) | Answer::Vector(_)))
}

/// Returns the answer for the record; an embedding says nothing without its reference.
fn said(opinion: &brinell_subject::Opinion) -> Option<Label> {
    match opinion.answer.as_ref()? {
        Answer::Class(class) => Some(Label::Class(*class)),
        Answer::Classes(classes) => classes.first().map(|class| Label::Class(*class)),
        Answer::Labels(labels) => Some(Label::Labels { labels: labels.clone() }),
        Answer::Values(values) => Some(Label::Values { values: values.clone() }),
        _ => None,
    }
}

/// How far two outputs lie apart; equal ones, NaN included, do not, and NaN is infinitely far from a number.
fn gap(a: f32, b: f32) -> f64 {
    if a == b || (a.is_nan() && b.is_nan()) {
        return 0.0;
    }
    let gap = (f64::from(a) - f64::from(b)).abs();
    if gap.is_nan() { f64::INFINITY } else { gap }
}

/// The lines on disk.
struct Record(Lines);

impl Record {
    /// Opens the lines, and returns those of samples where they are about the same facts; others begin anew.
    fn open(path: &Path, facts: Vec<String>) -> Result<(Self, Vec<Vec<Opinion>>), ClaimError> {
        let (lines, past) = Lines::open::<Line>(path)?;
        let facts = Line::Facts { facts };
        if past.first() == Some(&facts) {
            let opinions = past.into_iter().filter_map(|line| match line {
                Line::Sample { opinions, .. } => Some(opinions),
                Line::Facts { .. } => None,
            });
            return Ok((Self(lines), opinions.collect()));
        }
        drop(lines);
        std::fs::remove_file(path).map_err(FileError::on("remove", path))?;
        let (mut lines, _) = Lines::open::<Line>(path)?;
        lines.append(&facts)?;
        Ok((Self(lines), Vec::new()))
    }

    fn append(&mut self, line: &Line) -> Result<(), ClaimError> {
        Ok(self.0.append(line)?)
    }
}

impl Agreement {
    /// Fills a verdict in.
    pub(super) fn tell(&self, claim: &Claim, timeout: bool, witness: Option<&Witness>, judges: &[Judge], verdict: &mut Verdict) {
        let n = self.agreeing + self.doubtful + self.different;
        verdict.finding = if n == 0 {
            "no sample was examined".to_owned()
        } else {
            wording::agreement(claim, self.agreeing, n, self.largest, witness, judges)
        };
        verdict.certified = Some(self.agreeing);
        verdict.numbers = Some(Numbers {
            quantity: "agreement".to_owned(),
            count: self.agreeing,
            n,
            population: self.population,
            value: (n > 0).then(|| self.agreeing as f64 / n as f64),
            low: self.agreeing as f64 / self.population as f64,
            high: (self.population - self.different) as f64 / self.population as f64,
            relation: None,
            threshold: None,
            confidence: 1.0,
        });
        let complete = n == self.population;
        verdict.reasons.clear();
        verdict.verdict = if self.different > 0 {
            Ruling::Refuted
        } else if complete && self.doubtful == 0 && self.sampling == Sampling::Exhaustive {
            Ruling::Proven
        } else {
            if timeout {
                verdict.reasons.push(reason(
                    id::TIMEOUT,
                    format!("the time ran out after {n} of {} samples; check again to continue", self.population),
                ));
            }
            if n == 0 {
                verdict.reasons.push(reason(id::NOTHING_SEEN, "no sample was examined, so nothing was shown"));
            }
            if self.doubtful > 0 {
                let text =
                    format!("on {} samples, the two models differ on one runtime but not on another, because of rounding", self.doubtful);
                verdict.reasons.push(reason(id::BOUNDARY, text));
            }
            match self.sampling {
                Sampling::Exhaustive => {}
                Sampling::Iid => verdict.reasons.push(reason(id::TOO_FEW, "a sample cannot show that two models agree on every member of a larger population; write sampling = \"exhaustive\" if these samples are the whole population")),
                Sampling::Convenience => verdict.reasons.push(reason(id::CONVENIENCE, "these samples are just what was available: they can refute the claim, but show nothing about other inputs; write sampling = \"exhaustive\" if the claim is about exactly these samples")),
            }
            Ruling::Undecided
        };
    }
}

#[cfg(test)]
mod tests {
    use super::gap;

    #[test]
    fn nan_equals_nan_and_nothing_else() {
        assert_eq!(gap(f32::NAN, f32::NAN), 0.0);
        assert_eq!(gap(f32::NAN, 1.0), f64::INFINITY);
        assert_eq!(gap(f32::INFINITY, f32::INFINITY), 0.0);
        assert_eq!(gap(f32::INFINITY, f32::NEG_INFINITY), f64::INFINITY);
        assert_eq!(gap(1.0, -0.5), 1.5);
    }
}
