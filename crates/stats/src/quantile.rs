//! Exact intervals for quantiles.

use brinell_record::Quantile;
use statrs::function::factorial::ln_binomial;

use crate::CONFIDENCE;

/// Returns the quantile of values in ascending order with its exact interval at [`CONFIDENCE`]: halfway between two values where both would do, and infinite where the share is not reached.
///
/// # Guarantees
/// Values are no less than 0, which is the lower end where the samples do not bound it; the upper end is infinite then.
///
/// # Panics
///
/// `share` does not lie strictly between 0 and 1.
#[must_use]
pub fn quantile(sorted: &[f64], share: f64) -> Quantile {
    let (low, high) = quantile_interval(sorted.len() as u64, share, CONFIDENCE);
    let at = |rank: Option<u64>, beyond: f64| {
        rank.and_then(|rank| usize::try_from(rank).ok()).and_then(|rank| sorted.get(rank)).copied().unwrap_or(beyond)
    };
    Quantile { share, value: middle(sorted, share), low: at(low, 0.0), high: at(high, f64::INFINITY), confidence: CONFIDENCE }
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

/// Returns the ranks, counted from 0 in ascending order, of the two samples between which the quantile of a share lies with at least the given confidence,
/// whatever the distribution; `None` where the samples do not bound it on that side.
///
/// # Panics
///
/// `share` or `confidence` does not lie strictly between 0 and 1.
///
/// # Source
///
/// Conover, "Practical Nonparametric Statistics", section 3.2: the number of samples that do not exceed the quantile is binomial; each tail gets half of
/// what is left of the confidence.
pub fn quantile_interval(n: u64, share: f64, confidence: f64) -> (Option<u64>, Option<u64>) {
    assert!(share > 0.0 && share < 1.0, "share {share} is not between 0 and 1");
    assert!(confidence > 0.0 && confidence < 1.0, "confidence {confidence} is not between 0 and 1");
    let tail = (1.0 - confidence) / 2.0;
    let chance = |k: u64| (ln_binomial(n, k) + k as f64 * share.ln() + (n - k) as f64 * (-share).ln_1p()).exp();
    // From either end, the last rank before which the chances add up to no more than the tail.
    let within = |chances: &mut dyn Iterator<Item = f64>| {
        let mut sum = 0.0;
        chances
            .take_while(|chance| {
                sum += chance;
                sum <= tail
            })
            .count() as u64
    };
    let below = within(&mut (0..=n).map(chance));
    let above = within(&mut (0..=n).rev().map(chance));
    (below.checked_sub(1), above.checked_sub(1).map(|_| n - above))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// n, share, confidence, and the ranks of both ends from 0.
    type Case = (u64, f64, f64, Option<u64>, Option<u64>);

    /// From scipy 1.17.1: the largest rank l from 1 with `binom.cdf(l - 1, n, p) <= a` and the smallest u with
    /// `binom.sf(u - 1, n, p) <= a`, where `a = (1 - confidence) / 2`; a rank of 0 or above n bounds nothing.
    const SCIPY: &[Case] = &[
        (1, 0.05, 0.95, None, None),
        (1, 0.25, 0.95, None, None),
        (1, 0.5, 0.95, None, None),
        (1, 0.9, 0.95, None, None),
        (5, 0.05, 0.95, None, Some(1)),
        (5, 0.25, 0.95, None, Some(3)),
        (5, 0.5, 0.95, None, None),
        (5, 0.9, 0.95, Some(2), None),
        (6, 0.05, 0.95, None, Some(2)),
        (6, 0.25, 0.95, None, Some(4)),
        (6, 0.5, 0.95, Some(0), Some(5)),
        (6, 0.9, 0.95, Some(3), None),
        (10, 0.05, 0.95, None, Some(2)),
        (10, 0.25, 0.95, None, Some(5)),
        (10, 0.5, 0.95, Some(1), Some(8)),
        (10, 0.9, 0.95, Some(6), None),
        (50, 0.05, 0.95, None, Some(6)),
        (50, 0.25, 0.95, Some(6), Some(19)),
        (50, 0.5, 0.95, Some(17), Some(32)),
        (50, 0.9, 0.95, Some(40), Some(49)),
        (100, 0.05, 0.95, Some(0), Some(10)),
        (100, 0.25, 0.95, Some(16), Some(34)),
        (100, 0.5, 0.95, Some(39), Some(60)),
        (100, 0.9, 0.95, Some(83), Some(95)),
        (892, 0.05, 0.95, Some(31), Some(58)),
        (892, 0.25, 0.95, Some(197), Some(249)),
        (892, 0.5, 0.95, Some(416), Some(475)),
        (892, 0.9, 0.95, Some(784), Some(820)),
        (10000, 0.05, 0.95, Some(457), Some(543)),
        (10000, 0.25, 0.95, Some(2414), Some(2585)),
        (10000, 0.5, 0.95, Some(4901), Some(5098)),
        (10000, 0.9, 0.95, Some(8940), Some(9058)),
    ];

    #[test]
    fn ranks_agree_with_scipy() {
        for &(n, share, confidence, low, high) in SCIPY {
            assert_eq!(quantile_interval(n, share, confidence), (low, high), "{n} {share} {confidence}");
        }
    }

    #[test]
    fn the_interval_covers_as_often_as_it_says() {
        for n in [10, 37, 200] {
            for share in [0.1, 0.5, 0.9] {
                let (low, high) = quantile_interval(n, share, 0.95);
                let chance = |k: u64| (ln_binomial(n, k) + k as f64 * f64::ln(share) + (n - k) as f64 * (1.0 - share).ln()).exp();
                // More than `low` samples and at most `high` do not exceed the quantile.
                let covered: f64 = (low.map_or(0, |l| l + 1)..=high.unwrap_or(n)).map(chance).sum();
                assert!(covered >= 0.95, "{n} {share}: {covered}");
            }
        }
    }

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
        let median = quantile(&[1.0, 2.0, 3.0], 0.5);
        assert_eq!((median.value, median.low, median.high), (2.0, 0.0, f64::INFINITY));
    }

    #[test]
    fn no_samples_bound_nothing() {
        assert_eq!(quantile_interval(0, 0.5, 0.95), (None, None));
    }
}
