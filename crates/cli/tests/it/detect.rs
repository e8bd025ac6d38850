//! Detectors behind models, audits of models that refuse, and races of detectors.

use brinell_graph::{DType, Dim, Graph, Op, Reduce, Tensor, TensorData, ValueId};
use serde_json::Value;

use crate::support::{Folder, demo};

/// Images of an IDX file, and labels.
const HEADERS: [usize; 2] = [16, 8];

/// A folder with two parts of the demo's images: for calibrations, and for everything else.
fn folder() -> Folder {
    let folder = Folder::new();
    for (name, header, len) in [("images.idx3-ubyte", HEADERS[0], 28 * 28), ("labels.idx1-ubyte", HEADERS[1], 1)] {
        let bytes = std::fs::read(demo().join(name)).unwrap();
        for (part, from, to) in [("cal", 0, 300), ("test", 300, 500)] {
            let mut own = bytes[..header].to_vec();
            own[4..8].copy_from_slice(&u32::try_from(to - from).unwrap().to_be_bytes());
            own.extend_from_slice(&bytes[header + from * len..header + to * len]);
            folder.write(&format!("{part}-{name}"), own);
        }
    }
    folder
}

const CALIBRATE: &str = "--data cal-images.idx3-ubyte --labels cal-labels.idx1-ubyte --runtime rten";

fn detect(folder: &Folder, more: &str) -> crate::support::Finished {
    folder.run(&format!("defend detect ordinary.onnx {CALIBRATE} {more}"))
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or(u64::MAX)
}

#[test]
fn an_attack_has_to_be_wrong_and_accepted_and_nearly_always_is() {
    let folder = folder();
    let with = "--with squeeze:bits:1+median:2 --fpr 1% --fresh test-images.idx3-ubyte --fresh-labels test-labels.idx1-ubyte -o guarded.onnx --json";
    let told: Value = serde_json::from_str(&detect(&folder, with).expect(0).stdout).unwrap();
    let refusal = &told["refusal"];
    assert_eq!(count(&refusal["k"]), (0.99 * (count(&refusal["n"]) + 1) as f64).ceil() as u64);
    assert!(refusal["fpr_upper"].as_f64().unwrap() < 0.03 && count(&told["fresh"]["n"]) == 200, "{told:#}");

    let run = folder.run(
        "audit guarded.onnx --data test-images.idx3-ubyte --labels test-labels.idx1-ubyte --norm linf --eps 0.1 --limit 60 --runtime rten --out run",
    );
    let run = run.expect(0);
    assert!(
        run.stdout.split_whitespace().collect::<Vec<_>>().join(" ").contains("An example must be wrong and accepted"),
        "{}",
        run.stdout
    );
    let summary = folder.summary("run");
    let [right, refused, fooled] = [0, 1, 2].map(|place| count(&summary["refusals"]["attacked"][place]));
    assert_eq!(right + refused + fooled, 60);
    assert!(fooled >= 57, "feature squeezing does not keep an attacker off who knows it: {right} right, {refused} refused");
    assert_eq!(right + refused, count(&summary["survived"]));
    // Every witness is wrong and accepted on the file itself.
    folder.run("replay run").expect(0);
    let mut other = summary.clone();
    other["refusals"]["attacked"] = serde_json::json!([right + 1, refused, fooled - 1]);
    folder.write("run/summary.json", other.to_string());
    let told = folder.run("report run").expect(3).stderr;
    assert!(told.contains("refusals.attacked"), "{told}");
    folder.write("run/summary.json", summary.to_string());
    let ids: Vec<&str> = summary["flags"].as_array().unwrap().iter().map(|flag| flag["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&"surrogate-gradient") && !ids.contains(&"first-output"), "{ids:?}");

    let run = folder.run(
        "race ordinary.onnx --data test-images.idx3-ubyte --labels test-labels.idx1-ubyte --norm linf --eps 0.1 --limit 16 --calibrate cal-images.idx3-ubyte --calibrate-labels cal-labels.idx1-ubyte --with squeeze:bits:1+median:2 --with mahalanobis --fpr 0.05 --runtime rten --out r",
    );
    run.expect(0);
    let race: Value = serde_json::from_slice(&std::fs::read(folder.path("r/race.json")).unwrap()).unwrap();
    let rounds = race["rounds"].as_array().unwrap();
    for round in &rounds[1..] {
        assert_eq!((&round["kind"], &round["verdict"]), (&Value::from("detector"), &Value::from("broken")), "{round:#}");
        assert!(round["refused"]["value"].is_number(), "{round:#}");
    }
}

/// A score for the class behind `x` `[B, 2]`: the first value above a half. `suspicion` says how suspicious `x` is.
fn two_classes(suspicion: impl FnOnce(&mut Graph, ValueId) -> ValueId) -> Vec<u8> {
    let mut graph = Graph::new("planted");
    let x = graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(2)]);
    let weights = graph.constant("weights", Tensor::new(vec![2, 2], TensorData::F32(vec![-20.0, 20.0, 0.0, 0.0])).unwrap());
    let bias = graph.constant("bias", Tensor::new(vec![2], TensorData::F32(vec![10.0, -10.0])).unwrap());
    let product = graph.add(Op::MatMul, &[x, weights]).unwrap();
    let logits = graph.push("logits", Op::Add, vec![Some(product), Some(bias)], &[Some("logits")]).unwrap()[0].unwrap();
    let suspicion = suspicion(&mut graph, x);
    let suspicion = graph.push("odd", Op::Identity, vec![Some(suspicion)], &[Some("odd")]).unwrap()[0].unwrap();
    graph.set_outputs(vec![logits, suspicion]);
    brinell_onnx::write(&graph).unwrap()
}

