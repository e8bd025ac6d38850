//! From a question to a run: clean pass, cascade of attacks, referee, flags, summary.
//!
//! [`audit()`] is the whole of it; [`audit_along`] takes the samples that a [`Course`] gives out; [`audit_shard`] takes a share of them, and [`merge()`] makes one
//! run of all shares.
//!
//! Shape vocabulary: n samples, B batch, d values of one sample, K classes.

mod book;
mod certify;
mod class_distance;
mod clean;
mod course;
mod curve;
mod doubt;
mod error;
mod events;
mod facts;
mod finish;
pub mod flags;
mod gallery;
mod guide;
mod indicators;
mod knowledge;
mod minimum;
mod queries;
mod rank;
mod sanity;
pub mod selftest;
mod setup;
mod shard;
mod slope;
mod stage;
mod state;
mod trees;

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use brinell_engine::{Host, Oracle};
use brinell_ledger::run::Completed;
use brinell_record::{FileError, Question};
use brinell_subject::{Opened, Subject};

pub use course::{Course, Taken};
pub use error::AuditError;
pub use events::{Event, Observer, Silent};
pub use rank::{Candidate, RankQuestion, rank};
pub use setup::load_suite;
pub use shard::{MergeOptions, ShardDone, audit_shard, merge};

/// Where a run is kept, and how it is begun.
#[derive(Debug, Clone, Default)]
pub struct Job {
    /// Folder of the run.
    pub out: PathBuf,
    /// Go on with the run in the folder.
    pub resume: bool,
    /// The command line, for the record.
    pub command: String,
}

/// Answers `question`, or goes on with it, and writes `record.jsonl`, `adversarial.npz`, `summary.json` and
/// `gallery.json` into the folder of the job.
///
/// # Guarantees
/// What is decided about a sample depends on the question, the sample and the runtime, not on batch, threads or interruptions. Each
/// broken sample was confirmed by the [`Referee`](brinell_subject::Referee) on the original file.
///
/// # Errors
/// [`AuditError`] names what cannot be used; nothing is written before model, data and settings are checked.
/// [`AuditError::INTERRUPTED`] where `stop` became true: the folder can be resumed.
pub fn audit(question: &Question, job: &Job, stop: &AtomicBool, observer: &mut dyn Observer) -> Result<Completed, AuditError> {
    let asked = knowledge::Asked::of(question)?;
    let opened = Subject::open_with(&question.artefact, &question.population, &shard::reader(question))?;
    run(question, job, asked, opened, &mut course::Whole::default(), stop, observer)
}

/// Answers `question` like [`audit()`], about a model that is a program of the host.
///
/// # Errors
/// As [`audit()`].
pub fn audit_host(
    question: &Question,
    job: &Job,
    host: Host,
    stop: &AtomicBool,
    observer: &mut dyn Observer,
) -> Result<Completed, AuditError> {
    let asked = knowledge::Asked::of(question)?;
    let opened = Subject::open_host(host, &question.artefact, &question.population, &shard::reader(question))?;
    run(question, job, asked, opened, &mut course::Whole::default(), stop, observer)
}

/// Answers `question` like [`audit()`], about a model and data that are open already, on the samples that `course` takes; all figures are about these.
///
/// # Errors
/// As [`audit()`], and those of the course.
pub fn audit_along<E: From<AuditError>>(
    question: &Question,
    job: &Job,
    opened: Opened,
    course: &mut dyn Course<Error = E>,
    stop: &AtomicBool,
    observer: &mut dyn Observer,
) -> Result<Completed, E> {
    run(question, job, knowledge::Asked::of(question)?, opened, course, stop, observer)
}

fn run<E: From<AuditError>>(
    question: &Question,
    job: &Job,
    asked: knowledge::Asked<'_>,
    opened: Opened,
    course: &mut dyn Course<Error = E>,
    stop: &AtomicBool,
    observer: &mut dyn Observer,
) -> Result<Completed, E> {
    let (mut run, mut oracle, pool) = attack_all(question, job, asked, opened, shard::Scope::Whole, course, stop, observer)?;
    run.flag_clean()?;
    run.check_sanity(&mut oracle, &pool)?;
    Ok(run.finish(&mut oracle)?)
}

/// Runs all attacks on the samples that `course` gives out.
#[expect(clippy::too_many_arguments, reason = "a question, where it is kept, what was opened for it, and who listens")]
fn attack_all<'a, E: From<AuditError>>(
    question: &'a Question,
    job: &'a Job,
    asked: knowledge::Asked<'_>,
    opened: Opened,
    scope: shard::Scope<'a>,
    course: &mut dyn Course<Error = E>,
    stop: &'a AtomicBool,
    observer: &'a mut dyn Observer,
) -> Result<(setup::Run<'a>, Oracle, rayon::ThreadPool), E> {
    let threads = question.running.thread_count().get();
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|error| FileError::on("start threads for", &job.out)(std::io::Error::other(error)))
        .map_err(AuditError::from)?;
    let (mut run, mut oracle) = setup::Run::open(question, job, asked, opened, scope, stop, observer)?;
    if scope.share().is_some() {
        run.note_machine()?;
    } else {
        run.probe(&mut oracle)?;
    }
    loop {
        let samples = course.next(&mut Taken { run: &mut run })?;
        if samples.is_empty() {
            break;
        }
        run.clean_pass(&mut oracle, &samples)?;
        run.agree()?;
        run.certify(&samples, &pool)?;
        for index in 0..run.book.stages.len() {
            run.stage(index, &mut oracle, &pool)?;
        }
    }
    Ok((run, oracle, pool))
}
