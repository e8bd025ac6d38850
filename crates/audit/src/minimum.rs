//! What an audit for the nearest examples says about all samples together.

use brinell_record::{CurvePoint, MinimumNorm, Quantile};

use super::setup::Run;
use super::state::State;
use brinell_stats as stats;

/// Shares for which quantiles are given.
const SHARES: [f64; 7] = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95];

/// Most radii of the curve, beside 0: where more distances were found, every so many of them.
const RADII: usize = 128;

impl Run<'_> {
    /// Distances of all samples, ascending: 0 where the sample is wrong already, infinite where no example was found.
    fn distances(&self, which: impl Fn(&State) -> bool) -> Vec<f64> {
        let distance = |state: &State| match &state.broken {
            _ if !state.correct() => 0.0,
            Some(broken) => broken.norm,
            None => f64::INFINITY,
        };
        let mut all: Vec<f64> = self.book.states.iter().filter(|state| which(state)).map(distance).collect();
        all.sort_by(f64::total_cmp);
        all
    }

    /// Returns the counts and quantiles of the distances.
    pub(super) fn minimum_norm(&self) -> MinimumNorm {
        let right = self.distances(State::correct);
        let found = right.iter().filter(|distance| distance.is_finite()).count();
        MinimumNorm { found, not_found: right.len() - found, of_all: quantiles(&self.distances(|_| true)), of_right: quantiles(&right) }
    }

    /// Returns the share of samples that are right and have no example within a radius, at 0 and at the distances found.
    pub(super) fn distance_curve(&self) -> Vec<CurvePoint> {
        let all = self.distances(|_| true);
        let n = all.len();
        let mut found: Vec<f64> = all.iter().copied().filter(|distance| distance.is_finite() && *distance > 0.0).collect();
        found.dedup();
        let every = found.len().div_ceil(RADII).max(1);
        // Counted from the end, so that the largest distance is among them.
        let mut radii: Vec<f64> = found.iter().rev().step_by(every).copied().collect();
        radii.push(0.0);
        radii.reverse();
        radii
            .into_iter()
            .map(|eps| {
                let survived = n - all.partition_point(|distance| *distance <= eps);
                CurvePoint { eps, survived, robust_accuracy: stats::rate(survived, n) }
            })
            .collect()
    }
}

/// Quantiles of distances in ascending order.
fn quantiles(sorted: &[f64]) -> Vec<Quantile> {
    if sorted.is_empty() {
        return Vec::new();
    }
    SHARES.into_iter().map(|share| stats::quantile(sorted, share)).collect()
}
