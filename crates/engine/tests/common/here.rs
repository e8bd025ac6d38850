//! The runtimes of this machine.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

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