/// Samples whose first value is 0.3 for class 0 and 0.7 for class 1.
fn planted(model: Vec<u8>) -> Folder {
    let folder = Folder::new();
    folder.write("planted.onnx", model);
    let mut x = b"\x93NUMPY\x01\0".to_vec();
    let header = format!("{:<117}\n", "{'descr': '<f4', 'fortran_order': False, 'shape': (20, 2), }");
    x.extend_from_slice(&118u16.to_le_bytes());
    x.extend_from_slice(header.as_bytes());
    let values = (0..20).flat_map(|sample| [if sample % 2 == 0 { 0.3f32 } else { 0.7 }, 0.025 * sample as f32]);
    values.for_each(|value| x.extend_from_slice(&value.to_le_bytes()));
    folder.write("x.npy", x);
    folder.write("y.txt", (0..20).map(|sample| format!("{}\n", sample % 2)).collect::<String>());
    folder
}

fn survived(folder: &Folder, more: &str) -> u64 {
    let audit = "audit planted.onnx --data x.npy --labels y.txt --scale 0..1 --norm linf --eps 0.25 --runtime rten --suite standard";
    folder.run(&format!("{audit} {more} --out run")).expect(0);
    count(&folder.summary("run")["survived"])
}

/// The largest value of one sample, of `x` `[B, N]`.
fn over(graph: &mut Graph, kind: Reduce, x: ValueId) -> ValueId {
    graph.add(Op::Reduce { kind, axes: vec![1], keepdims: false }, &[x]).unwrap()
}

#[test]
fn a_detector_that_sees_every_example_is_not_called_broken() {
    // Suspicious is what is further than 0.05 from both 0.3 and 0.7; an example moves the first value past 0.5 and stays below 0.65.
    let folder = planted(two_classes(|graph, x| {
        let first = graph.add(Op::Slice { axes: vec![1], starts: vec![0], ends: vec![1], steps: vec![1] }, &[x]).unwrap();
        let places = graph.constant("places", Tensor::new(vec![1, 2], TensorData::F32(vec![0.3, 0.7])).unwrap());
        let apart = graph.add(Op::Sub, &[first, places]).unwrap();
        let apart = graph.add(Op::Abs, &[apart]).unwrap();
        over(graph, Reduce::Min, apart)
    }));
    assert_eq!(survived(&folder, "--output logits --suspicion odd --max-suspicion 0.05"), 20, "0.3 + 0.25 is as far as anybody gets");
}

#[test]
fn a_detector_that_sees_nothing_changes_nothing() {
    let folder = planted(two_classes(|graph, x| {
        let nothing = crate::flags::scaled(graph, x, 0.0);
        over(graph, Reduce::Sum, nothing)
    }));
    assert_eq!(survived(&folder, "--output logits"), 0);
    std::fs::remove_dir_all(folder.path("run")).unwrap();
    assert_eq!(survived(&folder, "--output logits --suspicion odd --max-suspicion 0"), 0);
}

#[test]
fn what_cannot_be_calibrated_or_asked_is_named() {
    let folder = folder();
    let refused = |more: &str, code: i32| detect(&folder, more).expect(code).stderr;
    let few = refused("--limit 60 --with margin --fpr 1% -o x.onnx", 4);
    assert!(few.contains("at least 99 are needed") && few.contains("--fpr"), "{few}");
    let same = refused("--with margin --fpr 5% --fresh cal-images.idx3-ubyte --fresh-labels cal-labels.idx1-ubyte -o x.onnx", 4);
    assert!(same.contains("300 of the samples that must be new are among those already used"), "{same}");
    assert!(refused("--with lid -o x.onnx", 4).contains("there is no detector `lid`"));
    assert!(refused("--with margin --fpr 150% -o x.onnx", 4).contains("not a share between 0 and 1"));
    assert!(!folder.path("x.onnx").exists() && !folder.path("x.calibration.onnx").exists());
    detect(&folder, "--with entropy --fpr 5% -o guarded.onnx").expect(0);
    let again = folder.run(&format!("defend detect guarded.onnx {CALIBRATE} --with margin --fpr 5% -o again.onnx")).expect(4).stderr;
    assert!(again.contains("has a defence already: entropy"), "{again}");
    let proof =
        folder.run("certify guarded.onnx --data images.idx3-ubyte --norm linf --eps 0.01 --limit 3 --runtime rten").expect(4).stderr;
    assert!(proof.contains("needs a model that always answers"), "{proof}");
    let half = folder.audit("ordinary", "--limit 3 --suspicion nothing --out half").expect(4).stderr;
    assert!(half.contains("`suspicion` is given without"), "{half}");
    let race = folder
        .run("race ordinary.onnx --data images.idx3-ubyte --norm linf --eps 0.1 --limit 5 --with margin --runtime rten")
        .expect(4)
        .stderr;
    assert!(race.contains("needs samples for its threshold") && race.contains("--calibrate"), "{race}");
}
