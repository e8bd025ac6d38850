//! Two proportions of the same samples.

use brinell_record::{Change, Paired};
use statrs::function::erf::erfc_inv;

use super::CONFIDENCE;
use super::binomial::at_least;

/// Halvings after which an interval of doubles has no point left inside.
const MAX_HALVINGS: usize = 200;

/// Returns the table of both audits with its test and its interval; `pairs` holds, of each sample, whether A and B hold.
///
/// # Guarantees
/// The test is exact. The interval is approximate: it covers the truth with about [`CONFIDENCE`], and has a width even where
/// no sample changed.
pub fn paired(pairs: impl IntoIterator<Item = (bool, bool)>) -> Paired {
    let [mut both, mut only_a, mut only_b, mut neither] = [0usize; 4];
    for pair in pairs {
        match pair {
            (true, true) => both += 1,
            (true, false) => only_a += 1,
            (false, true) => only_b += 1,
            (false, false) => neither += 1,
        }
    }
    let n = both + only_a + only_b + neither;
    let value = if n == 0 { 0.0 } else { (only_b as f64 - only_a as f64) / n as f64 };
    let (low, high) = score_interval(only_a as u64, only_b as u64, n as u64, CONFIDENCE);
    let change = Change { value, low, high, confidence: CONFIDENCE };
    Paired { both, only_a, only_b, neither, change, p_value: mcnemar(only_a as u64, only_b as u64) }
}

/// Returns the two-sided p-value of the exact McNemar test, of `lost` samples on which only A holds and `gained` on which only B does.
///
/// If a sample were lost as easily as gained, each of the changed ones would be a fair coin. The p-value is twice the smaller
/// tail, at most 1, and 1 where nothing changed.
///
/// # Source
///
/// Q. McNemar, "Note on the sampling error of the difference between correlated proportions or percentages", Psychometrika 12
/// (1947), with the binomial in place of its normal approximation.
#[must_use]
pub fn mcnemar(lost: u64, gained: u64) -> f64 {
    if lost == gained {
        return 1.0;
    }
    (2.0 * at_least(lost.max(gained), lost + gained, 0.5)).min(1.0)
}

/// Returns the score interval for the share of B minus the share of A, of `n` samples with `lost` and `gained` ones.
///
/// Without samples it is the whole of `[-1, 1]`.
///
/// # Panics
///
/// There are more changed samples than samples, or `confidence` does not lie strictly between 0 and 1.
///
/// # Source
///
/// T. Tango, "Equivalence test and confidence interval for the difference in proportions for the paired-sample design", Statistics
/// in Medicine 17 (1998), equation (9).
#[must_use]
pub fn score_interval(lost: u64, gained: u64, n: u64, confidence: f64) -> (f64, f64) {
    assert!(lost + gained <= n, "{lost} lost and {gained} gained of {n} samples");
    assert!(confidence > 0.0 && confidence < 1.0, "confidence {confidence} is not between 0 and 1");
    if n == 0 {
        return (-1.0, 1.0);
    }
    let z = std::f64::consts::SQRT_2 * erfc_inv(1.0 - confidence);
    let difference = (gained as f64 - lost as f64) / n as f64;
    // The score falls in the difference that is tested.
    let low = bisect(-1.0, difference, |tested| score(lost, gained, n, tested) > z);
    let high = bisect(difference, 1.0, |tested| score(lost, gained, n, tested) > -z);
    (low, high)
}

/// Returns the point up to which `before` is true.
fn bisect(mut lo: f64, mut hi: f64, before: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..MAX_HALVINGS {
        let middle = f64::midpoint(lo, hi);
        if middle <= lo || middle >= hi {
            break;
        }
        if before(middle) { lo = middle } else { hi = middle }
    }
    f64::midpoint(lo, hi)
}

