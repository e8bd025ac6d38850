//! Gradient graphs of every rule on software that nobody here wrote or uses: OpenVINO and the reference evaluator of `onnx`.
#![expect(clippy::unwrap_used, reason = "a test that meets an error fails")]

use std::path::Path;
use std::process::Command;

use brinell_autodiff::{Loss, gradient_graph, vjp};
use brinell_graph::{ConvAttrs, ConvTransposeAttrs, DType, Dim, Graph, Op, PoolAttrs, Tensor, TensorData, ValueId};
use brinell_testkit::{Array, GOLDEN_FAMILIES, RANDOM_CASES, Rng, eval, golden_cases, golden_dir, node_cases, random_graph};
use serde_json::{Value, json};

/// Rows of the nets made here: several, since what runtimes keep of a weight depends on it.
const BATCH: usize = 4;

/// Cases in a folder.
struct Cases<'a> {
    folder: &'a Path,
    listed: Vec<Value>,
}

impl Cases<'_> {
    /// Adds a graph with what is fed and, where that is known, what must come out.
    fn add(&mut self, name: &str, graph: &Graph, feeds: &[(String, Array)], expected: Option<&[Array]>) {
        let file = format!("{}.onnx", self.listed.len());
        std::fs::write(self.folder.join(&file), brinell_onnx::write(&graph.dce()).unwrap()).unwrap();
        let array = |array: &Array| json!({ "shape": array.shape, "data": array.data });
        let feeds: serde_json::Map<String, Value> = feeds.iter().map(|(name, value)| (name.clone(), array(value))).collect();
        let mut case = json!({ "name": name, "file": file, "feeds": feeds });
        if let Some(expected) = expected {
            case["expected"] = expected.iter().map(array).collect();
        }
        self.listed.push(case);
    }

    /// Adds a graph of which the interpreter says what must come out.
    fn interpreted(&mut self, name: &str, graph: &Graph, feeds: &[(String, Array)]) {
        let named: Vec<(&str, Array)> = feeds.iter().map(|(name, array)| (name.as_str(), array.clone())).collect();
        // Without elements there is nothing to compare, and OpenVINO does not survive all such cases.
        if let Ok(expected) = eval(graph, &named)
            && !expected.iter().chain(named.iter().map(|(_, array)| array)).any(|array| array.data.is_empty())
        {
            self.add(name, graph, feeds, Some(&expected));
        }
    }

    /// Adds the gradient of a graph's first output by its input `x`, with the output itself, for the sum of its squares.
    fn squared(&mut self, name: &str, mut graph: Graph, x: Array) {
        let (input, output) = (graph.find("x").unwrap(), graph.outputs()[0]);
        let cotangent = graph.add(Op::Sum, &[output, output]).unwrap();
        let gradients = vjp(&mut graph, &[(output, cotangent)], &[input]).unwrap();
        graph.set_outputs(vec![output, gradients[0]]);
        self.interpreted(name, &graph, &[("x".to_owned(), x)]);
    }
}

/// A net under construction: one value and random weights.
struct Net {
    graph: Graph,
    rng: Rng,
    value: ValueId,
}

impl Net {
    fn new(sample: &[usize]) -> Self {
        let mut graph = Graph::new("net");
        let shape = std::iter::once(Dim::Batch(1)).chain(sample.iter().map(|&n| Dim::Fixed(n))).collect();
        let value = graph.input("x", DType::F32, shape);
        Self { graph, rng: Rng::new(1), value }
    }

    fn weight(&mut self, shape: &[usize]) -> ValueId {
        let array = self.rng.array(shape);
        let data = array.data.iter().map(|&v| v as f32).collect();
        self.graph.constant("weight", Tensor::new(shape.to_vec(), TensorData::F32(data)).unwrap())
    }

    fn then(mut self, op: Op) -> Self {
        self.value = self.graph.add(op, &[self.value]).unwrap();
        self
    }

    fn with(mut self, op: Op, weight: &[usize]) -> Self {
        let weight = self.weight(weight);
        self.value = self.graph.add(op, &[self.value, weight]).unwrap();
        self
    }

    fn conv(self, stride: usize, groups: usize, channels: usize) -> Self {
        let attrs = ConvAttrs { kernel: vec![3, 3], strides: vec![stride; 2], dilations: vec![1; 2], pads: vec![1; 4], groups };
        self.with(Op::Conv(attrs), &[channels, channels / groups, 3, 3])
    }

