//! Does blind noise find what attacks with gradients missed?

use brinell_attack::rng;
use brinell_engine::Oracle;
use brinell_threat::Norm;

use super::super::setup::Run;
use crate::AuditError;

/// Points that are tried per sample.
const TRIES: u32 = 32;

impl Run<'_> {
    /// Tries random points on the edge of the ball around samples that survived attacks with gradients.
    pub(super) fn check_noise(&mut self, oracle: &mut Oracle, samples: &[usize]) -> Result<(), AuditError> {
        if self.gradient_stages().next().is_none() {
            return Ok(());
        }
        let mut broken = 0;
        let survivors = samples.iter().filter(|&&sample| self.book.states.get(sample).is_some_and(|state| state.broken.is_none()));
        for &sample in survivors.collect::<Vec<_>>() {
            let x = self.case.sample(sample);
            let (task, demand) = (self.case.task(), self.case.demand(sample));
            let points: Vec<Vec<f32>> = (0..TRIES).map(|run| self.on_edge(&x, sample, run)).collect();
            let logits = self.logits_apart(oracle, &vec![sample; points.len()], &points)?;
            for (point, logits) in points.iter().zip(logits.chunks_exact(oracle.width())) {
                if task.reached(logits, demand.posed())
                    && self.case.referee.judge(&self.case.preprocess, &self.case.ball, demand.posed(), sample, &x, point)?.adversarial
                {
                    broken += 1;
                    break;
                }
            }
        }
        self.measure_black_box(broken, samples.len(), || {
            format!(
                "{TRIES} random points for each sample broke {broken} of the first {} samples, which had survived attacks with gradients",
                samples.len()
            )
        });
        Ok(())
    }

    /// Returns a random point at the ball's edge: a corner for Linf.
    fn on_edge(&self, x: &[f32], sample: usize, run: u32) -> Vec<f32> {
        let mut rng = rng::keyed("sanity-noise", self.question.effort.seed, sample as u64, run);
        let mut point = vec![0.0; x.len()];
        if self.case.ball.norm == Norm::Linf {
            brinell_threat::fill_uniform(&mut rng, &mut point);
            // Beyond the ball along a diagonal; the projection brings it to the corner.
            let beyond = self.case.ball.bounds.hi() - self.case.ball.bounds.lo();
            point.iter_mut().zip(x).for_each(|(v, &x)| *v = x + beyond * v.signum());
            self.case.ball.project(x, &mut point);
        } else {
            // Nearly all of a ball of many dimensions is at its edge.
            self.case.ball.sample_uniform(x, &mut rng, &mut point);
        }
        if let Some(grid) = &self.case.grid {
            grid.snap(&self.case.ball, x, &mut point);
        }
        point
    }
}
