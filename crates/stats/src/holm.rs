//! The error that several claims may make together.

/// Returns the error at which the next claim of a file may be decided, once `decided` of its `family` claims are: alpha shared
/// among those that are left.
///
/// # Guarantees
/// Where every claim is tested at this level, and tested again when another is decided, the probability that any
/// claim is wrongly decided in the direction tested is at most `alpha`, however the claims depend on each other. Each
/// direction, supporting and refuting, is a family of its own.
///
/// # Source
/// S. Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statist. 6 (1979).
#[must_use]
pub fn holm_level(alpha: f64, family: usize, decided: usize) -> f64 {
    alpha / family.saturating_sub(decided).max(1) as f64
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::clopper_pearson;

    #[test]
    fn the_error_is_shared_among_the_claims_that_are_left() {
        assert_eq!([0, 1, 2].map(|decided| holm_level(0.06, 3, decided)), [0.02, 0.03, 0.06]);
        assert_eq!(holm_level(0.05, 1, 0), 0.05);
    }

    /// Whether a count clears one half at the level after so many decisions, computed once.
    type Cache = HashMap<(u64, usize), bool>;

    /// Supports claims "the rate is above one half", each on `n` trials of its own rate, as a check of a file does.
    fn supported(rng: &mut ChaCha8Rng, rates: &[f64], n: u64, cache: &mut Cache) -> Vec<bool> {
        let counts: Vec<u64> = rates.iter().map(|&p| (0..n).filter(|_| rng.random::<f64>() < p).count() as u64).collect();
        let mut done = vec![false; rates.len()];
        loop {
            let decided = done.iter().filter(|&&done| done).count();
            let level = holm_level(0.05, rates.len(), decided);
            let mut clears = |count| *cache.entry((count, decided)).or_insert_with(|| clopper_pearson(count, n, 1.0 - 2.0 * level).0 > 0.5);
            let next = (0..rates.len()).find(|&i| !done[i] && clears(counts[i]));
            match next {
                Some(i) => done[i] = true,
                None => return done,
            }
        }
    }

    #[test]
    fn a_file_of_claims_is_rarely_wrong_about_any() {
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        for rates in [&[0.5, 0.5, 0.5, 0.5][..], &[0.9, 0.9, 0.9, 0.5], &[0.62, 0.62, 0.5, 0.5]] {
            let (mut wrong, mut right, mut cache) = (0u64, 0u64, Cache::new());
            for _ in 0..10_000 {
                let supported = supported(&mut rng, rates, 60, &mut cache);
                wrong += u64::from(supported.iter().zip(rates).any(|(&supported, &p)| supported && p <= 0.5));
                right += supported.iter().zip(rates).filter(|&(&supported, &p)| supported && p > 0.5).count() as u64;
            }
            let (low, _) = clopper_pearson(wrong, 10_000, 1.0 - 2e-6);
            assert!(low <= 0.05, "{wrong} of 10,000 files are wrong about {rates:?}");
            assert!(right > 0 || rates.iter().all(|&p| p <= 0.5));
        }
    }
}
