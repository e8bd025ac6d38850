//! Planted obstacles raise their flags; models without any do not.

use brinell_graph::{Compare, DType, Dim, Graph, Op, OpaqueOp, Reduce, ValueId};
use brinell_testkit::{Need, skip};
use serde_json::Value;

use crate::support::{Folder, demo};

/// The demo's ordinary model with something in front of it and something behind it.
pub(crate) fn planted(before: impl FnOnce(&mut Graph, ValueId) -> ValueId, after: impl FnOnce(&mut Graph, ValueId) -> ValueId) -> Vec<u8> {
    let model = brinell_onnx::read_file(&demo().join("ordinary.onnx")).unwrap().graph;
    let mut graph = Graph::new("planted");
    let x = graph.input("x", DType::F32, model.shape(model.inputs()[0]).unwrap().to_vec());
    let x = before(&mut graph, x);
    let values = graph.splice(&model, &[(model.inputs()[0], x)]).unwrap();
    let logits = after(&mut graph, values[&model.outputs()[0]]);
    graph.output(logits);
    brinell_onnx::write(&graph).unwrap()
}

pub(crate) fn same(_: &mut Graph, value: ValueId) -> ValueId {
    value
}

/// `value * factor`.
pub(crate) fn scaled(graph: &mut Graph, value: ValueId, factor: f32) -> ValueId {
    let factor = graph.scalar(factor);
    graph.add(Op::Mul, &[value, factor]).unwrap()
}

/// What is left of `x` where nothing of it is: without this path a model has no gradient at all and is refused.
fn trace(graph: &mut Graph, value: ValueId, x: ValueId) -> ValueId {
    let nothing = scaled(graph, x, 0.0);
    graph.add(Op::Add, &[value, nothing]).unwrap()
}

/// The value rounded to `levels` steps between 0 and 1.
fn quantised(graph: &mut Graph, x: ValueId, levels: f32) -> ValueId {
    let value = scaled(graph, x, levels);
    let value = graph.add(Op::Round, &[value]).unwrap();
    let value = scaled(graph, value, 1.0 / levels);
    trace(graph, value, x)
}

/// `sin(2 pi 255 x)`: zero on the grid of bytes, anything beside it.
fn comb(graph: &mut Graph, x: ValueId) -> ValueId {
    let phase = scaled(graph, x, std::f32::consts::TAU * 255.0);
    graph.add(Op::Sin, &[phase]).unwrap()
}

/// Ids in `flags` with their severity.
fn raised(summary: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    summary["flags"].as_array().unwrap().iter().map(|flag| (text(&flag["id"]), text(&flag["severity"]))).collect()
}

#[track_caller]
fn assert_raised(summary: &Value, expected: &[&str]) {
    let ids: Vec<String> = raised(summary).into_iter().map(|(id, _)| id).collect();
    for id in expected {
        assert!(ids.iter().any(|raised| raised == id), "{id} is not among {ids:?}; measured: {:#}", summary["indicators"]);
        let flag = summary["flags"].as_array().unwrap().iter().find(|flag| flag["id"] == *id).unwrap();
        assert_eq!(flag["docs"], format!("docs/flags.md#{id}"));
    }
}

fn indicator<'a>(summary: &'a Value, id: &str) -> &'a Value {
    summary["indicators"].as_array().unwrap().iter().find(|indicator| indicator["id"] == id).unwrap()
}

#[test]
fn rounding_at_the_input_blocks_a_verdict() {
    let folder = Folder::new();
    folder.write("rounded.onnx", planted(|graph, x| quantised(graph, x, 15.0), same));
    folder.audit("rounded", "--limit 40 --out run").expect(2);
    let summary = folder.summary("run");
    assert_raised(&summary, &["quantised-input", "zero-gradient", "no-progress"]);
    assert_eq!(indicator(&summary, "no-progress")["measurement"]["value"], 1.0);
}

