//! Audits that take samples in an order of their own.

#![expect(clippy::unwrap_used, reason = "a test that meets an error fails")]

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use brinell_protocol::data::Scale;
use brinell_protocol::{
    Completed, Course, Interface, Plan, PreprocessOptions, ProtocolError, RuntimeChoice, RuntimeSettings, Silent, Taken, audit, audit_along,
};

fn plan(out: PathBuf, resume: bool) -> Plan {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo");
    Plan {
        model: demo.join("ordinary.onnx"),
        interface: Interface::default(),
        data: demo.join("images.idx3-ubyte"),
        labels: None,
        classes: None,
        scale: Scale::Unit,
        unit: None,
        features: Vec::new(),
        preprocess: PreprocessOptions::default(),
        norm: "linf".parse().unwrap(),
        eps: "0.03".parse().unwrap(),
        target: None,
        suite: "quick".to_owned(),
        attacks: vec!["pgd:steps=3".to_owned()],
        knowledge: None,
        limit: Some(60),
        seed: 0,
        batch: None,
        max_queries: None,
        keep_going: false,
        sanity: brinell_protocol::SanityLevel::Cheap,
        runtime: RuntimeChoice::Rten,
        settings: RuntimeSettings::default(),
        out,
        resume,
        command: String::new(),
    }
}

/// Takes every other sample from the last, ten at a time, and stops after `limit`.
struct Backwards {
    limit: usize,
    taken: Vec<usize>,
}

impl Course for Backwards {
    fn next(&mut self, taken: &mut Taken<'_, '_>) -> Result<Vec<usize>, ProtocolError> {
        assert!(self.taken.iter().all(|&sample| taken.record(sample).is_some()));
        let next: Vec<usize> = (0..taken.available()).rev().step_by(2).skip(self.taken.len()).take(10).collect();
        if self.taken.len() >= self.limit {
            return Ok(Vec::new());
        }
        self.taken.extend(&next);
        Ok(next)
    }
}

fn run(plan: &Plan, limit: usize) -> Completed {
    let mut course = Backwards { limit, taken: Vec::new() };
    audit_along(plan, &mut course, &AtomicBool::new(false), &mut Silent).unwrap()
}

#[test]
fn a_sample_fares_the_same_in_whatever_order_it_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let whole = audit(&plan(folder.path().join("whole"), false), &AtomicBool::new(false), &mut Silent).unwrap();
    let some = run(&plan(folder.path().join("some"), false), 20);
    assert_eq!((whole.samples.len(), some.samples.len()), (60, 20));
    assert_eq!((some.summary.data.n, some.summary.clean_correct), (20, some.summary.survived + some.summary.broken));
    assert!(some.summary.broken > 0 && some.summary.survived > 0, "{:?}", some.summary);
    let verdict =
        |record: &brinell_record::SampleRecord| (record.sample, record.prediction, record.outcome, record.forwards, record.backwards);
    for record in &some.samples {
        assert_eq!(record.sample % 2, 1);
        assert_eq!(verdict(record), verdict(&whole.samples[record.sample]));
    }
}

#[test]
fn a_course_goes_on_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let (once, twice) = (folder.path().join("once"), folder.path().join("twice"));
    let expected = run(&plan(once, false), 30);
    run(&plan(twice.clone(), false), 10);
    let resumed = run(&plan(twice, true), 30);
    assert_eq!(resumed.samples, expected.samples);
    assert_eq!(resumed.summary.stages[0].forwards, expected.summary.stages[0].forwards);
}
