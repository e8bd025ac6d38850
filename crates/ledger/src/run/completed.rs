//! A run that came to its end.

use brinell_record::{Gallery, SampleRecord, Summary};

/// A finished run. Everything in it is on disk already, in the folder of the run.
#[derive(Debug, Clone)]
pub struct Completed {
    /// Content of `summary.json`.
    pub summary: Summary,
    /// Lines of `record.jsonl`, by sample.
    pub samples: Vec<SampleRecord>,
    /// Content of `gallery.json`.
    pub gallery: Gallery,
}

impl Completed {
    /// Returns true where a blocking flag makes the figures unfit for a verdict.
    #[must_use]
    pub fn unreliable(&self) -> bool {
        self.summary.blocking().next().is_some()
    }
}
