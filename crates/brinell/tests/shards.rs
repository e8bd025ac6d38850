//! Shards of an audit, and what they make together.

#![expect(clippy::unwrap_used, reason = "a test that meets an error fails")]

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use brinell::record::{SampleRecord, Shard, Summary};
use brinell::runs::Completed;
use brinell::{
    Artefact, AuditError, Effort, Job, LedgerError, MergeOptions, Norm, Population, Question, Radius, Running, RuntimeChoice, SanityLevel,
    Silent, Threat, audit, audit_shard, merge,
};

fn question(runtime: RuntimeChoice) -> Question {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo");
    Question {
        artefact: Artefact::of(demo.join("ordinary.onnx")),
        population: Population { data: demo.join("images.idx3-ubyte"), n: Some(50), ..Population::default() },
        threat: Threat { norm: Norm::Linf, eps: "0.05".parse().unwrap(), ..Threat::default() },
        effort: Effort {
            attacks: vec!["pgd:steps=5".to_owned(), "square:queries=20".to_owned()],
            sanity: SanityLevel::Full,
            ..Effort::default()
        },
        running: Running::on(runtime),
    }
}

fn job(out: PathBuf) -> Job {
    Job { out, resume: false, command: String::new() }
}

fn shard(question: &Question, out: &Path, index: usize, count: usize) -> PathBuf {
    let folder = out.join(format!("{index}-of-{count}"));
    let shard = Shard::new(index, count).unwrap();
    audit_shard(question, &job(folder.clone()), shard, &AtomicBool::new(false), &mut Silent).unwrap();
    folder
}

fn merged(folders: &[PathBuf], out: PathBuf) -> Result<Completed, AuditError> {
    merge(folders, &MergeOptions { out, ..MergeOptions::default() }, &AtomicBool::new(false), &mut Silent)
}

/// The summary without times, and without what only one of the two has.
fn comparable(summary: &Summary) -> Summary {
    let mut summary = Summary { seconds: 0.0, peak_rss_bytes: None, created: String::new(), shards: Vec::new(), ..summary.clone() };
    for stage in &mut summary.stages {
        (stage.seconds, stage.model_seconds) = (0.0, 0.0);
    }
    if let Some(sanity) = &mut summary.sanity {
        sanity.seconds = 0.0;
    }
    summary
}

fn numbers(samples: &[SampleRecord]) -> Vec<usize> {
    samples.iter().map(|sample| sample.sample).collect()
}

/// Holds merged shards to the run of one machine: the same bytes of the record and of the examples, the same flags and figures.
fn assert_shards_make_the_run(question: &Question, counts: &[usize]) {
    let folder = tempfile::tempdir().unwrap();
    let whole = audit(question, &job(folder.path().join("whole")), &AtomicBool::new(false), &mut Silent).unwrap();
    assert!(whole.summary.survived > 0 && whole.summary.broken > 0, "nothing to tell apart");
    assert!(!numbers(&whole.samples).into_iter().eq(0..whole.samples.len()), "places and numbers are the same");
    let bytes = |out: &str, name: &str| std::fs::read(folder.path().join(out).join(name)).unwrap();
    for &count in counts {
        let mut folders: Vec<PathBuf> = (0..count).map(|index| shard(question, folder.path(), index, count)).collect();
        folders.reverse();
        let out = format!("merged-{count}");
        let run = merged(&folders, folder.path().join(&out)).unwrap();
        assert_eq!(run.samples, whole.samples);
        assert_eq!(comparable(&run.summary), comparable(&whole.summary));
        assert_eq!(run.summary.shards.iter().map(|shard| shard.samples).sum::<usize>(), run.summary.data.n);
        for name in ["record.jsonl", "adversarial.npz", "gallery.json", "run.json"] {
            assert!(bytes(&out, name) == bytes("whole", name), "{name} of {count} shards is another one");
        }
        assert!(!folder.path().join(out).join("merge.json").exists());
    }
}

#[test]
fn shards_make_the_run_of_one_machine() {
    assert_shards_make_the_run(&question(RuntimeChoice::Rten), &[1, 3, 16]);
}