#[test]
fn a_comparison_at_the_input_blocks_a_verdict() {
    let binary = |graph: &mut Graph, x| {
        let half = graph.scalar(0.45);
        let above = graph.add(Op::Compare(Compare::Greater), &[x, half]).unwrap();
        let above = graph.add(Op::Cast { to: DType::F32 }, &[above]).unwrap();
        trace(graph, above, x)
    };
    let folder = Folder::new();
    folder.write("binary.onnx", planted(binary, same));
    folder.audit("binary", "--limit 40 --sanity full --out run").expect(2);
    // What gradients cannot find, blind noise of the same size does.
    assert_raised(&folder.summary("run"), &["quantised-input", "zero-gradient", "no-progress", "unbounded-attack-fails"]);
}

/// `softmax(factor * logits)`, not at the output, so that losses see what is left of it.
fn inner_softmax(factor: f32) -> impl FnOnce(&mut Graph, ValueId) -> ValueId {
    move |graph, logits| {
        let logits = scaled(graph, logits, factor);
        let shares = graph.add(Op::Softmax { axis: 1 }, &[logits]).unwrap();
        scaled(graph, shares, 1.0)
    }
}

#[test]
fn a_huge_softmax_temperature_blocks_a_verdict() {
    let folder = Folder::new();
    folder.write("hot.onnx", planted(same, inner_softmax(1e4)));
    folder.audit("hot", "--limit 40 --sanity full --out run").expect(2);
    assert_raised(&folder.summary("run"), &["hidden-softmax", "zero-gradient", "no-progress", "unbounded-attack-fails"]);
    // On the logits themselves no temperature matters: the losses are those of their differences.
    folder.write("scaled.onnx", planted(same, |graph, logits| scaled(graph, logits, 1e4)));
    folder.audit("scaled", "--limit 40 --out scaled").expect(0);
    folder.audit("ordinary", "--limit 40 --out ordinary").expect(0);
    assert_eq!(folder.summary("scaled")["survived"], folder.summary("ordinary")["survived"]);
    assert_eq!(raised(&folder.summary("scaled")), []);
}

#[test]
fn noise_in_the_model_blocks_a_verdict() {
    // shape = [1, 10], as an encoded attribute: name, integers, type; scale = 5 the same way.
    let shape = [&[0x0a, 5][..], b"shape", &[0x42, 2, 1, 10, 0xa0, 0x01, 7]].concat();
    let scale = [&[0x0a, 5][..], b"scale", &[0x15], &5f32.to_le_bytes(), &[0xa0, 0x01, 1]].concat();
    let noisy = |graph: &mut Graph, logits| {
        let reason = "unknown operator".to_owned();
        let (op_type, attributes) = ("RandomNormal".to_owned(), vec![shape, scale]);
        let op = Op::Opaque(OpaqueOp { domain: String::new(), op_type, opset: 17, attributes, reason, follows: false, captures: 0 });
        let noise = graph.push("noise", op, Vec::new(), &[Some("noise")]).unwrap()[0].unwrap();
        graph.declare(noise, Some(DType::F32), Some(vec![Dim::Fixed(1), Dim::Fixed(10)]));
        graph.add(Op::Add, &[logits, noise]).unwrap()
    };
    let folder = Folder::new();
    folder.write("noisy.onnx", planted(same, noisy));
    let run = folder.audit("noisy", "--runtime onnxruntime --limit 60 --attack pgd:steps=5 --out run");
    if run.stderr.contains("no ONNX Runtime found") {
        skip(Need::OnnxRuntime, "rten has no random numbers");
        return;
    }
    run.expect(2);
    assert_raised(&folder.summary("run"), &["non-deterministic", "randomised-judged-once", "referee-disagreement"]);
}

