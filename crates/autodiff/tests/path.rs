//! What lies on the path of a gradient: operators without one are all named, the rest costs nothing.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use brinell_autodiff::{AutodiffError, Crossing, Loss, gradient_graph, gradient_graph_across, vjp};
use brinell_graph::{ConvAttrs, DType, Dim, Graph, Op, OpaqueOp, PadMode, Tensor, TensorData, ValueId};
use brinell_testkit::{Array, Tolerance, eval_values};

fn opaque(op_type: &str) -> Op {
    Op::Opaque(OpaqueOp {
        domain: "custom".into(),
        op_type: op_type.into(),
        opset: 1,
        attributes: Vec::new(),
        captures: 0,
        follows: false,
        reason: "unknown operator".into(),
    })
}

fn node(graph: &mut Graph, name: &str, op: Op, input: ValueId) -> ValueId {
    graph.push(name, op, vec![Some(input)], &[Some("")]).unwrap()[0].unwrap()
}

fn input(graph: &mut Graph, name: &str) -> ValueId {
    graph.input(name, DType::F32, vec![Dim::Batch(1), Dim::Fixed(3)])
}

#[test]
fn every_blocking_node_is_named_in_one_error() {
    let mut graph = Graph::new("blocked");
    let x = input(&mut graph, "x");
    let first = node(&mut graph, "first", opaque("Mystery"), x);
    let middle = node(&mut graph, "middle", Op::Relu, first);
    let second = node(&mut graph, "second", opaque("Riddle"), middle);
    let seed = input(&mut graph, "seed");
    let before = graph.clone();
    let error = vjp(&mut graph, &[(second, seed)], &[x]).unwrap_err();
    let AutodiffError::NotDifferentiable { nodes } = &error else { panic!("{error}") };
    let named: Vec<(&str, &str)> = nodes.iter().map(|n| (n.node.as_str(), n.op.as_str())).collect();
    assert_eq!(named, [("second", "Riddle"), ("first", "Mystery")]);
    assert!(error.to_string().contains("unknown operator"));
    assert_eq!(graph, before);
}

#[test]
fn blocking_nodes_beside_the_path_do_no_harm() {
    let mut graph = Graph::new("beside");
    let x = input(&mut graph, "x");
    node(&mut graph, "beside", opaque("Mystery"), x);
    let other = input(&mut graph, "other");
    let unrelated = node(&mut graph, "unrelated", opaque("Riddle"), other);
    let y = graph.add(Op::Relu, &[x]).unwrap();
    let seed = input(&mut graph, "seed");
    assert!(vjp(&mut graph, &[(y, seed)], &[x]).is_ok());
    assert!(vjp(&mut graph, &[(unrelated, seed)], &[x]).is_ok());
}

#[test]
fn a_gradient_nobody_asks_for_costs_no_node() {
    let build = || {
        let mut graph = Graph::new("product");
        let (a, b) = (input(&mut graph, "a"), input(&mut graph, "b"));
        let y = graph.add(Op::Mul, &[a, b]).unwrap();
        let seed = input(&mut graph, "seed");
        (graph, a, b, y, seed)
    };
    let (mut graph, a, _, y, seed) = build();
    vjp(&mut graph, &[(y, seed)], &[a]).unwrap();
    assert_eq!(graph.nodes().len(), 2);
    let (mut graph, a, b, y, seed) = build();
    vjp(&mut graph, &[(y, seed)], &[a, b]).unwrap();
    assert_eq!(graph.nodes().len(), 3);
}

#[test]
fn rounding_ends_the_gradient_silently() {
    let mut graph = Graph::new("flat");
    let x = input(&mut graph, "x");
    let y = graph.add(Op::Round, &[x]).unwrap();
    let seed = input(&mut graph, "seed");
    let gradient = vjp(&mut graph, &[(y, seed)], &[x]).unwrap()[0];
    let values = Array::new(&[1, 3], vec![0.2, -1.7, 3.0]);
    let found = eval_values(&graph, &[("x", values.clone()), ("seed", values)], &[gradient]).unwrap();
    Tolerance::Exact.assert("gradient", &found[0].map(f64::abs), &Array::full(&[1, 3], 0.0));
}

