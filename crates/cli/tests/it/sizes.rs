//! Models that leave open what the data tell: sizes of their input, and what follows from other inputs.

use brinell_graph::{ConvAttrs, DType, Dim, Graph, Op, OpaqueOp, Reduce, Tensor, TensorData, ValueId};

use crate::support::{Folder, safetensors, verdicts};

/// Numbers between 0 and 1 that look drawn.
fn numbers(n: usize, seed: u32) -> Vec<f32> {
    (0..n as u32)
        .map(|i| ((i + 1).wrapping_mul(2_654_435_761).wrapping_add(seed.wrapping_mul(40_503)) >> 8) as f32 / 16_777_216.0)
        .collect()
}

fn constant(graph: &mut Graph, shape: &[usize], seed: u32) -> ValueId {
    let values = numbers(shape.iter().product(), seed).iter().map(|x| x - 0.5).collect();
    graph.constant("c", Tensor::new(shape.to_vec(), TensorData::F32(values)).unwrap())
}

/// Convolution, average over all places, two logits; of images of these sizes, with channels last where `last` says so.
fn images(sizes: [Dim; 3], last: bool) -> Vec<u8> {
    let mut graph = Graph::new("images");
    let [channels, height, width] = sizes;
    let shape = if last { vec![Dim::Batch(1), height, width, channels] } else { vec![Dim::Batch(1), channels, height, width] };
    let mut x = graph.input("pixels", DType::F32, shape);
    if last {
        x = graph.add(Op::Transpose { perm: vec![0, 3, 1, 2] }, &[x]).unwrap();
    }
    let kernel = constant(&mut graph, &[4, 3, 3, 3], 1);
    let attrs = ConvAttrs { kernel: vec![3, 3], strides: vec![1, 1], pads: vec![1, 1, 1, 1], dilations: vec![1, 1], groups: 1 };
    let x = graph.add(Op::Conv(attrs), &[x, kernel]).unwrap();
    let x = graph.add(Op::Relu, &[x]).unwrap();
    let x = graph.add(Op::GlobalAveragePool, &[x]).unwrap();
    let x = graph.add(Op::Reshape { shape: vec![Dim::Batch(1), Dim::Fixed(4)] }, &[x]).unwrap();
    let weight = constant(&mut graph, &[4, 2], 2);
    let logits = graph.add(Op::MatMul, &[x, weight]).unwrap();
    graph.output(logits);
    brinell_onnx::write(&graph).unwrap()
}

const AUDIT: &str = "--norm linf --eps 0.1 --sanity off --attack pgd:steps=5 --runtime rten";

fn with_images() -> Folder {
    let folder = Folder::new();
    folder.write("free.onnx", images([Dim::Fixed(3), Dim::Unknown, Dim::Unknown], false));
    folder.write("fixed.onnx", images([3, 5, 7].map(Dim::Fixed), false));
    folder.write("last.onnx", images([Dim::Fixed(3), Dim::Unknown, Dim::Unknown], true));
    folder.write("unsaid.onnx", images([Dim::Unknown; 3], false));
    let labels = ("y", vec![8], (0..8).map(|i| (i % 2) as f32).collect());
    let x = numbers(840, 3);
    // The same images with their channels last.
    let last = (0..840).map(|i| x[i / 105 * 105 + i % 3 * 35 + i % 105 / 3]).collect();
    folder.write("last.safetensors", safetensors(&[("x", vec![8, 5, 7, 3], last), labels.clone()]));
    folder.write("flat.safetensors", safetensors(&[("x", vec![8, 105], x.clone()), labels.clone()]));
    folder.write("x.safetensors", safetensors(&[("x", vec![8, 3, 5, 7], x), labels.clone()]));
    folder.write("grey.safetensors", safetensors(&[("x", vec![8, 1, 5, 7], numbers(280, 3)), labels]));
    folder
}