#[test]
fn a_model_that_looks_at_its_neighbours_is_asked_about_one_sample_at_a_time() {
    // From the fourth row of a batch on, each row adds to the last class.
    let crowd = |graph: &mut Graph, logits| {
        let nothing = scaled(graph, logits, 0.0);
        let one = graph.scalar(1.0);
        let ones = graph.add(Op::Add, &[nothing, one]).unwrap();
        let rows = graph.add(Op::Reduce { kind: Reduce::Sum, axes: vec![0], keepdims: true }, &[ones]).unwrap();
        let few = graph.scalar(3.5);
        let more = graph.add(Op::Sub, &[rows, few]).unwrap();
        let more = graph.add(Op::Relu, &[more]).unwrap();
        let last =
            brinell_graph::Tensor::new(vec![10], brinell_graph::TensorData::F32((0..10).map(|k| f32::from(u8::from(k == 9))).collect()));
        let last = graph.constant("last", last.unwrap());
        let push = graph.add(Op::Mul, &[more, last]).unwrap();
        graph.add(Op::Add, &[logits, push]).unwrap()
    };
    let folder = Folder::new();
    folder.write("crowd.onnx", planted(same, crowd));
    folder.write("alone.onnx", planted(same, same));
    let run = "audit crowd.onnx --data images.idx3-ubyte --norm linf --eps 0.02 --runtime rten --limit 60 --batch 8 --threads 1 --out run";
    folder.run(&format!("{run} --attack pgd:steps=12"));
    let summary = folder.summary("run");
    assert_raised(&summary, &["fixed-batch"]);
    // Alone a sample has no neighbours, and the model is the one without them.
    folder.run(&format!("{} --attack pgd:steps=12", run.replace("crowd.onnx", "alone.onnx").replace("--out run", "--out alone")));
    assert_eq!(summary["survived"], folder.summary("alone")["survived"]);
}

#[test]
fn samples_that_are_multiplied_with_each_other_are_asked_about_one_at_a_time() {
    // z z^T z: for one sample its logits times a number.
    let product = |graph: &mut Graph, logits| {
        let turned = graph.add(Op::Transpose { perm: vec![1, 0] }, &[logits]).unwrap();
        let each_with_each = graph.add(Op::MatMul, &[logits, turned]).unwrap();
        let mixed = graph.add(Op::MatMul, &[each_with_each, logits]).unwrap();
        scaled(graph, mixed, 0.01)
    };
    let folder = Folder::new();
    folder.write("product.onnx", planted(same, product));
    folder
        .run("audit product.onnx --data images.idx3-ubyte --norm linf --eps 0.05 --runtime rten --limit 30 --attack pgd:steps=5 --out run")
        .expect(0);
    assert_raised(&folder.summary("run"), &["fixed-batch"]);
}

#[test]
fn a_file_that_answers_otherwise_in_large_batches_blocks_a_verdict() {
    // As in a crowd, but by an operator that is not read: what it makes of the rows is seen only where a batch is larger than those compared at the start.
    let crowd = |graph: &mut Graph, logits: ValueId| {
        let nothing = scaled(graph, logits, 0.0);
        let (op_type, reason) = ("Unique".to_owned(), "unknown operator".to_owned());
        let op =
            Op::Opaque(OpaqueOp { domain: String::new(), op_type, opset: 17, attributes: Vec::new(), reason, follows: false, captures: 0 });
        let names = [Some("unique"), Some("first"), Some("inverse"), Some("counts")];
        let counts = graph.push("unique", op, vec![Some(nothing)], &names).unwrap()[3].unwrap();
        graph.declare(counts, Some(DType::I64), Some(vec![Dim::Fixed(1)]));
        let numbers = graph.add(Op::Cast { to: DType::F32 }, &[counts]).unwrap();
        let few = graph.scalar(35.0);
        let more = graph.add(Op::Sub, &[numbers, few]).unwrap();
        let more = graph.add(Op::Relu, &[more]).unwrap();
        let last = (0..10).map(|k| f32::from(u8::from(k == 9))).collect();
        let last = graph.constant("last", brinell_graph::Tensor::new(vec![10], brinell_graph::TensorData::F32(last)).unwrap());
        let push = graph.add(Op::Mul, &[more, last]).unwrap();
        graph.add(Op::Add, &[logits, push]).unwrap()
    };
    let folder = Folder::new();
    folder.write("crowd.onnx", planted(same, crowd));
    let run = folder.audit("crowd", "--runtime onnxruntime --limit 24 --batch 8 --threads 1 --attack square:queries=30 --out run");
    if run.stderr.contains("no ONNX Runtime found") {
        skip(Need::OnnxRuntime, "rten does not have Unique");
        return;
    }
    run.expect(2);
    assert_raised(&folder.summary("run"), &["answers-differ"]);
    folder.audit("crowd", "--runtime onnxruntime --limit 24 --batch 2 --threads 1 --attack square:queries=30 --out few");
    assert!(raised(&folder.summary("few")).iter().all(|(id, _)| id != "answers-differ"));
}

