//! Gradients of models whose logits are no matrix.

#![expect(clippy::unwrap_used, reason = "a test that meets an error fails")]

use std::path::PathBuf;

use brinell::{Artefact, Loss, Running, RuntimeChoice, gradient_file, inspect};
use brinell_engine::{View, open};
use brinell_graph::{DType, Dim, Graph, Op, Reduce, Tensor, TensorData};

/// Writes a model with logits 2 x that end in the shape `out`.
fn doubled(folder: &tempfile::TempDir, batch: Dim, sample: &[usize], out: Option<Vec<Dim>>) -> PathBuf {
    let mut graph = Graph::new("doubled");
    let shape = std::iter::once(batch).chain(sample.iter().map(|&n| Dim::Fixed(n))).collect();
    let x = graph.input("x", DType::F32, shape);
    let two = graph.constant("two", Tensor::new(vec![1], TensorData::F32(vec![2.0])).unwrap());
    let mut y = graph.add(Op::Mul, &[x, two]).unwrap();
    if let Some(shape) = out {
        y = graph.add(Op::Reshape { shape }, &[y]).unwrap();
    }
    graph.output(y);
    let path = folder.path().join("model.onnx");
    std::fs::write(&path, brinell_onnx::write(&graph).unwrap()).unwrap();
    path
}

#[test]
fn logits_with_axes_of_1_and_logits_without_a_batch_have_gradients() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = open(&Running::on(RuntimeChoice::Rten)).unwrap();
    let without_batch = Some(vec![Dim::Fixed(4)]);
    let cases =
        [(Dim::Batch(1), &[4, 1, 1][..], None, 2), (Dim::Fixed(1), &[4, 1, 1][..], None, 2), (Dim::Fixed(1), &[4][..], without_batch, 1)];
    for (batch, sample, out, rows) in cases {
        let path = doubled(&folder, batch, sample, out);
        let inspection = inspect(&Artefact::of(&path)).unwrap();
        assert!(inspection.differentiable, "{:?}", inspection.obstacles);
        for loss in Loss::ALL {
            let bytes = gradient_file(&Artefact::of(&path), loss).unwrap().bytes;
            let mut session = runtime.compile(&bytes.into()).unwrap();
            let shape: Vec<usize> = std::iter::once(rows).chain(sample.iter().copied()).collect();
            let hot = [rows, 4];
            let x = [0.5, 0.25, 0.0, -1.0].repeat(rows);
            let (label, target) = ([0.0, 1.0, 0.0, 0.0].repeat(rows), [0.0, 0.0, 1.0, 0.0].repeat(rows));
            let mut feeds = vec![("x", View::f32(&shape, &x)), ("label_one_hot", View::f32(&hot, &label))];
            if loss.is_targeted() {
                feeds.push(("target_one_hot", View::f32(&hot, &target)));
            }
            feeds.retain(|(name, _)| session.inputs().iter().any(|port| port.name == *name));
            let mut outputs = vec![Vec::new(); 3];
            session.run(&feeds, &mut |index, view| outputs[index] = view.data.as_f32().unwrap().to_vec()).unwrap();
            assert_eq!(outputs[0], [1.0, 0.5, 0.0, -2.0].repeat(rows), "{loss:?}");
            assert_eq!((outputs[1].len(), outputs[2].len()), (rows, 4 * rows), "{loss:?}");
            if loss == Loss::Margin {
                assert_eq!(outputs[2], [2.0, -2.0, 0.0, 0.0].repeat(rows));
            }
        }
    }
}

/// Writes a model with logits `x * gain + shift`, every batch fixed at 1; `mixed` takes the mean over the batch of `gain`.
fn of_three(folder: &tempfile::TempDir, mixed: bool) -> PathBuf {
    let mut graph = Graph::new("three");
    let fixed = |shape: &[usize]| shape.iter().map(|&n| Dim::Fixed(n)).collect::<Vec<_>>();
    let x = graph.input("x", DType::F32, fixed(&[1, 4]));
    let gain = graph.input("gain", DType::F32, fixed(&[1, 4]));
    let shift = graph.input("shift", DType::F32, fixed(&[4]));
    let gain = if mixed { graph.add(Op::Reduce { kind: Reduce::Mean, axes: vec![0], keepdims: true }, &[gain]).unwrap() } else { gain };
    let product = graph.add(Op::Mul, &[x, gain]).unwrap();
    let logits = graph.add(Op::Add, &[product, shift]).unwrap();
    graph.output(logits);
    let path = folder.path().join("three.onnx");
    std::fs::write(&path, brinell_onnx::write(&graph).unwrap()).unwrap();
    path
}

#[test]
fn a_batch_of_1_is_freed_in_all_inputs_that_have_one() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = open(&Running::on(RuntimeChoice::Rten)).unwrap();
    let attacked = |model: PathBuf| Artefact { input: Some("x".to_owned()), ..Artefact::of(model) };
    let made = gradient_file(&attacked(of_three(&folder, false)), Loss::Margin).unwrap();
    assert_eq!(made.fixed_batch, None);
    let mut session = runtime.compile(&made.bytes.into()).unwrap();
    let (x, gain) = ([0.5, 0.25, 0.0, -1.0, 3.0, 1.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    let label = [0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0];
    let feeds = [
        ("x", View::f32(&[2, 4], &x)),
        ("gain", View::f32(&[2, 4], &gain)),
        ("shift", View::f32(&[4], &[0.0, 0.0, 0.0, 0.5])),
        ("label_one_hot", View::f32(&[2, 4], &label)),
    ];
    let mut outputs = vec![Vec::new(); 3];
    session.run(&feeds, &mut |index, view| outputs[index] = view.data.as_f32().unwrap().to_vec()).unwrap();
    assert_eq!(outputs[0], [0.5, 0.25, 0.0, -0.5, 6.0, 3.0, 0.0, 0.5]);
    assert_eq!(outputs[2], [1.0, -1.0, 0.0, 0.0, 2.0, -3.0, 0.0, 0.0]);
    // Samples that would influence each other keep the batch of the file, and the reason is told.
    let made = gradient_file(&attacked(of_three(&folder, true)), Loss::Margin).unwrap();
    let (batch, why) = made.fixed_batch.unwrap();
    assert!(batch == 1 && why.contains("mixes the samples of a batch"), "{why}");
}
