//! Runtimes, models and numbers for the tests of this folder.

use std::num::NonZeroUsize;
use std::sync::Arc;

use brinell_engine::{Running, Runtime, RuntimeChoice, open};
use brinell_testkit::{Need, skip};

/// Returns the runtimes that are here, on this many threads, and says when ONNX Runtime is not among them.
pub(crate) fn runtimes(threads: usize) -> Vec<Arc<dyn Runtime>> {
    let settings = Running { threads: NonZeroUsize::new(threads), ..Running::default() };
    let mut runtimes = vec![open(&Running { runtime: RuntimeChoice::Rten, ..settings.clone() }).unwrap()];
    match open(&Running { runtime: RuntimeChoice::OnnxRuntime, ..settings.clone() }) {
        Ok(runtime) => runtimes.push(runtime),
        Err(error) => skip(Need::OnnxRuntime, &error.to_string()),
    }
    runtimes
}

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