#[test]
fn a_class_that_the_file_names_and_its_scores_do_not_is_said() {
    let named = |names: bool| {
        let model = brinell_onnx::read_file(&demo().join("ordinary.onnx")).unwrap().graph;
        let mut graph = Graph::new("named");
        let x = graph.input("x", DType::F32, model.shape(model.inputs()[0]).unwrap().to_vec());
        let values = graph.splice(&model, &[(model.inputs()[0], x)]).unwrap();
        let scores = values[&model.outputs()[0]];
        // The class next to last is never named.
        let penalty = (0..10).map(|k| if k == 8 && names { -1e6 } else { 0.0 }).collect();
        let penalty = graph.constant("penalty", brinell_graph::Tensor::new(vec![10], brinell_graph::TensorData::F32(penalty)).unwrap());
        let other = graph.add(Op::Add, &[scores, penalty]).unwrap();
        let label = Op::ArgMax { axis: 1, keepdims: false, select_last: false };
        let label = graph.push("label", label, vec![Some(other)], &[Some("label")]).unwrap()[0].unwrap();
        graph.set_outputs(vec![label, scores]);
        brinell_onnx::write(&graph).unwrap()
    };
    let folder = Folder::new();
    folder.write("named.onnx", named(true));
    folder.write("honest.onnx", named(false));
    folder.audit("named", "--limit 40 --attack pgd:steps=5 --out run");
    folder.audit("honest", "--limit 40 --attack pgd:steps=5 --out honest-run").expect(0);
    let summary = folder.summary("run");
    assert_raised(&summary, &["label-differs"]);
    // All of the clean samples that the model takes for that class.
    let clean = folder.record("run").iter().filter(|line| line["prediction"] == 8).count();
    let measured = indicator(&summary, "label-differs")["measurement"]["value"].as_f64().unwrap();
    assert!(clean > 0 && measured >= clean as f64, "{clean} {measured}");
    assert!(raised(&folder.summary("honest-run")).iter().all(|(id, _)| id != "label-differs"));
}

#[test]
fn a_softmax_made_of_other_operators_is_found() {
    let softmax = |graph: &mut Graph, logits| {
        let powers = graph.add(Op::Exp, &[logits]).unwrap();
        let sum = graph.add(Op::Reduce { kind: Reduce::Sum, axes: vec![1], keepdims: true }, &[powers]).unwrap();
        graph.add(Op::Div, &[powers, sum]).unwrap()
    };
    let folder = Folder::new();
    folder.write("hidden.onnx", planted(same, softmax));
    folder.audit("hidden", "--limit 20 --out run").expect(0);
    let summary = folder.summary("run");
    assert_raised(&summary, &["hidden-softmax"]);
    assert_eq!(indicator(&summary, "softmax-output")["raised"], false);
}

#[test]
fn shattered_gradients_are_found_by_noise() {
    let comb = |graph: &mut Graph, x| {
        let wave = comb(graph, x);
        let wave = scaled(graph, wave, 0.3);
        graph.add(Op::Add, &[x, wave]).unwrap()
    };
    let folder = Folder::new();
    folder.write("comb.onnx", planted(comb, same));
    folder.audit("comb", "--limit 40 --sanity full --out run");
    assert_raised(&folder.summary("run"), &["unstable-prediction"]);
}

