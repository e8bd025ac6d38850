//! Straight-through gradients of steps: those of the same graph in which every step adds what it moved its number by, as a constant.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use brinell_autodiff::{AutodiffError, Backward, Crossing, Loss, Surrogates, gradient_graph, gradient_graph_with, linear_graph_with};
use brinell_graph::{DType, Dim, Graph, Op, Tensor, TensorData, ValueId};
use brinell_testkit::{Array, Tolerance, eval, eval_values};

const WIDTH: usize = 5;

fn noise(shape: &[usize], seed: f64) -> Array {
    Array::from_fn(shape, |at| 2.0 * at.iter().fold(seed, |sum, &i| (sum * 7.31 + i as f64 * 3.77 + 1.3).sin()))
}

fn matrix(graph: &mut Graph, name: &str, seed: f64) -> ValueId {
    let data = noise(&[WIDTH, WIDTH], seed).data.iter().map(|&v| v as f32).collect();
    graph.constant(name, Tensor::new(vec![WIDTH, WIDTH], TensorData::F32(data)).unwrap())
}

struct Built {
    graph: Graph,
    x: ValueId,
    /// Operands and outputs of the steps.
    steps: Vec<(ValueId, ValueId)>,
    values: ValueId,
}

/// Two layers with steps in front, between and beside them; `step` makes one of an operand.
fn built(step: &mut dyn FnMut(&mut Graph, Op, ValueId) -> ValueId) -> Built {
    let mut graph = Graph::new("steps");
    let x = graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(WIDTH)]);
    let seven = graph.scalar(7.0);
    let scaled = graph.add(Op::Mul, &[x, seven]).unwrap();
    let rounded = step(&mut graph, Op::Round, scaled);
    let back = graph.add(Op::Div, &[rounded, seven]).unwrap();
    let a = matrix(&mut graph, "a", 0.3);
    let hidden = graph.add(Op::MatMul, &[back, a]).unwrap();
    let hidden = graph.add(Op::Tanh, &[hidden]).unwrap();
    let many = graph.add(Op::Mul, &[hidden, seven]).unwrap();
    let floor = step(&mut graph, Op::Floor, many);
    let ceil = step(&mut graph, Op::Ceil, scaled);
    let product = graph.add(Op::Mul, &[floor, ceil]).unwrap();
    let b = matrix(&mut graph, "b", 0.9);
    let values = graph.add(Op::MatMul, &[product, b]).unwrap();
    Built { graph, x, steps: vec![(scaled, rounded), (many, floor), (scaled, ceil)], values }
}

/// With steps as they are.
fn stairs() -> Built {
    built(&mut |graph, op, x| graph.add(op, &[x]).unwrap())
}

/// With an input in place of each step, which is added.
fn smooth() -> Built {
    let mut number = 0;
    built(&mut |graph, _, x| {
        let moved = graph.input(&format!("moved_{number}"), DType::F32, vec![Dim::Batch(1), Dim::Fixed(WIDTH)]);
        number += 1;
        graph.add(Op::Add, &[x, moved]).unwrap()
    })
}

