//! The runtimes of this machine.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "helpers of tests; a skipped test says so")]

use std::num::NonZeroUsize;
use std::sync::Arc;

use brinell_engine::{Runtime, RuntimeChoice, RuntimeSettings, open};

/// Returns the runtimes that are here, on this many threads, and says when ONNX Runtime is not among them.
pub(crate) fn runtimes(threads: usize) -> Vec<Arc<dyn Runtime>> {
    let settings = RuntimeSettings { threads: NonZeroUsize::new(threads), ..RuntimeSettings::default() };
    let mut runtimes = vec![open(RuntimeChoice::Rten, &settings).unwrap()];
    match open(RuntimeChoice::OnnxRuntime, &settings) {
        Ok(runtime) => runtimes.push(runtime),
        Err(error) => println!("skipped on ONNX Runtime: {error}"),
    }
    runtimes
}