#[test]
fn sizes_that_a_model_leaves_free_are_those_of_the_data() {
    let folder = with_images();
    let runs =
        [("fixed", "x", "fixed"), ("free", "x", "free"), ("last", "x", "last"), ("unsaid", "x", "unsaid"), ("unsaid", "last", "turned")];
    for (model, data, out) in runs {
        let run = folder.run(&format!("audit {model}.onnx --data {data}.safetensors {AUDIT} --out {out}"));
        assert!([0, 2].contains(&run.code), "{model}: {}{}", run.stdout, run.stderr);
    }
    let fixed = verdicts(&folder.record("fixed"));
    assert_eq!(verdicts(&folder.record("free")), fixed);
    assert_eq!(verdicts(&folder.record("last")), fixed);
    assert_eq!(verdicts(&folder.record("unsaid")), fixed);
    // Random starts are drawn in the order of the data.
    assert_eq!(folder.summary("turned")["clean_correct"], folder.summary("fixed")["clean_correct"]);
    assert!(folder.summary("fixed")["broken"].as_u64().unwrap() > 0);
    assert!(folder.summary("fixed")["model"]["interface"].get("shape").is_none());
    assert_eq!(folder.summary("free")["model"]["interface"]["shape"], serde_json::json!([3, 5, 7]));
    assert_eq!(folder.summary("last")["model"]["interface"]["shape"], serde_json::json!([5, 7, 3]));
    for out in ["free", "last"] {
        let replay = folder.run(&format!("replay {out} --json")).expect(0);
        assert!(replay.stdout.contains("confirmed") && !replay.stdout.contains("rejected"), "{}", replay.stdout);
    }
}

#[test]
fn sizes_are_said_with_shape_and_must_fit() {
    let folder = with_images();
    let run = folder.run(&format!("audit free.onnx --data x.safetensors --shape 3,5,7 {AUDIT} --out said"));
    assert!([0, 2].contains(&run.code), "{}{}", run.stdout, run.stderr);
    for (arguments, told) in [
        ("free.onnx --data x.safetensors --shape 3,5,8", "[3, 5, 7]"),
        ("free.onnx --data x.safetensors --shape 1,5,7", "does not fit samples of shape [1, 5, 7]"),
        ("free.onnx --data x.safetensors --shape 5,7", "does not fit samples of shape [5, 7]"),
        ("free.onnx --data x.safetensors --shape 3,0,7", "samples of shape [3, 0, 7] are not possible"),
        ("free.onnx --data x.safetensors --shape 3,9999999999,9999999999", "are not possible"),
        ("free.onnx --data flat.safetensors", "the samples have shape [105], but"),
        ("free.onnx --data grey.safetensors", "the samples have shape [1, 5, 7], but"),
    ] {
        let run = folder.run(&format!("audit {arguments} {AUDIT} --out none")).expect(4);
        assert!(run.stderr.contains(told), "{arguments}: {}", run.stderr);
        assert!(!folder.path("none").exists());
    }
    let without = folder.run("inspect free.onnx").expect(0);
    assert!(without.stdout.contains("--shape"), "{}", without.stdout);
    let with = folder.run("inspect free.onnx --shape 3,5,7").expect(0);
    assert!(with.stdout.contains("[B, 3, 5, 7]") && with.stdout.contains("differentiable  yes"), "{}", with.stdout);
    folder.run("grad free.onnx --shape 3,5,7 --out grad.onnx").expect(0);
    folder.run("grad free.onnx --out other.onnx").expect(4);
}

/// Samples [B, 4] in the form that a second input says, and two logits of them; with `free`, nothing is declared of these.
fn formed(free: bool) -> Vec<u8> {
    let mut graph = Graph::new("formed");
    let x = graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(4)]);
    let form = graph.input("form", DType::I64, vec![Dim::Fixed(3)]);
    let reshape = OpaqueOp {
        domain: String::new(),
        op_type: "Reshape".to_owned(),
        opset: 13,
        attributes: Vec::new(),
        reason: "the target shape is not constant".to_owned(),
        captures: 0,
        follows: false,
    };
    let y = graph.add(Op::Opaque(reshape), &[x, form]).unwrap();
    graph.declare(y, Some(DType::F32), (!free).then(|| vec![Dim::Batch(1), Dim::Fixed(2), Dim::Fixed(2)]));
    let squared = graph.add(Op::Mul, &[y, y]).unwrap();
    graph.declare(squared, Some(DType::F32), (!free).then(|| vec![Dim::Batch(1), Dim::Fixed(2), Dim::Fixed(2)]));
    let logits = graph.add(Op::Reduce { kind: brinell_graph::Reduce::Sum, axes: vec![2], keepdims: false }, &[squared]).unwrap();
    graph.output(logits);
    brinell_onnx::write(&graph).unwrap()
}

