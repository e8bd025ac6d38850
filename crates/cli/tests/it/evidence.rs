//! Evidence that is reused, goes on, goes stale, is tampered with and is replayed.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::claims::{Claim, check, verdict};
use crate::support::{Finished, Folder};

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn flip(path: &Path, at: usize) -> Vec<u8> {
    let before = std::fs::read(path).unwrap();
    let mut bytes = before.clone();
    bytes[at] ^= 1;
    std::fs::write(path, bytes).unwrap();
    before
}

#[test]
fn an_unchanged_claim_is_not_decided_again() {
    let folder = Folder::new();
    Claim::RATE.write(&folder, "a");
    let first = check(&folder, "a").expect(0);
    assert!(!first.stdout.contains("unchanged"), "{}", first.stdout);
    let before: Vec<Vec<u8>> = files(&folder.path("a.evidence")).iter().map(|path| std::fs::read(path).unwrap()).collect();
    // Nothing but hashing: a runtime that cannot be opened is no obstacle.
    let again = folder.run("check a.toml --runtime onnxruntime --onnxruntime nowhere.so").expect(0);
    assert!(again.stdout.contains("(unchanged)"), "{}", again.stdout);
    let after: Vec<Vec<u8>> = files(&folder.path("a.evidence")).iter().map(|path| std::fs::read(path).unwrap()).collect();
    assert_eq!(before, after);
}

#[test]
fn a_changed_claim_model_or_data_is_stale_until_decided_anew() {
    let folder = Folder::new();
    Claim::RATE.write(&folder, "a");
    check(&folder, "a").expect(0);
    for (name, reason) in [
        ("a.toml", "claim-changed"),
        ("ordinary.onnx", "model-changed"),
        ("images.idx3-ubyte", "data-changed"),
        ("labels.idx1-ubyte", "data-changed"),
    ] {
        let path = folder.path(name);
        // In the claim, a letter of the statement; elsewhere the last byte.
        let text = std::fs::read(&path).unwrap();
        let at = if name == "a.toml" { text.windows(4).position(|four| four == b"what").unwrap() } else { text.len() - 1 };
        let before = flip(&path, at);
        let stale = check(&folder, "a").expect(3);
        assert!(stale.stdout.contains(reason) && stale.stdout.contains("STALE"), "{name}: {}", stale.stdout);
        std::fs::write(&path, before).unwrap();
        check(&folder, "a").expect(0);
    }
    let text = std::fs::read_to_string(folder.path("a.toml")).unwrap();
    folder.write("a.toml", text.replace("what is claimed", "what else is claimed"));
    check(&folder, "a").expect(3);
    let fresh = folder.run("check a.toml --runtime rten --fresh").expect(0);
    assert!(!fresh.stdout.contains("unchanged"), "{}", fresh.stdout);
    assert!(check(&folder, "a").expect(0).stdout.contains("(unchanged)"));
}

#[test]
fn evidence_of_another_version_is_stale() {
    let folder = Folder::new();
    Claim::RATE.write(&folder, "a");
    check(&folder, "a").expect(0);
    let path = folder.path("a.evidence/a/manifest.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace(&format!("\"{}\"", env!("CARGO_PKG_VERSION")), "\"0.0.9\"")).unwrap();
    assert!(check(&folder, "a").expect(3).stdout.contains("tool-changed"));
}