#[test]
fn shards_of_minimum_norms_and_of_attacks_that_go_on_make_the_run_too() {
    let mut nearest = Question {
        threat: Threat { norm: Norm::L2, eps: Radius::Nearest, ..question(RuntimeChoice::Rten).threat },
        effort: Effort { attacks: vec!["fmn:steps=20".to_owned(), "ddn:steps=5".to_owned()], ..Effort::default() },
        ..question(RuntimeChoice::Rten)
    };
    nearest.population.n = Some(20);
    let folder = tempfile::tempdir().unwrap();
    let whole = audit(&nearest, &job(folder.path().join("whole")), &AtomicBool::new(false), &mut Silent).unwrap();
    let folders: Vec<PathBuf> = (0..3).map(|index| shard(&nearest, folder.path(), index, 3)).collect();
    let run = merged(&folders, folder.path().join("merged")).unwrap();
    assert_eq!(run.samples, whole.samples);
    assert_eq!(comparable(&run.summary), comparable(&whole.summary));
}

#[test]
fn certificates_of_shards_are_those_of_the_run() {
    let certified = Question {
        threat: Threat { eps: "0.002".parse().unwrap(), ..question(RuntimeChoice::Rten).threat },
        effort: Effort { attacks: vec!["fgsm".to_owned()], certify: Some(20), sanity: SanityLevel::Off, ..Effort::default() },
        population: Population { n: Some(4), ..question(RuntimeChoice::Rten).population },
        ..question(RuntimeChoice::Rten)
    };
    let folder = tempfile::tempdir().unwrap();
    let whole = audit(&certified, &job(folder.path().join("whole")), &AtomicBool::new(false), &mut Silent).unwrap();
    let folders: Vec<PathBuf> = (0..3).map(|index| shard(&certified, folder.path(), index, 3)).collect();
    let run = merged(&folders, folder.path().join("merged")).unwrap();
    assert_eq!(run.samples, whole.samples);
    let certificates = |out: &str| -> Vec<(std::ffi::OsString, Vec<u8>)> {
        let entries = std::fs::read_dir(folder.path().join(out).join("certificates")).unwrap().map(Result::unwrap);
        let mut found: Vec<_> = entries.map(|entry| (entry.file_name(), std::fs::read(entry.path()).unwrap())).collect();
        found.sort();
        found
    };
    assert_eq!(certificates("whole").len(), run.summary.certified.unwrap().count);
    assert_eq!(certificates("merged"), certificates("whole"));
}

#[test]
fn what_makes_no_run_is_refused_by_name() {
    let question = Question { effort: Effort { attacks: vec!["fgsm".to_owned()], ..Effort::default() }, ..question(RuntimeChoice::Rten) };
    let folder = tempfile::tempdir().unwrap();
    let [a, b, c] = [0, 1, 2].map(|index| shard(&question, folder.path(), index, 3));
    let other = Question { effort: Effort { seed: 1, ..question.effort.clone() }, ..question.clone() };
    let seed = shard(&other, &folder.path().join("seed"), 2, 3);
    let half = shard(&question, folder.path(), 1, 2);
    let whole = folder.path().join("whole");
    audit(&question, &job(whole.clone()), &AtomicBool::new(false), &mut Silent).unwrap();
    let unfinished = folder.path().join("unfinished");
    let stopped = audit_shard(&question, &job(unfinished.clone()), Shard::new(2, 3).unwrap(), &AtomicBool::new(true), &mut Silent);
    assert!(stopped.unwrap_err().is_interrupted());
    let out = folder.path().join("merged");
    let refused = |folders: &[&PathBuf]| {
        let folders: Vec<PathBuf> = folders.iter().map(|&folder| folder.clone()).collect();
        let error = merged(&folders, out.clone()).unwrap_err();
        assert!(!out.exists(), "something was written before it was known that the shards fit");
        error.to_string()
    };
    for (folders, expected) in [
        (&[&a, &c][..], "1 of 3 shards are missing: 1/3"),
        (&[&a, &b, &c, &b], "shard 1/3 is there twice"),
        (&[&a, &b, &seed], "seed is 0 and 1"),
        (&[&a, &b, &c, &half], "number of shards is 3 and 2"),
        (&[&a, &b, &whole], "holds a whole run"),
        (&[&a, &b, &unfinished], "shard 2/3 in"),
        (&[&a, &b, &folder.path().join("nothing")], "holds no run"),
    ] {
        let error = refused(folders);
        assert!(error.contains(expected), "{error}");
    }
    // What was changed after the shard ended is no longer its own.
    let record = std::fs::read_to_string(b.join("record.jsonl")).unwrap();
    std::fs::write(b.join("record.jsonl"), record.replace("\"broken\"", "\"survived\"")).unwrap();
    assert!(refused(&[&a, &b, &c]).contains("when the shard ended"));
    std::fs::write(b.join("record.jsonl"), record).unwrap();
    // A shard has no figures of its own.
    let alone = brinell::runs::read(&a).unwrap_err();
    assert!(matches!(alone, LedgerError::OneShard { .. }), "{alone}");
    merged(&[a, b, c], out).unwrap();
}

