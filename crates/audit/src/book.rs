//! What a run has found out, in memory and on disk.

use std::collections::BTreeSet;
use std::sync::Arc;

use brinell_attack::driver::{Queries, Verdict};
use brinell_attack::{Spent, SuiteStage};
use brinell_ledger::run::{RunFolder, StageLine};
use brinell_record::{Label, Outcome, SampleRecord, ShardMachine};
use brinell_subject::Opinion;
use brinell_task::{Posed, Task, Wanted};
use brinell_threat::Norm;

use crate::AuditError;
use crate::state::{Broken, State, States, Tally};

/// The verdicts of a run so far, and the files that they are appended to.
pub(crate) struct Book {
    pub(crate) folder: RunFolder,
    pub(crate) states: States,
    pub(crate) stages: Arc<[SuiteStage]>,
    pub(crate) tallies: Vec<Tally>,
    /// Samples that are classified right and not broken.
    pub(crate) standing: usize,
    /// Lines of earlier processes about samples that were not taken yet.
    pub(crate) past_stages: Vec<StageLine>,
    /// Seconds that earlier processes spent in stages.
    pub(crate) past_seconds: f64,
    /// Seconds for which proofs were looked for.
    pub(crate) proof_seconds: f64,
    /// Machines that a shard ran on, in order.
    pub(crate) machines: Vec<ShardMachine>,
    /// Samples whose line stands in `record.jsonl`.
    pub(crate) recorded: BTreeSet<usize>,
    /// True where the nearest example of each sample is looked for, so that all stages run on all samples.
    pub(crate) nearest: bool,
    pub(crate) norm: Norm,
    pub(crate) target: Option<usize>,
    pub(crate) task: Arc<dyn Task>,
    /// True where what is right about a sample is a class.
    pub(crate) of_classes: bool,
    /// True where the largest value has to be that of the class.
    pub(crate) of_one_class: bool,
}

impl Book {
    /// Keeps what a stage found out about a sample; `broken` says how it was broken, where it was.
    pub(crate) fn keep(&mut self, stage: usize, sample: usize, verdict: &Verdict, broken: Option<Broken>) -> Result<(), AuditError> {
        let line = StageLine::Sample {
            stage,
            sample: sample as u64,
            broken: verdict.found.is_some(),
            restart: verdict.found.as_ref().map_or(0, |found| found.run),
            margin: verdict.margin,
            forwards: verdict.queries.forwards,
            backwards: verdict.queries.backwards,
            rejected: verdict.rejected,
            astray: verdict.astray,
            zero_gradients: verdict.zero_gradients,
            non_finite: verdict.non_finite,
            exhausted: verdict.exhausted,
            late_gain: verdict.late_gain,
            none_within: verdict.none_within,
        };
        if verdict.found.is_some() && self.states.get(sample).is_some_and(|state| state.certified == Some(true)) {
            return Err(brinell_proof::ProofError::Contradiction { sample }.into());
        }
        self.folder.keep(&line, verdict.found.as_ref().map(|found| found.x_adv.as_slice()))?;
        self.apply(&line);
        if let Some(broken) = broken {
            self.mark_broken(sample, broken);
        }
        let last = (verdict.found.is_some() && !self.nearest) || stage + 1 == self.stages.len();
        if last { self.record(sample) } else { Ok(()) }
    }

    /// Adds the time that a process spent on a stage.
    pub(crate) fn add_time(&mut self, line: &StageLine) {
        if let StageLine::Time { stage, seconds, model_seconds } = *line
            && let Some(tally) = self.tallies.get_mut(stage)
        {
            tally.seconds += seconds;
            tally.model_seconds += model_seconds;
        }
    }

    /// What the reference implementation would have spent on a sample, which the run `broken_in` broke.
    fn reference(&self, stage: usize, queries: Queries, broken_in: Option<u32>) -> Option<Queries> {
        // Reference implementations know classes alone.
        let recipe = &self.stages.get(stage).filter(|_| self.of_one_class)?.recipe;
        let runs = broken_in.map_or_else(|| recipe.runs(self.task.count(&Wanted::class(self.target))), |run| run + 1);
        recipe.reference(&Spent { norm: self.norm, width: self.task.width(), runs, queries })
    }