#[test]
fn a_flipped_byte_in_any_file_is_noticed_by_check_and_replay() {
    let folder = Folder::new();
    Claim::RATE.write(&folder, "a");
    check(&folder, "a").expect(0);
    folder.run("replay a.evidence").expect(0);
    let all: Vec<PathBuf> = files(&folder.path("a.evidence/a"));
    let names: Vec<String> = all.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    for wanted in
        ["verdict.json", "manifest.json", "inputs.npz", "adversarial.npz", "record.jsonl", "found.bin", "stages.jsonl", "summary.json"]
    {
        assert!(names.iter().any(|name| name == wanted), "{names:?}");
    }
    for path in all.iter().filter(|path| !path.ends_with(".lock")) {
        let len = std::fs::metadata(path).unwrap().len();
        let before = flip(path, usize::try_from(len / 2).unwrap());
        let checked = check(&folder, "a").expect(3);
        assert!(checked.stdout.contains("tampered"), "{}: {}", path.display(), checked.stdout);
        assert!(folder.run("replay a.evidence").expect(3).stderr.contains("tampered"), "{}", path.display());
        std::fs::write(path, before).unwrap();
    }
    let path = folder.path("a.evidence/a/run/record.jsonl");
    std::fs::remove_file(path).unwrap();
    assert!(check(&folder, "a").expect(3).stdout.contains("run/record.jsonl is missing"));
}

#[test]
fn files_that_the_manifest_does_not_name_and_links_are_refused() {
    let folder = Folder::new();
    Claim::RATE.write(&folder, "a");
    check(&folder, "a").expect(0);
    folder.write("a.evidence/a/run/extra.txt", "more");
    let refused = folder.run("replay a.evidence").expect(3).stderr;
    assert!(refused.contains("does not name run/extra.txt"), "{refused}");
    std::fs::remove_file(folder.path("a.evidence/a/run/extra.txt")).unwrap();
    folder.run("replay a.evidence").expect(0);
    #[cfg(unix)]
    {
        let record = folder.path("a.evidence/a/run/record.jsonl");
        std::fs::rename(&record, folder.path("elsewhere.jsonl")).unwrap();
        std::os::unix::fs::symlink(folder.path("elsewhere.jsonl"), &record).unwrap();
        let refused = folder.run("replay a.evidence").expect(3).stderr;
        assert!(refused.contains("run/record.jsonl is not a regular file"), "{refused}");
    }
}

