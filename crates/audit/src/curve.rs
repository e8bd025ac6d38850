//! Robust accuracy at smaller radii, from the examples found at the audit's own radius.

use brinell_engine::Oracle;
use brinell_record::CurvePoint;

use super::setup::Run;
use super::state::State;
use brinell_stats as stats;
use brinell_subject::logits_of;

use crate::AuditError;

/// Steps of the grid between 0 and eps.
const GRID: usize = 8;

impl Run<'_> {
    /// Returns the curve on a grid from 0 to eps.
    ///
    /// # Guarantees
    /// At eps the survivors of the audit. Below, an upper bound of what the same attacks would leave: each found example is
    /// shortened along its line to the clean input, and a sample broken at one radius is broken at all larger ones.
    pub(super) fn curve(&mut self, oracle: &mut Oracle) -> Result<Vec<CurvePoint>, AuditError> {
        let n = self.book.states.len();
        let mut broken_at = [0usize; GRID + 1];
        let mut answer = brinell_engine::Answer::default();
        let rounding = self.case.subject.rounding();
        for sample in self.book.states.samples(State::broken) {
            self.check_stop()?;
            let (x, x_adv) = (self.case.sample(sample), self.book.folder.adversarial(sample as u64)?);
            let mut shortened: Vec<Vec<f32>> = (1..GRID).map(|step| self.between(&x, &x_adv, step)).collect();
            if let Some(grid) = &self.case.grid {
                shortened.iter_mut().for_each(|point| grid.shorten(self.case.ball.bounds, &x, point));
            }
            let norm = self.book.states.get(sample).and_then(|state| state.broken.as_ref()).map_or(f64::INFINITY, |b| b.norm);
            let (task, demand) = (self.case.task(), self.case.demand(sample));
            let mut smallest = norm;
            let per_call = oracle.fixed_batch().unwrap_or(GRID).max(1);
            let mut first_step = 0;
            for chunk in shortened.chunks(per_call) {
                logits_of(oracle, std::iter::repeat_n(sample, chunk.len()), chunk, &mut answer)?;
                for (offset, values) in answer.values.chunks_exact(oracle.width()).enumerate() {
                    let reached = match shortened.get(first_step + offset) {
                        Some(x) if task.is_close(values, demand.posed(), rounding) => {
                            self.case.referee.ask(&self.case.preprocess, x, sample)?.reached(task.as_ref(), demand.posed())
                        }
                        _ => task.reached(values, demand.posed()),
                    };
                    if reached {
                        smallest = smallest.min(match shortened.get(first_step + offset) {
                            Some(point) if self.case.ball.features.is_some() => self.case.ball.distance(&x, point),
                            _ => norm * (first_step + offset + 1) as f64 / GRID as f64,
                        });
                    }
                }
                first_step += chunk.len();
            }
            for (step, count) in broken_at.iter_mut().enumerate() {
                let eps = self.case.ball.eps * step as f64 / GRID as f64;
                *count += usize::from(step == GRID || smallest <= eps);
            }
        }
        let correct = self.book.states.iter().filter(|state| state.correct()).count();
        Ok(broken_at
            .iter()
            .enumerate()
            .map(|(step, &count)| CurvePoint {
                eps: self.case.ball.eps * step as f64 / GRID as f64,
                survived: correct - count,
                robust_accuracy: stats::rate(correct - count, n),
            })
            .collect())
    }
}

impl Run<'_> {
    /// A point on the way to an example; with features the one beside it that keeps their rules.
    fn between(&self, x: &[f32], x_adv: &[f32], step: usize) -> Vec<f32> {
        let mut point = shorten(x, x_adv, step as f32 / GRID as f32);
        if self.case.ball.features.is_some() {
            self.case.ball.project(x, &mut point);
        }
        point
    }
}

fn shorten(x: &[f32], x_adv: &[f32], fraction: f32) -> Vec<f32> {
    x.iter().zip(x_adv).map(|(&a, &b)| a + fraction * (b - a)).collect()
}
