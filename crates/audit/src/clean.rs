//! The clean pass: what the model says before any attack.

use std::collections::BTreeSet;

use brinell_engine::{Answer as Answered, Oracle};
use brinell_ledger::run::StageLine;
use brinell_onnx::ClassLabels;
use brinell_subject::{Judgement, Opinion, is_distribution, logits_of};
use brinell_task::Answer;

use crate::AuditError;
use crate::events::Event;
use crate::flags::{HIDDEN_SOFTMAX, LABELS_DIFFER, NON_FINITE, OUTSIDE_BOX};
use crate::setup::Run;
use crate::shard::Scope;
use crate::state::{Broken, State};

impl Run<'_> {
    /// Fills `states` for `samples` and writes the lines of those that are wrong already.
    pub(super) fn clean_pass(&mut self, oracle: &mut Oracle, samples: &[usize]) -> Result<(), AuditError> {
        let done = self.book.states.len();
        self.book.standing += samples.len();
        self.observer.event(Event::StageStarted { name: "clean", attacked: done + samples.len(), done, surviving: self.book.standing });
        let mut answer = Answered::default();
        let has_label = self.case.subject.signature.label_index.is_some();
        let (rounding, is_server) = (self.case.subject.rounding(), self.case.subject.endpoint.is_some());
        let (task, classes) = (self.case.task(), self.case.is_of_classes());
        for chunk in samples.chunks(self.case.batch) {
            self.check_stop()?;
            let samples: Vec<Vec<f32>> = chunk.iter().map(|&index| self.case.sample(index)).collect();
            logits_of(oracle, chunk.iter().copied(), &samples, &mut answer)?;
            let width = oracle.width();
            let ends = [chunk.first(), chunk.last()].map(|end| end.copied().filter(|_| chunk.len() > 1 && classes));
            for ((&index, x), values) in chunk.iter().zip(&samples).zip(answer.values.chunks_exact(width)) {
                self.outside += usize::from(x.iter().enumerate().any(|(place, &v)| !self.case.ball.expects(place, v)));
                self.probabilities += usize::from(classes && is_distribution(values));
                let demand = self.case.demand(index);
                // The original file at batch 1 decides where rounding might, since the transformed graph may round differently. What the file names beside its
                // scores only the file says, and a server may mix up the samples of some calls only.
                let clean = if is_server || has_label || task.is_close(values, demand.posed(), rounding) {
                    let alone = self.case.referee.ask(&self.case.preprocess, x, index)?;
                    self.astray += usize::from(self.case.is_astray(&alone, values));
                    alone
                } else {
                    // A file may make something else of batches larger than those that were compared at the start.
                    if ends.contains(&Some(index)) {
                        let alone = self.case.referee.ask(&self.case.preprocess, x, index)?;
                        self.astray += usize::from(self.case.is_astray(&alone, values));
                    }
                    Opinion::of_values(values, task.as_ref())
                };
                let recorded = self.book.recorded.contains(&index);
                let state = State::new(self.case.label(index), clean, task.as_ref(), demand.posed(), recorded);
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
                StageLine::Machine { .. } => {}
                StageLine::Sample { sample, .. } => {
                    let index = usize::try_from(sample).unwrap_or(usize::MAX);
                    self.book.apply(&line);
                    if let StageLine::Sample { stage, restart, broken: true, .. } = line {
                        let x_adv = self.book.folder.adversarial(sample)?;
                        let x = self.case.sample(index);
                        let norm = self.case.ball.distance(&x, &x_adv);
                        let (task, demand) = (self.case.task(), self.case.demand(index));
                        let judged = self.case.referee.judge(&self.case.preprocess, &self.case.ball, demand.posed(), index, &x, &x_adv)?;
                        self.refuse(index, &judged)?;
                        let opinion = judged.opinion;
                        let broken = Broken::new(stage, restart, norm, opinion, task.as_ref(), demand.posed());
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

    /// Counts an example of a shard that is not confirmed here, or stops at it.
    fn refuse(&mut self, sample: usize, judged: &Judgement) -> Result<(), AuditError> {
        match self.scope {
            Scope::Merge { mixed, .. } if !judged.adversarial => {
                self.refused += 1;
                let why = judged.violation.as_ref().map_or_else(|| "it does not fool the model here".to_owned(), ToString::to_string);
                if mixed { Ok(()) } else { Err(AuditError::ShardExample { sample, why }) }
            }
            _ => Ok(()),
        }
    }

    /// Raises the flags that the clean pass can tell.
    pub(super) fn flag_clean(&mut self) -> Result<(), AuditError> {
        let n = self.book.states.len();
        let (outside, probabilities, bounds) = (self.outside, self.probabilities, self.case.ball.bounds);
        self.flags.measure(&OUTSIDE_BOX, outside as f64, || {
            let (lo, hi) = (bounds.lo(), bounds.hi());
            format!("{outside} of {n} samples have values outside the range {lo}..{hi} of the scale; check the scale")
        });
        let silent = self.book.states.iter().filter(|state| state.clean.answer.is_none()).count();
        self.flags.measure(&NON_FINITE, silent as f64, || {
            format!("the model returned NaN or infinity for {silent} clean samples, which count as misclassified")
        });
        self.flags.measure(&HIDDEN_SOFTMAX, probabilities as f64 / n as f64, || {
            format!(
                "for {probabilities} of {n} samples, the values that the attacks use as logits look like probabilities; a softmax built from other operators hides gradients, so export the model without it"
            )
        });
        self.doubt_preprocessing()
    }
}

impl Run<'_> {
    /// Doubts scores beside which the file names other classes than the ones with the largest score.
    pub(super) fn flag_labels(&mut self) {
        let subject = &self.case.subject;
        let own = subject.model.class_labels.as_ref().map(ClassLabels::names).filter(|names| names.len() == subject.signature.classes);
        let name = |class: usize| own.as_ref().map_or_else(|| Some(class.to_string()), |names| names.get(class).cloned());
        let class = |opinion: &Opinion| if let Some(Answer::Class(class)) = opinion.answer { Some(class) } else { None };
        let differs = |opinion: &Opinion| opinion.said.is_some() && opinion.said != class(opinion).and_then(name);
        let clean = self.book.states.iter().filter(|state| differs(&state.clean)).count();
        let broken = self.book.states.iter().filter(|state| state.broken.as_ref().is_some_and(|broken| differs(&broken.opinion))).count();
        let n = self.book.states.len();
        self.flags.measure(&LABELS_DIFFER, (clean + broken) as f64, || {
            let name = &subject.signature.output_name;
            format!(
                "for {clean} of {n} clean samples and {broken} adversarial examples, the class output of the file is not the class with the largest value of `{name}`, which decides in this audit; if your application uses the class output, its figures differ"
            )
        });
    }
}
