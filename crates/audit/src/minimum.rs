//! What an audit for the nearest examples says about all samples together.

use brinell_record::{CurvePoint, MinimumNorm, Quantile};

use super::setup::Run;
use super::state::State;
use brinell_stats::{self as stats, CONFIDENCE, quantile_interval};

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
    let n = sorted.len();
    if n == 0 {
        return Vec::new();
    }
    let quantile = |share: f64| {
        let (low, high) = quantile_interval(n as u64, share, CONFIDENCE);
        let at = |rank: Option<u64>, beyond: f64| {
            rank.and_then(|rank| usize::try_from(rank).ok()).and_then(|rank| sorted.get(rank)).copied().unwrap_or(beyond)
        };
        Quantile { share, value: middle(sorted, share), low: at(low, 0.0), high: at(high, f64::INFINITY), confidence: CONFIDENCE }
    };
    SHARES.into_iter().map(quantile).collect()
}

/// The value that a share of the samples does not exceed: halfway between two of them where both would do.
fn middle(sorted: &[f64], share: f64) -> f64 {
    let place = share * sorted.len() as f64;
    let below = (place.ceil() as usize).max(1) - 1;
    let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::INFINITY);
    // An integer place, up to rounding, lies between two samples.
    if (place - place.round()).abs() < 1e-9 && place.round() >= 1.0 {
        let upper = at(place.round() as usize);
        return if upper.is_finite() { f64::midpoint(at(place.round() as usize - 1), upper) } else { upper };
    }
    at(below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_two_in_the_middle() {
        assert_eq!(middle(&[1.0, 2.0, 4.0], 0.5), 2.0);
        assert_eq!(middle(&[1.0, 2.0, 4.0, 9.0], 0.5), 3.0);
        assert_eq!(middle(&[1.0, 2.0, f64::INFINITY, f64::INFINITY], 0.5), f64::INFINITY);
        assert_eq!(middle(&[1.0], 0.05), 1.0);
        assert_eq!(middle(&(0..100).map(f64::from).collect::<Vec<_>>(), 0.9), 89.5);
    }

    #[test]
    fn too_few_samples_bound_no_quantile_from_above() {
        let found = quantiles(&[1.0, 2.0, 3.0]);
        let median = found.iter().find(|quantile| quantile.share == 0.5).unwrap();
        assert_eq!((median.value, median.low, median.high), (2.0, 0.0, f64::INFINITY));
    }
}