/// Returns the score statistic of the hypothesis that the shares differ by `tested`.
fn score(lost: u64, gained: u64, n: u64, tested: f64) -> f64 {
    let (lost, gained, n) = (lost as f64, gained as f64, n as f64);
    // Likeliest share of lost samples under the hypothesis: the larger root of a q^2 + b q + c.
    let (a, b, c) = (2.0 * n, -lost - gained + (2.0 * n - gained + lost) * tested, -lost * tested * (1.0 - tested));
    let q = ((b * b - 4.0 * a * c).max(0.0).sqrt() - b) / (2.0 * a);
    let distance = gained - lost - n * tested;
    let variance = n * (2.0 * q + tested * (1.0 - tested));
    if variance > 0.0 { distance / variance.sqrt() } else { f64::INFINITY.copysign(distance) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (lost, gained, p), from scipy 1.17.1: `binomtest(lost, lost + gained, 0.5).pvalue`; `mcnemar(.., exact=True)` of statsmodels 0.14
    /// gives the same.
    const SCIPY: &[(u64, u64, f64)] = &[
        (0, 0, 1.0),
        (1, 0, 1.0),
        (3, 3, 1.0),
        (5, 1, 0.21875),
        (1, 9, 0.021484375),
        (12, 2, 0.012939453125),
        (25, 10, 0.016673847800120715),
        (100, 61, 0.0026347303601547537),
        (354, 0, 5.450188595210433e-107),
        (400, 460, 0.04416954819458914),
        (5000, 5200, 0.04878796312682234),
    ];

    /// (lost, gained, n, low, high): outer roots, by numpy, of the quartic that Z. Yang, X. Sun and J. W. Hardin, "A non-iterative
    /// implementation of Tango's score confidence interval for a paired difference of proportions", Statistics in Medicine 32 (2013),
    /// publish. Of 1, 7, 21 the interval is also in M. W. Fagerland, S. Lydersen and P. Laake (2014).
    const YANG: &[(u64, u64, u64, f64, f64)] = &[
        (0, 0, 20, -0.1611251581, 0.1611251581),
        (1, 0, 44, -0.1180770970, 0.0593932311),
        (0, 1, 44, -0.0593932311, 0.1180770970),
        (5, 1, 30, -0.3118803320, 0.0342071756),
        (1, 7, 21, 0.0260030325, 0.5172322764),
        (1, 9, 21, 0.1007694822, 0.6072376130),
        (12, 2, 100, -0.1818816695, -0.0310005187),
        (25, 10, 892, -0.0310742832, -0.0040384241),
        (3, 3, 10, -0.4442178091, 0.4442178091),
        (100, 61, 892, -0.0718896661, -0.0160201740),
        (354, 12, 892, -0.4172506542, -0.3499431011),
        (20, 40, 160, 0.0308645331, 0.2180642442),
    ];

    #[test]
    fn the_test_agrees_with_scipy() {
        for &(lost, gained, p) in SCIPY {
            let found = mcnemar(lost, gained);
            assert!((found - p).abs() <= 1e-9 * p, "{lost} lost, {gained} gained: {found} for {p}");
            assert_eq!(mcnemar(gained, lost).to_bits(), found.to_bits());
        }
    }

    #[test]
    fn the_interval_agrees_with_its_closed_form() {
        for &(lost, gained, n, low, high) in YANG {
            let found = score_interval(lost, gained, n, 0.95);
            assert!((found.0 - low).abs() < 1e-6 && (found.1 - high).abs() < 1e-6, "{lost} {gained} of {n}: {found:?}");
        }
    }

    #[test]
    fn the_interval_holds_its_value_and_mirrors() {
        for n in [1, 2, 7, 40] {
            for lost in 0..=n {
                for gained in 0..=n - lost {
                    let (low, high) = score_interval(lost, gained, n, 0.95);
                    let value = (gained as f64 - lost as f64) / n as f64;
                    assert!(-1.0 <= low && low <= value && value <= high && high <= 1.0, "{lost} {gained} of {n}: {low} {high}");
                    let (mirror_low, mirror_high) = score_interval(gained, lost, n, 0.95);
                    assert!((low + mirror_high).abs() < 1e-12 && (high + mirror_low).abs() < 1e-12, "{lost} {gained} of {n}");
                }
            }
        }
        assert_eq!(score_interval(0, 0, 0, 0.95), (-1.0, 1.0));
    }

    #[test]
    fn every_pair_is_counted_once() {
        let pairs = [(true, true), (true, false), (true, false), (false, true), (false, false), (true, false)];
        let table = paired(pairs);
        assert_eq!((table.both, table.only_a, table.only_b, table.neither), (1, 3, 1, 1));
        assert!((table.change.value + 2.0 / 6.0).abs() < 1e-15);
        assert!((table.p_value - 0.625).abs() < 1e-12);
    }
}
