use std::time::{Duration, Instant};

use brinell_testkit::{Need, skip};
use serde_json::Value;

use crate::support::{Finished, Folder};

const RUN: &str =
    "audit robust.onnx --data images.idx3-ubyte --norm linf --eps 0.1 --limit 80 --attack pgd:steps=20 --attack square:queries=200";

/// Audits all samples, and two or more shards of them, and compares what is left.
fn assert_merged_is_whole(folder: &Folder, shards: &str, runtime: &str) {
    folder.run(&format!("{RUN} --runtime {runtime} --out whole")).expect(0);
    let merged = folder.run(&format!("merge {shards} --out merged")).expect(0);
    assert!(merged.stdout.contains("robust accuracy"), "{}", merged.stdout);
    for name in ["record.jsonl", "adversarial.npz"] {
        let read = |out: &str| std::fs::read(folder.path(out).join(name)).unwrap();
        assert!(read("merged") == read("whole"), "{name} is another one");
    }
    assert!(folder.path("merged/report.html").exists());
    let flags = |out: &str| folder.summary(out)["flags"].clone();
    assert_eq!(flags("merged"), flags("whole"));
}

#[test]
fn a_shard_that_was_killed_is_gone_on_with_by_the_same_command() {
    let folder = Folder::new();
    let run = format!("{RUN} --runtime rten --resume --shard");
    let mut child = folder.command(&format!("{run} 0/2 --out s0")).stderr(std::process::Stdio::null()).spawn().unwrap();
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(120) {
        let text = std::fs::read_to_string(folder.path("s0/stages.jsonl")).unwrap_or_default();
        if text.lines().count() >= 8 {
            break;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!folder.path("s0/shard.json").exists(), "the shard was over before it could be killed");
    let early = folder.run("merge s0 --out merged").expect(4);
    assert!(early.stderr.contains("1 of 2 shards are missing: 1/2"), "{}", early.stderr);
    let done = folder.run(&format!("{run} 0/2 --out s0")).expect(0);
    assert!(done.stdout.contains("Shard 0/2 is done: 40 samples, in s0"), "{}", done.stdout);
    // The scheduler says which one it is.
    let auto =
        folder.command(&format!("{run} auto --out s1")).env("JOB_COMPLETION_INDEX", "1").env("BRINELL_SHARDS", "2").output().unwrap();
    Finished::of(auto).expect(0);
    assert_merged_is_whole(&folder, "s1 s0", "rten");
}

#[test]
fn shards_on_onnx_runtime_make_the_run_of_one_machine() {
    let folder = Folder::new();
    for index in 0..5 {
        let run = folder.run(&format!("{RUN} --runtime onnxruntime --shard {index}/5 --out s{index}"));
        if run.stderr.contains("no ONNX Runtime found") {
            return skip(Need::OnnxRuntime, "shards on it");
        }
        run.expect(0);
    }
    assert_merged_is_whole(&folder, "s0 s1 s2 s3 s4", "onnxruntime");
}

#[test]
fn what_is_no_shard_is_refused_with_what_to_do() {
    let folder = Folder::new();
    let short = "audit ordinary.onnx --data images.idx3-ubyte --norm linf --eps 0.1 --runtime rten --attack fgsm";
    for (more, expected) in [
        ("--shard 3", "`3` is no shard, which is written I/N"),
        ("--shard 2/2", "the first is 0/2 and the last 1/2"),
        ("--shard auto", "no scheduler says which shard this is"),
    ] {
        let refused = folder.run(&format!("{short} --limit 9 {more}")).expect(4);
        assert!(refused.stderr.contains(expected), "{}", refused.stderr);
    }
    // More shards than samples: some are empty, and done.
    for index in 0..3 {
        folder.run(&format!("{short} --limit 2 --shard {index}/3 --out s{index}")).expect(0);
    }
    let alone = folder.run("report s0").expect(4);
    assert!(alone.stderr.contains("holds shard 0/3 of a run") && alone.stderr.contains("brinell merge"), "{}", alone.stderr);
    let other = folder.run(&format!("{short} --limit 2 --shard 1/3 --resume --out s0")).expect(3);
    assert!(other.stderr.contains("shard changed from 0/3 to 1/3"), "{}", other.stderr);
    let model = folder.run("merge s0 s1 s2 --out merged --model robust.onnx").expect(3);
    assert!(model.stderr.contains("the shards were made with another model (sha256)"), "{}", model.stderr);
    // A machine with other instructions rounds otherwise.
    let path = folder.path("s1/shard.json");
    let mut record: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    record["machines"][0]["features"] = serde_json::json!(["abacus"]);
    std::fs::write(&path, record.to_string()).unwrap();
    let mixed = folder.run("merge s0 s1 s2 --out merged").expect(4);
    assert!(mixed.stderr.contains("compute differently") && mixed.stderr.contains("--mixed"), "{}", mixed.stderr);
    folder.run("merge s0 s1 s2 --out merged --mixed").expect(0);
    let summary = folder.summary("merged");
    let flags = summary["flags"].as_array().unwrap();
    assert!(flags.iter().any(|flag| flag["id"] == "mixed-machines"), "{flags:?}");
    assert_eq!(summary["shards"].as_array().unwrap().len(), 3);
}

#[cfg(unix)]
#[test]
fn the_jobs_for_slurm_and_kubernetes_run_as_they_stand() {
    let example = |path: &str| std::fs::read_to_string(crate::support::demo().join("../examples").join(path)).unwrap();
    // The text of a job, made smaller.
    let small = |text: &str| text.replace("--shard auto", "--shard auto --limit 6 --runtime rten").replace("--suite quick", "--suite fast");
    // What a pod runs: the block behind `args`.
    let pod = |path: &str| {
        let text = example(path);
        let block = text.lines().skip_while(|line| line.trim() != "- >-").skip(1).take_while(|line| line.starts_with("              "));
        let command = block.map(str::trim).collect::<Vec<_>>().join(" ");
        assert!(command.starts_with("exec brinell "), "{command}");
        small(
            &command
                .replace("exec brinell", "exec \"$BRINELL\"")
                .replace("/model.onnx", "/robust.onnx")
                .replace("/test.npz", "/images.idx3-ubyte"),
        )
    };
    for (audit, merge, index) in [
        (small(&example("slurm/audit.sbatch")), example("slurm/merge.sbatch"), "SLURM_ARRAY_TASK_ID"),
        (pod("kubernetes/audit.yaml"), pod("kubernetes/merge.yaml"), "JOB_COMPLETION_INDEX"),
    ] {
        let folder = Folder::new();
        let run = |script: &str, index_of: Option<usize>| {
            let mut command = std::process::Command::new("bash");
            command.args(["-c", script]).current_dir(folder.path("")).env("BRINELL", env!("CARGO_BIN_EXE_brinell"));
            command.env("RUNS", folder.path("")).env("BRINELL_SHARDS", "2").env("SUITE", "fast");
            command.env("MODEL", folder.path("robust.onnx")).env("DATA", folder.path("images.idx3-ubyte"));
            if let Some(place) = index_of {
                command.env(index, place.to_string());
            }
            Finished::of(command.output().unwrap()).expect(0)
        };
        for place in [0, 1, 1] {
            // The last one was done already, and is gone on with.
            run(&audit, Some(place));
        }
        run(&merge, None);
        let summary = folder.summary("all");
        assert_eq!((summary["shards"].as_array().unwrap().len(), summary["data"]["n"].as_u64()), (2, Some(6)));
    }
}
