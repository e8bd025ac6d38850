//! The clean pass: what the model says before any attack.

use std::collections::BTreeSet;

use brinell_engine::{Answer, Oracle};
use brinell_ledger::run::StageLine;
use brinell_subject::{Opinion, is_distribution, logits_of};
use brinell_task::argmax;

use crate::AuditError;
use crate::events::Event;
use crate::flags::{HIDDEN_SOFTMAX, NON_FINITE, OUTSIDE_BOX};
use crate::setup::Run;
use crate::state::{Broken, State};

impl Run<'_> {
    /// Fills `states` for `samples` and writes the lines of those that are wrong already.
    pub(super) fn clean_pass(&mut self, oracle: &mut Oracle, samples: &[usize]) -> Result<(), AuditError> {
        let done = self.book.states.len();
        self.book.standing += samples.len();
        self.observer.event(Event::StageStarted { name: "clean", attacked: done + samples.len(), done, surviving: self.book.standing });
        let mut answer = Answer::default();
        let rounding = self.case.subject.rounding();
        for chunk in samples.chunks(self.case.batch) {
            self.check_stop()?;
            let samples: Vec<Vec<f32>> = chunk.iter().map(|&index| self.case.sample(index)).collect();
            logits_of(oracle, chunk.iter().copied(), &samples, &mut answer)?;
            let classes = oracle.width();
            for ((&index, x), logits) in chunk.iter().zip(&samples).zip(answer.values.chunks_exact(classes)) {
                self.outside += usize::from(x.iter().enumerate().any(|(place, &v)| !self.case.ball.expects(place, v)));
                self.probabilities += usize::from(is_distribution(logits));
                let clean = if close_call(logits, rounding) {
                    self.case.referee.ask(&self.case.preprocess, x, index)?
                } else {
                    Opinion::of_logits(logits)
                };
                let label = self.case.data.labels.get(index).copied().unwrap_or(usize::MAX);
                let margin = clean.margin(&self.case.task(), self.case.demand(label).posed()).unwrap_or(f64::NAN);
                let state = State::new(label, clean, margin, self.book.recorded.contains(&index));
                let correct = state.correct();
                self.book.standing -= usize::from(!correct);
                self.book.states.insert(index, state);
                if !correct {
                    self.book.record(index)?;
                }
                self.observer.event(Event::SampleDone { surviving: self.book.standing });
            }
        }
        self.observer.event(Event::StageEnded);
        self.replay_past(samples)
    }

    /// Applies what earlier processes wrote into `stages.jsonl` about `samples`.
    fn replay_past(&mut self, samples: &[usize]) -> Result<(), AuditError> {
        let asked: BTreeSet<usize> = samples.iter().copied().collect();
        for line in std::mem::take(&mut self.book.past_stages) {
            match line {
                StageLine::Sample { sample, .. } | StageLine::Proof { sample, .. }
                    if usize::try_from(sample).is_ok_and(|sample| !asked.contains(&sample)) =>
                {
                    self.book.past_stages.push(line);
                }
                StageLine::Time { seconds, .. } => {
                    self.book.past_seconds += seconds;
                    self.book.add_time(&line);
                }
                StageLine::Proof { .. } => self.book.apply(&line),
                StageLine::Sample { sample, .. } => {
                    let index = usize::try_from(sample).unwrap_or(usize::MAX);
                    self.book.apply(&line);
                    if let StageLine::Sample { stage, restart, broken: true, .. } = line {
                        let x_adv = self.book.folder.adversarial(sample)?;
                        let norm = self.case.ball.distance(&self.case.sample(index), &x_adv);
                        let opinion = self.case.referee.ask(&self.case.preprocess, &x_adv, index)?;
                        let label = self.book.states.get(index).map_or(usize::MAX, |state| state.label);
                        let broken = Broken::new(stage, restart, norm, opinion, &self.case.task(), &self.case.demand(label));
                        self.book.mark_broken(index, broken);
                    }
                    let broken = self.book.states.get(index).is_some_and(|state| state.broken.is_some());
                    let done = self.book.states.get(index).is_some_and(|state| state.stages_done == self.book.stages.len());
                    if done || (broken && !self.book.nearest) {
                        self.book.record(index)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Raises the flags that the clean pass can tell.
    pub(super) fn flag_clean(&mut self) -> Result<(), AuditError> {
        let n = self.book.states.len();
        let (outside, probabilities, bounds) = (self.outside, self.probabilities, self.case.ball.bounds);
        self.flags.measure(&OUTSIDE_BOX, outside as f64, || {
            let (lo, hi) = (bounds.lo(), bounds.hi());
            format!("{outside} of {n} samples have values outside the declared range {lo}..{hi}; is the scale right?")
        });
        let silent = self.book.states.iter().filter(|state| state.clean.prediction.is_none()).count();
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
}

/// True where the two largest logits are closer than `rounding`, relative to the largest, or are not finite: then the original file at batch 1 decides,
/// since the transformed graph may round differently.
pub(super) fn close_call(logits: &[f32], rounding: f32) -> bool {
    let Some(top) = argmax(logits) else { return true };
    let largest = logits.get(top).copied().unwrap_or(f32::NAN);
    let scale = logits.iter().fold(0.0f32, |m, z| m.max(z.abs()));
    logits.iter().enumerate().any(|(k, &z)| k != top && largest - z <= rounding * scale)
}
