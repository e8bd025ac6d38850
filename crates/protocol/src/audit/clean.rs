//! The clean pass: what the model says before any attack.

use std::collections::BTreeSet;

use brinell_attack::driver::Queries;
use brinell_engine::{Answer, Oracle};
use brinell_record::{Outcome, SampleRecord};
use brinell_task::argmax;

use super::events::Event;
use super::setup::Run;
use super::state::State;
use crate::flags::{HIDDEN_SOFTMAX, NON_FINITE, OUTSIDE_BOX};
use crate::run::StageLine;
use crate::{ProtocolError, referee};

impl Run<'_> {
    /// Fills `states` for `samples` and writes the lines of those that are wrong already.
    pub(super) fn clean_pass(&mut self, oracle: &mut Oracle, samples: &[usize]) -> Result<(), ProtocolError> {
        let done = self.states.len();
        self.standing += samples.len();
        self.observer.event(Event::StageStarted { name: "clean", attacked: done + samples.len(), done, surviving: self.standing });
        let mut answer = Answer::default();
        let rounding = self.subject.rounding();
        for chunk in samples.chunks(self.batch) {
            self.check_stop()?;
            let samples: Vec<Vec<f32>> = chunk.iter().map(|&index| self.sample(index)).collect();
            logits_of(oracle, chunk.iter().copied(), &samples, &mut answer)?;
            let classes = oracle.width();
            for ((&index, x), logits) in chunk.iter().zip(&samples).zip(answer.values.chunks_exact(classes)) {
                self.outside += usize::from(x.iter().enumerate().any(|(place, &v)| !self.ball.expects(place, v)));
                self.probabilities += usize::from(is_distribution(logits));
                let clean = if close_call(logits, rounding) {
                    self.referee.ask(&self.preprocess, x, index)?
                } else {
                    referee::Opinion::of_logits(logits)
                };
                let label = self.data.labels.get(index).copied().unwrap_or(usize::MAX);
                let margin = clean.margin(&self.task(), self.demand(label).posed()).unwrap_or(f64::NAN);
                let state = State {
                    label,
                    clean,
                    margin,
                    queries: Queries { forwards: 1, backwards: 0 },
                    broken: None,
                    refused: false,
                    gradients: false,
                    late_gain: None,
                    none_within: None,
                    stages_done: 0,
                    recorded: self.recorded.contains(&index),
                };
                let correct = state.correct();
                self.standing -= usize::from(!correct);
                self.states.insert(index, state);
                if !correct {
                    self.record(index)?;
                }
                self.observer.event(Event::SampleDone { surviving: self.standing });
            }
        }
        self.observer.event(Event::StageEnded);
        self.replay_past(samples)
    }

    /// Applies what earlier processes wrote into `stages.jsonl` about `samples`.
    fn replay_past(&mut self, samples: &[usize]) -> Result<(), ProtocolError> {
        let asked: BTreeSet<usize> = samples.iter().copied().collect();
        for line in std::mem::take(&mut self.past_stages) {
            match line {
                StageLine::Sample { sample, .. } if usize::try_from(sample).is_ok_and(|sample| !asked.contains(&sample)) => {
                    self.past_stages.push(line);
                }
                StageLine::Time { seconds, .. } => {
                    self.past_seconds += seconds;
                    self.add_time(&line);
                }
                StageLine::Sample { sample, .. } => {
                    let index = usize::try_from(sample).unwrap_or(usize::MAX);
                    self.apply(&line);
                    if let StageLine::Sample { stage, restart, broken: true, .. } = line {
                        let x_adv = self.folder.adversarial(sample)?;
                        self.mark_broken(index, stage, restart, &x_adv, None)?;
                    }
                    let broken = self.states.get(index).is_some_and(|state| state.broken.is_some());
                    let done = self.states.get(index).is_some_and(|state| state.stages_done == self.stages.len());
                    if done || (broken && !self.nearest()) {
                        self.record(index)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Raises the flags that the clean pass can tell.
    pub(super) fn flag_clean(&mut self) -> Result<(), ProtocolError> {
        let n = self.states.len();
        let (outside, probabilities, bounds) = (self.outside, self.probabilities, self.ball.bounds);
        self.flags.measure(&OUTSIDE_BOX, outside as f64, || {
            let (lo, hi) = (bounds.lo(), bounds.hi());
            format!("{outside} of {n} samples have values outside the declared range {lo}..{hi}; is --scale right?")
        });
        let silent = self.states.iter().filter(|state| state.clean.prediction.is_none()).count();
        self.flags.measure(&NON_FINITE, silent as f64, || {
            format!("the model returned NaN or infinity for {silent} clean samples, which count as misclassified")
        });
        self.flags.measure(&HIDDEN_SOFTMAX, probabilities as f64 / n as f64, || {
            format!(
                "for {probabilities} of {n} samples what the attacks take for logits are probabilities; a softmax made of other operators hides \
                 gradients: export the model without it"
            )
        });
        self.doubt_preprocessing()
    }

    /// Appends a sample's line to `record.jsonl` unless it stands there.
    pub(super) fn record(&mut self, index: usize) -> Result<(), ProtocolError> {
        let Some(record) = self.sample_record(index) else { return Ok(()) };
        if let Some(state) = self.states.get_mut(index)
            && !std::mem::replace(&mut state.recorded, true)
        {
            self.folder.decide(&record)?;
        }
        Ok(())
    }

    /// Returns a sample's line as it stands or will stand in `record.jsonl`.
    pub(super) fn sample_record(&self, index: usize) -> Option<SampleRecord> {
        let state = self.states.get(index)?;
        let outcome = match (&state.broken, state.correct()) {
            (Some(_), _) => Outcome::Broken,
            (None, true) => Outcome::Survived,
            (None, false) => Outcome::Misclassified,
        };
        let broken = state.broken.as_ref();
        Some(SampleRecord {
            sample: index,
            label: state.label,
            prediction: state.clean.prediction,
            outcome,
            attack: broken.and_then(|broken| self.stages.get(broken.stage)).map(|stage| stage.recipe.name().to_owned()),
            restart: broken.map(|broken| broken.restart),
            norm: broken.map(|broken| broken.norm),
            margin: -broken.map_or(state.margin, |broken| broken.margin),
            forwards: state.queries.forwards,
            backwards: state.queries.backwards,
            adv_prediction: broken.and_then(|broken| broken.opinion.prediction),
            target: self.target,
            confidence: Some(state.clean.confidence),
            adv_confidence: broken.map(|broken| broken.opinion.confidence),
            none_within: state.none_within,
        })
    }
}

/// Asks the oracle about points around the samples of these numbers.
pub(super) fn logits_of(
    oracle: &mut Oracle,
    samples: impl IntoIterator<Item = usize>,
    points: &[Vec<f32>],
    answer: &mut Answer,
) -> Result<(), ProtocolError> {
    oracle.prepare_forward()?;
    oracle.about(samples);
    Ok(oracle.values(&points.concat(), answer)?)
}

/// True where a row of logits is one of probabilities, by the tolerance that AutoAttack's own check has.
pub(super) fn is_distribution(logits: &[f32]) -> bool {
    let sum: f64 = logits.iter().map(|&z| f64::from(z)).sum();
    logits.len() > 1 && logits.iter().all(|z| (0.0..=1.0).contains(z)) && (sum - 1.0).abs() <= 1e-5
}

/// True where the two largest logits are closer than `rounding`, relative to the largest, or are not finite: then the original file at batch 1 decides,
/// since the transformed graph may round differently.
pub(super) fn close_call(logits: &[f32], rounding: f32) -> bool {
    let Some(top) = argmax(logits) else { return true };
    let largest = logits.get(top).copied().unwrap_or(f32::NAN);
    let scale = logits.iter().fold(0.0f32, |m, z| m.max(z.abs()));
    logits.iter().enumerate().any(|(k, &z)| k != top && largest - z <= rounding * scale)
}
