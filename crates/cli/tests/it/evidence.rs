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
fn a_model_or_data_that_the_claim_does_not_name_is_stale() {
    let folder = Folder::new();
    Claim::RATE.write(&folder, "a");
    check(&folder, "a").expect(0);
    for (name, reason) in [("ordinary.onnx", "model-changed"), ("images.idx3-ubyte", "data-changed"), ("labels.idx1-ubyte", "data-changed")]
    {
        let path = folder.path(name);
        let before = flip(&path, usize::try_from(std::fs::metadata(&path).unwrap().len()).unwrap() - 1);
        let stale = check(&folder, "a").expect(3);
        assert!(stale.stdout.contains(reason) && stale.stdout.contains("STALE"), "{name}: {}", stale.stdout);
        assert!(stale.stdout.contains("brinell claim update a.toml"), "{name}: {}", stale.stdout);
        std::fs::write(&path, before).unwrap();
        assert!(check(&folder, "a").expect(0).stdout.contains("(unchanged)"));
    }
}

/// Replaces text in `a.toml` and checks it.
fn edit(folder: &Folder, from: &str, to: &str) -> Finished {
    let text = std::fs::read_to_string(folder.path("a.toml")).unwrap();
    assert!(text.contains(from), "{text}");
    folder.write("a.toml", text.replace(from, to));
    check(folder, "a")
}

#[test]
fn what_decides_nothing_in_a_claim_is_taken_over_without_work() {
    let folder = Folder::new();
    Claim::RATE.write(&folder, "a");
    check(&folder, "a").expect(0);
    let record = std::fs::metadata(folder.path("a.evidence/a/run/record.jsonl")).unwrap().modified().unwrap();
    for (from, to) in [
        ("[[claim]]", "# a remark\n\n[[claim]]"),
        ("n = 60\nselection = \"the first\"", "selection = 'the first'\nn = 60"),
        ("what is claimed", "what else is claimed"),
        ("[claim.subject]", "policy = { undecided = \"warn\" }\nexpires = 2999-01-01\n[claim.subject]"),
    ] {
        let checked = edit(&folder, from, to).expect(0);
        assert!(checked.stdout.contains("(unchanged)"), "{to}: {}", checked.stdout);
    }
    assert_eq!(record, std::fs::metadata(folder.path("a.evidence/a/run/record.jsonl")).unwrap().modified().unwrap());
    let stored = verdict(&folder, "a");
    assert_eq!((&stored["claim"]["statement"], &stored["claim"]["expires"]), (&"what else is claimed".into(), &"2999-01-01".into()));
    folder.run("replay a.evidence").expect(0);
}

#[test]
fn a_changed_claim_is_decided_again() {
    let folder = Folder::new();
    Claim::RATE.write(&folder, "a");
    check(&folder, "a").expect(0);
    let refuted = edit(&folder, "at_least = 0.3", "at_least = 0.9").expect(1);
    assert!(refuted.stdout.contains("decided again: a.toml has changed"), "{}", refuted.stdout);
    assert_eq!(verdict(&folder, "a")["numbers"]["threshold"], 0.9);
    assert!(check(&folder, "a").expect(1).stdout.contains("(unchanged)"));
    edit(&folder, "at_least = 0.9", "at_least = 0.3").expect(0);
    let fresh = folder.run("check a.toml --runtime rten --fresh").expect(0);
    assert!(!fresh.stdout.contains("unchanged"), "{}", fresh.stdout);
}

#[test]
fn claims_that_share_an_error_are_decided_again_together() {
    let folder = Folder::new();
    let other = Claim { property: "kind = \"rate\"\nat_least = 0.25", ..Claim::RATE };
    let clean = Claim {
        sampling: "exhaustive",
        threat: None,
        property: "kind = \"bound\"\nquantity = \"clean_accuracy\"\nat_least = 0.2",
        ..Claim::RATE
    };
    let texts = [Claim::RATE.text(&folder, "one"), other.text(&folder, "two"), clean.text(&folder, "alone")];
    folder.write("a.toml", format!("schema = \"brinell.claim/1\"\n{}", texts.concat()));
    check(&folder, "a").expect(0);
    edit(&folder, "at_least = 0.25", "at_least = 0.28").expect(0);
    let json: Value = serde_json::from_str(&folder.run("check a.toml --runtime rten --json --fresh").expect(0).stdout).unwrap();
    assert_eq!(json["claims"].as_array().unwrap().len(), 3);
    let text = std::fs::read_to_string(folder.path("a.toml")).unwrap();
    folder.write("a.toml", text.replace("at_least = 0.28", "at_least = 0.27"));
    let json: Value = serde_json::from_str(&folder.run("check a.toml --runtime rten --json").expect(0).stdout).unwrap();
    let unchanged: Vec<&Value> = json["claims"].as_array().unwrap().iter().map(|claim| &claim["unchanged"]).collect();
    assert_eq!(unchanged, [false, false, true], "{json}");
}

