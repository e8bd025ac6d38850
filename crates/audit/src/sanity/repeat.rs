//! The same question has the same answer.

use brinell_engine::Oracle;

use super::super::indicators::largest_difference;
use super::super::setup::Run;
use crate::AuditError;
use crate::flags::NON_DETERMINISTIC;

/// Times that each sample is asked about.
const TIMES: usize = 5;

impl Run<'_> {
    /// Asks about each sample several times, all at once.
    pub(super) fn check_repetition(&mut self, oracle: &mut Oracle, samples: &[usize]) -> Result<(), AuditError> {
        let points: Vec<Vec<f32>> = samples.iter().map(|&sample| self.case.sample(sample)).collect();
        let first = self.logits_apart(oracle, samples, &points)?;
        let mut largest = 0.0f64;
        for _ in 1..TIMES {
            let again = self.logits_apart(oracle, samples, &points)?;
            largest = largest.max(largest_difference(&first, &again, oracle.width()));
        }
        self.flags.measure(&NON_DETERMINISTIC, largest, || {
            format!(
                "{} samples were evaluated {TIMES} times each, and the answers differ by up to {largest:.1e} of the largest logit; for a randomised model, use attacks that average over its noise, and do not rely on a single answer",
                samples.len()
            )
        });
        Ok(())
    }
}