#[test]
fn nan_beside_the_data_is_said() {
    // The root of the comb's square less a little is real on the grid only where the comb is large: of 1 - comb, everywhere but there.
    let rooted = |graph: &mut Graph, x| {
        let wave = comb(graph, x);
        let limit = graph.scalar(0.5);
        let room = graph.add(Op::Sub, &[limit, wave]).unwrap();
        let root = graph.add(Op::Sqrt, &[room]).unwrap();
        let nothing = scaled(graph, root, 1e-9);
        graph.add(Op::Add, &[x, nothing]).unwrap()
    };
    let folder = Folder::new();
    folder.write("rooted.onnx", planted(rooted, same));
    folder.audit("rooted", "--limit 20 --out run");
    assert_raised(&folder.summary("run"), &["non-finite-under-attack"]);
}

#[test]
fn a_constant_model_and_foreign_labels_are_near_chance() {
    let folder = Folder::new();
    let constant = |graph: &mut Graph, logits| {
        let zero = scaled(graph, logits, 0.0);
        let ranks = brinell_graph::Tensor::new(vec![10], brinell_graph::TensorData::F32((0u8..10).map(f32::from).collect())).unwrap();
        let ranks = graph.constant("ranks", ranks);
        graph.add(Op::Add, &[zero, ranks]).unwrap()
    };
    folder.write("constant.onnx", planted(same, constant));
    folder.audit("constant", "--limit 60 --sanity full --out run").expect(2);
    let summary = folder.summary("run");
    assert_raised(&summary, &["near-chance-accuracy", "zero-gradient", "no-progress", "unbounded-attack-fails"]);
    assert!(summary["indicators"].as_array().unwrap().iter().all(|indicator| indicator["id"] != "quantised-input"));

    let labels = std::fs::read(folder.path("labels.idx1-ubyte")).unwrap();
    let (header, values) = labels.split_at(8);
    folder.write("turned", [header, &values[1..], &values[..1]].concat());
    folder.audit("ordinary", "--limit 60 --labels turned --out turned-run").expect(2);
    assert_raised(&folder.summary("turned-run"), &["near-chance-accuracy"]);
}

#[test]
fn an_attack_of_one_step_is_incomplete_and_fails_even_without_bounds() {
    let folder = Folder::new();
    folder.audit("robust", "--limit 60 --attack fgsm --out run").expect(0);
    let summary = folder.summary("run");
    assert_raised(&summary, &["incomplete-optimisation"]);
    assert_eq!(indicator(&summary, "incomplete-optimisation")["measurement"]["value"], 1.0);
    // Whatever overshoots looks like a bag to this model, so that bags survive.
    let images = std::fs::read(folder.path("images.idx3-ubyte")).unwrap();
    let labels = std::fs::read(folder.path("labels.idx1-ubyte")).unwrap();
    let bags = labels[8..].iter().zip(images[16..].chunks(784)).filter(|(label, _)| **label == 8).map(|(_, image)| image);
    let bags: Vec<&[u8]> = bags.take(30).collect();
    let count = u32::try_from(bags.len()).unwrap().to_be_bytes();
    folder.write("bags.idx", [&images[..4], &count, &images[8..16], &bags.concat()].concat());
    let run = "audit robust.onnx --data bags.idx --labels 8 --norm linf --eps 0.1 --runtime rten --sanity full";
    folder.run(&format!("{run} --attack fgsm --out fgsm")).expect(2);
    assert_raised(&folder.summary("fgsm"), &["unbounded-attack-fails"]);
    folder.run(&format!("{run} --out quick")).expect(0);
}

