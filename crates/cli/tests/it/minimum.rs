//! Audits for the nearest example of every sample.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Folder, verdicts};

const RUN: &str = "audit robust.onnx --data images.idx3-ubyte --minimum-norm --runtime rten";
const TWO: &str = "--norm l2 --attack ddn:steps=40 --attack fmn:steps=40";

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| value.as_str().unwrap().parse().unwrap())
}

/// Distances by sample; infinite where no example was found, 0 where the sample is wrong without one.
fn distances(lines: &[Value]) -> Vec<f64> {
    let distance = |line: &Value| match line["outcome"].as_str().unwrap() {
        "misclassified" => 0.0,
        "broken" => line["norm"].as_f64().unwrap(),
        _ => f64::INFINITY,
    };
    lines.iter().map(distance).collect()
}

#[test]
fn quantiles_and_curve_are_those_of_the_distances_in_the_record() {
    let folder = Folder::new();
    folder.run(&format!("{RUN} {TWO} --limit 31 --out run")).expect(0);
    let summary = folder.summary("run");
    let mut all = distances(&folder.record("run"));
    all.sort_by(f64::total_cmp);
    assert_eq!(all.len(), 31);
    let minimum = &summary["minimum_norm"];
    assert_eq!(minimum["found"], all.iter().filter(|v| **v > 0.0 && v.is_finite()).count() as u64);
    assert_eq!(minimum["not_found"], all.iter().filter(|v| v.is_infinite()).count() as u64);
    let median = minimum["of_all"].as_array().unwrap().iter().find(|quantile| quantile["share"] == 0.5).unwrap();
    assert_eq!(number(&median["value"]), all[15]);
    assert!(number(&median["low"]) <= all[15] && number(&median["high"]) >= all[15], "{median}");
    let curve = summary["curve"].as_array().unwrap();
    for point in curve {
        let eps = number(&point["eps"]);
        assert_eq!(point["survived"], all.iter().filter(|v| **v > eps).count() as u64, "{point}");
    }
    assert_eq!(number(&curve[0]["eps"]), 0.0);
    assert_eq!(number(&curve.last().unwrap()["eps"]), all.iter().copied().filter(|v| v.is_finite()).fold(0.0, f64::max));
}

#[test]
fn every_distance_is_that_of_an_input_which_fools_the_model() {
    let folder = Folder::new();
    for (norm, attack) in [("linf", "fmn:steps=40"), ("l2", "ddn:steps=40"), ("l1", "pdpgd:steps=40"), ("l0", "sigma-zero:steps=40")] {
        folder.run(&format!("{RUN} --norm {norm} --attack {attack} --limit 12 --out {norm}")).expect(0);
        let found = folder.record(norm).iter().filter(|line| line["outcome"] == "broken").count();
        assert!(found >= 8, "{norm}: {found}");
        // The examples as data: those of samples that were attacked with success are all misclassified.
        let replay = folder.run(&format!(
            "audit robust.onnx --data {norm}/adversarial.npz --norm linf --eps 0 --runtime rten --attack fgsm --out {norm}-back"
        ));
        assert!([0, 2].contains(&replay.code), "{}", replay.stderr);
        assert_eq!(folder.summary(&format!("{norm}-back"))["clean_correct"], 0, "{norm}");
    }
}

#[test]
fn a_second_attack_takes_no_example_away() {
    let folder = Folder::new();
    folder.run(&format!("{RUN} --norm l2 --attack ddn:steps=40 --limit 12 --out one")).expect(0);
    folder.run(&format!("{RUN} {TWO} --limit 12 --out two")).expect(0);
    let (one, two) = (distances(&folder.record("one")), distances(&folder.record("two")));
    assert!(one.iter().zip(&two).all(|(one, two)| two <= one), "{one:?} {two:?}");
}

#[test]
fn batch_and_threads_change_no_distance() {
    let folder = Folder::new();
    for norm in ["linf", "l2", "l1", "l0"] {
        let attack = if norm == "l2" { "ddn" } else { "pdpgd" };
        let run = |more: &str, out: &str| {
            folder
                .run(&format!("{RUN} --norm {norm} --attack {attack}:steps=25 --attack fmn:steps=25 --limit 12 --out {out} {more}"))
                .expect(0);
            (verdicts(&folder.record(out)), distances(&folder.record(out)))
        };
        let first = run("--batch 1 --threads 1", &format!("{norm}-one"));
        assert_eq!(first, run("--batch 5 --threads 2", &format!("{norm}-five")), "{norm}");
    }
}

#[test]
fn a_killed_run_resumes_to_the_same_distances() {
    let folder = Folder::new();
    let run = format!("{RUN} --norm l2 --attack ddn:steps=60 --attack fmn:steps=60 --limit 40");
    let mut child = folder
        .command(&format!("{run} --out stopped --batch 4"))
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let begin = Instant::now();
    // In the second stage, which starts from what the first has found.
    let second = |folder: &Folder| {
        let text = std::fs::read_to_string(folder.path("stopped/stages.jsonl")).unwrap_or_default();
        text.lines().filter(|line| line.contains("\"stage\":1")).count() >= 5
    };
    while !second(&folder) && begin.elapsed() < Duration::from_secs(240) {
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!folder.path("stopped/summary.json").exists(), "the run was over before it could be killed");
    folder.run(&format!("{run} --out stopped --batch 4 --resume")).expect(0);
    folder.run(&format!("{run} --out whole --batch 4")).expect(0);
    assert_eq!(folder.record("stopped"), folder.record("whole"));
    let same = |key: &str| assert_eq!(folder.summary("stopped")[key], folder.summary("whole")[key], "{key}");
    ["minimum_norm", "curve", "broken", "survived", "clean_correct"].into_iter().for_each(same);
    let npz = |out: &str| std::fs::read(folder.path(out).join("adversarial.npz")).unwrap();
    assert_eq!(npz("stopped"), npz("whole"));
}

#[test]
fn what_cannot_look_for_the_nearest_example_is_refused_before_anything_runs() {
    let folder = Folder::new();
    for (more, said) in [
        ("--norm linf --attack pgd", "attack pgd needs a radius"),
        ("--norm linf --attack square", "attack square needs a radius"),
        ("--norm linf --suite standard", "attack apgd-ce needs a radius"),
        ("--norm linf --attack ddn", "attack ddn supports l2, not linf"),
        ("--norm l2 --attack fmn --eps 0.1", "--minimum-norm"),
    ] {
        let refused = folder.run(&format!("{RUN} {more} --limit 4 --out refused")).expect(4);
        assert!(refused.stderr.contains(said), "{more}: {}", refused.stderr);
        assert!(!folder.path("refused").exists(), "{more}");
    }
}