#[test]
fn a_new_model_is_taken_into_its_claims() {
    let folder = Folder::new();
    let held = Claim { property: "kind = \"bound\"\nquantity = \"clean_accuracy\"\nat_least = 0.5", threat: None, ..Claim::RATE };
    let text = format!("# kept\nschema = \"brinell.claim/1\"\n{}{}", Claim::RATE.text(&folder, "one"), held.text(&folder, "two"));
    folder.write("a.toml", &text);
    check(&folder, "a").expect(0);
    assert!(folder.run("claim update a.toml").expect(0).stdout.contains("up to date"));
    std::fs::copy(folder.path("robust.onnx"), folder.path("ordinary.onnx")).unwrap();
    check(&folder, "a").expect(3);
    // Nobody can be asked here, and new data would not be accepted with the model.
    assert!(folder.run("claim update a.toml").expect(4).stderr.contains("--yes"));
    folder.run("claim update a.toml --yes --only data").expect(3);
    assert_eq!(std::fs::read_to_string(folder.path("a.toml")).unwrap(), text);
    folder.run("claim update a.toml --yes --only model").expect(0);
    let digest = |name: &str| brinell::record::hash::sha256_file(&folder.path(name)).unwrap();
    let before = brinell::record::hash::sha256_file(&crate::support::demo().join("ordinary.onnx")).unwrap();
    let updated = std::fs::read_to_string(folder.path("a.toml")).unwrap();
    assert_eq!(updated, text.replace(&before, &digest("ordinary.onnx")));
    let again = check(&folder, "a").expect(0);
    assert!(again.stdout.contains("decided again"), "{}", again.stdout);
    flip(&folder.path("labels.idx1-ubyte"), 400);
    folder.run("claim update . --yes").expect(0);
    check(&folder, "a").expect(0);
}

#[test]
fn a_digest_of_two_files_of_which_one_was_replaced_is_left_to_the_user() {
    let folder = Folder::new();
    std::fs::copy(folder.path("ordinary.onnx"), folder.path("copy.onnx")).unwrap();
    let text = format!(
        "schema = \"brinell.claim/1\"\n{}{}",
        Claim::RATE.text(&folder, "one"),
        Claim { model: "copy", ..Claim::RATE }.text(&folder, "two")
    );
    folder.write("a.toml", &text);
    std::fs::copy(folder.path("robust.onnx"), folder.path("copy.onnx")).unwrap();
    let refused = folder.run("claim update a.toml --yes").expect(4);
    assert!(
        refused.stderr.contains("another file has the same digest") && refused.stderr.contains("into the claim file"),
        "{}",
        refused.stderr
    );
    assert_eq!(std::fs::read_to_string(folder.path("a.toml")).unwrap(), text);
}

#[test]
fn evidence_of_another_version_is_decided_again() {
    let folder = Folder::new();
    Claim::RATE.write(&folder, "a");
    check(&folder, "a").expect(0);
    let path = folder.path("a.evidence/a/manifest.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace(&format!("\"{}\"", env!("CARGO_PKG_VERSION")), "\"0.0.9\"")).unwrap();
    let again = check(&folder, "a").expect(0);
    assert!(again.stdout.contains("decided by brinell 0.0.9") && !again.stdout.contains("(unchanged)"), "{}", again.stdout);
    assert!(check(&folder, "a").expect(0).stdout.contains("(unchanged)"));
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
    assert!(refused.contains("run/extra.txt is not listed"), "{refused}");
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
    assert!(rejected.iter().all(|witness| witness["violation"].as_str().unwrap().contains("in the data")), "{}", run.stdout);
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
    let again = check(&folder, "a").expect(1);
    assert!(again.stdout.contains("sha256 changed from"), "{}", again.stdout);
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
    assert!(other.stderr.contains("counterexamples were found on"), "{}", other.stderr);
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
    assert!(folder.run("replay none").expect(2).stdout.contains("nothing was tested"));
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
