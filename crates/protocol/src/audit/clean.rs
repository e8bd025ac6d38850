//! The clean pass: what the model says before any attack.

use std::collections::BTreeSet;

use brinell_attack::driver::Queries;
use brinell_engine::{Answer, Oracle};
use brinell_record::{Outcome, SampleRecord, Severity};
use brinell_threat::argmax;

use super::events::Event;
use super::setup::Run;
use super::state::State;
use crate::flags::id;
use crate::run::StageLine;
use crate::{ProtocolError, referee};

/// Two logits closer than this, relative to the larger one, are decided by the original file at batch 1: the transformed
/// graph may round differently.
const CLOSE_CALL: f32 = 1e-3;

impl Run<'_> {
    /// Fills `states` for `samples` and writes the lines of those that are wrong already.
    pub(super) fn clean_pass(&mut self, oracle: &mut Oracle, samples: &[usize]) -> Result<(), ProtocolError> {
        let done = self.states.len();
        self.standing += samples.len();
        self.observer.event(Event::StageStarted { name: "clean", attacked: done + samples.len(), done, surviving: self.standing });
        let mut answer = Answer::default();
        for chunk in samples.chunks(self.batch) {
            self.check_stop()?;
            let samples: Vec<Vec<f32>> = chunk.iter().map(|&index| self.sample(index)).collect();
            logits_of(oracle, &samples, &mut answer)?;
            let classes = oracle.classes();
            for ((&index, x), logits) in chunk.iter().zip(&samples).zip(answer.logits.chunks_exact(classes)) {
                self.outside += usize::from(x.iter().any(|&v| !self.ball.bounds.contains(v)));
                let clean = if close_call(logits) { self.referee.ask(&self.preprocess, x)? } else { referee::Opinion::of_logits(logits) };
                let label = self.data.labels.get(index).copied().unwrap_or(usize::MAX);
                let margin = clean.margin(self.goal(label)).unwrap_or(f64::NAN);
                let state = State {
                    label,
                    clean,
                    margin,
                    queries: Queries { forwards: 1, backwards: 0 },
                    broken: None,
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
                    let done = self.states.get(index).is_some_and(|state| state.stages_done == self.recipes.len());
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
        if self.outside > 0 {
            let bounds = self.ball.bounds;
            let message = format!(
                "{} of {} samples have values outside the declared range {}..{}; is --scale right?",
                self.outside,
                self.states.len(),
                bounds.lo(),
                bounds.hi()
            );
            self.flags.raise(Severity::Blocking, id::OUTSIDE_BOX, message);
        }
        let silent = self.states.iter().filter(|state| state.clean.prediction.is_none()).count();
        if silent > 0 {
            let message = format!("the model returned NaN or infinity for {silent} clean samples, which count as misclassified");
            self.flags.raise(Severity::Blocking, id::NON_FINITE, message);
        }
        self.doubt_preprocessing()
    }

    /// Asks about the first samples twice; a model that answers differently has no single robust accuracy.
    pub(super) fn check_determinism(&mut self, oracle: &mut Oracle) -> Result<(), ProtocolError> {
        let samples: Vec<Vec<f32>> = (0..self.data.n.min(4).min(self.batch)).map(|index| self.sample(index)).collect();
        let (mut first, mut second) = (Answer::default(), Answer::default());
        logits_of(oracle, &samples, &mut first)?;
        logits_of(oracle, &samples, &mut second)?;
        let bits = |answer: &Answer| answer.logits.iter().map(|z| z.to_bits()).collect::<Vec<_>>();
        if bits(&first) != bits(&second) {
            self.flags.raise(
                Severity::Blocking,
                id::NON_DETERMINISTIC,
                "the same input gave two different answers; a randomised model needs attacks that average over its noise, and one judgement proves little",
            );
        }
        Ok(())
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
            attack: broken.and_then(|broken| self.recipes.get(broken.stage)).map(|recipe| recipe.name().to_owned()),
            restart: broken.map(|broken| broken.restart),
            norm: broken.map(|broken| broken.norm),
            margin: -broken.map_or(state.margin, |broken| broken.margin),
            forwards: state.queries.forwards,
            backwards: state.queries.backwards,
            adv_prediction: broken.and_then(|broken| broken.opinion.prediction),
            target: self.target,
            confidence: Some(state.clean.confidence),
            adv_confidence: broken.map(|broken| broken.opinion.confidence),
        })
    }
}

/// Asks the oracle about samples.
pub(super) fn logits_of(oracle: &mut Oracle, samples: &[Vec<f32>], answer: &mut Answer) -> Result<(), ProtocolError> {
    Ok(oracle.logits(&samples.concat(), answer)?)
}

/// True where the two largest logits are too close to trust the transformed graph, or are not finite.
pub(super) fn close_call(logits: &[f32]) -> bool {
    let Some(top) = argmax(logits) else { return true };
    let largest = logits.get(top).copied().unwrap_or(f32::NAN);
    let scale = logits.iter().fold(0.0f32, |m, z| m.max(z.abs()));
    logits.iter().enumerate().any(|(k, &z)| k != top && largest - z <= CLOSE_CALL * scale)
}
