//! Certificates of samples, properties in VNN-LIB, and audits that look for proofs first.

use std::fmt::Write as _;

use serde_json::Value;

use crate::claims::{Claim, check, verdict};
use crate::support::Folder;

const CERTIFY: &str = "certify robust.onnx --data images.idx3-ubyte --norm linf --eps 0.005 --limit 8 --runtime rten --timeout 60s";

fn lines(folder: &Folder, out: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.path(out).join("certify.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn samples_are_certified_and_a_run_that_was_cut_off_goes_on() {
    let folder = Folder::new();
    folder.run(&format!("{CERTIFY} --out run")).expect(0);
    let (summary, all) = (folder.summary("run"), lines(&folder, "run"));
    let of = |standing: &str| all.iter().filter(|line| line["standing"] == standing).count();
    assert_eq!(summary["certified"]["count"], of("certified"));
    assert_eq!(of("certified") + of("misclassified") + of("falsified") + of("boundary"), 8, "{all:?}");
    assert!(of("certified") >= 4, "{all:?}");
    assert!(all.iter().filter(|line| line["standing"] == "certified").all(|line| line["bound"].as_f64().unwrap() > 0.0));
    assert_eq!(summary["certified"]["rate"]["confidence"], 0.95);

    // As a kill leaves it: the fourth line half written.
    let path = folder.path("run").join("certify.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    let third = text.match_indices('\n').nth(2).unwrap().0;
    std::fs::write(&path, &text[..third + 9]).unwrap();
    let resumed = folder.run(&format!("{CERTIFY} --out run --resume")).expect(0);
    assert_eq!(resumed.stderr.lines().filter(|line| line.starts_with("sample ")).count(), 5, "{}", resumed.stderr);
    let verdicts = |lines: &[Value]| lines.iter().map(|line| line["standing"].clone()).collect::<Vec<_>>();
    assert_eq!(verdicts(&lines(&folder, "run")), verdicts(&all));

    let again = folder.run(&format!("{CERTIFY} --out run")).expect(4);
    assert!(again.stderr.contains("already contains a run"), "{}", again.stderr);
    let other = folder.run(&format!("{} --out run --resume", CERTIFY.replace("0.005", "0.006"))).expect(3);
    assert!(other.stderr.contains("question"), "{}", other.stderr);
}

#[test]
fn the_largest_radius_lies_above_the_one_that_is_certified() {
    let folder = Folder::new();
    folder.run(&format!("{} --largest --limit 2 --out run", CERTIFY.replace(" --limit 8", "").replace("60s", "1s"))).expect(0);
    for line in lines(&folder, "run") {
        if line["standing"] == "certified" {
            assert!(line["largest"].as_f64().unwrap() >= 0.005, "{line}");
        }
    }
}

#[test]
fn an_audit_attacks_only_what_it_cannot_prove() {
    let folder = Folder::new();
    folder.audit("robust", "--limit 8 --certify 2s --attack pgd:steps=5 --out run").expect(0);
    let (summary, record) = (folder.summary("run"), folder.record("run"));
    let certified: Vec<&Value> = record.iter().filter(|line| line["certified"] == true).collect();
    assert_eq!(summary["certified"]["count"], certified.len());
    assert!(!certified.is_empty());
    assert!(certified.iter().all(|line| line["outcome"] == "survived" && line["forwards"] == 1), "{certified:?}");
    let attacked = summary["stages"][0]["attacked"].as_u64().unwrap() as usize;
    assert_eq!(attacked, summary["clean_correct"].as_u64().unwrap() as usize - certified.len());
    let page = std::fs::read_to_string(folder.path("run").join("report.html")).unwrap();
    assert!(page.contains("which was proven") && !page.contains("no proof was attempted"));
    let replayed = folder.run("replay run --json").expect(0);
    let replayed: Value = serde_json::from_str(&replayed.stdout).unwrap();
    let checked = replayed[0]["certificates"].as_array().unwrap();
    assert_eq!(checked.len(), certified.len());
    assert!(checked.iter().all(|line| line["found"] == "confirmed" && line["bound"].as_f64().unwrap() > 0.0), "{checked:?}");
}

#[test]
fn what_cannot_be_certified_is_said_before_anything_runs() {
    let folder = Folder::new();
    let l0 = folder.run(&format!("{} --out run", CERTIFY.replace("linf --eps 0.005", "l0 --eps 3"))).expect(4);
    assert!(l0.stderr.contains("certificates do not support the norm l0"), "{}", l0.stderr);
    let both = folder.run("audit robust.onnx --data images.idx3-ubyte --norm linf --minimum-norm --certify 1s").expect(4);
    assert!(both.stderr.contains("--certify"), "{}", both.stderr);
    let time = folder.audit("robust", "--certify soon").expect(4);
    assert!(time.stderr.contains("`soon` is not a time"), "{}", time.stderr);
    let inspected: Value = serde_json::from_str(&folder.run("inspect robust.onnx --json").expect(0).stdout).unwrap();
    assert_eq!(inspected["certifiable"], true);
}

/// A box around the first image, and an assertion about the outputs.
fn property(folder: &Folder, radius: f64, assertion: &str) -> String {
    let bytes = std::fs::read(folder.path("images.idx3-ubyte")).unwrap();
    let mut text = String::new();
    (0..784).for_each(|i| writeln!(text, "(declare-const X_{i} Real)").unwrap());
    (0..10).for_each(|i| writeln!(text, "(declare-const Y_{i} Real)").unwrap());
    for (i, &byte) in bytes[16..800].iter().enumerate() {
        let x = f64::from(byte) / 255.0;
        writeln!(text, "(assert (>= X_{i} {}))\n(assert (<= X_{i} {}))", x - radius, x + radius).unwrap();
    }
    text + assertion
}

#[test]
fn properties_are_answered_in_the_form_of_the_competition() {
    let folder = Folder::new();
    let verify = "--network f=robust.onnx --timeout 60 --runtime rten";
    folder.write("unsat.vnnlib", property(&folder, 0.001, "(assert (or (>= Y_0 1000) (and (<= Y_1 -1000) (<= Y_2 Y_1))))"));
    assert_eq!(folder.run(&format!("verify unsat.vnnlib {verify}")).expect(0).stdout, "unsat\n");
    folder.write("sat.vnnlib", property(&folder, 0.001, "(assert (<= Y_0 1000))"));
    let sat = folder.run(&format!("verify sat.vnnlib {verify}")).expect(0).stdout;
    assert!(sat.starts_with("sat\n((X_0 ") && sat.trim_end().ends_with("))"), "{sat}");
    assert_eq!(sat.lines().count(), 1 + 784 + 10);
    folder.write("broken.vnnlib", "(declare-const X_0 Real)\n(assert (<= X_1 0))");
    let broken = folder.run(&format!("verify broken.vnnlib {verify}")).expect(4);
    assert!(broken.stderr.contains("line 2") && broken.stderr.contains("X_1"), "{}", broken.stderr);
    folder
        .write("small.vnnlib", "(declare-const X_0 Real)(declare-const Y_0 Real)(assert (<= X_0 0))(assert (>= X_0 0))(assert (<= Y_0 0))");
    let small = folder.run(&format!("verify small.vnnlib {verify}")).expect(4);
    assert!(small.stderr.contains("the property has 1 inputs; the network has 784"), "{}", small.stderr);
}

#[test]
fn certificates_are_checked_again_and_none_that_was_changed_passes() {
    let folder = Folder::new();
    let run = folder.run(&format!("{CERTIFY} --check --out run")).expect(0);
    let (summary, all) = (folder.summary("run"), lines(&folder, "run"));
    let certified: Vec<&Value> = all.iter().filter(|line| line["standing"] == "certified").collect();
    assert_eq!(summary["certificates"], certified.len());
    let said = format!("{0} of {0} certified samples are confirmed", certified.len());
    assert!(run.stdout.contains(&said), "{}", run.stdout);
    assert!(folder.run("replay run").expect(0).stdout.contains(&said));

    let file = |line: &Value| format!("certificates/{:06}.cert", line["sample"].as_u64().unwrap());
    let path = folder.path("run").join(file(certified[0]));
    let bytes = std::fs::read(&path).unwrap();
    let with = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let replayed = folder.run("replay run").expect(3);
        assert!(replayed.stdout.contains("1 changed"), "{}", replayed.stdout);
        replayed.stderr
    };
    let mut flipped = bytes.clone();
    flipped[100] ^= 1;
    assert!(with(&flipped).contains("damaged"));
    assert!(with(&bytes[..bytes.len() - 7]).contains("damaged"));
    let other = folder.path("run").join(file(certified[1]));
    assert!(with(&std::fs::read(other).unwrap()).contains("about other inputs"));
    std::fs::remove_file(&path).unwrap();
    assert!(folder.run("replay run").expect(3).stderr.contains("is missing"));
    std::fs::write(&path, &bytes).unwrap();

    // A sample that was not certified is written down as one that was.
    let lines_path = folder.path("run").join("certify.jsonl");
    let text = std::fs::read_to_string(&lines_path).unwrap();
    let shrunk = text.lines().filter(|line| !line.contains("\"certified\"")).map(|line| format!("{line}\n")).collect::<String>();
    std::fs::write(&lines_path, shrunk).unwrap();
    assert!(folder.run("replay run").expect(4).stderr.contains("do not add up"));
    std::fs::write(&lines_path, text).unwrap();

    let stranger = folder.run("replay run --model ordinary.onnx").expect(3);
    assert!(stranger.stderr.contains("model"), "{}", stranger.stderr);
}

/// A claim about the first samples, for each of which a proof is looked for.
fn claimed(folder: &Folder, name: &str, n: usize, eps: &'static str, property: &'static str) {
    let claim = Claim { model: "robust", n, sampling: "exhaustive", threat: Some((eps, "pgd:steps=2")), property, ..Claim::RATE };
    let text = claim.text(folder, name).replace("attacks = [", "certify = 20\nattacks = [");
    folder.write(&format!("{name}.toml"), format!("schema = \"brinell.claim/1\"\n{text}"));
}

#[test]
fn a_claim_is_proven_by_certificates_that_the_checker_confirms() {
    let folder = Folder::new();
    claimed(&folder, "share", 8, "0.002", "kind = \"rate\"\nat_least = 0.5");
    let run = check(&folder, "share").expect(0);
    let decided = verdict(&folder, "share");
    assert_eq!(decided["verdict"], "proven", "{}", run.stdout);
    assert!(decided["certified"].as_u64().unwrap() >= 4, "{decided}");
    let replayed = folder.run("replay share.evidence").expect(0);
    assert!(replayed.stdout.contains("certified samples are confirmed by the checker"), "{}", replayed.stdout);

    claimed(&folder, "all", 3, "0.002", "kind = \"forall\"\namong = \"correct\"");
    let run = check(&folder, "all").expect(0);
    assert_eq!(verdict(&folder, "all")["verdict"], "proven", "{}", run.stdout);

    // More than the certificates show, and attacks that fail prove nothing.
    claimed(&folder, "more", 8, "0.002", "kind = \"rate\"\nat_least = 1.0");
    assert_ne!(verdict_of(&folder, "more"), "proven");

    let certificate = std::fs::read_dir(folder.path("share.evidence/share/run/certificates")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&certificate).unwrap();
    bytes[40] ^= 1;
    std::fs::write(&certificate, bytes).unwrap();
    folder.run("replay share.evidence").expect(3);
}

fn verdict_of(folder: &Folder, name: &str) -> Value {
    check(folder, name);
    verdict(folder, name)["verdict"].clone()
}

#[test]
fn queries_of_the_second_version_are_answered_in_its_form() {
    let folder = Folder::new();
    let query = |element: &str, assertion: &str| {
        let mut text =
            format!("(vnnlib-version <2.0>)\n(declare-network f (declare-input X {element} [784]) (declare-output Y {element} [1,10]))\n");
        (0..784).for_each(|i| writeln!(text, "(assert (and (>= X[{i}] 0.0) (<= X[{i}] 0.001)))").unwrap());
        text + assertion
    };
    for element in ["Real", "float32"] {
        folder.write("unsat.vnnlib", query(element, "(assert (>= Y[0,0] 1000.0))"));
        let verify = "--timeout 60 --runtime rten --network";
        assert_eq!(folder.run(&format!("verify unsat.vnnlib {verify} f=robust.onnx")).expect(0).stdout, "unsat\n");
        folder.write("sat.vnnlib", query(element, "(assert (<= Y[0,0] 1000.0))"));
        let sat = folder.run(&format!("verify sat.vnnlib {verify} f=robust.onnx")).expect(0).stdout;
        let lines: Vec<&str> = sat.lines().collect();
        assert_eq!((lines[0], lines[1], lines[786]), ("sat", &*format!("X {element} [784]"), &*format!("Y {element} [1,10]")));
        assert_eq!(lines.len(), 2 + 784 + 1 + 10);
        let other = folder.run(&format!("verify sat.vnnlib {verify} g=robust.onnx")).expect(4);
        assert!(other.stderr.contains("about the network `f`"), "{}", other.stderr);
    }
}

#[test]
fn a_folder_of_instances_is_compared_with_what_is_known() {
    let folder = Folder::new();
    folder.write("far.vnnlib", property(&folder, 0.001, "(assert (>= Y_0 1000))"));
    folder.write("near.vnnlib", property(&folder, 0.001, "(assert (<= Y_0 1000))"));
    folder.write("verdicts.csv", "onnx,vnnlib,timeout_s,expected\nrobust.onnx,far.vnnlib,20,unsat\nrobust.onnx,near.vnnlib,20,sat\n");
    let run = folder.run("bench vnncomp . --runtime rten").expect(0);
    assert!(run.stdout.contains("2 of 2 solved") && run.stdout.contains("0 wrong"), "{}", run.stdout);
    folder.write("verdicts.csv", "onnx,vnnlib,timeout_s,expected\nrobust.onnx,near.vnnlib,20,unsat\n");
    assert!(folder.run("bench vnncomp . --runtime rten").expect(5).stdout.contains("WRONG"));
    folder.write("verdicts.csv", "onnx,vnnlib,timeout_s,expected\nrobust.onnx,near.vnnlib,soon,unsat\n");
    assert!(folder.run("bench vnncomp . --runtime rten").expect(4).stderr.contains("line 2"));
}

#[test]
fn shards_of_certificates_make_the_run_of_one_machine() {
    let folder = Folder::new();
    folder.run(&format!("{CERTIFY} --out whole")).expect(0);
    for shard in 0..3 {
        let done = folder.run(&format!("{CERTIFY} --out s{shard} --shard {shard}/3")).expect(0);
        assert!(done.stdout.contains(&format!("Shard {shard}/3 is done")), "{}", done.stdout);
        assert!(!folder.path(&format!("s{shard}")).join("summary.json").exists());
    }
    let missing = folder.run("merge s0 s2 --out all").expect(4);
    assert!(missing.stderr.contains("1 of 3 shards are missing: 1/3"), "{}", missing.stderr);
    folder.run("merge s2 s0 s1 --out all").expect(0);
    let timeless = |out: &str| {
        let mut all = lines(&folder, out);
        all.iter_mut().for_each(|line| line["seconds"] = Value::Null);
        all
    };
    assert_eq!(timeless("all"), timeless("whole"));
    let (all, whole) = (folder.summary("all"), folder.summary("whole"));
    for figure in ["n", "clean_correct", "certified", "certificates", "falsified", "open", "model_sha256", "data_sha256"] {
        assert_eq!(all[figure], whole[figure], "{figure}");
    }
    let replayed = folder.run("replay all").expect(0);
    assert!(replayed.stdout.contains("are confirmed"), "{}", replayed.stdout);

    // A line that was changed after the shard ended.
    let path = folder.path("s1").join("certify.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("misclassified", "certified", 1).replacen("\"label\":", "\"label\": ", 1)).unwrap();
    let changed = folder.run("merge s0 s1 s2 --out other").expect(4);
    assert!(changed.stderr.contains("not the file with which the shard ended"), "{}", changed.stderr);
    assert!(!folder.path("other").exists());
}
