//! One audit: clean pass, cascade of attacks, referee, record, summary.

mod clean;
mod compared;
mod course;
mod curve;
mod doubt;
mod equivalence;
mod events;
mod finish;
mod gallery;
mod guide;
mod indicators;
mod knowledge;
mod lanes;
mod minimum;
mod queries;
mod sanity;
mod setup;
mod slope;
mod stage;
mod state;
mod trees;

use std::sync::atomic::AtomicBool;

use brinell_record::{Gallery, SampleRecord, Summary};

pub use compared::Compared;
pub(crate) use compared::compared;
pub use course::{Course, Taken};
pub(crate) use equivalence::checked_graph;
pub use events::{Event, Observer, Silent};
pub use setup::load_suite;

use crate::{Plan, ProtocolError};

/// A finished audit. Everything in it is on disk already, in the folder of the plan.
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

/// Runs the audit of `plan`, or goes on with it, and writes `record.jsonl`, `adversarial.npz`, `summary.json` and
/// `gallery.json` into its folder.
///
/// # Guarantees
/// What is decided about a sample depends on the plan, the sample and the runtime, not on batch, threads or interruptions. Each
/// broken sample was confirmed by the [`Referee`](crate::Referee) on the original file.
///
/// # Errors
/// [`ProtocolError`] names what cannot be used; nothing is written before model, data and settings are checked.
/// [`ProtocolError::Interrupted`] where `stop` became true: the folder can be resumed.
pub fn audit(plan: &Plan, stop: &AtomicBool, observer: &mut dyn Observer) -> Result<Completed, ProtocolError> {
    audit_along(plan, &mut course::Whole::default(), stop, observer)
}

/// Runs the audit of `plan` like [`audit()`], on the samples that `course` takes; all figures are about these.
///
/// # Errors
/// As [`audit()`], and those of the course.
pub fn audit_along(
    plan: &Plan,
    course: &mut dyn Course,
    stop: &AtomicBool,
    observer: &mut dyn Observer,
) -> Result<Completed, ProtocolError> {
    let threads = plan.settings.thread_count().get();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(|error| ProtocolError::Io {
        doing: "start threads for",
        path: plan.out.clone(),
        source: std::io::Error::other(error),
    })?;
    let (mut run, mut oracle) = setup::Run::open(plan, stop, observer)?;
    run.probe(&mut oracle)?;
    loop {
        let samples = course.next(&mut Taken { run: &mut run })?;
        if samples.is_empty() {
            break;
        }
        run.clean_pass(&mut oracle, &samples)?;
        for index in 0..run.stages.len() {
            run.stage(index, &mut oracle, &pool)?;
        }
    }
    run.flag_clean()?;
    run.check_sanity(&mut oracle, &pool)?;
    run.finish(&mut oracle)
}