#[test]
fn a_replay_compares_the_record_with_the_data() {
    let folder = Folder::new();
    folder.audit("ordinary", "--limit 30 --attack pgd:steps=3 --out run").expect(0);
    let path = folder.path("run/record.jsonl");
    let lines: Vec<Value> = std::fs::read_to_string(&path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    // Two labels change places, so that every count stays what it was.
    let gallery = std::fs::read_to_string(folder.path("run/gallery.json")).unwrap();
    let gallery: Value = serde_json::from_str(&gallery).unwrap();
    let shown = |line: &Value| gallery["items"].as_array().unwrap().iter().any(|example| example["sample"] == line["sample"]);
    let broken: Vec<usize> = (0..lines.len()).filter(|&line| lines[line]["outcome"] == "broken" && !shown(&lines[line])).collect();
    let fits = |one: usize, two: usize| {
        let (a, b) = (&lines[one], &lines[two]);
        a["label"] != b["label"] && a["adv_prediction"] != b["label"] && b["adv_prediction"] != a["label"]
    };
    let pairs = broken.iter().flat_map(|&one| broken.iter().map(move |&two| (one, two)));
    let (one, two) = pairs.into_iter().find(|&(one, two)| fits(one, two)).unwrap();
    let mut changed = lines.clone();
    changed[one]["label"] = lines[two]["label"].clone();
    changed[two]["label"] = lines[one]["label"].clone();
    std::fs::write(&path, changed.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    let run = folder.run("replay run --json").expect(2);
    let replays: Value = serde_json::from_str(&run.stdout).unwrap();
    let rejected: Vec<&Value> =
        replays[0]["witnesses"].as_array().unwrap().iter().filter(|witness| witness["standing"] == "rejected").collect();
    assert_eq!(rejected.len(), 2, "{}", run.stdout);
    assert!(rejected.iter().all(|witness| witness["violation"].as_str().unwrap().contains("the data say")), "{}", run.stdout);
}

#[test]
fn when_the_time_is_over_a_later_check_goes_on() {
    let folder = Folder::new();
    let claim = Claim { model: "robust", n: 300, threat: Some(("0.1", "pgd:steps=20")), sampling: "exhaustive", ..Claim::RATE };
    claim.write(&folder, "a");
    let none = folder.run("check a.toml --runtime rten --budget 0s").expect(2);
    assert!(none.stdout.contains("timeout") && none.stdout.contains("no-observation"), "{}", none.stdout);
    folder.run("check a.toml --runtime rten --budget 300").expect(4);
    // However slow the machine is, one of the first ends within the work and one of the last does not.
    let mut budget = 0.1;
    let mut run = folder.run(&format!("check a.toml --runtime rten --threads 1 --budget {budget:.3}s"));
    while run.code == 2 {
        let stored = verdict(&folder, "a");
        assert_eq!((&stored["verdict"], &stored["reasons"][0]["id"]), (&"undecided".into(), &"timeout".into()), "{stored}");
        budget *= 1.5;
        run = folder.run(&format!("check a.toml --runtime rten --threads 1 --budget {budget:.3}s"));
    }
    run.expect(0);
    claim.write(&folder, "b");
    check(&folder, "b").expect(0);
    let sorted = |name: &str| folder.record(&format!("{name}.evidence/{name}/run"));
    assert_eq!(sorted("a"), sorted("b"));
    let (a, b) = (verdict(&folder, "a"), verdict(&folder, "b"));
    assert_eq!((&a["verdict"], &a["numbers"], &a["witnesses"]), (&b["verdict"], &b["numbers"], &b["witnesses"]));
}

/// Starts a check of `a.toml` and waits until its run has lines.
fn start(folder: &Folder) -> std::process::Child {
    let claim = Claim { model: "robust", n: 300, threat: Some(("0.1", "pgd:steps=40,restarts=3")), sampling: "exhaustive", ..Claim::RATE };
    claim.write(folder, "a");
    let child = folder
        .command("check a.toml --runtime rten --threads 1")
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let begin = Instant::now();
    let lines = || std::fs::read_to_string(folder.path("a.evidence/a/run/record.jsonl")).unwrap_or_default().lines().count();
    while lines() < 5 && begin.elapsed() < Duration::from_secs(120) {
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

#[cfg(unix)]
#[test]
#[expect(unsafe_code, reason = "the standard library sends no other signal than SIGKILL")]
fn an_interrupted_check_exits_with_130_and_goes_on() {
    let folder = Folder::new();
    let child = start(&folder);
    let pid = i32::try_from(child.id()).unwrap();
    // SAFETY: kill(2) takes plain integers, and the child has not been waited for, so that its id is not in use elsewhere.
    unsafe { libc::kill(pid, libc::SIGINT) };
    let stopped = Finished::of(child.wait_with_output().unwrap()).expect(130);
    assert!(stopped.stderr.contains("interrupted"), "{}", stopped.stderr);
    assert!(!folder.path("a.evidence/a/verdict.json").exists());
    let before = std::fs::read_to_string(folder.path("a.evidence/a/run/stages.jsonl")).unwrap();
    check(&folder, "a").expect(0);
    // What was found out before is still there, and nothing of it was asked again.
    let after = std::fs::read_to_string(folder.path("a.evidence/a/run/stages.jsonl")).unwrap();
    assert!(after.starts_with(&before));
}

#[test]
fn a_claim_is_checked_by_one_process_at_a_time() {
    let folder = Folder::new();
    let mut child = start(&folder);
    let second = folder.run("check a.toml --runtime rten");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(second.expect(4).stderr.contains("another check is writing"));
}

#[test]
fn work_begun_with_another_model_is_not_gone_on_with() {
    let folder = Folder::new();
    let mut child = start(&folder);
    child.kill().unwrap();
    child.wait().unwrap();
    std::fs::copy(folder.path("ordinary.onnx"), folder.path("robust.onnx")).unwrap();
    let claim = Claim { model: "robust", n: 300, threat: Some(("0.1", "pgd:steps=40,restarts=3")), sampling: "exhaustive", ..Claim::RATE };
    claim.write(&folder, "a");
    let stale = check(&folder, "a").expect(3);
    assert!(stale.stdout.contains("run-changed") && stale.stdout.contains("--fresh"), "{}", stale.stdout);
}

#[test]
fn every_counterexample_is_judged_again_by_every_runtime() {
    let folder = Folder::new();
    Claim::RATE.write(&folder, "a");
    check(&folder, "a").expect(0);
    let stored = verdict(&folder, "a");
    let n = stored["witnesses"].as_array().unwrap().len();
    let run = folder.run("replay a.evidence/a").expect(0);
    assert!(run.stdout.contains(&format!("{n} confirmed, 0 boundary, 0 rejected")), "{}", run.stdout);
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 80), "{}", run.stdout);
    let json: Value = serde_json::from_str(&folder.run("replay a.evidence --json").expect(0).stdout).unwrap();
    assert_eq!(json[0]["schema"], "brinell.replay/1");
    assert_eq!(json[0]["witnesses"].as_array().unwrap().len(), n);
    // The evidence and the model are enough.
    let elsewhere = tempfile::tempdir().unwrap();
    for name in ["images.idx3-ubyte", "labels.idx1-ubyte", "a.toml"] {
        std::fs::remove_file(folder.path(name)).unwrap();
    }
    std::fs::rename(folder.path("ordinary.onnx"), elsewhere.path().join("model.onnx")).unwrap();
    assert!(folder.run("replay a.evidence").expect(4).stderr.contains("--model"));
    let model = elsewhere.path().join("model.onnx").display().to_string();
    folder.run(&format!("replay a.evidence --model {model}")).expect(0);
    let other = folder.run("replay a.evidence --model robust.onnx").expect(3);
    assert!(other.stderr.contains("is about"), "{}", other.stderr);
}

#[test]
fn a_run_is_replayed_and_one_without_counterexamples_is_no_pass() {
    let folder = Folder::new();
    folder.audit("ordinary", "--limit 30 --attack pgd:steps=3 --out run").expect(0);
    let broken = folder.summary("run")["broken"].as_u64().unwrap();
    assert!(folder.run("replay run").expect(0).stdout.contains(&format!("{broken} confirmed")));
    folder
        .run("audit ordinary.onnx --data images.idx3-ubyte --norm linf --eps 0 --runtime rten --limit 30 --attack fgsm --out none")
        .expect(0);
    assert!(folder.run("replay none").expect(2).stdout.contains("nothing was judged"));
    assert!(folder.run("replay classes.txt").expect(4).stderr.contains("manifest.json"));
    std::fs::create_dir(folder.path("moved")).unwrap();
    std::fs::rename(folder.path("images.idx3-ubyte"), folder.path("moved/images.idx3-ubyte")).unwrap();
    assert!(folder.run("replay run").expect(4).stderr.contains("--data"));
    std::fs::copy(folder.path("labels.idx1-ubyte"), folder.path("moved/labels.idx1-ubyte")).unwrap();
    folder.run("replay run --data moved/images.idx3-ubyte").expect(0);
    flip(&folder.path("moved/images.idx3-ubyte"), 2000);
    folder.run("replay run --data moved/images.idx3-ubyte").expect(3);
}

#[test]
fn an_equal_claim_is_replayed_on_both_artefacts() {
    let folder = Folder::new();
    let digest = brinell::record::hash::sha256_file(&folder.path("robust.onnx")).unwrap();
    let property: &'static str = format!("kind = \"equal\"\nother = \"robust.onnx\"\nsha256 = \"{digest}\"\ntolerance = 0.001").leak();
    Claim { model: "ordinary", n: 5, sampling: "exhaustive", threat: None, property, more: "" }.write(&folder, "a");
    check(&folder, "a").expect(1);
    assert!(folder.run("replay a.evidence").expect(0).stdout.contains("1 confirmed"));
    std::fs::rename(folder.path("robust.onnx"), folder.path("moved.onnx")).unwrap();
    assert!(folder.run("replay a.evidence").expect(4).stderr.contains("--other"));
    folder.run("replay a.evidence --other moved.onnx").expect(0);
}
