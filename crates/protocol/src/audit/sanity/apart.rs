//! Attacks and questions whose results stay out of the record.

use std::collections::BTreeSet;
use std::sync::Arc;

use brinell_attack::Recipe;
use brinell_attack::driver::{self, Aim, Court, DriverError, DriverSettings, Item, Pose, Timing, Verdict};
use brinell_engine::{Answer, Oracle};
use brinell_task::{Posed, Task, Truth, Wanted};
use brinell_threat::Ball;

use super::super::clean::logits_of;
use super::super::setup::Run;
use crate::ProtocolError;

impl Run<'_> {
    /// Runs an attack in a ball of its own and returns the samples that it broke, as confirmed by the referee.
    pub(super) fn attack_apart(
        &mut self,
        recipe: &dyn Recipe,
        ball: &Ball,
        samples: &BTreeSet<usize>,
        oracle: &mut Oracle,
        pool: &rayon::ThreadPool,
    ) -> Result<BTreeSet<usize>, ProtocolError> {
        let (task, wanted) = (self.task(), Wanted::class(self.target));
        oracle.prepare(task.head(recipe.objective(), &wanted))?;
        let items: Vec<Item> = samples.iter().filter_map(|&sample| self.item(sample)).collect();
        let (data, grid) = (Arc::clone(&self.data), self.grid.clone());
        let settings = DriverSettings {
            pose: Pose { task: &task, wanted: &wanted },
            trees: None,
            shape: &data.shape,
            batch: self.batch,
            seed: self.plan.seed,
            max_queries: self.plan.max_queries,
            aim: Aim::First,
            grid: grid.as_ref(),
            pool,
            stop: self.stop,
        };
        let mut court = Aside { run: self, ball, wanted: &wanted, broken: BTreeSet::new() };
        driver::run(oracle, recipe, ball, &mut items.into_iter(), &mut court, &settings, &mut Timing::default()).map_err(|error| {
            match error {
                DriverError::Oracle(error) => ProtocolError::Oracle(error),
                DriverError::Callback(error) => error,
                _ => ProtocolError::Interrupted,
            }
        })?;
        Ok(court.broken)
    }

    /// Returns the logits of points around as many samples, and counts the forwards.
    pub(super) fn logits_apart(&mut self, oracle: &mut Oracle, samples: &[usize], points: &[Vec<f32>]) -> Result<Vec<f32>, ProtocolError> {
        let (mut answer, mut logits) = (Answer::default(), Vec::new());
        for (samples, chunk) in samples.chunks(self.batch).zip(points.chunks(self.batch)) {
            self.check_stop()?;
            logits_of(oracle, samples.iter().copied(), chunk, &mut answer)?;
            logits.extend_from_slice(&answer.values);
        }
        self.sanity.forwards += points.len() as u64;
        Ok(logits)
    }

    fn item(&self, sample: usize) -> Option<Item> {
        let truth = Truth::Class(*self.data.labels.get(sample)?);
        let values = self.states.get(sample)?.clean.logits();
        Some(Item { sample: sample as u64, x: self.sample(sample), truth, values, found: None, guide: None })
    }
}

/// A court that keeps nothing but who was broken.
struct Aside<'r, 'a, 'b> {
    run: &'r mut Run<'a>,
    ball: &'b Ball,
    wanted: &'b Wanted,
    broken: BTreeSet<usize>,
}

impl Court for Aside<'_, '_, '_> {
    type Error = ProtocolError;

    fn judge(&mut self, item: &Item, x_adv: &[f32]) -> Result<bool, ProtocolError> {
        let run = &mut *self.run;
        let sample = usize::try_from(item.sample).unwrap_or(usize::MAX);
        let posed = Posed { truth: &item.truth, wanted: self.wanted };
        Ok(run.referee.judge(&run.preprocess, self.ball, posed, sample, &item.x, x_adv)?.adversarial)
    }

    fn decided(&mut self, item: &Item, verdict: Verdict) -> Result<(), ProtocolError> {
        self.run.sanity.forwards += verdict.queries.forwards;
        self.run.sanity.backwards += verdict.queries.backwards;
        if verdict.found.is_some() {
            self.broken.extend(usize::try_from(item.sample));
        }
        Ok(())
    }
}
