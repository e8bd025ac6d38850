//! One round on one part of the samples: the file is opened, asked about clean samples, and attacked step by step.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use brinell_attack::driver::{Aim, Timing, Verdict};
use brinell_attack::recipe;
use brinell_engine::{Answer, Bridge, Oracle};
use brinell_record::{Population, Question};
use brinell_subject::{Case, Opinion, Pose, Stage, StageObserver, Subject, Target, drive};
use brinell_threat::Ball;

use crate::DefendError;
use crate::race::journal::{Journal, Line, Place};
use crate::race::plan::{Step, What};
use crate::race::{RaceEvent, Tell};

/// Number of the step in which clean samples are judged.
pub(crate) const CLEAN: usize = 0;
/// What is added to the number of a step that makes examples, for the making; trying them has the number itself.
pub(crate) const MADE: usize = 1000;
/// Samples that are attacked without a radius, to see whether the attack works at all.
const UNBOUNDED: usize = 64;

/// What is the same for all rounds.
pub(crate) struct Field<'a> {
    pub(crate) question: &'a Question,
    pub(crate) steps: &'a [Step],
    pub(crate) pool: &'a rayon::ThreadPool,
    pub(crate) stop: &'a AtomicBool,
}

/// A file under attack.
pub(crate) struct Runner {
    pub(crate) case: Case,
    oracle: Oracle,
    fresh: bool,
    round: usize,
}

impl Runner {
    /// Opens a file with the samples of the race, or fresh ones.
    ///
    /// # Errors
    /// [`DefendError::Subject`].
    pub(crate) fn open(field: &Field<'_>, file: &Path, population: &Population, fresh: bool, round: usize) -> Result<Self, DefendError> {
        let mut question = field.question.clone();
        question.artefact.model = file.to_path_buf();
        question.population = population.clone();
        let mut case = Case::new(Subject::open(&question.artefact, &question.population)?, &question)?;
        let (oracle, _) = case.oracle(&question.running)?;
        Ok(Self { case, oracle, fresh, round })
    }

    pub(crate) fn place(&self, step: usize) -> Place {
        Place { fresh: self.fresh, round: self.round, step }
    }

    /// Number of the step in which the samples that are left are attacked without a radius.
    pub(crate) fn unbounded(field: &Field<'_>) -> usize {
        field.steps.len() + 1
    }

    /// Runs all steps that are not done.
    ///
    /// # Errors
    /// [`DefendError`].
    pub(crate) fn run(&mut self, field: &Field<'_>, journal: &mut Journal, tell: Tell<'_>) -> Result<(), DefendError> {
        self.clean(field, journal)?;
        let mut left = self.right(journal, &[CLEAN]);
        for (place, step) in field.steps.iter().enumerate() {
            let number = place + 1;
            tell(RaceEvent::Step { kind: step.kind, attack: &step.describe(), left: left.len() });
            let started = Instant::now();
            let result = match &step.what {
                What::Made { first, .. } if self.round == 0 => {
                    self.make(field, number, step, *first, journal).and_then(|()| self.try_made(field, number, journal))
                }
                What::Made { .. } => self.try_made(field, number, journal),
                What::Attack { bridge, .. } => self.attack(field, number, step, *bridge, &left, journal),
            };
            let any = journal.lines(self.place(number)).next().is_some();
            if any {
                journal.took(self.place(number), started.elapsed().as_secs_f64())?;
            }
            result?;
            left.retain(|&sample| journal.line(self.place(number), sample).is_none_or(|line| !line.broken));
        }
        self.without_radius(field, &left, journal)
    }

    /// Samples that none of these steps found wrong, of all that there are.
    pub(crate) fn right(&self, journal: &Journal, steps: &[usize]) -> Vec<usize> {
        let broken = |sample: usize, step: usize| journal.line(self.place(step), sample).is_some_and(|line| line.broken);
        self.case.data.samples().filter(|&sample| !steps.iter().any(|&step| broken(sample, step))).collect()
    }

    /// Judges samples as they are.
    fn clean(&mut self, field: &Field<'_>, journal: &mut Journal) -> Result<(), DefendError> {
        let samples: Vec<usize> = self.case.data.samples().collect();
        for sample in samples {
            if journal.line(self.place(CLEAN), sample).is_none() {
                let x = self.case.sample(sample);
                self.judge(field, CLEAN, sample, &x, journal)?;
            }
        }
        Ok(())
    }

    /// Asks the file about one point and keeps whether it is wrong.
    fn judge(&mut self, field: &Field<'_>, step: usize, sample: usize, x: &[f32], journal: &mut Journal) -> Result<(), DefendError> {
        if field.stop.load(Ordering::Relaxed) {
            return Err(DefendError::Interrupted);
        }
        let (demand, task) = (self.case.demand(sample), self.case.task());
        let opinion = self.case.referee.ask(&self.case.preprocess, x, sample)?;
        let broken = !opinion.is_right(task.as_ref(), demand.posed());
        let refused = step == CLEAN && opinion.answer == Some(brinell_task::Answer::Refused);
        Ok(journal.keep(Line { place: self.place(step), sample, broken, refused, forwards: 1, backwards: 0 }, None)?)
    }