#[test]
fn what_follows_from_held_inputs_is_read_with_their_values() {
    let folder = Folder::new();
    folder.write("formed.onnx", formed(false));
    folder.write("free.onnx", formed(true));
    let labels = ("y", vec![8], (0..8).map(|i| (i % 2) as f32).collect());
    let form = ("form", vec![3], vec![-1.0, 2.0, 2.0]);
    folder.write("x.safetensors", safetensors(&[("x", vec![8, 4], numbers(32, 5)), labels, form]));
    for model in ["formed", "free"] {
        let run = folder.run(&format!("audit {model}.onnx --input x --data x.safetensors {} --out {model}", AUDIT.replace("0.1", "0.5")));
        assert!([0, 2].contains(&run.code), "{}{}", run.stdout, run.stderr);
        let summary = folder.summary(model);
        assert!(summary["broken"].as_u64().unwrap() > 0, "{summary}");
        assert!(summary["stages"][0]["backwards"].as_u64().unwrap() > 0, "{summary}");
        folder.run(&format!("replay {model}")).expect(0);
        // Claims about it are read, decided and replayed with the same values.
        for (name, property, code) in [("all", "forall", 1), ("same", "equal:formed.onnx:1e-4", 0), ("itself", "equal:free.onnx:0", 0)] {
            let claim = format!("{model}-{name}");
            folder.run(&format!("claim new {model} --sampling exhaustive --property {property} --out {claim}.toml")).expect(0);
            folder.run(&format!("check {claim}.toml")).expect(code);
            folder.run(&format!("replay {claim}.evidence")).expect(if name == "all" { 0 } else { 2 });
        }
    }
}

/// A linear model of an input of this shape, which `perm` brings into the order samples, times, features.
fn sideways(shape: Vec<Dim>, perm: Vec<usize>) -> Vec<u8> {
    let mut graph = Graph::new("sideways");
    let x = graph.input("x", DType::F32, shape);
    let mut x = graph.add(Op::Transpose { perm }, &[x]).unwrap();
    if graph.shape(x).unwrap().len() == 3 {
        x = graph.add(Op::Reduce { kind: Reduce::Mean, axes: vec![1], keepdims: false }, &[x]).unwrap();
    }
    let weight = constant(&mut graph, &[4, 2], 2);
    let logits = graph.add(Op::MatMul, &[x, weight]).unwrap();
    graph.output(logits);
    brinell_onnx::write(&graph).unwrap()
}

#[test]
fn samples_along_another_axis_are_named() {
    let folder = Folder::new();
    let labels = |n: usize| ("y", vec![n], (0..n).map(|i| (i % 2) as f32).collect::<Vec<f32>>());
    folder.write("x.safetensors", safetensors(&[("x", vec![8, 4], numbers(32, 3)), labels(8)]));
    folder.write("times.safetensors", safetensors(&[("x", vec![8, 5, 4], numbers(160, 3)), labels(8)]));
    folder.write("columns.onnx", sideways(vec![Dim::Fixed(4), Dim::Unknown], vec![1, 0]));
    folder.write("times.onnx", sideways(vec![Dim::Fixed(5), Dim::Unknown, Dim::Fixed(4)], vec![1, 0, 2]));
    for (model, data) in [("columns", "x"), ("times", "times")] {
        let refused = folder.run(&format!("audit {model}.onnx --data {data}.safetensors {AUDIT} --out {model}")).expect(4);
        assert!(refused.stderr.contains("the samples are not along the first axis of the input"), "{}", refused.stderr);
    }
}
