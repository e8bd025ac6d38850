//! Exact intervals for proportions.

use brinell_record::Rate;
use statrs::function::factorial::ln_binomial;

/// Probability with which the intervals of a record cover the truth.
pub const CONFIDENCE: f64 = 0.95;

/// Halvings after which an interval of doubles has no point left inside.
const MAX_HALVINGS: usize = 200;

/// Returns the proportion of `count` in `n` with its Clopper-Pearson interval at [`CONFIDENCE`]; of `n` = 0 the proportion is 0.
///
/// # Panics
///
/// `count` is larger than `n`.
pub fn rate(count: usize, n: usize) -> Rate {
    let (low, high) = clopper_pearson(count as u64, n as u64, CONFIDENCE);
    let value = if n == 0 { 0.0 } else { count as f64 / n as f64 };
    Rate { value, low, high, confidence: CONFIDENCE }
}

/// Returns the two-sided Clopper-Pearson interval for a proportion of which `k` successes in `n` independent trials were seen.
///
/// It covers the truth with at least the given confidence, whatever the truth is. Without trials it is the whole of `[0, 1]`.
/// The ends are accurate to 1e-10 up to `n` = 10 million.
///
/// # Panics
///
/// `k` is larger than `n`, or `confidence` does not lie strictly between 0 and 1.
///
/// # Source
///
/// C. J. Clopper, E. S. Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial", Biometrika 26 (1934).
/// The binomial tails are summed term by term: the usual continued fraction of the incomplete beta function needs more steps with growing `n`
/// than common implementations take.
pub fn clopper_pearson(k: u64, n: u64, confidence: f64) -> (f64, f64) {
    assert!(k <= n, "{k} successes in {n} trials");
    assert!(confidence > 0.0 && confidence < 1.0, "confidence {confidence} is not between 0 and 1");
    let tail = (1.0 - confidence) / 2.0;
    (lower(k, n, tail), upper(k, n, tail))
}

/// Returns the largest p at which `k` or more successes still have a probability of at most `tail`.
pub(super) fn lower(k: u64, n: u64, tail: f64) -> f64 {
    match k {
        0 => 0.0,
        _ if k == n => (tail.ln() / n as f64).exp(),
        _ => {
            let (mut lo, mut hi) = (0.0, k as f64 / n as f64);
            for _ in 0..MAX_HALVINGS {
                let middle = f64::midpoint(lo, hi);
                if middle <= lo || middle >= hi {
                    break;
                }
                if at_least(k, n, middle) <= tail { lo = middle } else { hi = middle }
            }
            lo
        }
    }
}

/// Returns the smallest p at which `k` or fewer successes still have a probability of at most `tail`.
pub(super) fn upper(k: u64, n: u64, tail: f64) -> f64 {
    match k {
        _ if k == n => 1.0,
        // 1 - tail^(1/n) without cancellation.
        0 => -(tail.ln() / n as f64).exp_m1(),
        _ => 1.0 - lower(n - k, n, tail),
    }
}

