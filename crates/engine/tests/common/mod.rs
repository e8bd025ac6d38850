//! Runtimes, models and numbers for the tests of this folder.
#![expect(clippy::print_stdout, reason = "a skipped test says so")]

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use brinell_engine::{Running, Runtime, RuntimeChoice, open};

/// Returns the runtimes that are here, on this many threads, and says when ONNX Runtime is not among them.
pub(crate) fn runtimes(threads: usize) -> Vec<Arc<dyn Runtime>> {
    let settings = Running { threads: NonZeroUsize::new(threads), ..Running::default() };
    let mut runtimes = vec![open(&Running { runtime: RuntimeChoice::Rten, ..settings.clone() }).unwrap()];
    match open(&Running { runtime: RuntimeChoice::OnnxRuntime, ..settings.clone() }) {
        Ok(runtime) => runtimes.push(runtime),
        Err(error) => println!("skipped on ONNX Runtime: {error}"),
    }
    runtimes
}

/// Returns a path in the shared data, or says that it is absent.
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(path);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {} is absent", path.display());
    None
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