    /// Adds a line of `stages.jsonl` to what is known.
    pub(crate) fn apply(&mut self, line: &StageLine) {
        if let StageLine::Proof { sample, certified, seconds } = *line {
            self.proof_seconds += seconds;
            if let Some(state) = usize::try_from(sample).ok().and_then(|index| self.states.get_mut(index)) {
                state.certified = Some(certified);
            }
        }
        let StageLine::Sample {
            stage,
            sample,
            margin,
            forwards,
            backwards,
            rejected,
            astray,
            zero_gradients,
            non_finite,
            exhausted,
            broken,
            late_gain,
            none_within,
            restart,
            ..
        } = *line
        else {
            return;
        };
        let queries = Queries { forwards, backwards };
        let reference = self.reference(stage, queries, broken.then_some(restart));
        let index = usize::try_from(sample).unwrap_or(usize::MAX);
        let first = self.states.get(index).is_some_and(|state| state.broken.is_none());
        if let Some(tally) = self.tallies.get_mut(stage) {
            tally.attacked += 1;
            tally.broken += usize::from(broken && first);
            tally.improved += usize::from(broken);
            tally.queries += queries;
            tally.reference = match (tally.reference, reference) {
                (Some(mut sum), Some(one)) => {
                    sum += one;
                    Some(sum)
                }
                (sum, one) => sum.or(one),
            };
            tally.rejected += usize::from(rejected > 0);
            tally.astray += usize::from(astray > 0);
            tally.zero_gradients += usize::from(zero_gradients > 0);
            tally.non_finite += usize::from(non_finite > 0);
            tally.exhausted += usize::from(exhausted);
        }
        if let Some(state) = self.states.get_mut(index) {
            state.stages_done = stage + 1;
            state.queries += queries;
            state.margin = state.margin.max(margin);
            state.refused |= rejected > 0;
            state.gradients |= backwards > 0;
            state.none_within = [state.none_within, none_within].into_iter().flatten().reduce(f64::max);
            state.late_gain = [state.late_gain, late_gain].into_iter().flatten().reduce(f64::min);
        }
    }

    /// Notes how a sample was broken.
    pub(crate) fn mark_broken(&mut self, sample: usize, broken: Broken) {
        if let Some(state) = self.states.get_mut(sample) {
            let stood = state.correct() && state.broken.is_none();
            self.standing = self.standing.saturating_sub(usize::from(stood));
            state.broken = Some(broken);
        }
    }

    /// Appends a sample's line to `record.jsonl` unless it stands there.
    pub(crate) fn record(&mut self, index: usize) -> Result<(), AuditError> {
        let Some(record) = self.sample_record(index) else { return Ok(()) };
        if let Some(state) = self.states.get_mut(index)
            && !std::mem::replace(&mut state.recorded, true)
        {
            self.folder.decide(&record)?;
        }
        Ok(())
    }

    /// Returns a sample's line as it stands or will stand in `record.jsonl`.
    pub(crate) fn sample_record(&self, index: usize) -> Option<SampleRecord> {
        let state = self.states.get(index)?;
        let outcome = match (&state.broken, state.correct()) {
            (Some(_), _) => Outcome::Broken,
            (None, true) => Outcome::Survived,
            (None, false) => Outcome::Misclassified,
        };
        let broken = state.broken.as_ref();
        Some(SampleRecord {
            sample: index,
            label: state.label.clone(),
            prediction: state.prediction.clone(),
            outcome,
            attack: broken.and_then(|broken| self.stages.get(broken.stage)).map(|stage| stage.recipe.name().to_owned()),
            restart: broken.map(|broken| broken.restart),
            norm: broken.map(|broken| broken.norm),
            margin: -broken.map_or(state.margin, |broken| broken.margin),
            forwards: state.queries.forwards,
            backwards: state.queries.backwards,
            adv_prediction: broken.and_then(|broken| broken.prediction.clone()),
            target: self.target,
            confidence: self.of_classes.then_some(state.clean.confidence),
            adv_confidence: broken.filter(|_| self.of_classes).map(|broken| broken.opinion.confidence),
            none_within: state.none_within,
            certified: state.certified == Some(true),
        })
    }
}

impl Broken {
    /// How run `restart` of a stage broke a sample: the original file's opinion on the example, and its distance.
    pub(crate) fn new(stage: usize, restart: u32, norm: f64, opinion: Opinion, task: &dyn Task, posed: Posed<'_>) -> Self {
        let margin = opinion.margin(task, posed).unwrap_or(f64::NAN);
        Self { stage, restart, norm, prediction: opinion.label(task, posed), opinion, margin }
    }
}

impl State {
    /// A sample after the clean pass.
    pub(crate) fn new(label: Label, clean: Opinion, task: &dyn Task, posed: Posed<'_>, recorded: bool) -> Self {
        let margin = clean.margin(task, posed).unwrap_or(f64::NAN);
        Self {
            label,
            prediction: clean.label(task, posed),
            correct: clean.is_right(task, posed),
            clean,
            margin,
            queries: Queries { forwards: 1, backwards: 0 },
            broken: None,
            refused: false,
            gradients: false,
            late_gain: None,
            none_within: None,
            certified: None,
            stages_done: 0,
            recorded,
        }
    }
}
