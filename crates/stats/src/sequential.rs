//! Bounds on a rate that may be looked at while the sample grows.
//!
//! Two exact bounds are combined. One holds at every look at once, for an unlimited sample, and decides clear cases early. The
//! other is that of Clopper and Pearson for the whole sample of `n`, known in advance; before its end it counts the trials
//! to come as the least favourable ones, and so may be looked at, too. They share the error that is allowed: [`Spending`] says how.

use super::binomial::{lower, upper};

/// Part of the allowed error that pays for looking early, where looking early can pay.
const EARLY: f64 = 0.2;

/// Halvings after which a bound is known to 1e-12.
const HALVINGS: usize = 40;

/// Sums are rescaled when they pass this, so that they stay finite.
const LARGE: f64 = 1e250;

/// The sample at one look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Trials seen.
    pub taken: usize,
    /// Of these, successes for certain.
    pub sure: usize,
    /// Of these, successes for certain and those that may be; at least `sure`.
    pub possible: usize,
}

/// How the error allowed to a bound is spent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spending {
    /// Part for the bound that holds at every look.
    early: f64,
}

impl Spending {
    /// Chooses, before any trial is seen, how to test with an error of at most `alpha` whether a rate lies above `threshold`, on
    /// a sample of `n`: a fifth of the error pays for looking early, unless `n` is less than twice the number of
    /// trials that it takes even if all are successes. Then there is nothing to gain.
    #[must_use]
    pub fn above(threshold: f64, n: usize, alpha: f64) -> Self {
        let early = if (n as f64) < 2.0 * clean_trials(threshold, alpha) { 0.0 } else { EARLY };
        Self { early }
    }

    /// Spends all of the error on the bound for the whole sample, which is looked at once.
    #[must_use]
    pub fn at_the_end() -> Self {
        Self { early: 0.0 }
    }

    /// The same for whether a rate lies below `threshold`.
    #[must_use]
    pub fn below(threshold: f64, n: usize, alpha: f64) -> Self {
        Self::above(1.0 - threshold, n, alpha)
    }
}

/// Returns the number of trials, all of them successes, that it takes to show with an error of at most `alpha` that a rate lies above `threshold`.
#[must_use]
pub fn clean_trials(threshold: f64, alpha: f64) -> f64 {
    match threshold {
        _ if threshold >= 1.0 => f64::INFINITY,
        _ if threshold <= 0.0 => 1.0,
        _ => (alpha.ln() / threshold.ln()).ceil().max(1.0),
    }
}

/// Returns about how many trials it takes, if `rate` of them are successes, to show with an error of at most `alpha` that the rate
/// lies above `threshold`; `None` where `rate` does not, or no sample of up to 100 million does it.
#[must_use]
pub fn samples_needed(rate: f64, threshold: f64, alpha: f64) -> Option<usize> {
    const MOST: usize = 100_000_000;
    if rate <= threshold {
        return None;
    }
    let shows = |n: usize| lower((rate * n as f64).floor() as u64, n as u64, alpha * (1.0 - EARLY)) >= threshold;
    let mut high = 1;
    while !shows(high) {
        high *= 2;
        if high > MOST {
            return None;
        }
    }
    let mut low = high / 2;
    while high - low > (high / 100).max(1) {
        let middle = usize::midpoint(low, high);
        if shows(middle) { high = middle } else { low = middle }
    }
    Some(high)
}

/// Returns a lower bound for the rate: over all looks taken at a sample of `n`, it is too large with a probability of at most `alpha`.
///
/// # Panics
/// A look has more successes than trials, or more trials than `n`.
#[must_use]
pub fn lower_bound(looks: &[Look], n: usize, alpha: f64, spending: Spending) -> f64 {
    let early = spending.early * alpha;
    let at_every_look = looks.iter().filter(|_| early > 0.0).map(|look| anytime_lower(look.sure as u64, look.taken as u64, early));
    let at_the_end = looks.iter().map(|look| {
        assert!(look.taken <= n, "{} trials of {n}", look.taken);
        lower(look.sure as u64, n as u64, alpha - early)
    });
    at_every_look.chain(at_the_end).fold(0.0, f64::max)
}

/// Returns an upper bound for the rate: over all looks taken at a sample of `n`, it is too small with a probability of at most `alpha`.
///
/// # Panics
/// As [`lower_bound`].
#[must_use]
pub fn upper_bound(looks: &[Look], n: usize, alpha: f64, spending: Spending) -> f64 {
    let early = spending.early * alpha;
    let mirrored = looks.iter().filter(|_| early > 0.0).map(|look| {
        let failures = look.taken - look.possible;
        1.0 - anytime_lower(failures as u64, look.taken as u64, early)
    });
    let at_the_end = looks.iter().map(|look| {
        assert!(look.taken <= n, "{} trials of {n}", look.taken);
        upper((n - (look.taken - look.possible)) as u64, n as u64, alpha - early)
    });
    mirrored.chain(at_the_end).fold(1.0, f64::min)
}

