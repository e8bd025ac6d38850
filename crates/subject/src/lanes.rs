//! How the threads are used: side by side on parts of a batch, or together on the whole of it.

use std::num::NonZeroUsize;
use std::sync::Arc;

use brinell_engine::{Device, Running, Runtime, open};

use crate::{Subject, SubjectError};

/// Weights that all lanes together may hold: each lane has a copy.
const WEIGHT_BYTES: u64 = 128 << 20;

/// Number of lanes of an oracle, and the runtime that each of them uses.
pub(super) struct Lanes {
    pub(super) n: usize,
    pub(super) runtime: Arc<dyn Runtime>,
}

impl Lanes {
    /// Chooses one lane per thread where a call has that many rows and the copies of the weights are small, else one lane
    /// with all threads.
    ///
    /// # Errors
    /// [`SubjectError::Engine`] where the runtime cannot be opened once more.
    pub(super) fn choose(running: &Running, subject: &Subject, rows: usize, whole: &Arc<dyn Runtime>) -> Result<Self, SubjectError> {
        let threads = running.thread_count().get();
        let weights = brinell_graph::cost(&subject.model.graph).parameters.saturating_mul(4);
        let fits = weights.saturating_mul(threads as u64) <= WEIGHT_BYTES;
        if subject.endpoint.is_some() {
            // The server decides how it computes; several questions may be under way at once.
            return Ok(Self { n: threads.min(rows.max(1)), runtime: Arc::clone(whole) });
        }
        if subject.host.is_some() {
            // One call at a time, with as many rows as there are.
            return Ok(Self { n: 1, runtime: Arc::clone(whole) });
        }
        if threads == 1 || rows < threads || !fits || running.device != Device::Cpu {
            return Ok(Self { n: 1, runtime: Arc::clone(whole) });
        }
        let one = Running { threads: Some(NonZeroUsize::MIN), ..running.clone() };
        Ok(Self { n: threads, runtime: open(&one)? })
    }
}