    fn add_to(self, cases: &mut Cases<'_>, name: &str) {
        let Self { mut graph, value, mut rng, .. } = self;
        graph.output(value);
        let shape: Vec<usize> = graph.shape(graph.inputs()[0]).unwrap().iter().filter_map(|dim| dim.at_batch(BATCH)).collect();
        let x = rng.array(&shape);
        cases.squared(name, graph, x);
    }
}

/// Weights of one shape both ways, which forward and backward pass read differently, and masks of every kind.
fn small_nets(cases: &mut Cases<'_>) {
    let image = || Net::new(&[8, 6, 6]);
    for (name, stride, groups) in
        [("square_conv", 1, 1), ("square_conv_stride", 2, 1), ("square_conv_grouped", 2, 4), ("square_conv_depthwise", 2, 8)]
    {
        image().conv(1, 1, 8).then(Op::Relu).conv(stride, groups, 8).then(Op::Relu).conv(1, 1, 8).add_to(cases, name);
    }
    let transposed = ConvTransposeAttrs {
        kernel: vec![3, 3],
        strides: vec![2; 2],
        dilations: vec![1; 2],
        pads: vec![1; 4],
        output_padding: vec![1; 2],
        groups: 1,
    };
    image().with(Op::ConvTranspose(transposed), &[8, 8, 3, 3]).then(Op::Relu).conv(2, 1, 8).add_to(cases, "square_conv_transpose");
    let flat = || Net::new(&[16]);
    for (trans_b, name) in [(false, "square_gemm"), (true, "square_gemm_turned")] {
        let gemm = || Op::Gemm { alpha: 1.0, beta: 1.0, trans_a: false, trans_b };
        flat().with(gemm(), &[16, 16]).then(Op::Relu).with(gemm(), &[16, 16]).add_to(cases, name);
    }
    flat().with(Op::MatMul, &[16, 16]).then(Op::Relu).with(Op::MatMul, &[16, 16]).add_to(cases, "square_matmul");
    let mut turned = flat();
    for _ in 0..2 {
        let weight = turned.weight(&[16, 16]);
        let weight = turned.graph.add(Op::Transpose { perm: vec![1, 0] }, &[weight]).unwrap();
        turned.value = turned.graph.add(Op::MatMul, &[turned.value, weight]).unwrap();
        turned = turned.then(Op::Tanh);
    }
    turned.add_to(cases, "square_matmul_of_a_transpose");
    let window = |kernel: usize, stride: usize| PoolAttrs {
        kernel: vec![kernel; 2],
        strides: vec![stride; 2],
        dilations: vec![1; 2],
        pads: vec![0; 4],
        ceil_mode: false,
    };
    let masks = [
        ("relu", Op::Relu),
        ("relu6", Op::Clip { lo: Some(0.0), hi: Some(0.25) }),
        ("clip_below_zero", Op::Clip { lo: None, hi: Some(0.0) }),
        ("leaky_relu", Op::LeakyRelu { alpha: 0.125 }),
        ("elu", Op::Elu { alpha: 1.0 }),
        ("abs", Op::Abs),
        ("hard_sigmoid", Op::HardSigmoid { alpha: 0.25, beta: 0.5 }),
        ("hard_swish", Op::HardSwish),
        ("sigmoid", Op::Sigmoid),
        ("max_pool_of_tiles", Op::MaxPool(window(2, 2))),
        ("max_pool_that_overlaps", Op::MaxPool(window(3, 2))),
    ];
    for (name, op) in masks {
        image().conv(1, 1, 8).then(op).conv(1, 1, 8).add_to(cases, &format!("mask_{name}"));
    }
}

/// Gradients of the golden cases by what is no parameter, with what PyTorch says of them.
fn golden(cases: &mut Cases<'_>) {
    for family in GOLDEN_FAMILIES {
        for case in golden_cases(family).unwrap() {
            // Parameters are initializers in the last variant, as in files.
            let Some(&variant) = case.variants().last() else { continue };
            let mut differentiated = case.differentiate(variant, vjp).unwrap();
            let graph = &mut differentiated.graph;
            let is_fed = |name: &str| graph.find(name).is_some_and(|id| graph.inputs().contains(&id));
            let kept = graph.outputs().iter().copied().zip(&differentiated.expected).filter(|(_, (name, _))| is_fed(name));
            let (outputs, expected): (Vec<ValueId>, Vec<Array>) = kept.map(|(id, (_, gradient))| (id, gradient.clone())).unzip();
            if !outputs.is_empty() {
                graph.set_outputs(outputs);
                cases.add(&format!("{family}/{}", case.name), graph, &differentiated.feeds, Some(&expected));
            }
        }
    }
}

