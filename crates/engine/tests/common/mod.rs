//! Runtimes, models and numbers for the tests of this folder.

mod here;

pub(crate) use here::runtimes;

/// Pseudo-random numbers in 0..1.
pub(crate) fn noise(len: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1_u64 << 24) as f32
    };
    (0..len).map(|_| next()).collect()
}
