//! Random numbers that depend on nothing but what is attacked and how.
//!
//! Every run has a ChaCha8 generator of its own. Its 32-byte key holds four little-endian u64:
//!
//! | bytes | content |
//! |---|---|
//! | 0..8 | seed of the audit |
//! | 8..16 | number of the sample in the data set |
//! | 16..24 | FNV-1a hash (64 bits) of the attack's name |
//! | 24..32 | number of the run; of attacks that draw anew for every step and every copy of a point, the copy and then the step |
//!
//! So a result does not depend on batch size, threads, order of samples or on which other attacks ran before.

use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

use crate::Start;

/// The generator of one run of the attack called `name`.
pub fn generator(name: &str, start: &Start<'_>) -> ChaCha8Rng {
    keyed(name, start.seed, start.sample, start.run)
}

/// The generator of anything that is called `name` and depends on these numbers alone.
pub fn keyed(name: &str, seed: u64, sample: u64, run: u32) -> ChaCha8Rng {
    of([seed, sample, fnv1a(name.as_bytes()), u64::from(run)])
}

fn of(words: [u64; 4]) -> ChaCha8Rng {
    let mut key = [0; 32];
    for (bytes, word) in key.chunks_exact_mut(8).zip(words) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

/// The generator of one draw of a rule called `name`: in this step, for this copy of the point.
pub(crate) fn drawn(name: &str, seed: u64, sample: u64, step: u32, copy: u32) -> ChaCha8Rng {
    of([seed, sample, fnv1a(name.as_bytes()), (u64::from(step) << 32) | u64::from(copy)])
}

/// Fowler, Noll and Vo's hash, variant 1a, 64 bits.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use brinell_threat::{Ball, InputBox, Norm};
    use rand_chacha::rand_core::Rng;

    use super::*;

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn every_part_of_the_key_counts_and_nothing_else_does() {
        let ball = Ball { norm: Norm::Linf, eps: 0.1, bounds: InputBox::UNIT, features: None };
        let start = |seed, sample, run| Start { seed, sample, run, ..Start::new(&[0.5], &ball) };
        let mut seen = HashSet::new();
        for (name, seed, sample, restart) in [("pgd", 1, 2, 3), ("pgd", 2, 1, 3), ("pgd", 1, 3, 2), ("apgd-ce", 1, 2, 3)] {
            assert!(seen.insert(generator(name, &start(seed, sample, restart)).next_u64()));
        }
        let other = Start { x: &[0.1], clean: 7.0, ..start(1, 2, 3) };
        assert_eq!(generator("pgd", &other).next_u64(), generator("pgd", &start(1, 2, 3)).next_u64());
    }

    #[test]
    fn draws_are_the_key_stream_of_chacha8() {
        let ball = Ball { norm: Norm::Linf, eps: 0.1, bounds: InputBox::UNIT, features: None };
        let mut rng = generator("apgd-ce", &Start::new(&[], &ball));
        let mut draws = [0.0; 3];
        brinell_threat::fill_uniform(&mut rng, &mut draws);
        // From an implementation of ChaCha8 (eight rounds, 64-bit counter and stream both 0) of a dozen lines of Python.
        let block = [-0.709_150_55, 0.558_697_1, 0.982_585_55];
        assert_eq!(draws, block);
    }
}
