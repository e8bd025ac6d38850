use std::time::{Duration, Instant};

use brinell_graph::{Compare, DType, Dim, Graph, Op, OpaqueOp, Reduce};
use brinell_testkit::{Need, skip};
use serde_json::Value;

use crate::support::{Finished, Folder};

const RUN: &str = "audit robust.onnx --data images.idx3-ubyte --norm linf --eps 0.1 --limit 120 --runtime rten";

/// The summary without what may differ between a run that was stopped and one that was not.
fn comparable(mut summary: Value) -> Value {
    for key in ["seconds", "peak_rss_bytes", "created", "command"] {
        summary[key].take();
    }
    for stage in summary["stages"].as_array_mut().unwrap() {
        stage["seconds"].take();
        stage["model_seconds"].take();
    }
    summary["sanity"]["seconds"].take();
    summary
}

/// Starts a run and waits until `lines` of its samples are decided.
fn start(folder: &Folder, lines: usize) -> std::process::Child {
    let child = folder
        .command(&format!("{RUN} --out stopped"))
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(120) {
        let text = std::fs::read_to_string(folder.path("stopped/record.jsonl")).unwrap_or_default();
        if text.lines().count() >= lines {
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

fn assert_same_as_uninterrupted(folder: &Folder) {
    // Its settings are in the run; those of another project in this folder are not asked.
    folder.write("brinell.toml", "norm = \"l2\"\nlimit = 3\n");
    folder.run("audit --out stopped --resume").expect(0);
    std::fs::remove_file(folder.path("brinell.toml")).unwrap();
    folder.run(&format!("{RUN} --out whole")).expect(0);
    assert_eq!(folder.record("stopped"), folder.record("whole"));
    assert_eq!(comparable(folder.summary("stopped")), comparable(folder.summary("whole")));
    let npz = |out: &str| std::fs::read(folder.path(out).join("adversarial.npz")).unwrap();
    assert_eq!(npz("stopped"), npz("whole"));
}

#[test]
fn a_killed_run_resumes_to_the_same_result() {
    let folder = Folder::new();
    let mut child = start(&folder, 20);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!folder.path("stopped/summary.json").exists(), "the run was over before it could be killed");
    // A kill may leave half a line behind.
    let record = folder.path("stopped/record.jsonl");
    let mut text = std::fs::read_to_string(&record).unwrap();
    text.push_str("{\"sample\": 99, \"lab");
    std::fs::write(&record, text).unwrap();
    assert_same_as_uninterrupted(&folder);
}

#[cfg(unix)]
#[test]
#[expect(unsafe_code, reason = "the standard library sends no other signal than SIGKILL")]
fn an_interrupted_run_exits_with_130_and_resumes() {
    let folder = Folder::new();
    let child = start(&folder, 20);
    let pid = i32::try_from(child.id()).unwrap();
    // SAFETY: kill(2) takes plain integers, and the child has not been waited for, so that its id is not in use elsewhere.
    unsafe { libc::kill(pid, libc::SIGINT) };
    let stopped = Finished::of(child.wait_with_output().unwrap()).expect(130);
    let line = stopped.stderr.lines().find_map(|line| line.strip_prefix("hint: continue with: brinell ")).unwrap();
    assert_eq!(line, "audit --resume --out stopped");
    assert_same_as_uninterrupted(&folder);
}

#[test]
fn a_run_does_not_resume_with_other_settings() {
    let folder = Folder::new();
    let run = "audit ordinary.onnx --data images.idx3-ubyte --norm linf --eps 0.1 --limit 12 --runtime rten --out run";
    folder.run(run).expect(0);
    for (more, named) in
        [("--seed 1", "seed"), ("--attack fgsm", "attacks"), ("--mean 0.1", "mean"), ("--labels 3", "samples drawn over classes (sha256)")]
    {
        let refused = folder.run(&format!("{run} --resume {more}")).expect(3);
        assert!(refused.stderr.contains(named), "{}", refused.stderr);
    }
    std::fs::copy(folder.path("robust.onnx"), folder.path("ordinary.onnx")).unwrap();
    let refused = folder.run(&format!("{run} --resume")).expect(3);
    assert!(refused.stderr.contains("model (sha256)"), "{}", refused.stderr);
}

/// Moves the first bias of `ordinary.onnx` to `bias.data` and returns its bytes. The initializer keeps its length, so that
/// no other message of the file changes.
fn move_bias(folder: &Folder) -> Vec<u8> {
    const NAMED: &[u8] = b"\x08\x10\x10\x01\x42\x0aconv1.bias";
    const ELSEWHERE: &[u8] = b"\x6a\x15\x0a\x08location\x12\x09bias.data\x6a\x0b\x0a\x06offset\x12\x010\x6a\x0c\x0a\x06length\x12\x0264\
        \x70\x01\x62\x0ckept outside";
    let mut model = std::fs::read(folder.path("ordinary.onnx")).unwrap();
    let data = NAMED.len() + model.windows(NAMED.len()).position(|window| window == NAMED).unwrap();
    let old = model[data..data + ELSEWHERE.len()].to_vec();
    model[data..data + ELSEWHERE.len()].copy_from_slice(ELSEWHERE);
    folder.write("ordinary.onnx", model);
    // A tag and a length stand before the 64 bytes of the bias.
    let bias = old[2..].to_vec();
    assert_eq!((old[0], old[1], bias.len()), (0x4a, 64, 64));
    folder.write("bias.data", &bias);
    bias
}

#[test]
fn a_run_does_not_resume_with_other_external_weights() {
    let folder = Folder::new();
    let bias = move_bias(&folder);
    let run = "audit ordinary.onnx --data images.idx3-ubyte --norm linf --eps 0.1 --limit 12 --runtime rten --attack fgsm --out run";
    folder.run(run).expect(0);
    assert_eq!(folder.summary("run")["model"]["weights_sha256"].as_str().map(str::len), Some(64));
    folder.run(&format!("{run} --resume")).expect(0);
    let mut changed = bias;
    changed[0] ^= 1;
    folder.write("bias.data", changed);
    let refused = folder.run(&format!("{run} --resume")).expect(3);
    assert!(refused.stderr.contains("model weights (sha256)"), "{}", refused.stderr);
}

#[test]
fn a_folder_is_used_by_one_run_at_a_time() {
    let folder = Folder::new();
    let mut child = start(&folder, 1);
    let second = folder.run(&format!("{RUN} --out stopped --resume"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(second.expect(4).stderr.contains("another run is writing"));
}

#[test]
fn an_existing_run_is_not_written_over() {
    let folder = Folder::new();
    let run = "audit ordinary.onnx --data images.idx3-ubyte --norm linf --eps 0.1 --limit 12 --runtime rten --attack fgsm --out run";
    folder.run(run).expect(0);
    let before = std::fs::read(folder.path("run/summary.json")).unwrap();
    assert!(folder.run(run).expect(4).stderr.contains("--resume"));
    assert_eq!(std::fs::read(folder.path("run/summary.json")).unwrap(), before);
    assert!(
        folder
            .run("audit ordinary.onnx --data images.idx3-ubyte --norm linf --eps 0.1 --out none --resume")
            .expect(4)
            .stderr
            .contains("none")
    );
}

#[test]
fn without_a_folder_the_newest_run_that_was_stopped_goes_on() {
    let folder = Folder::new();
    assert!(folder.run("audit --resume").expect(4).stderr.contains("brinell-runs contains no stopped run"));
    folder.audit("robust", "--limit 6 --attack fgsm").expect(0);
    assert!(folder.run("audit --resume").expect(4).stderr.contains("--out"));
    let run = folder.path("brinell-runs/robust-linf-0.1");
    let before = std::fs::read(run.join("record.jsonl")).unwrap();
    std::fs::remove_file(run.join("summary.json")).unwrap();
    folder.run("audit --resume").expect(0);
    assert_eq!(std::fs::read(run.join("record.jsonl")).unwrap(), before);
    assert_eq!(folder.summary("brinell-runs/robust-linf-0.1")["attacks"][0], "fgsm");
}

/// The labels of the demo's data, a byte each.
fn labels(folder: &Folder) -> Vec<u8> {
    std::fs::read(folder.path("labels.idx1-ubyte")).unwrap()[8..].to_vec()
}

#[test]
fn a_limit_is_drawn_over_classes_and_every_file_of_a_run_knows_the_rows() {
    let folder = Folder::new();
    // The data sorted by class: their first samples are all of one class.
    let (images, labels) = (std::fs::read(folder.path("images.idx3-ubyte")).unwrap(), labels(&folder));
    let size = (images.len() - 16) / labels.len();
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.sort_by_key(|&sample| labels[sample]);
    let pixels = order.iter().flat_map(|&sample| &images[16 + sample * size..16 + (sample + 1) * size]).copied();
    folder.write("images.idx3-ubyte", images[..16].iter().copied().chain(pixels).collect::<Vec<u8>>());
    let sorted: Vec<u8> = order.iter().map(|&sample| labels[sample]).collect();
    let head = std::fs::read(folder.path("labels.idx1-ubyte")).unwrap()[..8].to_vec();
    folder.write("labels.idx1-ubyte", [head, sorted.clone()].concat());
    folder.audit("ordinary", "--limit 20 --attack pgd:steps=5 --out run").expect(0);
    let record = folder.record("run");
    let rows: Vec<usize> = record.iter().map(|line| line["sample"].as_u64().unwrap() as usize).collect();
    // By hand: of ten classes the first two of each.
    let firsts = (0..10).flat_map(|class| sorted.iter().enumerate().filter(move |(_, label)| **label == class).take(2));
    assert_eq!(rows, firsts.map(|(row, _)| row).collect::<Vec<_>>());
    assert!(record.iter().all(|line| line["label"] == u64::from(sorted[line["sample"].as_u64().unwrap() as usize])));
    assert_eq!(folder.summary("run")["data"]["samples"], serde_json::to_value(&rows).unwrap());
    assert_eq!(folder.summary("run")["per_class"].as_array().unwrap().len(), 10);
    folder.run("replay run").expect(0);
    folder.run("report run").expect(0);
    // What is found out about a sample does not depend on the limit.
    folder.audit("ordinary", "--limit 40 --attack pgd:steps=5 --out more").expect(0);
    let more = folder.record("more");
    for line in &record {
        let same = more.iter().find(|other| other["sample"] == line["sample"]).unwrap();
        assert_eq!(
            (&same["outcome"], &same["forwards"], &same["adv_prediction"]),
            (&line["outcome"], &line["forwards"], &line["adv_prediction"])
        );
    }
    folder.run("compare run more").expect(4);

    // A run of which it is not known that samples were drawn is not gone on with.
    let identity = folder.path("run/run.json");
    let mut facts: Value = serde_json::from_slice(&std::fs::read(&identity).unwrap()).unwrap();
    facts["facts"].as_object_mut().unwrap().remove("samples drawn over classes (sha256)").unwrap();
    std::fs::write(&identity, facts.to_string()).unwrap();
    let refused = folder.run("audit --resume --out run").expect(3);
    assert!(refused.stderr.contains("samples drawn over classes"), "{}", refused.stderr);
}

/// A model with a loop that goes on as long as the sum of its first input is above -1.
fn endless() -> Vec<u8> {
    let mut body = Graph::new("body");
    body.input("trip", DType::I64, Vec::new());
    let goes_on = body.input("goes_on", DType::Bool, Vec::new());
    let value = body.input("value", DType::F32, vec![Dim::Fixed(1), Dim::Fixed(4)]);
    for value in [goes_on, value] {
        let same = body.add(Op::Identity, &[value]).unwrap();
        body.output(same);
    }
    let attribute = [&[0x0a, 4][..], b"body", &message(6, &field(&brinell_onnx::write(&body).unwrap(), 7)), &[0xa0, 0x01, 5]].concat();
    let mut graph = Graph::new("endless");
    let x = graph.input("x", DType::F32, vec![Dim::Fixed(1), Dim::Fixed(4)]);
    let sum = graph.add(Op::Reduce { kind: Reduce::Sum, axes: vec![0, 1], keepdims: false }, &[x]).unwrap();
    let least = graph.scalar(-1.0);
    let goes_on = graph.add(Op::Compare(Compare::Greater), &[sum, least]).unwrap();
    let op = OpaqueOp {
        domain: String::new(),
        op_type: "Loop".to_owned(),
        opset: 17,
        attributes: vec![attribute],
        reason: String::new(),
        follows: false,
        captures: 0,
    };
    let looped = graph.push("loop", Op::Opaque(op), vec![None, Some(goes_on), Some(x)], &[Some("looped")]).unwrap()[0].unwrap();
    graph.declare(looped, Some(DType::F32), Some(vec![Dim::Fixed(1), Dim::Fixed(4)]));
    graph.output(looped);
    brinell_onnx::write(&graph).unwrap()
}

/// A field of a message in protobuf.
fn message(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut len = bytes.len();
    while len >= 0x80 {
        out.push((len & 0x7f) as u8 | 0x80);
        len >>= 7;
    }
    out.push(len as u8);
    [&out[..], bytes].concat()
}

/// The last field of that number with bytes in a message that has only such and small numbers.
fn field(mut bytes: &[u8], number: u8) -> Vec<u8> {
    let mut found = Vec::new();
    let varint = |bytes: &mut &[u8]| {
        let (mut value, mut shift) = (0_usize, 0);
        loop {
            let (&byte, rest) = bytes.split_first().unwrap();
            *bytes = rest;
            value |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return value;
            }
        }
    };
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let len = varint(&mut bytes);
        if key & 7 == 2 {
            let (body, rest) = bytes.split_at(len);
            bytes = rest;
            if key >> 3 == usize::from(number) {
                found = body.to_vec();
            }
        }
    }
    found
}

#[cfg(target_os = "linux")]
#[test]
#[expect(unsafe_code, reason = "the standard library sends no other signal than SIGKILL")]
fn a_call_that_never_returns_ends_with_the_program() {
    let folder = Folder::new();
    folder.write("endless.onnx", endless());
    folder.write("x.idx", [&[0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 4][..], &[9; 8]].concat());
    let child = folder
        .command("audit endless.onnx --data x.idx --labels 0 --norm linf --eps 0.1 --runtime onnxruntime --out run")
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let pid = i32::try_from(child.id()).unwrap();
    // Until the program has a handler for the signal, or has ended.
    let handles = |status: String| {
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).map(|mask| u64::from_str_radix(mask.trim(), 16).unwrap());
        caught.is_none_or(|mask| mask >> (libc::SIGTERM - 1) & 1 == 1) || status.contains("Z (zombie)")
    };
    while !std::fs::read_to_string(format!("/proc/{pid}/status")).is_ok_and(handles) {
        std::thread::sleep(Duration::from_millis(20));
    }
    // SAFETY: kill(2) takes plain integers, and the child has not been waited for, so that its id is not in use elsewhere.
    unsafe { libc::kill(pid, libc::SIGTERM) };
    let ended = Finished::of(child.wait_with_output().unwrap());
    if ended.stderr.contains("no ONNX Runtime found") {
        return skip(Need::OnnxRuntime, "a loop without end");
    }
    assert_eq!(ended.code, 130, "{}", ended.stderr);
    assert!(ended.stderr.contains("the model has not returned"), "{}", ended.stderr);
}
