//! Both runtimes execute the same models with the same results.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::path::PathBuf;

use brinell_engine::{Elements, EngineError, Runtime, Session, View, check_arithmetic};
use brinell_graph::{ConvAttrs, DType, Dim, Graph, Op, OpaqueOp, Quant, Tensor, TensorData};
use brinell_testkit::shared_data;
use common::{noise, runtimes};

fn models(folder: &str) -> Vec<PathBuf> {
    let Some(path) = shared_data(folder) else { return Vec::new() };
    let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let mut models: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|e| e == "onnx")).collect();
    models.sort();
    models
}

fn run(session: &mut dyn Session, shape: &[usize], x: &[f32]) -> Vec<f32> {
    let name = session.inputs()[0].name.clone();
    let mut out = Vec::new();
    let mut keep = |index: usize, view: View<'_>| {
        if index == 0 {
            out.extend_from_slice(view.data.as_f32().unwrap());
        }
    };
    session.run(&[(&name, View::f32(shape, x))], &mut keep).unwrap();
    out
}

/// Returns the largest difference relative to the largest value, at least 1.
fn difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let scale = a.iter().fold(1.0_f32, |m, v| m.max(v.abs()));
    a.iter().zip(b).fold(0.0_f32, |m, (x, y)| m.max((x - y).abs())) / scale
}

/// A graph of two layers, [B, 5] -> [B, 3], and what it computes.
fn perceptron() -> (Vec<u8>, impl Fn(&[f32]) -> Vec<f32>) {
    let (w, b, v) = (noise(20, 1), noise(4, 2), noise(12, 3));
    let mut graph = Graph::new("perceptron");
    let x = graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(5)]);
    let first = graph.constant("w", Tensor::new(vec![4, 5], TensorData::F32(w.clone())).unwrap());
    let bias = graph.constant("b", Tensor::new(vec![4], TensorData::F32(b.clone())).unwrap());
    let second = graph.constant("v", Tensor::new(vec![4, 3], TensorData::F32(v.clone())).unwrap());
    let hidden = graph.add(Op::Gemm { alpha: 1.0, beta: -2.0, trans_a: false, trans_b: true }, &[x, first, bias]).unwrap();
    let active = graph.add(Op::Relu, &[hidden]).unwrap();
    let y = graph.add(Op::MatMul, &[active, second]).unwrap();
    graph.output(y);
    let expected = move |x: &[f32]| {
        let row = |x: &[f32]| {
            let hidden: Vec<f32> = w.chunks(5).zip(&b).map(|(w, b)| (dot(w, x) - 2.0 * b).max(0.0)).collect();
            (0..3).map(|k| (0..4).map(|h| hidden[h] * v[h * 3 + k]).sum()).collect::<Vec<f32>>()
        };
        x.chunks(5).flat_map(row).collect()
    };
    (brinell_onnx::write(&graph).unwrap(), expected)
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// A graph that hands its input on through a cast to `f32` and back.
fn there_and_back(dtype: DType) -> Vec<u8> {
    let mut graph = Graph::new("cast");
    let x = graph.input("x", dtype, vec![Dim::Batch(1), Dim::Fixed(2)]);
    let float = graph.add(Op::Cast { to: DType::F32 }, &[x]).unwrap();
    let back = graph.add(Op::Cast { to: dtype }, &[float]).unwrap();
    graph.output(back);
    brinell_onnx::write(&graph).unwrap()
}

#[test]
fn a_graph_computes_what_it_says() {
    let (model, expected) = perceptron();
    for runtime in runtimes(2) {
        let mut session = runtime.compile(&model.clone().into()).unwrap();
        assert_eq!(session.inputs()[0].shape, [None, Some(5)], "{}", runtime.name());
        for batch in [1, 2, 7] {
            let x = noise(batch * 5, 4);
            assert!(difference(&expected(&x), &run(session.as_mut(), &[batch, 5], &x)) < 1e-5, "{}", runtime.name());
        }
    }
}

#[test]
fn every_classifier_gives_the_same_logits_on_both_runtimes() {
    let runtimes = runtimes(2);
    for path in ["mnist", "cifar10", "imagenet"].iter().flat_map(|folder| models(folder)) {
        let mut first: Option<(Vec<f32>, Box<dyn Session>)> = None;
        for runtime in &runtimes {
            let mut session = runtime.compile_file(&path).unwrap();
            let shape: Vec<usize> = session.inputs()[0].shape.iter().map(|extent| extent.unwrap_or(1)).collect();
            let logits = run(session.as_mut(), &shape, &noise(shape.iter().product(), 7));
            if let Some((expected, other)) = &first {
                assert_eq!(session.inputs(), other.inputs(), "{}", path.display());
                assert!(difference(expected, &logits) < 2e-5, "{}: {}", path.display(), difference(expected, &logits));
            } else {
                first = Some((logits, session));
            }
        }
    }
}

