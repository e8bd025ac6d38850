//! The softer backward pass of ReLUs: values stay, and what comes back is what SiLU would give.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use brinell_autodiff::{Backward, gradient_graph_with, linear_graph, linear_graph_with};
use brinell_graph::{DType, Dim, Graph, Op, Tensor, TensorData, ValueId};
use brinell_task::Loss;
use brinell_testkit::{Array, Tolerance, eval};

const WIDTH: usize = 6;

fn noise(shape: &[usize], seed: f64) -> Array {
    Array::from_fn(shape, |at| 2.0 * at.iter().fold(seed, |sum, &i| (sum * 7.31 + i as f64 * 3.77 + 1.3).sin()))
}

/// Layers, each a square matrix and then `activation` of it. `(graph, x, values)`
fn layers(n: usize, activation: impl Fn(&mut Graph, ValueId, usize) -> ValueId) -> (Graph, ValueId, ValueId) {
    let mut graph = Graph::new("layers");
    let x = graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(WIDTH)]);
    let mut value = x;
    for layer in 0..n {
        let data = noise(&[WIDTH, WIDTH], layer as f64).data.iter().map(|&v| v as f32).collect();
        let w = graph.constant(&format!("w{layer}"), Tensor::new(vec![WIDTH, WIDTH], TensorData::F32(data)).unwrap());
        let product = graph.add(Op::MatMul, &[value, w]).unwrap();
        value = activation(&mut graph, product, layer);
    }
    (graph, x, value)
}

fn relu(graph: &mut Graph, x: ValueId, _layer: usize) -> ValueId {
    graph.add(Op::Relu, &[x]).unwrap()
}

fn silu(graph: &mut Graph, x: ValueId, _layer: usize) -> ValueId {
    let s = graph.add(Op::Sigmoid, &[x]).unwrap();
    graph.add(Op::Mul, &[x, s]).unwrap()
}

fn soft(soften: f64) -> Backward {
    Backward { soften, ..Backward::default() }
}

fn feeds() -> [(&'static str, Array); 2] {
    [("x", noise(&[3, WIDTH], 0.4)), ("w", noise(&[3, WIDTH], 0.8))]
}

#[test]
fn one_softened_relu_passes_back_what_silu_would_and_answers_as_before() {
    let (graph, x, values) = layers(1, relu);
    let softened = eval(&linear_graph_with(&graph, &[values], x, &soft(1.0)).unwrap(), &feeds()).unwrap();
    let exact = eval(&linear_graph(&graph, &[values], x, None).unwrap(), &feeds()).unwrap();
    let (other, x, values) = layers(1, silu);
    let smooth = eval(&linear_graph(&other, &[values], x, None).unwrap(), &feeds()).unwrap();
    Tolerance::Exact.assert("values", &softened[0], &exact[0]);
    Tolerance::Exact.assert("loss", &softened[1], &exact[1]);
    Tolerance::Rounded.assert("gradient", &softened[2], &smooth[2]);
}

#[test]
fn a_relu_that_is_cut_above_closes_softly_there_too() {
    let (graph, x, values) = layers(1, |graph, x, _| graph.add(Op::Clip { lo: Some(0.0), hi: Some(6.0) }, &[x]).unwrap());
    let softened = eval(
        &linear_graph_with(&graph, &[values], x, &soft(1.0)).unwrap(),
        &[("x", noise(&[1, WIDTH], 0.4)), ("w", Array::from_fn(&[1, WIDTH], |at| f64::from(at[1] == 2)))],
    )
    .unwrap();
    let w = noise(&[WIDTH, WIDTH], 0.0);
    let x = noise(&[1, WIDTH], 0.4);
    let a: f64 = (0..WIDTH).map(|i| x.data[i] * f64::from(w.data[i * WIDTH + 2] as f32)).sum();
    let s = |v: f64| 1.0 / (1.0 + (-v).exp());
    let slope = s(a) * (1.0 + a * (1.0 - s(a))) * s(6.0 - a);
    let expected = Array::from_fn(&[1, WIDTH], |at| slope * f64::from(w.data[at[1] * WIDTH + 2] as f32));
    Tolerance::Rounded.assert("gradient", &softened[2], &expected);
}

#[test]
fn the_later_share_is_softened_and_nothing_else() {
    // Of three, one half is the last two: as if only the first were a ReLU.
    let (graph, x, values) = layers(3, relu);
    let gradient = |graph: &Graph, values, x, share| {
        eval(&linear_graph_with(graph, &[values], x, &soft(share)).unwrap(), &feeds()).unwrap().swap_remove(2)
    };
    let exact = eval(&linear_graph(&graph, &[values], x, None).unwrap(), &feeds()).unwrap().swap_remove(2);
    Tolerance::Exact.assert("no share", &gradient(&graph, values, x, 0.0), &exact);
    let sigmoids = |share: f64| {
        let made = linear_graph_with(&graph, &[values], x, &soft(share)).unwrap();
        made.nodes().iter().filter(|node| matches!(node.op, Op::Sigmoid)).count()
    };
    assert_eq!([0.0, 0.2, 0.5, 0.7, 1.0].map(sigmoids), [0, 1, 2, 3, 3]);
    // The losses that are nodes take it too.
    let made = gradient_graph_with(&graph, values, x, Loss::LogOdds, &soft(0.5)).unwrap();
    assert_eq!(made.nodes().iter().filter(|node| matches!(node.op, Op::Sigmoid)).count(), 2);
}
