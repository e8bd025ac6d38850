//! Thresholds of detectors, with a bound on how often they refuse what is ordinary.

use crate::clopper_pearson;

/// A threshold found on ordinary scores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// The largest score that is accepted.
    pub value: f64,
    /// Scores that it was found on.
    pub n: usize,
    /// It is the `k`-th smallest of them.
    pub k: usize,
    /// Expected share of ordinary samples that it refuses.
    pub fpr: f64,
    /// Upper bound on that share, at 95 % confidence.
    pub fpr_upper: f64,
}

/// Returns how many ordinary scores a threshold needs that refuses a share of `fpr`.
///
/// # Guarantees
/// With fewer, no score of the calibration is large enough to be it.
#[must_use]
pub fn scores_needed(fpr: f64) -> usize {
    // The sum of rounding errors must not ask for one more: 1 / 0.01 is a little above 100.
    ((1.0 / fpr) * (1.0 - 1e-12) - 1.0).ceil().max(1.0) as usize
}

/// Returns the threshold that refuses an ordinary sample with a probability of at most `fpr`, whatever the distribution of scores; `None` with fewer scores than
/// [`scores_needed`], or where one of them is no number.
///
/// The scores must be independent draws of what will be scored later. With k = ⌈(n + 1)(1 - fpr)⌉ the threshold is the k-th smallest score. The share that this very threshold
/// refuses then has the distribution Beta(n + 1 - k, k) if scores are continuous, and a smaller one where they have ties.
///
/// # Source
/// Split conformal prediction: Vovk, Gammerman & Shafer, "Algorithmic Learning in a Random World", Springer 2005; training-conditional validity: Vovk, "Conditional validity of
/// inductive conformal predictors", ACML 2012. The quantile of the beta distribution is the upper Clopper-Pearson bound of n - k successes in n trials.
#[must_use]
pub fn calibrate(scores: &[f64], fpr: f64) -> Option<Threshold> {
    let n = scores.len();
    if !(fpr > 0.0 && fpr < 1.0) || n < scores_needed(fpr) || scores.iter().any(|score| score.is_nan()) {
        return None;
    }
    let mut sorted = scores.to_vec();
    sorted.sort_by(f64::total_cmp);
    let k = (((n + 1) as f64 * (1.0 - fpr) - 1e-9).ceil() as usize).clamp(1, n);
    let fpr_upper = clopper_pearson((n - k) as u64, n as u64, 0.9).1;
    Some(Threshold { value: *sorted.get(k - 1)?, n, k, fpr: (n + 1 - k) as f64 / (n + 1) as f64, fpr_upper })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_those_of_the_beta_distribution() {
        // scipy 1.17.1: beta.ppf(0.95, n + 1 - k, k).
        for (n, fpr, k, upper) in [(99, 0.01, 99, 0.029_806_7), (500, 0.01, 496, 0.018_212_9), (1000, 0.05, 951, 0.061_758_6)] {
            let scores: Vec<f64> = (0..n).map(|score| f64::from((score * 37) % n)).collect();
            let found = calibrate(&scores, fpr).unwrap();
            assert_eq!((found.n, found.k), (n as usize, k));
            assert!((found.fpr_upper - upper).abs() < 1e-6, "{} of {n} at {fpr}", found.fpr_upper);
            assert!((found.value - (k - 1) as f64).abs() < 1e-9);
        }
    }

    #[test]
    fn too_few_scores_have_no_threshold() {
        assert_eq!((scores_needed(0.01), scores_needed(0.05), scores_needed(0.5)), (99, 19, 1));
        assert!(calibrate(&[0.0; 98], 0.01).is_none() && calibrate(&[0.0; 99], 0.01).is_some());
        assert!(calibrate(&[f64::NAN; 99], 0.01).is_none());
        assert!(calibrate(&[0.0; 99], 0.0).is_none());
    }

    #[test]
    fn the_bound_covers_what_the_threshold_refuses() {
        // Of uniform scores the threshold u refuses a share of 1 - u.
        let mut state = 1u64;
        let mut uniform = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1u64 << 53) as f64
        };
        for (n, fpr) in [(99, 0.01), (300, 0.05)] {
            let trials = 10_000;
            let covered = (0..trials).filter(|_| {
                let scores: Vec<f64> = (0..n).map(|_| uniform()).collect();
                let found = calibrate(&scores, fpr).unwrap();
                1.0 - found.value <= found.fpr_upper
            });
            let covered = covered.count();
            // 95 % less three standard deviations of the simulation.
            assert!(covered as f64 >= trials as f64 * (0.95 - 0.0066), "{covered} of {trials}");
        }
    }
}