#[test]
fn types_other_than_f32_keep_their_declaration() {
    let cases = [
        (DType::I64, Elements::I64(&[-3, 70_000])),
        (DType::I32, Elements::I32(&[-3, 70_000])),
        (DType::U8, Elements::U8(&[0, 255])),
        (DType::I8, Elements::I8(&[-128, 127])),
        (DType::F64, Elements::F64(&[0.5, -2.0])),
        (DType::F16, Elements::F16(&[0x3800, 0xC000])),
        (DType::Bool, Elements::Bool(&[true, false])),
    ];
    for runtime in runtimes(1) {
        for (dtype, data) in cases {
            let mut session = runtime.compile(&there_and_back(dtype).into()).unwrap();
            assert_eq!((session.inputs()[0].dtype, session.outputs()[0].dtype), (dtype, dtype), "{}", runtime.name());
            let view = View { shape: &[1, 2], data };
            let mut seen = String::new();
            session.run(&[("x", view)], &mut |_, out| seen = format!("{:?} {:?}", out.shape, out.data)).unwrap();
            assert_eq!(seen, format!("[1, 2] {data:?}"), "{}", runtime.name());
        }
    }
}

#[test]
fn models_with_other_inputs_than_images_run() {
    let runtimes = runtimes(1);
    for path in models("other") {
        for runtime in &runtimes {
            let mut session = match runtime.compile_file(&path) {
                Ok(session) => session,
                Err(EngineError::Operators { operators, .. }) => {
                    assert_eq!(operators, ["ai.onnx.ml.TreeEnsembleRegressor"], "{}", path.display());
                    continue;
                }
                Err(error) => panic!("{}: {error}", path.display()),
            };
            let port = session.inputs()[0].clone();
            let shape: Vec<usize> = port.shape.iter().map(|extent| extent.unwrap_or(1)).collect();
            let len = shape.iter().product();
            let (floats, ints, longs) = (noise(len, 5), vec![3_i32; len], vec![3_i64; len]);
            let data = match port.dtype {
                DType::F32 => Elements::F32(&floats),
                DType::I32 => Elements::I32(&ints),
                DType::I64 => Elements::I64(&longs),
                other => panic!("{}: {other:?}", path.display()),
            };
            let mut finite = false;
            let mut look = |_: usize, view: View<'_>| finite = view.data.as_f32().unwrap().iter().all(|v| v.is_finite());
            session.run(&[(&port.name, View { shape: &shape, data })], &mut look).unwrap();
            assert!(finite, "{} on {}", path.display(), runtime.name());
        }
    }
}

#[test]
fn unknown_operators_are_named() {
    let mut graph = Graph::new("unknown");
    let mut value = graph.input("x", DType::F32, vec![Dim::Fixed(2)]);
    for op_type in ["Frobnicate", "Sharpen", "Frobnicate"] {
        let domain = "com.example".to_owned();
        let op =
            OpaqueOp { domain, op_type: op_type.into(), opset: 1, attributes: vec![], reason: String::new(), follows: false, captures: 0 };
        value = graph.add(Op::Opaque(op), &[value]).unwrap();
    }
    graph.domains.insert("com.example".into(), 1);
    graph.declare(value, Some(DType::F32), Some(vec![Dim::Fixed(2)]));
    graph.output(value);
    let model = brinell_onnx::write(&graph).unwrap();
    for runtime in runtimes(1) {
        let error = runtime.compile(&model.clone().into()).err().unwrap();
        assert!(error.to_string().contains("Frobnicate"), "{error}");
        if let EngineError::Operators { operators, .. } = &error {
            assert_eq!(operators, &["com.example.Frobnicate", "com.example.Sharpen"]);
        } else {
            assert_eq!(runtime.name(), "onnxruntime", "{error}");
        }
    }
}

