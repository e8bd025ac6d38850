//! Ranks of several models that are tested pair by pair.

use crate::binomial::at_least;
use crate::mcnemar;

/// How often each of two was ahead of the other on the same samples; ties are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duel {
    /// Number of the first.
    pub a: usize,
    /// Number of the second.
    pub b: usize,
    /// Samples on which the first is ahead.
    pub ahead_a: u64,
    /// Samples on which the second is ahead.
    pub ahead_b: u64,
}

/// What a duel says, alone and among the others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decided {
    /// Two-sided exact p-value of this duel alone.
    pub p_value: f64,
    /// Holm's p-value that the one that was ahead more often is not ahead, over both directions of all duels.
    pub adjusted: f64,
    /// The one that is ahead at the level.
    pub ahead: Option<usize>,
}

/// Decides duels by exact sign tests, which McNemar's test is too; Holm's correction over both directions of all of them.
///
/// # Guarantees
/// The probability that any of the duels is decided for the wrong one, or decided where nobody is ahead, is at most `level`, however they depend on each other.
/// No duel can be decided for both, since one of its two one-sided p-values is at least 1/2.
///
/// # Panics
/// `level` is 1/2 or more.
///
/// # Source
/// S. Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statist. 6 (1979), over the one-sided hypotheses "a is not ahead of b" and "b is not ahead of a" of each duel.
#[must_use]
pub fn duels(duels: &[Duel], level: f64) -> Vec<Decided> {
    assert!(level < 0.5, "level {level} is 1/2 or more");
    let p = |duel: &Duel| tail(duel.ahead_a.max(duel.ahead_b), duel.ahead_a + duel.ahead_b);
    let mut order: Vec<(usize, f64)> = duels.iter().map(p).enumerate().collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1));
    // The other direction of each has a p-value of at least 1/2: it comes after all that could be rejected, and counts in the family.
    let family = 2 * duels.len();
    let mut adjusted = vec![1.0f64; duels.len()];
    let mut so_far = 0.0f64;
    for (decided, (place, p)) in order.into_iter().enumerate() {
        so_far = so_far.max((p * (family - decided) as f64).min(1.0));
        if let Some(adjusted) = adjusted.get_mut(place) {
            *adjusted = so_far;
        }
    }
    let decide = |(duel, adjusted): (&Duel, f64)| Decided {
        p_value: mcnemar(duel.ahead_a, duel.ahead_b),
        adjusted,
        ahead: (adjusted <= level).then_some(if duel.ahead_a > duel.ahead_b { duel.a } else { duel.b }),
    };
    duels.iter().zip(adjusted).map(decide).collect()
}

/// Probability of `k` or more heads of `n` fair coins, for `k` of at least half of them.
fn tail(k: u64, n: u64) -> f64 {
    if k == 0 { 1.0 } else { at_least(k, n, 0.5).min(1.0) }
}

/// Returns the ranks, from 1, that each of `n` can have: the best is one more than those shown to be ahead of it, the worst leaves room for those that it is shown to be ahead of.
///
/// # Guarantees
/// Where the pairs `(ahead, behind)` were decided with a probability of any error of at most alpha, all intervals together hold the true ranks with at least 1 - alpha.
///
/// # Source
/// M. Mogstad, J. P. Romano, A. M. Shaikh, D. Wilhelm, "Inference for ranks with applications to mobility across neighbourhoods and academic achievement across
/// countries", Review of Economic Studies 91 (2024), section 3.
#[must_use]
pub fn rank_intervals(n: usize, ahead: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let of = |model: usize| {
        let better = ahead.iter().filter(|(_, behind)| *behind == model).count();
        let worse = ahead.iter().filter(|(first, _)| *first == model).count();
        (1 + better, n - worse)
    };
    (0..n).map(of).collect()
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn duel(a: usize, b: usize, ahead_a: u64, ahead_b: u64) -> Duel {
        Duel { a, b, ahead_a, ahead_b }
    }

    #[test]
    fn adjusted_values_agree_with_statsmodels() {
        // statsmodels 0.15.0: multipletests([*p, *q], method="holm"), with p of scipy 1.17.1 `binomtest(k, n, alternative="greater")` for the side that is ahead and q for the other.
        let decided = duels(&[duel(0, 1, 20, 3), duel(0, 2, 12, 2), duel(1, 2, 5, 6)], 0.05);
        let adjusted: Vec<f64> = decided.iter().map(|one| one.adjusted).collect();
        for (found, wanted) in adjusted.iter().zip([0.001_464_843_75, 0.032_348_632_812_5, 1.0]) {
            assert!((found - wanted).abs() < 1e-12, "{adjusted:?}");
        }
        assert_eq!(decided.iter().map(|one| one.ahead).collect::<Vec<_>>(), [Some(0), Some(0), None]);
    }

    #[test]
    fn nothing_is_decided_where_nobody_was_ahead() {
        let decided = duels(&[duel(0, 1, 0, 0), duel(0, 2, 7, 7)], 0.05);
        assert!(decided.iter().all(|one| one.ahead.is_none() && one.adjusted == 1.0 && one.p_value == 1.0));
        assert!(duels(&[], 0.05).is_empty());
    }

    #[test]
    fn ranks_say_who_can_be_where() {
        assert_eq!(rank_intervals(3, &[]), [(1, 3), (1, 3), (1, 3)]);
        assert_eq!(rank_intervals(4, &[(0, 1), (0, 2), (0, 3), (1, 3)]), [(1, 1), (2, 3), (2, 4), (3, 4)]);
    }

    #[test]
    fn true_ranks_are_rarely_outside() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        // Shares of samples that survive; the second and the third are equally good, so that both of their ranks are right.
        let shares = [0.8, 0.6, 0.6, 0.45, 0.4];
        let ranks = [(1, 1), (2, 3), (2, 3), (4, 4), (5, 5)];
        let mut wrong = 0;
        for _ in 0..600 {
            // One draw of each sample for all: what is hard for one is hard for others.
            let samples: Vec<(f64, [f64; 5])> = (0..120).map(|_| (rng.random(), std::array::from_fn(|_| rng.random()))).collect();
            let survives = |model: usize, (common, own): &(f64, [f64; 5])| f64::midpoint(*common, own[model]) < quantile(shares[model]);
            let pairs: Vec<(usize, usize)> = (0..5).flat_map(|a| (a + 1..5).map(move |b| (a, b))).collect();
            let count = |a: usize, b: usize| samples.iter().filter(|one| survives(a, one) && !survives(b, one)).count() as u64;
            let all: Vec<Duel> = pairs.iter().map(|&(a, b)| duel(a, b, count(a, b), count(b, a))).collect();
            let ahead: Vec<(usize, usize)> =
                duels(&all, 0.05).iter().zip(&pairs).filter_map(|(one, &(a, b))| one.ahead.map(|first| (first, a + b - first))).collect();
            let found = rank_intervals(5, &ahead);
            wrong += usize::from(found.iter().zip(ranks).any(|((low, high), (best, worst))| *low > best || *high < worst));
        }
        assert!(wrong <= 30, "{wrong} of 600");
    }

    /// The quantile of the mean of two uniform numbers.
    fn quantile(share: f64) -> f64 {
        if share < 0.5 { (share / 2.0).sqrt() } else { 1.0 - ((1.0 - share) / 2.0).sqrt() }
    }
}