#[test]
fn an_attack_that_steps_over_what_it_seeks_is_found_in_larger_balls() {
    // Two classes that meet at 0.32 and 0.48 of the first value: one step of 0.1 from 0.3 lands between, one of 0.2 beyond.
    let mut graph = Graph::new("ridge");
    let x = graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(4)]);
    let matrix = |graph: &mut Graph, shape: Vec<usize>, values: Vec<f32>| {
        graph.constant("weight", brinell_graph::Tensor::new(shape, brinell_graph::TensorData::F32(values)).unwrap())
    };
    let first = matrix(&mut graph, vec![4, 1], vec![1.0, 0.0, 0.0, 0.0]);
    let first = graph.add(Op::MatMul, &[x, first]).unwrap();
    let centre = graph.scalar(0.4);
    let offset = graph.add(Op::Sub, &[first, centre]).unwrap();
    let distance = graph.add(Op::Abs, &[offset]).unwrap();
    let radius = graph.scalar(0.08);
    let inside = graph.add(Op::Sub, &[radius, distance]).unwrap();
    let both = matrix(&mut graph, vec![1, 2], vec![-1.0, 1.0]);
    let logits = graph.add(Op::MatMul, &[inside, both]).unwrap();
    graph.output(logits);
    let folder = Folder::new();
    folder.write("ridge.onnx", brinell_onnx::write(&graph).unwrap());
    let samples: Vec<u8> = (0u8..40).flat_map(|value| [77, value, 9, 9]).collect();
    folder.write("x.idx", [&[0, 0, 8, 2, 0, 0, 0, 40, 0, 0, 0, 4][..], &samples].concat());
    let run = "audit ridge.onnx --data x.idx --labels 0 --norm linf --eps 0.1 --runtime rten --sanity full";
    folder.run(&format!("{run} --attack fgsm --out fgsm")).expect(2);
    let summary = folder.summary("fgsm");
    assert_eq!(summary["survived"], 0);
    assert_raised(&summary, &["larger-eps-not-worse", "unbounded-attack-fails"]);
    assert_eq!(indicator(&summary, "larger-eps-not-worse")["measurement"]["value"], 100.0);
}

#[test]
fn the_demo_is_silent_at_every_level() {
    let folder = Folder::new();
    for model in ["ordinary", "robust"] {
        for level in ["off", "cheap", "full"] {
            let out = format!("{model}-{level}");
            folder.audit(model, &format!("--limit 80 --sanity {level} --out {out}")).expect(0);
            let summary = folder.summary(&out);
            assert!(raised(&summary).iter().all(|(_, severity)| severity == "note"), "{model} {level}: {:#}", summary["flags"]);
            assert_eq!(summary["sanity"]["level"], level);
        }
        // No level changes a verdict, a query or a stage.
        let record = folder.record(&format!("{model}-off"));
        for level in ["cheap", "full"] {
            assert_eq!(folder.record(&format!("{model}-{level}")), record, "{model} {level}");
        }
        let [off, cheap, full] = ["off", "cheap", "full"].map(|level| folder.summary(&format!("{model}-{level}")));
        let forwards = |summary: &Value| summary["sanity"]["forwards"].as_u64().unwrap();
        assert_eq!(forwards(&off), 0);
        assert!(0 < forwards(&cheap) && forwards(&cheap) < forwards(&full));
        assert_eq!(full["sanity"]["samples"], 64);
        assert!(full["sanity"]["backwards"].as_u64().unwrap() > 0);
        for id in ["unbounded-attack-fails", "larger-eps-not-worse", "unstable-prediction", "black-box-stronger"] {
            assert_eq!(indicator(&full, id)["raised"], false);
            assert!(cheap["indicators"].as_array().unwrap().iter().all(|indicator| indicator["id"] != id));
        }
    }
}

#[test]
fn a_finished_run_can_be_looked_at_more_closely() {
    let folder = Folder::new();
    folder.audit("robust", "--limit 20 --out run").expect(0);
    let before = folder.record("run");
    folder.audit("robust", "--limit 20 --out run --resume --sanity full").expect(0);
    assert_eq!(folder.record("run"), before);
    assert_eq!(folder.summary("run")["sanity"]["level"], "full");
}