/// Returns a lower bound for the rate after `k` successes in `t` trials: over *all* t, the probability that it is ever too
/// large is at most `alpha`.
fn anytime_lower(k: u64, t: u64, alpha: f64) -> f64 {
    assert!(k <= t, "{k} successes in {t} trials");
    let enough = -alpha.ln();
    let (mut lo, mut hi) = (0.0, k as f64 / t.max(1) as f64);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(lo, hi);
        if ln_evidence(k, t, middle) >= enough { lo = middle } else { hi = middle }
    }
    lo
}

/// Returns the logarithm of the evidence against "the rate is at most `threshold`" after `k` successes in `t` trials.
///
/// # Guarantees
/// As t grows, the evidence is a test martingale where the rate is `threshold` and a supermartingale where it is smaller, and starts at 1: it
/// ever reaches 1 / alpha with a probability of at most alpha (Ville). It falls with growing `threshold`.
///
/// # Source
/// H. Robbins, "Statistical methods related to the law of the iterated logarithm", Ann. Math. Statist. 41 (1970), the method of mixtures; S. R.
/// Howard, A. Ramdas, J. McAuliffe, J. Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence sequences", Ann. Statist. 49 (2021). The
/// likelihood ratio is mixed over the alternatives with the uniform density on (threshold, 1), which makes it one-sided. With f = t - k
/// the integral is P(B <= k) / ((f + 1) P(B = k)) for B binomial with t + 1 trials of probability `threshold`.
fn ln_evidence(k: u64, t: u64, threshold: f64) -> f64 {
    if threshold <= 0.0 && k > 0 {
        return f64::INFINITY;
    }
    let odds_against = (1.0 - threshold) / threshold;
    let (mut term, mut sum, mut ln_scale) = (1.0, 1.0, 0.0);
    for j in (1..=k).rev() {
        let factor = j as f64 / (t + 2 - j) as f64 * odds_against;
        term *= factor;
        sum += term;
        // The factors fall, so that from here on the terms do, too.
        if factor < 1.0 && term < sum * 1e-17 {
            break;
        }
        if term > LARGE {
            (term, sum, ln_scale) = (term / LARGE, sum / LARGE, ln_scale + LARGE.ln());
        }
    }
    sum.ln() + ln_scale - ((t - k + 1) as f64).ln()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::super::clopper_pearson;
    use super::*;

    /// Simulated audits per case.
    const AUDITS: u64 = 10_000;

    /// A count of events in [`AUDITS`] that is too large with this probability only is a failure.
    const LUCK: f64 = 1e-6;

    fn look(taken: usize, sure: usize) -> Look {
        Look { taken, sure, possible: sure }
    }

    #[track_caller]
    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 1e-12 * (1.0 + expected.abs()), "{found} is not {expected}");
    }

    /// (k, t, threshold, logarithm), from mpmath 1.3 with 40 digits:
    /// `log(quad(lambda q: (q/tau)**k * ((1-q)/(1-tau))**(t-k), [tau, mode, 1]) / (1-tau))`.
    const MPMATH: &[(u64, u64, f64, f64)] = &[
        (0, 0, 0.5, 0.0),
        (1, 1, 0.5, 0.405_465_108_108_164),
        (0, 2, 0.5, -1.098_612_288_668_11),
        (10, 10, 0.9, 0.581_693_386_403_542),
        (7, 10, 0.3, 2.664_822_264_151_05),
        (3, 10, 0.5, -1.738_649_643_914_11),
        (299, 299, 0.99, 1.856_153_913_041_02),
        (180, 200, 0.8, 6.012_379_084_407_53),
        (90, 200, 0.6, -3.965_873_030_439_8),
    ];

    #[test]
    fn the_evidence_is_the_integral_of_the_likelihood_ratio() {
        for &(k, t, threshold, expected) in MPMATH {
            let found = ln_evidence(k, t, threshold);
            assert!((found - expected).abs() < 1e-11 * (1.0 + expected.abs()), "{k} of {t} at {threshold}: {found}, not {expected}");
        }
    }

    #[test]
    fn the_evidence_is_a_martingale_at_the_threshold() {
        for threshold in [0.01, 0.3, 0.5, 0.9, 0.99] {
            for t in 0..40 {
                for k in 0..=t {
                    let [now, hit, miss] = [(k, t), (k + 1, t + 1), (k, t + 1)].map(|(k, t)| ln_evidence(k, t, threshold).exp());
                    close((threshold * hit + (1.0 - threshold) * miss) / now, 1.0);
                }
            }
        }
    }

    #[test]
    fn the_evidence_falls_with_the_threshold_and_stays_finite() {
        for (k, t) in [(1, 1), (5, 40), (40, 40), (700, 1000), (90_000, 100_000)] {
            let values: Vec<f64> = (1..100).map(|i| ln_evidence(k, t, f64::from(i) / 100.0)).collect();
            assert!(values.iter().all(|v| v.is_finite()), "{k} of {t}");
            assert!(values.windows(2).all(|pair| pair[0] > pair[1]), "{k} of {t}");
        }
    }

    /// Sizes at which a growing sample is looked at in these tests.
    fn sizes(n: usize) -> Vec<usize> {
        let mut sizes = vec![16.min(n)];
        while sizes.last().is_some_and(|&last| last < n) {
            let last = sizes.last().copied().unwrap_or(n);
            sizes.push((last + (last / 4).max(16)).min(n));
        }
        sizes
    }

    /// What came of one simulated audit of a claim: said to be above the threshold, said to be below, trials used.
    struct Outcome {
        above: bool,
        below: bool,
        used: usize,
    }

    /// A bound by its look, so that ten thousand audits cost as many bounds as there are different looks.
    type Cache = HashMap<(usize, usize), (f64, f64)>;

    fn simulate(rng: &mut ChaCha8Rng, p: f64, threshold: f64, n: usize, alpha: f64, cache: &mut Cache) -> Outcome {
        let spending = (Spending::above(threshold, n, alpha), Spending::below(threshold, n, alpha));
        let (mut taken, mut successes) = (0, 0);
        for size in sizes(n) {
            successes += (taken..size).filter(|_| rng.random::<f64>() < p).count();
            taken = size;
            let &mut (low, high) = cache.entry((taken, successes)).or_insert_with(|| {
                let looks = [look(taken, successes)];
                (lower_bound(&looks, n, alpha, spending.0), upper_bound(&looks, n, alpha, spending.1))
            });
            if low > threshold || high < threshold {
                return Outcome { above: low > threshold, below: high < threshold, used: taken };
            }
        }
        Outcome { above: false, below: false, used: n }
    }

    #[test]
    fn a_rate_on_the_threshold_is_rarely_called_anything_else() {
        const ALPHA: f64 = 0.05;
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for (threshold, n) in [(0.5, 400), (0.9, 300), (0.99, 1000), (0.05, 200), (0.8, 25)] {
            let mut cache = Cache::new();
            let (mut above, mut below) = (0, 0);
            for _ in 0..AUDITS {
                let outcome = simulate(&mut rng, threshold, threshold, n, ALPHA, &mut cache);
                above += u64::from(outcome.above);
                below += u64::from(outcome.below);
            }
            for (name, wrong) in [("above", above), ("below", below)] {
                assert!(lower(wrong, AUDITS, LUCK) <= ALPHA, "{wrong} of {AUDITS} audits say {name} {threshold} at n = {n}");
            }
            assert!(above + below > 0, "the test never decides, and so cannot fail");
        }
    }

    #[test]
    fn looking_often_at_an_interval_for_one_look_would_be_noticed() {
        const ALPHA: f64 = 0.05;
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let mut cache = HashMap::new();
        let wrong = (0..AUDITS)
            .filter(|_| {
                let (mut taken, mut successes) = (0, 0);
                sizes(400).into_iter().any(|size| {
                    successes += (taken..size).filter(|_| rng.random::<f64>() < 0.5).count();
                    taken = size;
                    *cache.entry((taken, successes)).or_insert_with(|| lower(successes as u64, taken as u64, ALPHA) > 0.5)
                })
            })
            .count() as u64;
        assert!(lower(wrong, AUDITS, LUCK) > ALPHA, "{wrong}");
    }

    #[test]
    fn clear_cases_are_decided_early_in_both_directions() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for (p, above) in [(0.95, true), (0.3, false)] {
            let mut cache = Cache::new();
            let outcomes: Vec<Outcome> = (0..200).map(|_| simulate(&mut rng, p, 0.7, 2000, 0.05, &mut cache)).collect();
            assert!(outcomes.iter().all(|o| o.above == above && o.below != above));
            let used = outcomes.iter().map(|o| o.used).sum::<usize>() / outcomes.len();
            assert!(used < 100, "{used} trials on average");
        }
    }

    #[test]
    fn intervals_for_one_look_cover_in_ten_thousand_audits() {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        for (p, n) in [(0.5, 20), (0.9, 100), (0.98, 300), (0.01, 200)] {
            let mut cache = HashMap::new();
            let missed = (0..AUDITS)
                .filter(|_| {
                    let k = (0..n).filter(|_| rng.random::<f64>() < p).count() as u64;
                    let &mut (low, high) = cache.entry(k).or_insert_with(|| clopper_pearson(k, n, 0.95));
                    p < low || p > high
                })
                .count() as u64;
            assert!(lower(missed, AUDITS, LUCK) <= 0.05, "{missed} intervals of {AUDITS} miss {p} at n = {n}");
        }
    }

    #[test]
    fn both_bounds_cover_at_every_look_in_ten_thousand_audits() {
        const ALPHA: f64 = 0.1;
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        for (p, threshold, n) in [(0.6, 0.5, 300), (0.93, 0.95, 250)] {
            let spending = (Spending::above(threshold, n, ALPHA), Spending::below(threshold, n, ALPHA));
            let mut cache = Cache::new();
            let (mut too_large, mut too_small) = (0, 0);
            for _ in 0..AUDITS {
                let (mut taken, mut successes) = (0, 0);
                let (mut low, mut high) = (0.0f64, 1.0f64);
                for size in sizes(n) {
                    successes += (taken..size).filter(|_| rng.random::<f64>() < p).count();
                    taken = size;
                    let bounds = cache.entry((taken, successes)).or_insert_with(|| {
                        let looks = [look(taken, successes)];
                        (lower_bound(&looks, n, ALPHA, spending.0), upper_bound(&looks, n, ALPHA, spending.1))
                    });
                    (low, high) = (low.max(bounds.0), high.min(bounds.1));
                }
                too_large += u64::from(low > p);
                too_small += u64::from(high < p);
            }
            for wrong in [too_large, too_small] {
                assert!(lower(wrong, AUDITS, LUCK) <= ALPHA, "{wrong} of {AUDITS} at {p}, n = {n}");
            }
        }
    }

    #[test]
    fn two_hundred_and_ninety_nine_clean_trials_bound_a_rate_at_one_per_cent() {
        assert_eq!(clean_trials(0.99, 0.05), 299.0);
        for (n, shown) in [(298, false), (299, true), (400, true)] {
            let looks = [look(n, n)];
            assert_eq!(lower_bound(&looks, n, 0.05, Spending::above(0.99, n, 0.05)) >= 0.99, shown, "{n}");
            let none = [look(n, 0)];
            assert_eq!(upper_bound(&none, n, 0.05, Spending::below(0.01, n, 0.05)) <= 0.01, shown, "{n}");
        }
    }

    #[test]
    fn the_samples_needed_are_enough_and_not_many_more() {
        for (rate, threshold) in [(0.7, 0.6), (0.95, 0.9), (1.0, 0.99), (0.51, 0.5)] {
            let n = samples_needed(rate, threshold, 0.05).unwrap();
            let shown = |n: usize| {
                let looks = [look(n, (rate * n as f64).floor() as usize)];
                lower_bound(&looks, n, 0.05, Spending { early: EARLY }) >= threshold
            };
            assert!(shown(n) && !shown(n * 9 / 10), "{rate} over {threshold}: {n}");
        }
        assert_eq!(samples_needed(0.5, 0.5, 0.05), None);
        assert_eq!(samples_needed(1.0, 1.0, 0.05), None);
    }

    #[test]
    fn trials_to_come_count_as_the_least_favourable() {
        let spending = Spending::above(0.5, 20, 0.05);
        let half = [look(16, 16)];
        close(lower_bound(&half, 20, 0.05, Spending { early: 0.0 }), lower(16, 20, 0.05));
        assert!(lower_bound(&half, 20, 0.05, spending) > 0.5, "16 of 16 clear one half before the end");
    }

    #[test]
    fn a_trial_in_doubt_counts_against_both_bounds() {
        let doubt = [Look { taken: 50, sure: 40, possible: 45 }];
        let (low, high) =
            (lower_bound(&doubt, 50, 0.05, Spending::above(0.5, 50, 0.05)), upper_bound(&doubt, 50, 0.05, Spending::below(0.5, 50, 0.05)));
        close(low, lower_bound(&[look(50, 40)], 50, 0.05, Spending::above(0.5, 50, 0.05)));
        close(high, upper_bound(&[look(50, 45)], 50, 0.05, Spending::below(0.5, 50, 0.05)));
    }

    #[test]
    fn nothing_seen_bounds_nothing() {
        let spending = Spending::above(0.9, 100, 0.05);
        assert_eq!(lower_bound(&[], 100, 0.05, spending), 0.0);
        assert_eq!(lower_bound(&[look(0, 0)], 100, 0.05, spending), 0.0);
        assert_eq!(upper_bound(&[look(0, 0)], 100, 0.05, spending), 1.0);
    }
}