#[test]
fn shards_share_out_places_and_not_numbers() {
    let question = Question { effort: Effort { attacks: vec!["fgsm".to_owned()], ..Effort::default() }, ..question(RuntimeChoice::Rten) };
    let folder = tempfile::tempdir().unwrap();
    let folders: Vec<PathBuf> = (0..3).map(|index| shard(&question, folder.path(), index, 3)).collect();
    let whole = numbers(&audit(&question, &job(folder.path().join("whole")), &AtomicBool::new(false), &mut Silent).unwrap().samples);
    let lines = |index: usize| std::fs::read_to_string(folders[index].join("record.jsonl")).unwrap();
    for index in 0..3 {
        let samples: Vec<SampleRecord> = lines(index).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(numbers(&samples), whole.iter().copied().skip(index).step_by(3).collect::<Vec<_>>());
    }
    // A shard that is of one piece, but has other samples than it should have.
    let write = |index: usize, text: &str| {
        std::fs::write(folders[index].join("record.jsonl"), text).unwrap();
        let path = folders[index].join("shard.json");
        let mut record: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        record["record_sha256"] = brinell::record::hash::sha256_bytes(text.as_bytes()).into();
        std::fs::write(&path, record.to_string()).unwrap();
    };
    let refused = || {
        let error = merged(&folders, folder.path().join("merged")).unwrap_err();
        assert!(matches!(error, AuditError::Ledger(LedgerError::Damaged { .. })), "{error}");
        error.to_string()
    };
    let [first, second, third] = [0, 1, 2].map(lines);
    let last = |text: &str| text.lines().last().unwrap().to_owned() + "\n";
    write(2, third.strip_suffix(&last(&third)).unwrap());
    assert!(refused().contains("are not those of shard"), "a sample is missing");
    write(2, &third);
    write(1, second.strip_suffix(&last(&second)).unwrap());
    write(0, &(first.clone() + &last(&second)));
    assert!(refused().contains("are not those of shard"), "a sample moved to another shard");
    write(1, &second);
    // The run ends earlier in all shards.
    write(0, first.strip_suffix(&last(&first)).unwrap());
    write(1, second.strip_suffix(&last(&second)).unwrap());
    assert!(refused().contains("are not the 50 samples of the run"));
    write(0, &first);
    write(1, &second);
    assert_eq!(numbers(&merged(&folders, folder.path().join("merged")).unwrap().samples), whole);
}

#[test]
fn examples_and_outcomes_of_shards_are_judged_again() {
    let question =
        Question { effort: Effort { attacks: vec!["pgd:steps=3".to_owned()], ..Effort::default() }, ..question(RuntimeChoice::Rten) };
    let folder = tempfile::tempdir().unwrap();
    let folders: Vec<PathBuf> = (0..2).map(|index| shard(&question, folder.path(), index, 2)).collect();
    let path = folders[1].join("found.bin");
    let found = std::fs::read(&path).unwrap();
    // The first value of the first example is moved out of the ball.
    let mut moved = found.clone();
    moved[16..20].copy_from_slice(&0.9f32.to_le_bytes());
    std::fs::write(&path, moved).unwrap();
    let error = merged(&folders, folder.path().join("merged")).unwrap_err();
    assert!(matches!(error, AuditError::ShardExample { .. }), "{error}");
    std::fs::write(&path, found).unwrap();
    // What a merge left unfinished is begun anew; nothing of the shards was changed.
    merged(&folders, folder.path().join("merged")).unwrap();
    let again = merged(&folders, folder.path().join("merged")).unwrap_err();
    assert!(matches!(again, AuditError::Ledger(LedgerError::OutExists { .. })), "{again}");
}
