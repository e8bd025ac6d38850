//! The audit's own attacks in larger and larger balls, up to the whole box.

use std::collections::BTreeSet;
use std::sync::Arc;

use brinell_engine::Oracle;
use brinell_stats::{CONFIDENCE, clopper_pearson};
use brinell_threat::Ball;

use super::super::setup::Run;
use crate::AuditError;
use crate::flags::{BLACK_BOX_STRONGER, LARGER_EPS, UNBOUNDED, UNBOUNDED_FEW};
use crate::indicators::SETTLED;

/// Radii between the audit's and the whole box, relative to the audit's.
const RUNGS: [f64; 3] = [2.0, 4.0, 8.0];
/// Samples that more may survive in a larger ball because attacks start at random points.
const BY_CHANCE: usize = 3;
/// Tries what attacks with gradients could not do.
const BLIND: &str = "square:queries=500";

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
        let threshold = LARGER_EPS.threshold.max(points(BY_CHANCE));
        self.flags.measure_against(&LARGER_EPS, rises.fold(f64::NEG_INFINITY, f64::max), threshold, || {
            format!(
                "of {} samples, more survive at a larger radius ({}), although they should be easier to break; the attacks fail for another reason than the model's robustness",
                samples.len(),
                curve()
            )
        });
        let left = standing.pop().unwrap_or_default();
        let (count, n) = (left.len(), samples.len());
        // Where noise found what gradients had missed, each such sample is one more sign of the same.
        let misled = self.flags.is_raised(&BLACK_BOX_STRONGER);
        let least = if misled { count as f64 / n as f64 } else { clopper_pearson(count as u64, n as u64, CONFIDENCE).0 };
        let fails = format!("even without a limit on the change, {count} of {n} samples survive the attacks with gradients ({})", curve());
        if least <= UNBOUNDED.threshold {
            if count as f64 > UNBOUNDED.threshold * n as f64 {
                self.flags.raise(
                    &UNBOUNDED_FEW,
                    format!(
                        "{fails}, too few to say that gradients mislead on more than {:.0} % of all inputs",
                        100.0 * UNBOUNDED.threshold
                    ),
                );
            }
            self.flags.measure(&UNBOUNDED, least, String::new);
        } else if self.gradients_suffice(&left, oracle, pool)? {
            self.flags.raise(
                &UNBOUNDED_FEW,
                format!("{fails}; {BLIND}, an attack without gradients, breaks most of them without a limit and none of them at {eps:.4} and {:.4}, so nothing shows that gradients mislead at this radius", RUNGS[0] * eps),
            );
            self.flags.measure(&UNBOUNDED, 0.0, String::new);
        } else {
            self.flags.measure(&UNBOUNDED, least, || {
                format!("{fails}, so the attacks fail for another reason than robustness, such as masked gradients")
            });
        }
        Ok(())
    }

    /// True where an attack that sees no gradients breaks most of these samples without a limit, but none of them near the radius, where attacks with gradients
    /// raised their losses and came to their end.
    fn gradients_suffice(&mut self, left: &BTreeSet<usize>, oracle: &mut Oracle, pool: &rayon::ThreadPool) -> Result<bool, AuditError> {
        let ended =
            |sample: &&usize| self.book.states.get(**sample).is_some_and(|state| state.late_gain.is_some_and(|gain| gain <= SETTLED));
        let Ok(blind) = brinell_attack::recipe(BLIND) else { return Ok(false) };
        if 2 * left.iter().filter(ended).count() <= left.len() || !blind.norms().contains(&self.case.ball.norm) {
            return Ok(false);
        }
        let whole = self.attack_apart(blind.as_ref(), &Ball { eps: self.diameter(), ..self.case.ball.clone() }, left, oracle, pool)?;
        if 2 * whole.len() <= left.len() {
            return Ok(false);
        }
        for factor in [1.0, RUNGS[0]] {
            let ball = Ball { eps: factor * self.case.ball.eps, ..self.case.ball.clone() };
            if !self.attack_apart(blind.as_ref(), &ball, left, oracle, pool)?.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Largest distance of two inputs of the box.
    fn diameter(&self) -> f64 {
        self.case.ball.diameter(self.case.data.sample_len())
    }
}
