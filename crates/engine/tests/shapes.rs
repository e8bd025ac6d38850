//! Models that name classes, have no batch, return rows that are not samples, or are very long.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "common/here.rs"]
mod here;

use std::sync::Arc;

use brinell_engine::{Answer, Artefact, BatchAxis, Ending, Held, Loss, Oracle, Original, Preprocess, Runtime, Signature, SignatureError};
use brinell_graph::{DType, Dim, Graph, Op, OpaqueOp, Reduce, Tensor, TensorData, ValueId};

/// Numbers in 0..1 that have no pattern.
fn noise(len: usize, seed: usize) -> Vec<f32> {
    (0..len).map(|i| (i * 7919 + seed * 104_729) % 1009).map(|n| n as f32 / 1009.0).collect()
}

fn preprocess(sample: &[usize]) -> Preprocess {
    Preprocess::new(&Artefact::default(), sample, sample).unwrap()
}

/// x times a matrix of 5 columns.
fn scores(graph: &mut Graph, x: ValueId, n: usize) -> ValueId {
    let weights = noise(n * 5, 3).into_iter().map(|v| v - 0.5).collect();
    let w = graph.constant("w", Tensor::new(vec![n, 5], TensorData::F32(weights)).unwrap());
    graph.add(Op::MatMul, &[x, w]).unwrap()
}

fn label_graph(pick: Op, output: usize) -> Graph {
    let mut graph = Graph::new("labels");
    let x = graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(4)]);
    let z = scores(&mut graph, x, 4);
    let p = graph.add(Op::Softmax { axis: 1 }, &[z]).unwrap();
    let names = [Some("first"), Some("second")];
    let made = graph.push("pick", pick, vec![Some(p)], &names[..=output]).unwrap();
    graph.set_outputs(made.into_iter().flatten().collect());
    graph
}

fn original(runtime: &dyn Runtime, graph: &Graph, signature: &Signature) -> Original {
    let session = runtime.compile(&runtime.encode(graph).unwrap()).unwrap();
    Original::new(session, signature, Arc::new(Held::default())).unwrap()
}

fn logits(runtime: &Arc<dyn Runtime>, graph: &Graph, sample: &[usize], x: &[f32]) -> (Oracle, Answer) {
    let mut oracle = Oracle::new(graph, &preprocess(sample), Arc::clone(runtime), 1).unwrap();
    let mut answer = Answer::default();
    oracle.values(x, &mut answer).unwrap();
    (oracle, answer)
}

#[test]
fn a_named_class_is_that_of_the_scores_behind_it() {
    let x = noise(4, 1);
    let top = Op::TopK { axis: 1, k: 3, largest: true, sorted: true };
    for (pick, outputs, width) in [(Op::ArgMax { axis: 1, keepdims: false, select_last: false }, 0, 1), (top, 1, 3)] {
        let graph = label_graph(pick, outputs);
        let signature = Signature::of(&graph, &Artefact::default()).unwrap();
        assert_eq!((signature.reading.ending, signature.classes), (Ending::Labels { classes: 5, width }, 5));
        assert_eq!(signature.output_index, outputs);
        for runtime in here::runtimes(1) {
            let said = original(runtime.as_ref(), &graph, &signature).ask(&x, 0).unwrap();
            let (mut oracle, answer) = logits(&runtime, &graph, &[4], &x);
            assert_eq!(said, signature.reading.output(&answer.values), "{}", runtime.name());
            assert_eq!(signature.reading.prediction(&said), Some(said[0] as usize));
            let label = said[0] as usize;
            let mut answer = Answer::default();
            oracle.fused(Loss::CrossEntropy, &x, &Loss::CrossEntropy.feed(5, &[label], &[0]), &mut answer).unwrap();
            assert!(answer.gradient.iter().any(|g| g.abs() > 1e-4), "{:?}", answer.gradient);
        }
    }
}

#[test]
fn a_model_that_names_classes_can_be_asked_as_it_is() {
    let graph = label_graph(Op::ArgMax { axis: 1, keepdims: true, select_last: false }, 0);
    let signature = Signature::of(&graph, &Artefact::default()).unwrap();
    for runtime in here::runtimes(1) {
        let encoded = runtime.encode(&graph).unwrap();
        let mut oracle =
            Oracle::black_box(&|| runtime.compile(&encoded), &signature, Arc::new(Held::default()), &preprocess(&[4]), 1).unwrap();
        let x = noise(12, 2);
        let mut answer = Answer::default();
        oracle.values(&x, &mut answer).unwrap();
        assert!(answer.values.chunks(5).all(|row| row.iter().sum::<f32>() == 1.0), "{:?}", answer.values);
    }
}

#[test]
fn the_largest_score_alone_names_no_class() {
    let graph = label_graph(Op::Reduce { kind: Reduce::Max, axes: vec![1], keepdims: false }, 0);
    assert!(matches!(Signature::of(&graph, &Artefact::default()), Err(SignatureError::Largest { .. })));
    let top = label_graph(Op::TopK { axis: 1, k: 2, largest: true, sorted: true }, 1);
    let first = Artefact { output: Some("first".to_owned()), ..Artefact::default() };
    assert!(matches!(Signature::of(&top, &first), Err(SignatureError::Largest { .. })));
}

