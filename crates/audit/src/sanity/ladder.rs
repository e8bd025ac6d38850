//! The audit's own attacks in larger and larger balls, up to the whole box.

use std::collections::BTreeSet;
use std::sync::Arc;

use brinell_engine::Oracle;
use brinell_threat::Ball;

use super::super::setup::Run;
use crate::AuditError;
use crate::flags::{LARGER_EPS, UNBOUNDED};

/// Radii between the audit's and the whole box, relative to the audit's.
const RUNGS: [f64; 3] = [2.0, 4.0, 8.0];

impl Run<'_> {
    /// Runs every attack with gradients, one after the other on what is left, at each radius.
    pub(super) fn check_ladder(&mut self, oracle: &mut Oracle, pool: &rayon::ThreadPool, samples: &[usize]) -> Result<(), AuditError> {
        let suite = Arc::clone(&self.book.stages);
        let stages: BTreeSet<usize> = self.gradient_stages().collect();
        let eps = self.case.ball.eps;
        if stages.is_empty() || eps <= 0.0 {
            return Ok(());
        }
        let whole = self.diameter();
        let radii: Vec<f64> = RUNGS.iter().map(|factor| factor * eps).filter(|&radius| radius < whole).chain([whole]).collect();
        let stands = |sample: &&usize| {
            let broken = self.book.states.get(**sample).and_then(|state| state.broken.as_ref());
            broken.is_none_or(|broken| !stages.contains(&broken.stage))
        };
        let at_eps = samples.iter().filter(stands).count();
        let mut standing: Vec<BTreeSet<usize>> = vec![samples.iter().copied().collect(); radii.len()];
        // One attack at all radii before the next one, so that its gradient is compiled once.
        for recipe in stages.iter().filter_map(|&stage| suite.get(stage)).map(|stage| &stage.recipe) {
            for (&eps, standing) in radii.iter().zip(&mut standing) {
                let broken = self.attack_apart(recipe.as_ref(), &Ball { eps, ..self.case.ball.clone() }, standing, oracle, pool)?;
                standing.retain(|sample| !broken.contains(sample));
            }
        }
        let counts: Vec<usize> = std::iter::once(at_eps).chain(standing.iter().map(BTreeSet::len)).collect();
        let points = |count: usize| 100.0 * count as f64 / samples.len() as f64;
        let rises = counts.windows(2).filter_map(|pair| pair.first().zip(pair.last())).map(|(&less, &more)| points(more) - points(less));
        let curve = || {
            let radii = std::iter::once(eps).chain(radii.iter().copied()).zip(&counts);
            radii.map(|(radius, count)| format!("{count} at {radius:.4}")).collect::<Vec<_>>().join(", ")
        };
        self.flags.measure(&LARGER_EPS, rises.fold(f64::NEG_INFINITY, f64::max), || {
            format!(
                "of {} samples, more survive at a larger radius ({}), although they should be easier to break; the attacks fail for another reason than the model's robustness",
                samples.len(),
                curve()
            )
        });
        let left = counts.last().copied().unwrap_or(0);
        self.flags.measure(&UNBOUNDED, left as f64 / samples.len() as f64, || {
            format!(
                "even without a limit on the change, {left} of {} samples survive the attacks with gradients ({}), so the attacks fail for another reason than robustness, such as masked gradients",
                samples.len(),
                curve()
            )
        });
        Ok(())
    }

    /// Largest distance of two inputs of the box.
    fn diameter(&self) -> f64 {
        self.case.ball.diameter(self.case.data.sample_len())
    }
}
