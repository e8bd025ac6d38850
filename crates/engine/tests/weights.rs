//! Weights that stay in the files that they were read from.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::path::Path;

use brinell_engine::{Answer, Artefact, Loss, Oracle, Preprocess, Runtime, View};
use brinell_graph::{DType, Dim, Graph, Op, Tensor, TensorData};
use common::{noise, runtimes, shared};

const N: usize = 600;

/// A model whose weights pass what is read at once, and its results for `x`.
fn model(seed: u64, x: &[f32]) -> (Vec<u8>, Vec<f32>) {
    let w = noise(N * N, seed);
    let y = w.chunks(N).map(|row| row.iter().zip(x).map(|(a, b)| a * b).sum()).collect();
    let mut graph = Graph::new("large");
    let input = graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(N)]);
    let weight = graph.constant("w", Tensor::new(vec![N, N], TensorData::F32(w)).unwrap());
    let product = graph.add(Op::Gemm { alpha: 1.0, beta: 1.0, trans_a: false, trans_b: true }, &[input, weight]).unwrap();
    graph.output(product);
    (brinell_onnx::write(&graph).unwrap(), y)
}

fn result(runtime: &dyn Runtime, graph: &Graph, x: &[f32]) -> Vec<f32> {
    let mut session = runtime.compile(&runtime.encode(graph).unwrap()).unwrap();
    let mut y = Vec::new();
    session.run(&[("x", View::f32(&[1, N], x))], &mut |_, view| y.extend_from_slice(view.data.as_f32().unwrap())).unwrap();
    y
}

fn assert_close(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-3), "{:?} {:?}", &found[..3], &expected[..3]);
}

fn read(path: &Path) -> Graph {
    brinell_onnx::read_file(path).unwrap().graph
}

#[test]
fn a_runtime_takes_weights_from_their_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a model.onnx");
    let x = noise(N, 7);
    let (bytes, expected) = model(1, &x);
    std::fs::write(&path, &bytes).unwrap();
    let graph = read(&path);
    let apart = brinell_onnx::write_apart(&graph).unwrap();
    assert!(apart.bytes.len() < 1000, "{} bytes", apart.bytes.len());
    let real = folder.path().canonicalize().unwrap();
    assert_eq!(apart.folder.as_deref(), real.to_str());
    for runtime in runtimes(1) {
        assert_close(&result(runtime.as_ref(), &graph, &x), &expected);
    }
    // Through a link from another folder the file is the same.
    #[cfg(unix)]
    {
        let elsewhere = tempfile::tempdir().unwrap();
        let link = elsewhere.path().join("link.onnx");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        for runtime in runtimes(1) {
            assert_close(&result(runtime.as_ref(), &read(&link), &x), &expected);
        }
    }
}

#[test]
fn a_file_that_was_replaced_is_not_looked_at_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    let x = noise(N, 7);
    let (bytes, expected) = model(1, &x);
    std::fs::write(&path, &bytes).unwrap();
    let graph = read(&path);
    let early: Vec<_> = runtimes(1).into_iter().map(|runtime| (runtime.encode(&graph).unwrap(), runtime)).collect();
    let (other, _) = model(2, &x);
    let new = folder.path().join("new.onnx");
    std::fs::write(&new, other).unwrap();
    // Some file systems keep seconds only.
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(10);
    std::fs::File::options().append(true).open(&new).unwrap().set_modified(later).unwrap();
    std::fs::rename(&new, &path).unwrap();
    assert_eq!(brinell_onnx::write_apart(&graph).unwrap().folder, None);
    // What was written before refers to the file that is gone.
    for (encoded, runtime) in early {
        let refused = runtime.compile(&encoded).err().map(|error| error.to_string());
        assert_eq!(encoded.is_current(), encoded.folder.is_none());
        assert_eq!(refused.is_some_and(|text| text.contains("changed or removed")), !encoded.is_current(), "{}", runtime.name());
    }
    for runtime in runtimes(1) {
        assert_close(&result(runtime.as_ref(), &graph, &x), &expected);
    }
    std::fs::remove_file(&path).unwrap();
    for runtime in runtimes(1) {
        assert_close(&result(runtime.as_ref(), &graph, &x), &expected);
    }
}

