//! Does the margin change gently around a sample?

use brinell_attack::rng;
use brinell_engine::Oracle;
use brinell_threat::Ball;

use super::super::setup::Run;
use crate::AuditError;
use crate::flags::UNSTABLE;

/// Directions that are tried per sample.
const DIRECTIONS: u32 = 16;

/// Length of a direction, relative to the radius.
const LENGTH: f64 = 0.5;

impl Run<'_> {
    /// Measures by how much of itself the margin changes in random directions of half the radius, at most 1 each, on average.
    ///
    /// # Source
    /// Pintor et al., "Indicators of Attack Failure", NeurIPS 2022: the indicator of unstable predictions. Theirs is on the loss,
    /// whose relative change is large wherever a model is sure, so that this one is on the margin of the goal.
    pub(super) fn check_stability(&mut self, oracle: &mut Oracle, samples: &[usize]) -> Result<(), AuditError> {
        if self.case.ball.eps <= 0.0 {
            return Ok(());
        }
        let ball = Ball { eps: LENGTH * self.case.ball.eps, ..self.case.ball.clone() };
        let (mut sum, mut count) = (0.0, 0usize);
        for &sample in samples {
            let x = self.case.sample(sample);
            let (task, demand) = (self.case.task(), self.case.demand(sample));
            let mut points = vec![x.clone()];
            for run in 0..DIRECTIONS {
                let mut point = vec![0.0; x.len()];
                ball.sample_uniform(&x, &mut rng::keyed("sanity-stability", self.question.effort.seed, sample as u64, run), &mut point);
                points.push(point);
            }
            let logits = self.logits_apart(oracle, &vec![sample; points.len()], &points)?;
            let mut margins = logits.chunks_exact(oracle.width()).map(|logits| task.margin(logits, demand.posed()));
            let Some(clean) = margins.next().filter(|margin| margin.is_finite()) else { continue };
            for margin in margins {
                // A margin that is not finite is as far as can be.
                let change = (margin - clean).abs() / clean.abs().max(f64::MIN_POSITIVE);
                sum += change.min(1.0);
                count += 1;
            }
        }
        if count > 0 {
            let change = sum / count as f64;
            self.flags.measure(&UNSTABLE, change, || {
                format!(
                    "noise of half the radius changes the margin by {:.0} % on average, so a gradient says little about nearby points; use attacks without gradients, or average gradients over noise",
                    100.0 * change
                )
            });
        }
        Ok(())
    }
}
