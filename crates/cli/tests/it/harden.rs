//! Hardening: the file with other numbers, and what is said about it.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Finished, Folder};

/// Trains the demo's ordinary network on the demo's few images, and judges it by a short attack.
const RUN: &str = "harden ordinary.onnx --data images.idx3-ubyte --limit 200 --norm linf --eps 0.03 --clean-weight 0.2 --train-batch 16 --epochs 2 --suite short.toml --max-clean-loss 100 --runtime rten --threads 2";

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("short.toml", "[[stage]]\nattack = \"pgd:steps=10\"\n");
    folder
}

fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

#[test]
fn only_the_numbers_of_trained_tensors_differ() {
    let folder = folder();
    let ran = folder.run(&format!("{RUN} -o hardened.onnx --folder run --freeze *bias --json")).expect(0);
    let summary: Value = serde_json::from_str(&ran.stdout).unwrap();
    let (before, after) = (bytes(&folder.path("ordinary.onnx")), bytes(&folder.path("hardened.onnx")));
    let ranges: Vec<(usize, usize)> = summary["ranges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|range| (range[1].as_u64().unwrap() as usize, range[2].as_u64().unwrap() as usize))
        .collect();
    let inside = |at: usize| ranges.iter().any(|&(from, to)| (from..to).contains(&at));
    let outside: Vec<usize> = (0..before.len()).filter(|&at| before[at] != after[at] && !inside(at)).collect();
    assert_eq!(outside, Vec::<usize>::new());
    assert!(ranges.iter().all(|&(from, to)| before[from..to] != after[from..to]), "a trained tensor did not move");
    let trained = |name: &str| summary["identity"]["tensors"].as_array().unwrap().iter().any(|t| t["name"] == name && t["kept"].is_null());
    let tensors = summary["identity"]["tensors"].as_array().unwrap();
    assert!(
        tensors.iter().all(|tensor| trained(tensor["name"].as_str().unwrap()) != tensor["name"].as_str().unwrap().contains("bias")),
        "{tensors:?}"
    );
    // What is added behind says where the file comes from.
    let added = String::from_utf8_lossy(&after[before.len()..]).into_owned();
    assert!(added.contains("brinell.parent_sha256") && added.contains("brinell.harden"), "{added}");
    let read = brinell_onnx::read(&after, None).unwrap();
    assert_eq!(read.graph.nodes().len(), brinell_onnx::read(&before, None).unwrap().graph.nodes().len());
    // The figures are those of the audits that stand beside them.
    let [parent, child] = ["parent", "hardened"].map(|name| folder.summary(&format!("run/{name}")));
    assert!(child["survived"].as_u64() > parent["survived"].as_u64(), "{} {}", parent["survived"], child["survived"]);
    assert_eq!(summary["accuracy"][1][1], child["robust_accuracy"]);
    assert_eq!(
        summary["comparison"]["robust"]["only_b"].as_u64().unwrap() + summary["comparison"]["robust"]["both"].as_u64().unwrap(),
        child["survived"].as_u64().unwrap()
    );
    let share = |value: &Value| format!("{:.1} %", 100.0 * value.as_f64().unwrap());
    let headline = summary["headline"].as_str().unwrap();
    assert!(
        headline.contains(&share(&child["robust_accuracy"]["value"])) && headline.contains(&share(&parent["clean_accuracy"]["value"])),
        "{headline}"
    );
}

/// Starts a run, kills it once it has done so many more steps, and says whether it was still at work.
fn kill_after(folder: &Folder, more: &str, steps: usize) -> bool {
    let mut child = folder
        .command(&format!("{RUN} -o killed.onnx --folder killed {more}"))
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let count = || std::fs::read_to_string(folder.path("killed/steps.jsonl")).unwrap_or_default().lines().count();
    let begin = Instant::now();
    while count() < steps && begin.elapsed() < Duration::from_secs(120) && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let running = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    running
}

#[test]
fn kills_and_threads_change_no_bit() {
    let folder = folder();
    folder.run(&format!("{RUN} -o whole.onnx --folder whole --threads 1").replace("--threads 2 ", "")).expect(0);
    assert!(kill_after(&folder, "", 4), "the run was over before it could be killed");
    assert!(kill_after(&folder, "--resume", 10), "the run was over before it could be killed");
    folder.run(&format!("{RUN} -o killed.onnx --folder killed --resume")).expect(0);
    assert!(bytes(&folder.path("whole.onnx")) == bytes(&folder.path("killed.onnx")), "the weights differ");
    let lines = |run: &str| {
        let text = std::fs::read_to_string(folder.path(run).join("steps.jsonl")).unwrap();
        let line = |line: &str| {
            let mut line: Value = serde_json::from_str(line).unwrap();
            line["seconds"].take();
            line
        };
        text.lines().map(line).collect::<Vec<_>>()
    };
    assert_eq!(lines("whole"), lines("killed"));
    // Another seed is another run.
    let other = folder.run(&format!("{RUN} -o killed.onnx --folder killed --resume --seed 7")).expect(3);
    assert!(other.stderr.contains("effort.seed was 0 and is 7"), "{}", other.stderr);
}

#[test]
fn a_curve_has_a_model_for_each_weight_and_writes_the_one_asked_for() {
    let folder = folder();
    let command = format!("{RUN} -o hardened.onnx --folder curve --curve=1 --json");
    let curve = |command: &str| -> Value {
        let mut curve: Value = serde_json::from_str(&folder.run(command).expect(0).stdout).unwrap();
        assert!(curve["created"].take().is_string());
        curve
    };
    let first = curve(&command);
    let points = first["points"].as_array().unwrap();
    assert_eq!(points.iter().map(|point| point["clean_weight"].as_f64().unwrap()).collect::<Vec<_>>(), [0.2, 1.0]);
    let run = folder.summary("curve/clean-weight-0.2");
    assert_eq!(first["headline"], run["headline"]);
    assert_eq!(points[0]["robust"], run["accuracy"][1][1]);
    assert_eq!(run["output_sha256"].as_str().unwrap(), brinell::record::hash::sha256_file(&folder.path("hardened.onnx")).unwrap());
    // Training on clean samples alone gains nothing, or less.
    assert!(points[1]["robust"].is_null() || points[1]["robust"]["value"].as_f64() <= points[0]["robust"]["value"].as_f64(), "{points:?}");
    assert!(folder.path("curve/report.html").is_file() && folder.path("curve/clean-weight-0.2/report.html").is_file());

    std::fs::remove_file(folder.path("curve/curve.json")).unwrap();
    assert_eq!(first, curve(&format!("{command} --resume")));
    assert!(folder.run(&command).expect(4).stderr.contains("exists already"));
    let trades =
        folder.run(&format!("{command} --method trades").replace("--clean-weight 0.2", "").replace("folder curve", "folder other"));
    assert!(trades.expect(4).stderr.contains("a method with a clean weight is needed"));
}

#[test]
fn what_cannot_be_trained_is_said() {
    let folder = folder();
    let refused = |arguments: &str, said: &str| {
        let Finished { code, stderr, .. } = folder.run(arguments);
        assert_eq!(code, 4, "{arguments}: {stderr}");
        assert!(stderr.contains(said) && stderr.contains("hint:"), "{arguments}: {stderr}");
    };
    let base = "harden ordinary.onnx --data images.idx3-ubyte --norm linf --eps 0.1 --runtime rten -o out.onnx --folder refused";
    refused(&format!("{base} --val images.idx3-ubyte"), "is given as training data and as validation data");
    refused(&format!("{base} --only nothing*"), "no trainable tensor is named `nothing*`");
    refused(&base.replace("linf", "l1"), "not l1");
    refused(&base.replace("--eps 0.1", "--eps 0"), "radius above 0");
    refused(&base.replace("out.onnx", "robust.onnx"), "exists already");
    folder.write("copy.idx3-ubyte", bytes(&folder.path("images.idx3-ubyte")));
    refused(
        &format!("{base} --val copy.idx3-ubyte --val-labels labels.idx1-ubyte"),
        "500 of 500 validation samples are also in the training data",
    );
    refused(&format!("{base} --limit 30"), "are too few");
    assert!(!folder.path("out.onnx").exists() && !folder.path("refused").exists());
}