#[test]
fn real_models_compute_the_same_with_weights_in_their_files() {
    for name in ["cifar10/resnet_4b.onnx", "mnist/mnist-net_256x4.onnx", "imagenet/efficientnet_lite0.onnx"] {
        let Some(path) = shared(name) else { return };
        let graph = brinell_graph::rebatch(&read(&path)).unwrap();
        let input = graph.value(graph.inputs()[0]);
        let shape: Vec<usize> = input.shape.as_ref().unwrap().iter().map(|d| if let Dim::Fixed(n) = d { *n } else { 2 }).collect();
        let x = noise(shape.iter().product(), 3);
        for runtime in runtimes(1) {
            let run = |encoded| {
                let mut y = Vec::new();
                let mut session = runtime.compile(&encoded).unwrap();
                session
                    .run(&[(&input.name, View::f32(&shape, &x))], &mut |_, view| {
                        y.extend(view.data.as_f32().unwrap().iter().map(|y| y.to_bits()))
                    })
                    .unwrap();
                y
            };
            let (apart, inside) = (run(runtime.encode(&graph).unwrap()), run(brinell_onnx::write(&graph).unwrap().into()));
            assert!(!inside.is_empty());
            assert_eq!(apart, inside, "{name} on {}", runtime.name());
        }
    }
}

#[test]
fn a_large_model_answers_the_same_whichever_session_it_has() {
    const WIDE: usize = 4096;
    let mut graph = Graph::new("large");
    let x = graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(WIDE)]);
    let weights = |n: usize| TensorData::F32((0..n).map(|i| (i % 7) as f32 * 1e-3 - 3e-3).collect());
    let first = graph.constant("w", Tensor::new(vec![WIDE, WIDE], weights(WIDE * WIDE)).unwrap());
    let second = graph.constant("v", Tensor::new(vec![WIDE, 3], weights(WIDE * 3)).unwrap());
    let hidden = graph.add(Op::MatMul, &[x, first]).unwrap();
    let logits = graph.add(Op::MatMul, &[hidden, second]).unwrap();
    graph.output(logits);
    // Read from a file its weights are not converted again and again.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    std::fs::write(&path, brinell_onnx::write(&graph).unwrap()).unwrap();
    let graph = read(&path);
    let preprocess = Preprocess::new(&Artefact::default(), &[WIDE], &[WIDE]).unwrap();
    let x = noise(2 * WIDE, 5);
    for runtime in runtimes(1) {
        let mut oracle = Oracle::new(&graph, &preprocess, runtime, 1).unwrap();
        let [mut before, mut meanwhile, mut after, mut full] =
            [const { Answer { values: Vec::new(), loss: Vec::new(), gradient: Vec::new() } }; 4];
        let feeds = Loss::Margin.feed(oracle.width(), &[0, 1], &[0, 0]);
        oracle.values(&x, &mut before).unwrap();
        oracle.fused(Loss::Margin, &x, &feeds, &mut full).unwrap();
        oracle.values(&x, &mut meanwhile).unwrap();
        assert_eq!((full.gradient.len(), full.loss.len()), (2 * WIDE, 2));
        oracle.prepare_forward().unwrap();
        oracle.values(&x, &mut after).unwrap();
        assert_eq!(before.values, after.values);
        assert_eq!(meanwhile.values, full.values);
        assert!(meanwhile.loss.is_empty() && meanwhile.gradient.is_empty());
        assert_close(&meanwhile.values, &before.values);
        oracle.fused(Loss::Margin, &x, &feeds, &mut after).unwrap();
        assert_eq!(after.gradient, full.gradient);
    }
}