#[test]
fn the_gradient_is_the_slope_of_a_graph_whose_steps_are_constants_that_are_added() {
    let (stairs, smooth) = (stairs(), smooth());
    let (x, w) = (noise(&[3, WIDTH], 0.4), noise(&[3, WIDTH], 0.8));
    let wanted: Vec<ValueId> = stairs.steps.iter().flat_map(|&(operand, output)| [operand, output]).collect();
    let at = eval_values(&stairs.graph, &[("x", x.clone())], &wanted).unwrap();
    let moved = |i: usize| {
        let (operand, output) = (&at[2 * i], &at[2 * i + 1]);
        Array::new(&[3, WIDTH], operand.data.iter().zip(&output.data).map(|(a, b)| b - a).collect())
    };
    let feeds = |x: Array| [("x", x), ("moved_0", moved(0)), ("moved_1", moved(1)), ("moved_2", moved(2))];
    // Central differences of the weighted sum of the values.
    let sum = |x: Array, row: usize| {
        let values = eval_values(&smooth.graph, &feeds(x), &[smooth.values]).unwrap().swap_remove(0);
        (0..WIDTH).map(|k| values.data[row * WIDTH + k] * w.data[row * WIDTH + k]).sum::<f64>()
    };
    let slope = Array::from_fn(&[3, WIDTH], |at| {
        let place = at[0] * WIDTH + at[1];
        let shifted = |by: f64| {
            let mut moved = x.clone();
            moved.data[place] += by;
            sum(moved, at[0])
        };
        (shifted(1e-5) - shifted(-1e-5)) / 2e-5
    });
    let surrogates = Surrogates::between(&stairs.graph, stairs.x, stairs.values);
    assert_eq!(surrogates.len(), 3);
    let backward = Backward { surrogates, ..Backward::default() };
    let made = linear_graph_with(&stairs.graph, &[stairs.values], stairs.x, &backward).unwrap();
    let found = eval(&made, &[("x", x.clone()), ("w", w.clone())]).unwrap();
    Tolerance::Loose.assert("gradient", &found[2], &slope);
    let values = eval_values(&stairs.graph, &[("x", x)], &[stairs.values]).unwrap();
    Tolerance::Exact.assert("values are those of the file", &found[0], &values[0]);
}

#[test]
fn only_steps_between_the_two_values_are_bridged() {
    let Built { graph, x, steps, values } = stairs();
    let outputs = |surrogates: &Surrogates| steps.iter().map(|(_, output)| surrogates.contains(*output)).collect::<Vec<_>>();
    assert_eq!(outputs(&Surrogates::between(&graph, x, steps[0].1)), [true, false, false]);
    assert_eq!(outputs(&Surrogates::between(&graph, x, steps[1].1)), [true, true, false]);
    assert_eq!(
        outputs(&Surrogates::between(&graph, steps[0].1, values)),
        [false, true, false],
        "what the ceiling takes comes from in front"
    );
    assert_eq!(Surrogates::between(&graph, x, values).names(&graph).len(), 3);
    assert!(Surrogates::between(&graph, values, x).is_empty());
    assert!(
        matches!(gradient_graph(&graph, values, x, Loss::Margin), Err(AutodiffError::NoPath { .. })),
        "without being asked, steps are flat"
    );
}

#[test]
fn a_whole_defence_can_be_bridged_in_one_piece() {
    // round(7 x) / 7 is followed by a matrix: across the whole of it the gradient is that of the matrix alone.
    let mut graph = Graph::new("whole");
    let x = graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(WIDTH)]);
    let seven = graph.scalar(7.0);
    let scaled = graph.add(Op::Mul, &[x, seven]).unwrap();
    let rounded = graph.add(Op::Round, &[scaled]).unwrap();
    let end = graph.add(Op::Div, &[rounded, seven]).unwrap();
    let a = matrix(&mut graph, "a", 0.3);
    let values = graph.add(Op::MatMul, &[end, a]).unwrap();
    let feeds = [("x", noise(&[1, WIDTH], 0.4)), ("label_one_hot", Array::from_fn(&[1, WIDTH], |at| f64::from(at[1] == 1)))];
    let by = |backward: &Backward| {
        eval(&gradient_graph_with(&graph, values, x, Loss::LogOdds, backward).unwrap(), &feeds).unwrap().swap_remove(2)
    };
    let whole = by(&Backward { crossing: Some(Crossing { real: x, whole: end }), ..Backward::default() });
    let nodes = by(&Backward { surrogates: Surrogates::between(&graph, x, end), ..Backward::default() });
    Tolerance::Rounded.assert("times seven and by seven", &whole, &nodes);
    assert!(whole.data.iter().any(|v| v.abs() > 1e-3));
}
