//! The loss with fed weights: against central differences in f64, and against the losses that are nodes of their own.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use brinell_autodiff::{AutodiffError, gradient_graph, linear_graph};
use brinell_graph::{DType, Dim, Graph, Op, Reduce, Tensor, TensorData, ValueId};
use brinell_task::{Classify, Head, Loss, Objective, Posed, Task, Truth, Wanted};
use brinell_testkit::{Array, Tolerance, eval, finite_difference};

const BATCH: usize = 3;
const WIDTH: usize = 4;
const CLASSES: usize = 5;

/// Numbers between -1 and 1 in no order.
fn noise(shape: &[usize], seed: f64) -> Array {
    Array::from_fn(shape, |at| at.iter().fold(seed, |sum, &i| (sum * 7.31 + i as f64 * 3.77 + 1.3).sin()))
}

fn constant(graph: &mut Graph, name: &str, shape: &[usize], seed: f64) -> ValueId {
    let data = noise(shape, seed).data.iter().map(|&v| v as f32).collect();
    let tensor = Tensor::new(shape.to_vec(), TensorData::F32(data)).unwrap();
    graph.constant(name, tensor)
}

/// A layer of tanh, from which two values branch: logits `[B, K]`, and a map `[B, 2, 2]`. `(graph, x, logits, map)`
fn branches() -> (Graph, ValueId, ValueId, ValueId) {
    // The weights of a model may be called like what a gradient is fed.
    let mut graph = Graph::new("branches");
    let x = graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(WIDTH)]);
    let w1 = constant(&mut graph, "w_0", &[WIDTH, WIDTH], 0.1);
    let w2 = constant(&mut graph, "label_one_hot", &[WIDTH, CLASSES], 0.7);
    let hidden = graph.add(Op::MatMul, &[x, w1]).unwrap();
    let hidden = graph.add(Op::Tanh, &[hidden]).unwrap();
    let logits = graph.add(Op::MatMul, &[hidden, w2]).unwrap();
    let map = graph.add(Op::Sigmoid, &[hidden]).unwrap();
    let map = graph.add(Op::Reshape { shape: vec![Dim::Batch(1), Dim::Fixed(2), Dim::Fixed(2)] }, &[map]).unwrap();
    (graph, x, logits, map)
}

#[test]
fn a_sum_over_two_values_has_the_gradient_that_differences_show() {
    let (mut graph, x, logits, map) = branches();
    let made = linear_graph(&graph, &[logits, map], x, None).unwrap();
    let names = |ids: &[ValueId]| -> Vec<String> { ids.iter().map(|&id| made.value(id).name.clone()).collect() };
    assert_eq!(names(made.inputs()), ["x", "w_0", "w_1"]);
    assert_eq!(names(made.outputs()), ["values_0", "values_1", "loss", "gradient"]);
    let input = noise(&[BATCH, WIDTH], 0.3);
    let weights = [noise(&[BATCH, CLASSES], 0.5), noise(&[BATCH, 2, 2], 0.9)];
    let feeds = [("x", input.clone()), ("w_0", weights[0].clone()), ("w_1", weights[1].clone())];
    let found = eval(&made, &feeds).unwrap();
    graph.set_outputs(vec![logits, map]);
    let values = eval(&graph, &feeds[..1]).unwrap();
    Tolerance::Exact.assert("values", &found[0], &values[0]);
    Tolerance::Exact.assert("map", &found[1], &values[1]);
    let sums = Array::from_fn(&[BATCH], |at| {
        let row = |values: &Array, w: &Array| {
            let n = values.data.len() / BATCH;
            (at[0] * n..(at[0] + 1) * n).map(|i| values.data[i] * w.data[i]).sum::<f64>()
        };
        row(&values[0], &weights[0]) + row(&values[1], &weights[1])
    });
    Tolerance::Rounded.assert("loss", &found[2], &sums);
    let difference = finite_difference(&graph, &feeds[..1], &weights, "x").unwrap();
    Tolerance::Rounded.assert("gradient", &found[3], &difference);
}

