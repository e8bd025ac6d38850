//! Attacks and questions whose results stay out of the record.

use std::collections::BTreeSet;

use brinell_attack::Recipe;
use brinell_attack::driver::{Aim, Timing, Verdict};
use brinell_engine::{Answer, Oracle};
use brinell_record::Sanity;
use brinell_subject::{Opinion, Pose, Stage, StageObserver, Target, drive, logits_of};
use brinell_threat::Ball;

use crate::AuditError;
use crate::setup::Run;

impl Run<'_> {
    /// Runs an attack in a ball of its own and returns the samples that it broke, as confirmed by the referee.
    pub(super) fn attack_apart(
        &mut self,
        recipe: &dyn Recipe,
        ball: &Ball,
        samples: &BTreeSet<usize>,
        oracle: &mut Oracle,
        pool: &rayon::ThreadPool,
    ) -> Result<BTreeSet<usize>, AuditError> {
        let pose = |&sample: &usize| {
            let values = self.book.states.get(sample)?.clean.values.clone();
            Some(Pose { sample, values, ..Pose::default() })
        };
        let poses: Vec<Pose> = samples.iter().filter_map(pose).collect();
        let effort = &self.question.effort;
        let stage =
            Stage { recipe, ball: Some(ball), aim: Aim::First, seed: effort.seed, max_queries: effort.max_queries, pool, stop: self.stop };
        let mut aside = Aside { sanity: &mut self.sanity, broken: BTreeSet::new() };
        drive(&mut self.case, oracle, &stage, &mut poses.into_iter(), &mut aside, &mut Timing::default())?;
        Ok(aside.broken)
    }

    /// Returns the logits of points around as many samples, and counts the forwards.
    pub(super) fn logits_apart(&mut self, oracle: &mut Oracle, samples: &[usize], points: &[Vec<f32>]) -> Result<Vec<f32>, AuditError> {
        let (mut answer, mut logits) = (Answer::default(), Vec::new());
        for (samples, chunk) in samples.chunks(self.case.batch).zip(points.chunks(self.case.batch)) {
            self.check_stop()?;
            logits_of(oracle, samples.iter().copied(), chunk, &mut answer)?;
            logits.extend_from_slice(&answer.values);
        }
        self.sanity.forwards += points.len() as u64;
        Ok(logits)
    }
}

/// Keeps nothing but who was broken, and what that cost.
struct Aside<'s> {
    sanity: &'s mut Sanity,
    broken: BTreeSet<usize>,
}

impl StageObserver for Aside<'_> {
    type Error = AuditError;

    fn decided(&mut self, target: &Target<'_>, verdict: Verdict, _: Option<Opinion>) -> Result<(), AuditError> {
        self.sanity.forwards += verdict.queries.forwards;
        self.sanity.backwards += verdict.queries.backwards;
        if verdict.found.is_some() {
            self.broken.insert(target.sample);
        }
        Ok(())
    }
}