/// A model of one sample: `[3, 4]` in, `[5]` or `[1, 5]` out.
fn single(rank: usize) -> Graph {
    let mut graph = Graph::new("single");
    let x = graph.input("x", DType::F32, vec![Dim::Fixed(3), Dim::Fixed(4)]);
    let flat = graph.add(Op::Reshape { shape: vec![Dim::Fixed(1), Dim::Fixed(12)] }, &[x]).unwrap();
    let mut y = scores(&mut graph, flat, 12);
    if rank == 1 {
        y = graph.add(Op::Squeeze { axes: vec![0] }, &[y]).unwrap();
    }
    graph.output(y);
    graph
}

#[test]
fn a_model_without_a_batch_is_asked_about_one_sample_at_a_time() {
    let x = noise(12, 4);
    for rank in [1, 2] {
        let graph = single(rank);
        let signature = Signature::of(&graph, &Artefact::default()).unwrap();
        assert_eq!((signature.batch, signature.fixed_batch), (BatchAxis::Absent, Some(1)));
        assert_eq!((signature.sample.as_slice(), signature.classes, signature.batch), ([3, 4].as_slice(), 5, BatchAxis::Absent));
        for runtime in here::runtimes(1) {
            let said = original(runtime.as_ref(), &graph, &signature).ask(&x, 0).unwrap();
            let (mut oracle, answer) = logits(&runtime, &graph, &[3, 4], &x);
            for (a, b) in said.iter().zip(&answer.values) {
                assert!((a - f64::from(*b)).abs() < 1e-5, "{}", runtime.name());
            }
            let mut answer = Answer::default();
            oracle.fused(Loss::CrossEntropy, &x, &Loss::CrossEntropy.feed(5, &[1], &[0]), &mut answer).unwrap();
            assert_eq!(answer.gradient.len(), 12);
            let encoded = runtime.encode(&graph).unwrap();
            let compile = || runtime.compile(&encoded);
            let mut box_ = Oracle::black_box(&compile, &signature, Arc::new(Held::default()), &preprocess(&[3, 4]), 1).unwrap();
            let mut asked = Answer::default();
            box_.values(&x, &mut asked).unwrap();
            assert!(asked.values.iter().zip(&said).all(|(a, b)| (f64::from(*a) - b).abs() < 1e-6), "{:?} {said:?}", asked.values);
        }
    }
}

#[test]
fn a_first_size_that_the_output_shares_is_the_batch() {
    let mut graph = Graph::new("sixteen");
    let x = graph.input("x", DType::F32, vec![Dim::Fixed(16), Dim::Fixed(4)]);
    let y = scores(&mut graph, x, 4);
    graph.output(y);
    let signature = Signature::of(&graph, &Artefact::default()).unwrap();
    assert_eq!((signature.batch, signature.fixed_batch), (BatchAxis::Leading, Some(16)));
}

#[test]
fn rows_that_are_not_samples_are_refused() {
    let mut graph = Graph::new("detector");
    let x = graph.input("x", DType::F32, vec![Dim::Fixed(1), Dim::Fixed(4)]);
    let places = OpaqueOp {
        domain: String::new(),
        op_type: "NonZero".to_owned(),
        opset: 13,
        attributes: Vec::new(),
        reason: "for the test".to_owned(),
        follows: false,
        captures: 0,
    };
    let found = graph.push("places", Op::Opaque(places), vec![Some(x)], &[Some("places")]).unwrap()[0].unwrap();
    graph.declare(found, Some(DType::I64), Some(vec![Dim::Fixed(2), Dim::Unknown]));
    let turned = graph.add(Op::Transpose { perm: vec![1, 0] }, &[found]).unwrap();
    let boxes = graph.push("boxes", Op::Cast { to: DType::F32 }, vec![Some(turned)], &[Some("boxes")]).unwrap()[0].unwrap();
    graph.output(boxes);
    let mut signature = Signature::of(&single(2), &Artefact::default()).unwrap();
    signature = Signature {
        input_name: "x".to_owned(),
        sample: vec![4],
        batch: BatchAxis::Leading,
        output_name: "boxes".to_owned(),
        classes: 2,
        ..signature
    };
    for runtime in here::runtimes(1) {
        let error = original(runtime.as_ref(), &graph, &signature).ask(&[1.0, 2.0, 0.0, 3.0], 0).unwrap_err();
        assert!(error.to_string().starts_with("the output `boxes` has 3 rows for 1 sample, so a row is not a sample"), "{error}");
    }
}

#[test]
fn a_chain_of_tens_of_thousands_of_operators_runs() {
    let mut graph = Graph::new("chain");
    let mut x = graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(2)]);
    for _ in 0..30_000 {
        x = graph.add(Op::Neg, &[x]).unwrap();
    }
    graph.output(x);
    let signature = Signature::of(&graph, &Artefact::default()).unwrap();
    for runtime in here::runtimes(1).into_iter().filter(|runtime| runtime.name() == "rten") {
        assert_eq!(original(runtime.as_ref(), &graph, &signature).ask(&[0.5, -2.0], 0).unwrap(), [0.5, -2.0]);
    }
}