#[test]
fn what_is_no_model_is_refused() {
    let (model, _) = perceptron();
    let folder = std::env::temp_dir().join(format!("brinell-engine-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let cases: [(&str, &[u8]); 3] = [("empty.onnx", b""), ("text.onnx", b"not a model at all"), ("cut.onnx", &model[..model.len() / 2])];
    for runtime in runtimes(1) {
        for (name, bytes) in cases {
            let path = folder.join(name);
            std::fs::write(&path, bytes).unwrap();
            let error = runtime.compile_file(&path).err().unwrap();
            assert!(matches!(error, EngineError::Model { .. }) && error.to_string().contains(name), "{}: {error}", runtime.name());
            assert!(runtime.compile(&bytes.to_vec().into()).is_err());
        }
        let error = runtime.compile_file(&folder.join("absent.onnx")).err().unwrap();
        assert!(matches!(error, EngineError::Read { .. }), "{error}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn feeds_that_do_not_fit_are_refused_before_the_run() {
    let (model, _) = perceptron();
    for runtime in runtimes(1) {
        let mut session = runtime.compile(&model.clone().into()).unwrap();
        let mut refused = |name: &str, view: View<'_>| session.run(&[(name, view)], &mut |_, _| {}).unwrap_err();
        assert!(matches!(refused("y", View::f32(&[1, 5], &[0.0; 5])), EngineError::Feed { .. }));
        assert!(matches!(refused("x", View::f32(&[1, 4], &[0.0; 4])), EngineError::Feed { .. }));
        assert!(matches!(refused("x", View { shape: &[1, 5], data: Elements::I64(&[0; 5]) }), EngineError::FeedType { .. }));
    }
}

#[test]
fn an_integer_that_rten_cannot_hold_is_refused() {
    let rten: &dyn Runtime = &*runtimes(1)[0];
    let mut session = rten.compile(&there_and_back(DType::I64).into()).unwrap();
    let view = View { shape: &[1, 2], data: Elements::I64(&[0, 1 << 40]) };
    let error = session.run(&[("x", view)], &mut |_, _| {}).unwrap_err();
    assert!(error.to_string().contains("1099511627776"), "{error}");
}

/// Sums over windows of 3 by 3 of what `channels` channels of 2 by 2 are above the zero point 5, in `groups`, with a border of that zero point.
fn padded_sum(channels: usize, groups: usize) -> Graph {
    let mut graph = Graph::new("padded");
    let x = graph.input("x", DType::U8, vec![Dim::Batch(1), Dim::Fixed(channels), Dim::Fixed(2), Dim::Fixed(2)]);
    let n = channels * channels / groups * 9;
    let ones = Tensor::new(vec![channels, channels / groups, 3, 3], TensorData::U8(vec![1; n])).unwrap();
    let ones = graph.constant("w", ones);
    let zero = graph.constant("zero", Tensor::new(Vec::new(), TensorData::U8(vec![5])).unwrap());
    let attrs = ConvAttrs { kernel: vec![3, 3], strides: vec![1, 1], dilations: vec![1, 1], pads: vec![1; 4], groups };
    let sums = graph.add(Op::Quant(Quant::ConvInteger(attrs)), &[x, ones, zero]).unwrap();
    let sums = graph.add(Op::Cast { to: DType::F32 }, &[sums]).unwrap();
    graph.output(sums);
    graph
}

#[test]
fn a_convolution_that_rten_pads_with_another_number_than_the_zero_point_is_refused_there() {
    for runtime in runtimes(1) {
        for (channels, groups) in [(2, 1), (2, 2)] {
            let graph = padded_sum(channels, groups);
            let mut session = runtime.compile(&brinell_onnx::write(&graph).unwrap().into()).unwrap();
            let mut found = Vec::new();
            let view = View { shape: &[1, channels, 2, 2], data: Elements::U8(&[7; 8]) };
            session.run(&[("x", view)], &mut |_, out| found.extend_from_slice(out.data.as_f32().unwrap())).unwrap();
            // Each window holds all four places of the channels of its group, each 2 above the zero point.
            let is_right = found.iter().all(|&sum| sum == (channels / groups * 8) as f32);
            assert_eq!(is_right, check_arithmetic(&graph, runtime.as_ref()).is_ok(), "{} {channels} {groups}: {found:?}", runtime.name());
        }
    }
}

#[test]
fn a_call_for_which_there_is_no_memory_is_an_error_before_it_is_made() {
    use brinell_engine::{Answer, Artefact, Oracle, OracleError, Preprocess, Running, RuntimeChoice, open};
    let mut graph = Graph::new("wide");
    let x = graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(2)]);
    let turned = graph.add(Op::Unsqueeze { axes: vec![1] }, &[x]).unwrap();
    // 2^28 numbers for each sample, of which a mean is left.
    let wide = graph.add(Op::Expand { shape: vec![Dim::Batch(1), Dim::Fixed(1 << 27), Dim::Fixed(2)] }, &[turned]).unwrap();
    let mean = graph.add(Op::Reduce { kind: brinell_graph::Reduce::Mean, axes: vec![1], keepdims: false }, &[wide]).unwrap();
    graph.set_outputs(vec![mean]);
    let runtime = open(&Running::on(RuntimeChoice::Rten)).unwrap();
    let preprocess = Preprocess::new(&Artefact::default(), &[2], &[2]).unwrap();
    let mut oracle = Oracle::new(&graph, &preprocess, runtime, 1).unwrap();
    if brinell_engine::free_memory().is_none() {
        return;
    }
    // A petabyte and more.
    let error = oracle.values(&vec![0.5; 2 << 20], &mut Answer::default()).unwrap_err();
    assert!(matches!(&error, OracleError::Memory(shortage) if shortage.rows == 1 << 20 && shortage.needed > 1 << 50), "{error}");
}