    /// Tries what was made on the model without a defence.
    fn try_made(&mut self, field: &Field<'_>, step: usize, journal: &mut Journal) -> Result<(), DefendError> {
        let mut examples = journal.examples(self.fresh, step, self.case.data.sample_len())?;
        let samples: Vec<usize> = self.case.data.samples().collect();
        for sample in samples {
            if journal.line(self.place(step), sample).is_none() {
                let x_adv = examples.read(sample as u64)?;
                self.judge(field, step, sample, &x_adv, journal)?;
            }
        }
        Ok(())
    }

    /// Makes an example of every sample that it has none of.
    fn make(&mut self, field: &Field<'_>, number: usize, step: &Step, first: bool, journal: &mut Journal) -> Result<(), DefendError> {
        let made = self.place(number + MADE);
        let mut todo = Vec::new();
        for sample in self.case.data.samples() {
            if journal.line(made, sample).is_some() {
                continue;
            }
            // What is wrong without any change is its own example.
            if journal.line(self.place(CLEAN), sample).is_some_and(|line| line.broken) {
                let x = self.case.sample(sample);
                journal.keep(Line { place: made, sample, broken: true, refused: false, forwards: 0, backwards: 0 }, Some((number, &x)))?;
            } else {
                todo.push(sample);
            }
        }
        self.oracle.bridge(Bridge::Steps);
        let aim = if first { Aim::First } else { Aim::Last };
        self.stage(field, made, step.recipe(), None, aim, &todo, Some(number), journal)
    }

    fn attack(
        &mut self,
        field: &Field<'_>,
        number: usize,
        step: &Step,
        bridge: Bridge,
        left: &[usize],
        journal: &mut Journal,
    ) -> Result<(), DefendError> {
        // Around a defence that is not there, or changes the shape, nothing leads.
        if !self.oracle.bridge(bridge) {
            return Ok(());
        }
        let todo: Vec<usize> = left.iter().copied().filter(|&sample| journal.line(self.place(number), sample).is_none()).collect();
        let place = self.place(number);
        self.stage(field, place, step.recipe(), None, Aim::First, &todo, None, journal)
    }

    /// Attacks some of what is left with any change at all: an attack that fails even there does not work.
    fn without_radius(&mut self, field: &Field<'_>, left: &[usize], journal: &mut Journal) -> Result<(), DefendError> {
        let number = Self::unbounded(field);
        let todo: Vec<usize> =
            left.iter().copied().take(UNBOUNDED).filter(|&sample| journal.line(self.place(number), sample).is_none()).collect();
        self.oracle.bridge(Bridge::Steps);
        let ball = Ball { eps: self.case.ball.diameter(self.case.data.sample_len()), ..self.case.ball.clone() };
        let recipe = recipe("apgd-ce")?;
        let place = self.place(number);
        self.stage(field, place, recipe.as_ref(), Some(&ball), Aim::First, &todo, None, journal)
    }

    #[expect(clippy::too_many_arguments, reason = "each is said once, in the three functions above")]
    fn stage(
        &mut self,
        field: &Field<'_>,
        place: Place,
        recipe: &dyn brinell_attack::Recipe,
        ball: Option<&Ball>,
        aim: Aim,
        todo: &[usize],
        makes: Option<usize>,
        journal: &mut Journal,
    ) -> Result<(), DefendError> {
        if todo.is_empty() {
            return Ok(());
        }
        let values = self.values(todo)?;
        let mut poses = todo.iter().zip(values).map(|(&sample, values)| Pose { sample, values, ..Pose::default() });
        let stage = Stage { recipe, ball, aim, seed: field.question.effort.seed, max_queries: None, pool: field.pool, stop: field.stop };
        let mut keeper = Keeper { place, journal, makes };
        drive(&mut self.case, &mut self.oracle, &stage, &mut poses, &mut keeper, &mut Timing::default())
    }

    /// What attacks are told of the samples at the start.
    fn values(&mut self, samples: &[usize]) -> Result<Vec<Vec<f32>>, DefendError> {
        let mut answer = Answer::default();
        let mut values = Vec::with_capacity(samples.len());
        self.oracle.prepare_forward()?;
        for samples in samples.chunks(self.case.batch.max(1)) {
            let x: Vec<f32> = samples.iter().flat_map(|&sample| self.case.sample(sample)).collect();
            self.oracle.about(samples.iter().copied());
            self.oracle.values(&x, &mut answer)?;
            values.extend(answer.values.chunks(self.oracle.width().max(1)).map(<[f32]>::to_vec));
        }
        Ok(values)
    }
}

/// Keeps what a stage finds out.
struct Keeper<'j> {
    place: Place,
    journal: &'j mut Journal,
    /// The step whose examples are kept, where the stage makes some.
    makes: Option<usize>,
}

impl StageObserver for Keeper<'_> {
    type Error = DefendError;

    fn decided(&mut self, target: &Target<'_>, verdict: Verdict, _opinion: Option<Opinion>) -> Result<(), DefendError> {
        let found = verdict.found.as_ref().map(|found| found.x_adv.as_slice());
        let line = Line {
            place: self.place,
            sample: target.sample,
            broken: found.is_some(),
            refused: false,
            forwards: verdict.queries.forwards,
            backwards: verdict.queries.backwards,
        };
        let example = self.makes.map(|step| (step, verdict.kept.as_deref().or(found).unwrap_or(target.x)));
        Ok(self.journal.keep(line, example)?)
    }
}