#[test]
fn whole_numbers_have_the_gradient_of_the_reals_they_stand_for() {
    let mut graph = Graph::new("integer");
    let x = graph.input("pixels", DType::U8, vec![Dim::Batch(1), Dim::Fixed(3)]);
    let real = graph.add(Op::Cast { to: DType::F32 }, &[x]).unwrap();
    let y = graph.add(Op::Mul, &[real, real]).unwrap();
    let seed = input(&mut graph, "seed");
    let error = vjp(&mut graph.clone(), &[(y, seed)], &[x]).unwrap_err();
    assert!(matches!(error, AutodiffError::NotFloat { value, .. } if value == "pixels"));
    let gradient = gradient_graph(&graph, y, x, Loss::Margin).unwrap();
    let id = gradient.outputs()[2];
    assert_eq!((gradient.value(id).dtype, gradient.shape(id)), (Some(DType::F32), graph.shape(x)));
    // Margin of 9, 4, 1 for label 1: the first logit less the second, with slopes 2 * 3 and -2 * 2.
    let row = |data: Vec<f64>| Array::new(&[1, 3], data);
    let feeds = [("pixels", row(vec![3.0, 2.0, 1.0])), ("label_one_hot", row(vec![0.0, 1.0, 0.0])), ("seed", row(vec![0.0; 3]))];
    let found = eval_values(&gradient, &feeds, &[id]).unwrap();
    Tolerance::Exact.assert("gradient", &found[0], &row(vec![6.0, -4.0, 0.0]));
}

#[test]
fn a_gradient_crosses_a_rounding_unchanged() {
    let mut graph = Graph::new("rounded");
    let x = input(&mut graph, "x");
    let two = graph.scalar(2.0);
    let real = graph.add(Op::Mul, &[x, two]).unwrap();
    let whole = graph.add(Op::Round, &[real]).unwrap();
    let whole = graph.add(Op::Cast { to: DType::I32 }, &[whole]).unwrap();
    let y = graph.add(Op::Cast { to: DType::F32 }, &[whole]).unwrap();
    assert!(matches!(gradient_graph(&graph, y, x, Loss::Margin), Err(AutodiffError::NoPath { .. })));
    let gradient = gradient_graph_across(&graph, y, x, Crossing { real, whole }, Loss::Margin).unwrap();
    let row = |data: Vec<f64>| Array::new(&[1, 3], data);
    let feeds = [("x", row(vec![0.7, 0.2, 0.1])), ("label_one_hot", row(vec![0.0, 1.0, 0.0]))];
    let found = eval_values(&gradient, &feeds, gradient.outputs()).unwrap();
    Tolerance::Exact.assert("logits", &found[0], &row(vec![1.0, 0.0, 0.0]));
    Tolerance::Exact.assert("gradient", &found[2], &row(vec![2.0, -2.0, 0.0]));
}

#[test]
fn numbers_that_pick_rows_of_a_table_have_no_gradient_and_the_node_is_named() {
    let mut graph = Graph::new("embedding");
    let ids = graph.input("ids", DType::I64, vec![Dim::Batch(1), Dim::Fixed(3)]);
    let table = graph.constant("table", Tensor::new(vec![4], TensorData::F32(vec![0.0, 1.0, 2.0, 3.0])).unwrap());
    let y = graph.add(Op::Gather { axis: 0 }, &[table, ids]).unwrap();
    let error = gradient_graph(&graph, y, ids, Loss::Margin).unwrap_err().to_string();
    assert!(error.contains("Gather") && error.contains("embedding"), "{error}");
}

#[test]
fn a_loss_that_needs_more_classes_is_refused() {
    let mut graph = Graph::new("three");
    let x = input(&mut graph, "x");
    let y = graph.add(Op::Relu, &[x]).unwrap();
    assert!(gradient_graph(&graph, y, x, Loss::Dlr).is_ok());
    let error = gradient_graph(&graph, y, x, Loss::TargetedDlr).unwrap_err();
    assert_eq!(error, AutodiffError::TooFewClasses { loss: "dlr-targeted", needed: 4, classes: 3 });
}

#[test]
fn outputs_keep_their_names_beside_values_of_the_same_name() {
    let mut graph = Graph::new("names");
    let x = input(&mut graph, "x");
    let inner = graph.push("n", Op::Relu, vec![Some(x)], &[Some("gradient")]).unwrap()[0].unwrap();
    let y = graph.push("m", Op::Neg, vec![Some(inner)], &[Some("loss")]).unwrap()[0].unwrap();
    let result = gradient_graph(&graph, y, x, Loss::Margin).unwrap();
    let names = |ids: &[ValueId]| ids.iter().map(|&id| result.value(id).name.clone()).collect::<Vec<_>>();
    assert_eq!(names(result.outputs()), ["logits", "loss", "gradient"]);
    assert_eq!(names(result.inputs()), ["x", "label_one_hot"]);
}

/// Numbers without a pattern in -0.5..0.5.
fn noise(n: usize, seed: usize) -> Vec<f32> {
    (0..n).map(|i| ((i * 7919 + seed * 104_729) % 1000) as f32 / 1000.0 - 0.5).collect()
}

