//! One stage of the cascade: an attack on every sample that still stands.

use std::sync::Arc;

use brinell_attack::driver::{Aim, Timing, Verdict};
use brinell_attack::{Knowledge, StageOrder, StageSettings, SuiteStage};
use brinell_engine::Oracle;
use brinell_ledger::run::StageLine;
use brinell_subject::{Opinion, Pose, Stage, StageObserver, SubjectError, Target, drive};
use brinell_task::{Posed, Wanted};
use brinell_threat::Ball;

use crate::AuditError;
use crate::book::Book;
use crate::events::{Event, Observer};
use crate::setup::Run;
use crate::state::{Broken, State};

impl Run<'_> {
    /// Runs stage `index` on the samples that no earlier stage broke and that this one has not seen.
    pub(super) fn stage(&mut self, index: usize, oracle: &mut Oracle, pool: &rayon::ThreadPool) -> Result<(), AuditError> {
        let stages = Arc::clone(&self.book.stages);
        let Some(SuiteStage { recipe, settings }) = stages.get(index) else { return Ok(()) };
        let mut todo = self.book.states.samples(|state| state.stages_done <= index);
        todo.retain(|&sample| self.attackable(sample) && self.near(sample, settings));
        if settings.order == StageOrder::Margin {
            let margin = |&sample: &usize| self.book.states.get(sample).map_or(f64::NAN, |state| state.margin);
            todo.sort_by(|a, b| margin(b).total_cmp(&margin(a)));
        }
        let done = self.book.tallies.get(index).map_or(0, |tally| tally.attacked);
        // A run that is resumed measures what one without a break has measured.
        if recipe.needs_gradient() && done + todo.len() > 0 {
            self.check_slope(oracle, recipe.objective())?;
        }
        let surviving = self.book.standing;
        self.observer.event(Event::StageStarted { name: recipe.name(), attacked: done + todo.len(), done, surviving });
        if todo.is_empty() {
            self.observer.event(Event::StageEnded);
            return Ok(());
        }
        let mut timing = Timing::default();
        let result = self.attack(index, &todo, oracle, pool, &mut timing);
        if matches!(result, Ok(()) | Err(AuditError::Subject(SubjectError::Interrupted))) {
            let line = StageLine::Time { stage: index, seconds: timing.total, model_seconds: timing.model };
            self.book.folder.keep(&line, None)?;
            self.book.add_time(&line);
        }
        result?;
        self.note_sessions(oracle);
        self.observer.event(Event::StageEnded);
        Ok(())
    }

    fn attack(
        &mut self,
        index: usize,
        todo: &[usize],
        oracle: &mut Oracle,
        pool: &rayon::ThreadPool,
        timing: &mut Timing,
    ) -> Result<(), AuditError> {
        let stages = Arc::clone(&self.book.stages);
        let Some(SuiteStage { recipe, settings }) = stages.get(index) else { return Ok(()) };
        let guides = if recipe.knowledge() == Knowledge::Label { Some(self.guides(todo)?) } else { None };
        let mut examples = self.book.folder.examples()?;
        let mut unreadable = None;
        let known = |sample: usize| {
            let state = self.book.states.get(sample);
            (sample, state.map(|state| state.clean.values.clone()).unwrap_or_default(), state.is_some_and(|state| state.broken.is_some()))
        };
        let known: Vec<_> = todo.iter().copied().map(known).collect();
        let mut poses = known.into_iter().map_while(|(sample, logits, broken)| {
            let found = match broken.then(|| examples.read(sample as u64)).transpose() {
                Ok(found) => found,
                Err(error) => {
                    // The samples end here, and the error is returned once the driver has come back.
                    unreadable = Some(error);
                    return None;
                }
            };
            Some(Pose { sample, values: logits, found, guide: guides.as_ref().and_then(|guides| guides.of(sample)) })
        });
        let effort = &self.question.effort;
        let stage = Stage {
            recipe: recipe.as_ref(),
            ball: None,
            aim: match (self.book.nearest, effort.keep_going) {
                (true, _) => Aim::Nearest,
                (false, true) => Aim::Strongest,
                (false, false) => Aim::First,
            },
            seed: effort.seed,
            max_queries: effort.max_queries.into_iter().chain(settings.max_queries).min(),
            pool,
            stop: self.stop,
        };
        let ball = self.case.ball.clone();
        let mut keeper = Keeper { book: &mut self.book, observer: self.observer, stage: index, ball: &ball };
        drive(&mut self.case, oracle, &stage, &mut poses, &mut keeper, timing)?;
        unreadable.map_or(Ok(()), |error| Err(error.into()))
    }

    /// True where attacks are run on the sample: it is classified right, stands (or a nearer example is wanted), and does not have the target as
    /// its label.
    fn attackable(&self, sample: usize) -> bool {
        // Where a search has shown that there is no example, no attack can find one.
        let searched = |state: &State| state.none_within.is_some_and(|radius| radius >= self.case.ball.eps);
        let open = |state: &State| self.book.nearest || (state.broken.is_none() && !searched(state));
        let wanted = |state: &State| {
            state.correct()
                && state.certified != Some(true)
                && open(state)
                && self.case.target.is_none_or(|target| state.label.class() != Some(target))
        };
        self.book.states.get(sample).is_some_and(wanted)
    }

    /// True where the stage takes samples that stand as near to their edge as this one.
    fn near(&self, sample: usize, settings: &StageSettings) -> bool {
        self.book.states.get(sample).is_some_and(|state| {
            let clean = state.clean.margin(self.case.task().as_ref(), self.case.demand(sample).posed()).unwrap_or(f64::NAN);
            settings.takes(clean, state.margin)
        })
    }
}

/// Keeps what a stage finds out in the record.
struct Keeper<'k> {
    book: &'k mut Book,
    observer: &'k mut dyn Observer,
    stage: usize,
    ball: &'k Ball,
}

impl StageObserver for Keeper<'_> {
    type Error = AuditError;

    fn decided(&mut self, target: &Target<'_>, verdict: Verdict, opinion: Option<Opinion>) -> Result<(), AuditError> {
        let (task, wanted) = (Arc::clone(&self.book.task), Wanted::class(self.book.target));
        let posed = Posed { truth: target.truth, wanted: &wanted };
        let broken = verdict.found.as_ref().zip(opinion).map(|(found, opinion)| {
            Broken::new(self.stage, found.run, self.ball.distance(target.x, &found.x_adv), opinion, task.as_ref(), posed)
        });
        self.book.keep(self.stage, target.sample, &verdict, broken)?;
        self.observer.event(Event::SampleDone { surviving: self.book.standing });
        Ok(())
    }
}