/// Gradients of the ONNX project's node tests, recurrent operators, attention and Resize among them, by all inputs that have one.
fn nodes(cases: &mut Cases<'_>) {
    for case in node_cases().unwrap() {
        let Some(model) = brinell_onnx::read(&case.bytes(), None).ok().filter(|model| model.opaque().is_empty()) else { continue };
        let mut graph = model.graph;
        let is_f32 = |graph: &Graph, id: ValueId| graph.value(id).dtype == Some(DType::F32);
        let outputs: Vec<ValueId> = graph.outputs().iter().copied().filter(|&id| is_f32(&graph, id)).collect();
        let wrt: Vec<ValueId> = graph.inputs().iter().copied().filter(|&id| is_f32(&graph, id)).collect();
        let halves = graph.values().any(|(_, value)| matches!(value.dtype, Some(DType::F16 | DType::Bf16 | DType::F64)));
        let Some(&output) = outputs.first().filter(|_| !halves) else { continue };
        let (Some(&x), Some(shape)) = (wrt.first(), graph.shape(output).map(<[Dim]>::to_vec)) else { continue };
        let Some(sizes) = shape.iter().map(|dim| dim.fixed()).collect::<Option<Vec<usize>>>() else { continue };
        // Fed, so that a judge's own fault in the operator is none of its gradient.
        let cotangent = graph.input("cotangent", DType::F32, shape);
        let Ok(gradients) = vjp(&mut graph, &[(output, cotangent)], &[x]) else { continue };
        graph.set_outputs(gradients);
        let mut feeds: Vec<(String, Array)> = case.feeds().into_iter().map(|(name, _, array)| (name.to_owned(), array)).collect();
        feeds.push(("cotangent".to_owned(), Rng::new(3).array(&sizes)));
        cases.interpreted(&format!("onnx/{}", case.name), &graph, &feeds);
    }
}

/// Gradient files of the demo's models, for every loss, at random images.
fn demo(cases: &mut Cases<'_>) {
    for name in ["ordinary", "robust"] {
        let model = brinell_onnx::read_file(&golden_dir().join(format!("../../demo/{name}.onnx"))).unwrap();
        let (input, logits) = (model.graph.inputs()[0], model.graph.outputs()[0]);
        let shape = |id: ValueId| model.graph.shape(id).unwrap().iter().filter_map(|dim| dim.at_batch(BATCH)).collect::<Vec<_>>();
        let (image, classes) = (shape(input), shape(logits)[1]);
        for loss in Loss::ALL {
            let graph = gradient_graph(&model.graph, logits, input, loss).unwrap();
            let one_hot = |first: usize| Array::from_fn(&[BATCH, classes], |at| f64::from(u8::from((at[0] + first) % classes == at[1])));
            let x = Rng::new(7).array(&image);
            let x = Array::new(&x.shape, x.data.iter().map(|v| (v + 1.0) / 2.0).collect());
            let mut feeds = vec![(model.graph.value(input).name.clone(), x), ("label_one_hot".to_owned(), one_hot(0))];
            if loss.is_targeted() {
                feeds.push(("target_one_hot".to_owned(), one_hot(3)));
            }
            cases.add(&format!("demo/{name} {}", loss.name()), &graph, &feeds, None);
        }
    }
}

fn random(cases: &mut Cases<'_>) {
    for seed in 0..RANDOM_CASES / 4 {
        cases.squared(&format!("random/{seed}"), random_graph(seed, 12).unwrap(), Rng::new(seed).array(&[3, 2, 4, 4]));
    }
}

#[test]
fn openvino_and_the_reference_evaluator_compute_the_same_gradients() {
    let folder = tempfile::tempdir().unwrap();
    let mut cases = Cases { folder: folder.path(), listed: Vec::new() };
    small_nets(&mut cases);
    demo(&mut cases);
    golden(&mut cases);
    nodes(&mut cases);
    random(&mut cases);
    std::fs::write(folder.path().join("cases.json"), Value::from(cases.listed).to_string()).unwrap();
    let environment = std::env::var_os("VIRTUAL_ENV").map(|path| std::path::PathBuf::from(path).join("bin/python"));
    let python = environment.filter(|path| path.exists()).unwrap_or_else(|| "python3".into());
    let Ok(output) = Command::new(python).arg(golden_dir().join("judges.py")).arg(folder.path()).output() else {
        println!("skipped: there is no Python to run other software with");
        return;
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(77) {
        println!("skipped: {said}");
        return;
    }
    assert!(output.status.success(), "{said}");
}
