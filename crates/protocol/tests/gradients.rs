//! Gradients of models whose logits are no matrix.

#![expect(clippy::unwrap_used, reason = "a test that meets an error fails")]

use std::path::PathBuf;

use brinell_engine::{RuntimeChoice, RuntimeSettings, View, open};
use brinell_graph::{DType, Dim, Graph, Op, Tensor, TensorData};
use brinell_protocol::{Interface, Loss, gradient_file, inspect};

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
    let runtime = open(RuntimeChoice::Rten, &RuntimeSettings::default()).unwrap();
    let without_batch = Some(vec![Dim::Fixed(4)]);
    let cases =
        [(Dim::Batch(1), &[4, 1, 1][..], None, 2), (Dim::Fixed(1), &[4, 1, 1][..], None, 2), (Dim::Fixed(1), &[4][..], without_batch, 1)];
    for (batch, sample, out, rows) in cases {
        let path = doubled(&folder, batch, sample, out);
        let inspection = inspect(&path, &Interface::default()).unwrap();
        assert!(inspection.differentiable, "{:?}", inspection.obstacles);
        for loss in Loss::ALL {
            let bytes = gradient_file(&path, &Interface::default(), loss).unwrap();
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