#[test]
fn the_slopes_of_every_loss_give_its_own_gradient() {
    let (graph, x, logits, _) = branches();
    let input = noise(&[BATCH, WIDTH], 0.3);
    let (labels, targets) = ([0, 3, 2], [1, 4, 0]);
    let hot = |classes: &[usize]| Array::from_fn(&[BATCH, CLASSES], |at| f64::from(u8::from(classes[at[0]] == at[1])));
    let linear = linear_graph(&graph, &[logits], x, None).unwrap();
    for loss in Loss::ALL {
        let fused = gradient_graph(&graph, logits, x, loss).unwrap();
        let mut feeds = vec![("x", input.clone()), ("label_one_hot", hot(&labels))];
        if loss.is_targeted() {
            feeds.push(("target_one_hot", hot(&targets)));
        }
        assert_eq!(feeds.len() - 1, loss.feeds().len());
        let expected = eval(&fused, &feeds).unwrap();
        let w: Vec<f64> = (0..BATCH)
            .flat_map(|row| {
                let z: Vec<f32> = (0..CLASSES).map(|k| expected[0].at(&[row, k]) as f32).collect();
                let mut w = vec![0.0; CLASSES];
                loss.slope(&z, labels[row], targets[row], &mut w);
                w.into_iter().map(f64::from)
            })
            .collect();
        let w = Array::from_fn(&[BATCH, CLASSES], |at| w[at[0] * CLASSES + at[1]]);
        let found = eval(&linear, &[("x", input.clone()), ("w", w)]).unwrap();
        Tolerance::Rounded.assert(loss.name(), &found[2], &expected[2]);
    }
}

#[test]
fn what_a_task_fuses_is_what_it_pulls() {
    let (graph, x, logits, _) = branches();
    let input = noise(&[BATCH, WIDTH], 0.8);
    let linear = linear_graph(&graph, &[logits], x, None).unwrap();
    let (task, to_four) = (Classify::new(CLASSES), Wanted::class(Some(4)));
    let objectives =
        [Objective::LogOdds, Objective::Margin, Objective::Ratio, Objective::RivalMargin, Objective::RivalRatio, Objective::Plane];
    for (objective, wanted) in objectives.into_iter().flat_map(|objective| [(objective, &Wanted::BREAK), (objective, &to_four)]) {
        let Head::Fused(loss) = task.head(objective, wanted) else { unreachable!("{objective:?} is fused") };
        let truths = [Truth::Class(0), Truth::Class(1), Truth::Class(2)];
        let rivals = if task.named(wanted).is_some() { [None; 3] } else { [Some(2), Some(0), Some(3)] };
        let fed = loss.feeds().len();
        let mut rows = vec![0.0f32; BATCH * fed * CLASSES];
        for ((truth, rival), row) in truths.iter().zip(rivals).zip(rows.chunks_mut(fed * CLASSES)) {
            task.feed(Posed { truth, wanted }, rival, row);
        }
        let mut feeds = vec![("x", input.clone())];
        for (place, &name) in loss.feeds().iter().enumerate() {
            feeds.push((name, Array::from_fn(&[BATCH, CLASSES], |at| f64::from(rows[(at[0] * fed + place) * CLASSES + at[1]]))));
        }
        let expected = eval(&gradient_graph(&graph, logits, x, loss).unwrap(), &feeds).unwrap();
        let mut w = [0.0; BATCH * CLASSES];
        for (row, ((truth, rival), w)) in truths.iter().zip(rivals).zip(w.chunks_mut(CLASSES)).enumerate() {
            let z: Vec<f32> = (0..CLASSES).map(|k| expected[0].at(&[row, k]) as f32).collect();
            let posed = Posed { truth, wanted };
            task.pull(objective, &z, posed, rival, w);
            let value = f64::from(task.loss(objective, &z, posed, rival));
            Tolerance::Rounded.assert("loss", &Array::scalar(value), &Array::scalar(expected[1].data[row]));
        }
        let w = Array::from_fn(&[BATCH, CLASSES], |at| f64::from(w[at[0] * CLASSES + at[1]]));
        let found = eval(&linear, &[("x", input.clone()), ("w", w)]).unwrap();
        Tolerance::Rounded.assert(&format!("{objective:?} {wanted:?}"), &found[2], &expected[2]);
    }
}

#[test]
fn what_does_not_depend_on_the_input_or_is_not_real_is_refused() {
    let (mut graph, x, logits, _) = branches();
    let far = constant(&mut graph, "far", &[1, 2], 0.2);
    assert!(matches!(linear_graph(&graph, &[far], x, None), Err(AutodiffError::NoPath { .. })));
    let whole = graph.add(Op::Cast { to: DType::I64 }, &[logits]).unwrap();
    assert!(matches!(linear_graph(&graph, &[logits, whole], x, None), Err(AutodiffError::TapShape { .. })));
    let all = graph.add(Op::Reduce { kind: Reduce::Sum, axes: vec![0, 1], keepdims: false }, &[logits]).unwrap();
    assert!(matches!(linear_graph(&graph, &[all], x, None), Err(AutodiffError::TapShape { .. })));
}
