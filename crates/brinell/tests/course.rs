//! Audits that take samples in an order of their own.

#![expect(clippy::unwrap_used, reason = "a test that meets an error fails")]

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use brinell::record::SampleRecord;
use brinell::runs::Completed;
use brinell::{
    Artefact, AuditError, Course, Effort, Job, Norm, Population, Question, Running, RuntimeChoice, Silent, Subject, Taken, Threat, audit,
    audit_along,
};

fn question() -> Question {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo");
    Question {
        artefact: Artefact::of(demo.join("ordinary.onnx")),
        population: Population { data: demo.join("images.idx3-ubyte"), n: Some(60), ..Population::default() },
        threat: Threat { norm: Norm::Linf, eps: "0.03".parse().unwrap(), ..Threat::default() },
        effort: Effort { attacks: vec!["pgd:steps=3".to_owned()], ..Effort::default() },
        running: Running::on(RuntimeChoice::Rten),
    }
}

fn job(out: PathBuf, resume: bool) -> Job {
    Job { out, resume, command: String::new() }
}

/// Takes every other sample from the last, ten at a time, and stops after `limit`.
struct Backwards {
    limit: usize,
    taken: Vec<usize>,
}

impl Course for Backwards {
    type Error = AuditError;

    fn next(&mut self, taken: &mut Taken<'_, '_>) -> Result<Vec<usize>, AuditError> {
        assert!(self.taken.iter().all(|&sample| taken.record(sample).is_some()));
        let next: Vec<usize> = taken.samples().into_iter().rev().step_by(2).skip(self.taken.len()).take(10).collect();
        if self.taken.len() >= self.limit {
            return Ok(Vec::new());
        }
        self.taken.extend(&next);
        Ok(next)
    }
}

fn run(job: &Job, limit: usize) -> Completed {
    let (question, mut course) = (question(), Backwards { limit, taken: Vec::new() });
    let opened = Subject::open(&question.artefact, &question.population).unwrap();
    audit_along(&question, job, opened, &mut course, &AtomicBool::new(false), &mut Silent).unwrap()
}

#[test]
fn a_sample_fares_the_same_in_whatever_order_it_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let whole = audit(&question(), &job(folder.path().join("whole"), false), &AtomicBool::new(false), &mut Silent).unwrap();
    let some = run(&job(folder.path().join("some"), false), 20);
    assert_eq!((whole.samples.len(), some.samples.len()), (60, 20));
    assert_eq!((some.summary.data.n, some.summary.clean_correct), (20, some.summary.survived + some.summary.broken));
    assert!(some.summary.broken > 0 && some.summary.survived > 0, "{:?}", some.summary);
    let verdict = |record: &SampleRecord| (record.sample, record.prediction.clone(), record.outcome, record.forwards, record.backwards);
    let place = |record: &SampleRecord| whole.samples.iter().position(|other| other.sample == record.sample).unwrap();
    for record in &some.samples {
        assert_eq!(place(record) % 2, 1);
        assert_eq!(verdict(record), verdict(&whole.samples[place(record)]));
    }
}

#[test]
fn a_course_goes_on_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let (once, twice) = (folder.path().join("once"), folder.path().join("twice"));
    let expected = run(&job(once, false), 30);
    run(&job(twice.clone(), false), 10);
    let resumed = run(&job(twice, true), 30);
    assert_eq!(resumed.samples, expected.samples);
    assert_eq!(resumed.summary.stages[0].forwards, expected.summary.stages[0].forwards);
}