/// The gradient of a stride-1 convolution with many channels is a convolution; it must be the same as that through a
/// weight that is not constant, which is a transposed convolution.
#[test]
fn both_forms_of_a_convolutions_gradient_agree() {
    for (groups, pads, dilation) in [(1, [1, 0, 1, 1], 1), (2, [2, 1, 0, 2], 2), (10, [0, 0, 1, 1], 1)] {
        let (channels, outs) = (10, 20);
        let shape = vec![outs, channels / groups, 3, 2];
        let weight = Tensor::new(shape.clone(), TensorData::F32(noise(shape.iter().product(), 1))).unwrap();
        let attrs = ConvAttrs { kernel: vec![3, 2], strides: vec![1; 2], dilations: vec![dilation; 2], pads: pads.to_vec(), groups };
        let mut found = Vec::new();
        for constant in [true, false] {
            let mut graph = Graph::new("conv");
            let x = graph.input("x", DType::F32, [2, channels, 6, 7].map(Dim::Fixed).to_vec());
            let w = if constant {
                graph.constant("w", weight.clone())
            } else {
                graph.input("w", DType::F32, shape.iter().map(|&n| Dim::Fixed(n)).collect())
            };
            let y = graph.add(Op::Conv(attrs.clone()), &[x, w]).unwrap();
            let seed_shape = graph.shape(y).unwrap().to_vec();
            let sizes: Vec<usize> = seed_shape.iter().map(|dim| dim.fixed().unwrap()).collect();
            let seed = graph.input("seed", DType::F32, seed_shape);
            let gradient = vjp(&mut graph, &[(y, seed)], &[x]).unwrap()[0];
            let last = graph.nodes().last().map(|node| node.op.name().to_owned());
            assert_eq!(last.as_deref(), Some(if constant && (groups > 1 || channels >= 8) { "Conv" } else { "ConvTranspose" }));
            let array = |shape: &[usize], seed| {
                let n = shape.iter().product();
                Array::new(shape, noise(n, seed).into_iter().map(f64::from).collect())
            };
            let mut feeds = vec![("x", array(&[2, channels, 6, 7], 2)), ("seed", array(&sizes, 3))];
            if !constant {
                feeds.push(("w", Array::from_tensor(&weight).unwrap()));
            }
            found.push(eval_values(&graph, &feeds, &[gradient]).unwrap().remove(0));
        }
        Tolerance::Close.assert(&format!("{groups} groups"), &found[0], &found[1]);
    }
}

#[test]
fn what_is_picked_from_a_long_axis_returns_as_through_a_matrix() {
    let sizes = [2, 3, 4096, 2];
    let indices: Vec<i64> = (0..300).map(|i| (i * i * 31) % 4096 - 2048).collect();
    let mut found = Vec::new();
    for constant in [true, false] {
        let mut graph = Graph::new("gather");
        let x = graph.input("x", DType::F32, sizes.map(Dim::Fixed).to_vec());
        let places = if constant {
            graph.constant("places", Tensor::ints(indices.clone()))
        } else {
            graph.input("places", DType::I64, vec![Dim::Fixed(indices.len())])
        };
        let y = graph.add(Op::Gather { axis: 2 }, &[x, places]).unwrap();
        let seed = graph.input("seed", DType::F32, graph.shape(y).unwrap().to_vec());
        let gradient = vjp(&mut graph, &[(y, seed)], &[x]).unwrap()[0];
        assert_eq!(graph.nodes().iter().any(|node| node.op.name() == "ScatterND"), constant);
        let array = |shape: &[usize], values: Vec<f64>| Array::new(shape, values);
        let wide = |values: Vec<f32>| values.into_iter().map(f64::from).collect();
        let mut feeds = vec![("x", array(&sizes, wide(noise(49_152, 1)))), ("seed", array(&[2, 3, 300, 2], wide(noise(3600, 2))))];
        if !constant {
            feeds.push(("places", array(&[300], indices.iter().map(|&i| i as f64).collect())));
        }
        found.push(eval_values(&graph, &feeds, &[gradient]).unwrap().remove(0));
    }
    Tolerance::Close.assert("gather", &found[0], &found[1]);
}

#[test]
fn the_gradient_of_a_long_axis_that_is_padded_takes_no_matrix() {
    let long = 100_000;
    for (mode, doubled) in [(PadMode::Reflect, [1, 2, 3]), (PadMode::Wrap, [99_997, 99_998, 99_999]), (PadMode::Edge, [0, 0, 0])] {
        let mut graph = Graph::new("pad");
        let x = graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(long)]);
        let y = graph.add(Op::Pad { mode, pads: vec![0, 3, 0, 0] }, &[x]).unwrap();
        let seed = graph.input("seed", DType::F32, graph.shape(y).unwrap().to_vec());
        let gradient = vjp(&mut graph, &[(y, seed)], &[x]).unwrap()[0];
        let ones = |n: usize| Array::new(&[1, n], vec![1.0; n]);
        let found = eval_values(&graph, &[("x", ones(long)), ("seed", ones(long + 3))], &[gradient]).unwrap().remove(0);
        let mut expected = vec![1.0; long];
        doubled.iter().for_each(|&place: &usize| expected[place] += 1.0);
        Tolerance::Close.assert(&format!("{mode:?}"), &found, &Array::new(&[1, long], expected));
    }
}
