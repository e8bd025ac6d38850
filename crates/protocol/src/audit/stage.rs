//! One stage of the cascade: an attack on every sample that still stands.

use std::collections::BTreeMap;
use std::sync::Arc;

use brinell_attack::driver::{self, Aim, Court, DriverError, DriverSettings, Item, Queries, Timing, Verdict};
use brinell_attack::{Knowledge, Spent, StageOrder, StageSettings, SuiteStage};
use brinell_engine::Oracle;

use super::events::Event;
use super::setup::Run;
use super::state::{Broken, State};
use crate::ProtocolError;
use crate::referee::Opinion;
use crate::run::StageLine;

impl Run<'_> {
    /// Runs stage `index` on the samples that no earlier stage broke and that this one has not seen.
    pub(super) fn stage(&mut self, index: usize, oracle: &mut Oracle, pool: &rayon::ThreadPool) -> Result<(), ProtocolError> {
        let stages = Arc::clone(&self.stages);
        let Some(SuiteStage { recipe, settings }) = stages.get(index) else { return Ok(()) };
        let mut todo = self.states.samples(|state| state.stages_done <= index);
        todo.retain(|&sample| self.attackable(sample) && self.near(sample, settings));
        if settings.order == StageOrder::Margin {
            let margin = |&sample: &usize| self.states.get(sample).map_or(f64::NAN, |state| state.margin);
            todo.sort_by(|a, b| margin(b).total_cmp(&margin(a)));
        }
        let done = self.tallies.get(index).map_or(0, |tally| tally.attacked);
        // A run that is resumed measures what one without a break has measured.
        if recipe.needs_gradient() && done + todo.len() > 0 {
            self.check_slope(oracle, recipe.loss(self.target.is_some(), oracle.classes()))?;
        }
        self.observer.event(Event::StageStarted { name: recipe.name(), attacked: done + todo.len(), done, surviving: self.standing });
        if todo.is_empty() {
            self.observer.event(Event::StageEnded);
            return Ok(());
        }
        let mut timing = Timing::default();
        let result = self.drive(index, &todo, oracle, pool, &mut timing);
        if matches!(result, Ok(()) | Err(ProtocolError::Interrupted)) {
            let line = StageLine::Time { stage: index, seconds: timing.total, model_seconds: timing.model };
            self.folder.keep(&line, None)?;
            self.add_time(&line);
        }
        result?;
        self.note_sessions(oracle);
        self.observer.event(Event::StageEnded);
        Ok(())
    }

    /// Adds the time that a process spent on a stage.
    pub(super) fn add_time(&mut self, line: &StageLine) {
        if let StageLine::Time { stage, seconds, model_seconds } = *line
            && let Some(tally) = self.tallies.get_mut(stage)
        {
            tally.seconds += seconds;
            tally.model_seconds += model_seconds;
        }
    }

    fn drive(
        &mut self,
        index: usize,
        todo: &[usize],
        oracle: &mut Oracle,
        pool: &rayon::ThreadPool,
        timing: &mut Timing,
    ) -> Result<(), ProtocolError> {
        let stages = Arc::clone(&self.stages);
        let Some(SuiteStage { recipe, settings: stage }) = stages.get(index) else { return Ok(()) };
        if recipe.needs_gradient() {
            oracle.prepare(recipe.loss(self.target.is_some(), oracle.classes()))?;
        } else {
            oracle.prepare_forward()?;
        }
        let (data, scale, target) = (Arc::clone(&self.data), self.plan.scale, self.target);
        let clean = todo.iter().map(|&sample| self.states.get(sample).map(|state| state.clean.logits()).unwrap_or_default());
        let mut logits = clean.collect::<Vec<_>>().into_iter();
        let guides = if recipe.knowledge() == Knowledge::Label { Some(self.guides(todo)?) } else { None };
        let mut examples = self.folder.examples()?;
        let mut unreadable = None;
        let (nearest, grid) = (self.nearest(), self.grid.clone());
        let known: Vec<bool> = todo.iter().map(|&sample| self.states.get(sample).is_some_and(|state| state.broken.is_some())).collect();
        let mut items = todo.iter().zip(known).filter_map(|(&sample, known)| {
            let mut x = vec![0.0; data.sample_len()];
            data.sample(sample, scale, &mut x);
            let logits = logits.next().unwrap_or_default();
            let found = match known.then(|| examples.read(sample as u64)).transpose() {
                Ok(found) => found,
                Err(error) => {
                    // The items end here, and the error is returned once the driver has come back.
                    unreadable = Some(error);
                    return None;
                }
            };
            let label = *data.labels.get(sample)?;
            let guide = guides.as_ref().and_then(|guides| guides.of(sample));
            Some(Item { sample: sample as u64, x, label, target, logits, found, guide })
        });
        let trees = self.trees.clone();
        let settings = DriverSettings {
            trees: trees.as_ref(),
            batch: self.batch,
            shape: &data.shape,
            seed: self.plan.seed,
            max_queries: self.plan.max_queries.into_iter().chain(stage.max_queries).min(),
            aim: match (nearest, self.plan.keep_going) {
                (true, _) => Aim::Nearest,
                (false, true) => Aim::Strongest,
                (false, false) => Aim::First,
            },
            grid: grid.as_ref(),
            pool,
            stop: self.stop,
        };
        let ball = self.ball.clone();
        let mut court = Bench { run: self, stage: index, judged: BTreeMap::new() };
        driver::run(oracle, recipe.as_ref(), &ball, &mut items, &mut court, &settings, timing).map_err(|error| match error {
            DriverError::Oracle(error) => ProtocolError::Oracle(error),
            DriverError::Callback(error) => error,
            _ => ProtocolError::Interrupted,
        })?;
        unreadable.map_or(Ok(()), Err)
    }

    /// True where attacks are run on the sample: it is classified right, stands (or a nearer example is wanted), and does not have the target as
    /// its label.
    fn attackable(&self, sample: usize) -> bool {
        let wanted = |state: &State| state.correct() && (state.broken.is_none() || self.nearest()) && Some(state.label) != self.target;
        self.states.get(sample).is_some_and(wanted)
    }

    /// True where the stage takes samples that stand as near to their edge as this one.
    fn near(&self, sample: usize, settings: &StageSettings) -> bool {
        self.states.get(sample).is_some_and(|state| {
            let clean = state.clean.margin(self.goal(state.label)).unwrap_or(f64::NAN);
            settings.takes(clean, state.margin)
        })
    }

    /// What the reference implementation would have spent on a sample, which the run `broken_in` broke.
    fn reference(&self, stage: usize, queries: Queries, broken_in: Option<u32>) -> Option<Queries> {
        let recipe = &self.stages.get(stage)?.recipe;
        let (targeted, classes) = (self.target.is_some(), self.subject.signature.classes);
        let runs = broken_in.map_or_else(|| recipe.runs(targeted, classes), |run| run + 1);
        recipe.reference(&Spent { norm: self.ball.norm, targeted, classes, runs, queries })
    }

    /// Adds a line of `stages.jsonl` to what is known.
    pub(super) fn apply(&mut self, line: &StageLine) {
        let StageLine::Sample {
            stage,
            sample,
            margin,
            forwards,
            backwards,
            rejected,
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

    /// Notes how a sample was broken; the original file is asked unless its opinion is at hand.
    pub(super) fn mark_broken(
        &mut self,
        sample: usize,
        stage: usize,
        restart: u32,
        x_adv: &[f32],
        opinion: Option<Opinion>,
    ) -> Result<(), ProtocolError> {
        let x = self.sample(sample);
        let opinion = match opinion {
            Some(opinion) => opinion,
            None => self.referee.ask(&self.preprocess, x_adv, sample)?,
        };
        let norm = self.ball.distance(&x, x_adv);
        let label = self.states.get(sample).map_or(usize::MAX, |state| state.label);
        let margin = opinion.margin(self.goal(label)).unwrap_or(f64::NAN);
        if let Some(state) = self.states.get_mut(sample) {
            let stood = state.correct() && state.broken.is_none();
            self.standing = self.standing.saturating_sub(usize::from(stood));
            state.broken = Some(Broken { stage, restart, norm, opinion, margin });
        }
        Ok(())
    }
}

/// The run as the driver's court: referee and record.
struct Bench<'r, 'a> {
    run: &'r mut Run<'a>,
    stage: usize,
    /// What the original file said of the newest confirmed candidate of each sample under attack.
    judged: BTreeMap<u64, Opinion>,
}

impl Court for Bench<'_, '_> {
    type Error = ProtocolError;

    fn judge(&mut self, item: &Item, x_adv: &[f32]) -> Result<bool, ProtocolError> {
        let run = &mut *self.run;
        let sample = usize::try_from(item.sample).unwrap_or(usize::MAX);
        let judgement = run.referee.judge(&run.preprocess, &run.ball, item.goal(), sample, &item.x, x_adv)?;
        if judgement.adversarial {
            self.judged.insert(item.sample, judgement.opinion);
        }
        Ok(judgement.adversarial)
    }

    fn decided(&mut self, item: &Item, verdict: Verdict) -> Result<(), ProtocolError> {
        let index = usize::try_from(item.sample).unwrap_or(usize::MAX);
        let line = StageLine::Sample {
            stage: self.stage,
            sample: item.sample,
            broken: verdict.found.is_some(),
            restart: verdict.found.as_ref().map_or(0, |found| found.run),
            margin: verdict.margin,
            forwards: verdict.queries.forwards,
            backwards: verdict.queries.backwards,
            rejected: verdict.rejected,
            zero_gradients: verdict.zero_gradients,
            non_finite: verdict.non_finite,
            exhausted: verdict.exhausted,
            late_gain: verdict.late_gain,
            none_within: verdict.none_within,
        };
        self.run.folder.keep(&line, verdict.found.as_ref().map(|found| found.x_adv.as_slice()))?;
        self.run.apply(&line);
        if let Some(found) = &verdict.found {
            let opinion = self.judged.remove(&item.sample);
            self.run.mark_broken(index, self.stage, found.run, &found.x_adv, opinion)?;
        }
        let last = (verdict.found.is_some() && !self.run.nearest()) || self.stage + 1 == self.run.stages.len();
        if last {
            self.run.record(index)?;
        }
        self.run.observer.event(Event::SampleDone { surviving: self.run.standing });
        Ok(())
    }
}
