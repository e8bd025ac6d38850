//! What an audit tells while it runs.

use std::path::Path;

/// Something happened.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Model and data are read and the folder is open.
    Opened {
        /// Folder of the run.
        out: &'a Path,
        /// Name and version of the runtime.
        runtime: &'a str,
        /// Samples.
        n: usize,
        /// Samples per call.
        batch: usize,
    },
    /// A stage begins; the clean pass is the stage `clean`.
    StageStarted {
        /// Name of the attack.
        name: &'a str,
        /// Samples that it is run on.
        attacked: usize,
        /// Of these, samples that an earlier process has done already.
        done: usize,
        /// Samples still standing.
        surviving: usize,
    },
    /// A sample is through with the stage.
    SampleDone {
        /// Samples still standing.
        surviving: usize,
    },
    /// The stage is over.
    StageEnded,
    /// The turn of a model of several has come.
    ModelStarted {
        /// Its name.
        name: &'a str,
        /// Its number, from 1.
        number: usize,
        /// How many there are.
        of: usize,
    },
    /// A claim's turn has come.
    ClaimStarted {
        /// The claim file.
        file: &'a Path,
        /// The claim in it.
        id: &'a str,
    },
}

/// Listens to an audit.
pub trait Observer: Send {
    /// Hears an event.
    fn event(&mut self, event: Event<'_>);
}

/// An observer that does not listen.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn event(&mut self, _: Event<'_>) {}
}