/// Returns the probability of `k` or more successes in `n` trials of probability `p` <= `k` / `n`.
pub(super) fn at_least(k: u64, n: u64, p: f64) -> f64 {
    let odds = p / (1.0 - p);
    // From k on the terms fall, so that their sum may stop where they no longer count.
    let (mut term, mut sum) = (1.0, 1.0);
    for i in k..n {
        term *= (n - i) as f64 / (i + 1) as f64 * odds;
        sum += term;
        if term < sum * 1e-17 {
            break;
        }
    }
    (ln_binomial(n, k) + k as f64 * p.ln() + (n - k) as f64 * (-p).ln_1p() + sum.ln()).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (k, n, confidence, low, high), from scipy 1.17.1: `beta.ppf(a, k, n - k + 1)` and `beta.ppf(1 - a, k + 1, n - k)` with `a = (1 - confidence) / 2`.
    const SCIPY: &[(u64, u64, f64, f64, f64)] = &[
        (0, 1, 0.95, 0.0, 0.975),
        (1, 1, 0.95, 0.025, 1.0),
        (0, 2, 0.95, 0.0, 0.8418861169916),
        (1, 2, 0.95, 0.01257911709343, 0.9874208829066),
        (2, 2, 0.95, 0.1581138830084, 1.0),
        (0, 10, 0.95, 0.0, 0.3084971078188),
        (1, 10, 0.95, 0.002528578544462, 0.4450161170282),
        (3, 10, 0.95, 0.06673951117773, 0.65245285006),
        (5, 10, 0.95, 0.1870860284474, 0.8129139715526),
        (9, 10, 0.95, 0.5549838829718, 0.9974714214555),
        (10, 10, 0.95, 0.6915028921812, 1.0),
        (0, 20, 0.95, 0.0, 0.1684334709831),
        (0, 20, 0.999, 0.0, 0.3161694479542),
        (1, 20, 0.95, 0.00126508949795, 0.248732762772),
        (1, 20, 0.999, 2.50059394304e-05, 0.4015922881981),
        (6, 20, 0.95, 0.1189315904057, 0.5427891822763),
        (6, 20, 0.999, 0.05405504126864, 0.6827218787512),
        (10, 20, 0.95, 0.2719578495608, 0.7280421504392),
        (10, 20, 0.999, 0.1630804948888, 0.8369195051112),
        (19, 20, 0.95, 0.751267237228, 0.9987349105021),
        (19, 20, 0.999, 0.5984077118019, 0.9999749940606),
        (20, 20, 0.95, 0.8315665290169, 1.0),
        (20, 20, 0.999, 0.6838305520458, 1.0),
        (0, 100, 0.95, 0.0, 0.03621669264518),
        (1, 100, 0.95, 0.0002531460329774, 0.05445938539208),
        (33, 100, 0.95, 0.2391985346226, 0.4311727507776),
        (50, 100, 0.95, 0.3983211295033, 0.6016788704967),
        (99, 100, 0.95, 0.9455406146079, 0.999746853967),
        (100, 100, 0.95, 0.9637833073548, 1.0),
        (0, 892, 0.95, 0.0, 0.00412697561634),
        (1, 892, 0.95, 2.838279000849e-05, 0.006230253989188),
        (297, 892, 0.95, 0.3020670552888, 0.3649602420499),
        (446, 892, 0.95, 0.4666735378614, 0.5333264621386),
        (891, 892, 0.95, 0.9937697460108, 0.99997161721),
        (892, 892, 0.95, 0.9958730243837, 1.0),
        (0, 1094, 0.95, 0.0, 0.003366240527493),
        (0, 1094, 0.999, 0.0, 0.006923728243234),
        (1, 1094, 0.95, 2.314215267721e-05, 0.005082281388005),
        (1, 1094, 0.999, 4.571525844292e-07, 0.009102065250908),
        (364, 1094, 0.95, 0.3048271720277, 0.3615236808922),
        (364, 1094, 0.999, 0.286679370966, 0.38110192076),
        (547, 1094, 0.95, 0.4699484413955, 0.5300515586045),
        (547, 1094, 0.999, 0.449937838343, 0.550062161657),
        (1093, 1094, 0.95, 0.994917718612, 0.9999768578473),
        (1093, 1094, 0.999, 0.9908979347491, 0.9999995428474),
        (1094, 1094, 0.95, 0.9966337594725, 1.0),
        (1094, 1094, 0.999, 0.9930762717568, 1.0),
        (0, 10000, 0.95, 0.0, 0.0003688199146188),
        (1, 10000, 0.95, 2.531777593475e-06, 0.000557036997947),
        (3333, 10000, 0.95, 0.3240605164952, 0.3426366567713),
        (5000, 10000, 0.95, 0.49015138059, 0.50984861941),
        (9999, 10000, 0.95, 0.9994429630021, 0.9999974682224),
        (10000, 10000, 0.95, 0.9996311800854, 1.0),
        (0, 1000000, 0.95, 0.0, 3.688872650206e-06),
        (0, 1000000, 0.999, 0.0, 7.600873572756e-06),
        (1, 1000000, 0.95, 2.531780766379e-08, 5.571630655167e-06),
        (1, 1000000, 0.999, 5.001250415572e-10, 9.998632510311e-06),
        (333333, 1000000, 0.95, 0.3324090481238, 0.3342579173381),
        (333333, 1000000, 0.999, 0.3317825947227, 0.334885923673),
        (500000, 1000000, 0.95, 0.4990195191953, 0.5009804808047),
        (500000, 1000000, 0.999, 0.4983542415029, 0.5016457584971),
        (999999, 1000000, 0.95, 0.9999944283693, 0.9999999746822),
        (999999, 1000000, 0.999, 0.9999900013675, 0.9999999994999),
        (1000000, 1000000, 0.95, 0.9999963111273, 1.0),
        (1000000, 1000000, 0.999, 0.9999923991264, 1.0),
        (0, 10000000, 0.95, 0.0, 3.688878773722e-07),
        (1, 10000000, 0.95, 2.531780795224e-09, 5.571642116991e-07),
        (3333333, 10000000, 0.95, 0.3330411241095, 0.3336255723893),
        (5000000, 10000000, 0.95, 0.4996900525214, 0.5003099474786),
        (9999999, 10000000, 0.95, 0.9999994428358, 0.9999999974682),
        (10000000, 10000000, 0.95, 0.9999996311121, 1.0),
    ];

    #[test]
    fn intervals_agree_with_scipy() {
        for &(k, n, confidence, low, high) in SCIPY {
            let found = clopper_pearson(k, n, confidence);
            assert!(
                (found.0 - low).abs() < 1e-10 && (found.1 - high).abs() < 1e-10,
                "{k} of {n} at {confidence}: {found:?} for {:?}",
                (low, high)
            );
        }
    }

    #[test]
    fn intervals_hold_their_proportion_and_mirror() {
        for n in [1, 2, 9, 500] {
            for k in 0..=n {
                let ((low, high), (mirror_low, mirror_high)) = (clopper_pearson(k, n, 0.95), clopper_pearson(n - k, n, 0.95));
                let value = k as f64 / n as f64;
                assert!(0.0 <= low && low <= value && value <= high && high <= 1.0, "{k} of {n}: {low} {high}");
                assert!((low - (1.0 - mirror_high)).abs() < 1e-12 && (high - (1.0 - mirror_low)).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn no_trials_tell_nothing() {
        assert_eq!(clopper_pearson(0, 0, 0.95), (0.0, 1.0));
        assert_eq!(rate(0, 0), Rate { value: 0.0, low: 0.0, high: 1.0, confidence: 0.95 });
    }

    #[test]
    #[should_panic(expected = "3 successes in 2 trials")]
    fn more_successes_than_trials_are_refused() {
        clopper_pearson(3, 2, 0.95);
    }
}
