//! Is the model a function, and does it see small changes? A handful of forwards tells.

use brinell_attack::rng;
use brinell_engine::{Answer, Oracle};
use brinell_record::SanityLevel;

use super::super::setup::Run;
use crate::AuditError;
use crate::flags::{NON_DETERMINISTIC, QUANTISED_INPUT};
use brinell_subject::logits_of;

/// Samples that are asked about.
const PROBED: usize = 4;

/// A change that a model without rounding at its input sees: a sixteenth of the step between two bytes, relative to the box.
const SMALL: f32 = 1.0 / 4096.0;

impl Run<'_> {
    /// Asks about the first samples twice, and again with the smallest and the largest changes.
    pub(crate) fn probe(&mut self, oracle: &mut Oracle) -> Result<(), AuditError> {
        if self.question.effort.sanity == SanityLevel::Off { Ok(()) } else { self.timed(|run| run.ask_again(oracle)) }
    }

    fn ask_again(&mut self, oracle: &mut Oracle) -> Result<(), AuditError> {
        let numbers: Vec<usize> = self.case.data.samples().take(PROBED.min(self.case.batch)).collect();
        let samples: Vec<Vec<f32>> = numbers.iter().map(|&sample| self.case.sample(sample)).collect();
        let mut ask = |samples: &[Vec<f32>]| -> Result<Vec<f32>, AuditError> {
            let mut answer = Answer::default();
            logits_of(oracle, numbers.iter().copied(), samples, &mut answer)?;
            Ok(answer.values)
        };
        let (first, second) = (ask(&samples)?, ask(&samples)?);
        let (near, far) = (ask(&self.moved(&samples, SMALL))?, ask(&self.moved(&samples, 1.0))?);
        self.sanity.forwards += 4 * samples.len() as u64;
        let classes = oracle.width();
        let gap = largest_difference(&first, &second, classes);
        self.flags.measure(&NON_DETERMINISTIC, gap, || {
            "the same input gave two different answers; for a randomised model, use attacks that average over its noise".to_owned()
        });
        let same = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits());
        let rows = || first.chunks_exact(classes);
        // A model that says the same of everything has other flags.
        let sighted = rows().zip(far.chunks_exact(classes)).filter(|(a, b)| !same(a, b)).count();
        // Whole numbers are rounded by definition, which another flag says; trees are steps everywhere.
        if sighted > 0 && self.case.grid.is_none() && !self.case.subject.has_trees() {
            let pairs = rows().zip(near.chunks_exact(classes)).zip(far.chunks_exact(classes));
            let unmoved = pairs.filter(|((a, near), far)| same(a, near) && !same(a, far)).count();
            self.flags.measure(&QUANTISED_INPUT, unmoved as f64 / sighted as f64, || {
                format!(
                    "the model seems to round its input: when every value changed by {:.1e}, no logit of {unmoved} of {sighted} samples changed; gradients through rounding are zero, so add an attack without gradients, or audit the model without its rounding",
                    f64::from(SMALL) * self.case.ball.bounds.width()
                )
            });
        }
        Ok(())
    }

    /// Moves every value of each sample up or down by at most `size` times the width of its range, inside it.
    fn moved(&self, samples: &[Vec<f32>], size: f32) -> Vec<Vec<f32>> {
        let up_or_down = |(sample, x): (usize, &Vec<f32>)| {
            let mut draws = vec![0.0; x.len()];
            brinell_threat::fill_uniform(&mut rng::keyed("probe", self.question.effort.seed, sample as u64, 0), &mut draws);
            let moved = |(place, (&v, &u)): (usize, (&f32, &f32))| {
                let (lo, hi) = self.case.ball.range(place);
                brinell_threat::clamp(v + size * (hi - lo) * u.signum(), lo, hi)
            };
            x.iter().zip(&draws).enumerate().map(moved).collect()
        };
        samples.iter().enumerate().map(up_or_down).collect()
    }
}

/// Returns the largest difference between two answers, each relative to the largest logit of its row; infinity where only one
/// of two is finite.
pub(crate) fn largest_difference(a: &[f32], b: &[f32], classes: usize) -> f64 {
    let mut largest = 0.0f64;
    for (a, b) in a.chunks_exact(classes.max(1)).zip(b.chunks_exact(classes.max(1))) {
        let scale = a.iter().chain(b).filter(|z| z.is_finite()).fold(f32::MIN_POSITIVE, |m, z| m.max(z.abs()));
        for (a, b) in a.iter().zip(b).filter(|(a, b)| a.to_bits() != b.to_bits() && !(a.is_nan() && b.is_nan())) {
            let difference = (f64::from(*a) - f64::from(*b)).abs() / f64::from(scale);
            largest = largest.max(if difference.is_nan() { f64::INFINITY } else { difference });
        }
    }
    largest
}

#[cfg(test)]
mod tests {
    use super::largest_difference;

    #[test]
    fn differences_are_relative_to_the_row() {
        assert_eq!(largest_difference(&[1.0, -2.0, 0.5, 4.0], &[1.0, -2.0, 0.5, 4.0], 2), 0.0);
        assert_eq!(largest_difference(&[1.0, -2.0, 0.0, 4.0], &[1.0, -1.0, 1.0, 4.0], 2), 0.5);
        assert_eq!(largest_difference(&[f32::NAN, 1.0], &[f32::NAN, 1.0], 2), 0.0);
        assert_eq!(largest_difference(&[f32::NAN, 1.0], &[0.0, 1.0], 2), f64::INFINITY);
    }
}
