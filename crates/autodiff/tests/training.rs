//! Gradients of training losses by weights, against central differences in f64 and against PyTorch.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use brinell_autodiff::{Loss, TrainingLoss, attack_graph, gradient_graph, training_graph};
use brinell_graph::{DType, Dim, Graph, Op, Tensor, TensorData, ValueId};
use brinell_testkit::{Array, Rng, Tolerance, conv_net, eval, finite_difference};

const LOSSES: [TrainingLoss; 4] = [
    TrainingLoss::Mixed { clean: 0.0 },
    TrainingLoss::Mixed { clean: 0.3 },
    TrainingLoss::Trades { beta: 6.0 },
    TrainingLoss::Mart { beta: 5.0 },
];

fn constant(graph: &mut Graph, rng: &mut Rng, name: &str, shape: &[usize]) -> ValueId {
    graph.constant(name, rng.array(shape).to_f32_tensor())
}

/// A smooth network with every operator whose weights are trained: MatMul, Add, Mul, Gemm, LayerNormalization, PRelu.
fn dense() -> Graph {
    let mut graph = Graph::new("dense");
    let mut rng = Rng::new(3);
    let x = graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(5)]);
    let mut of = |graph: &mut Graph, name: &str, shape: &[usize]| constant(graph, &mut rng, name, shape);
    let w = of(&mut graph, "w", &[5, 6]);
    let b = of(&mut graph, "b", &[6]);
    let y = graph.add(Op::MatMul, &[x, w]).unwrap();
    let y = graph.add(Op::Add, &[y, b]).unwrap();
    let y = graph.add(Op::Tanh, &[y]).unwrap();
    let (scale, shift) = (of(&mut graph, "scale", &[6]), of(&mut graph, "shift", &[6]));
    let y = graph.add(Op::LayerNormalization { axis: 1, epsilon: 1e-5 }, &[y, scale, shift]).unwrap();
    let gain = of(&mut graph, "gain", &[6]);
    let y = graph.add(Op::Mul, &[y, gain]).unwrap();
    let slope = of(&mut graph, "slope", &[6]);
    let y = graph.add(Op::PRelu, &[y, slope]).unwrap();
    let (last, bias) = (of(&mut graph, "last", &[4, 6]), of(&mut graph, "bias", &[4]));
    let y = graph.add(Op::Gemm { alpha: 1.0, beta: 1.0, trans_a: false, trans_b: true }, &[y, last, bias]).unwrap();
    graph.set_outputs(vec![y]);
    graph
}

/// A convolutional network with a normalisation that stands.
fn convolutional() -> Graph {
    let mut graph = conv_net(1, 4, 4, 5).unwrap();
    let mut rng = Rng::new(9);
    let logits = graph.outputs()[0];
    let (scale, bias) = (constant(&mut graph, &mut rng, "bn_scale", &[4]), constant(&mut graph, &mut rng, "bn_bias", &[4]));
    let mean = constant(&mut graph, &mut rng, "mean", &[4]);
    let var = graph.constant("var", Tensor::new(vec![4], TensorData::F32(vec![0.5, 1.0, 2.0, 0.7])).unwrap());
    let y = graph.add(Op::BatchNormalization { epsilon: 1e-5 }, &[logits, scale, bias, mean, var]).unwrap();
    graph.set_outputs(vec![y]);
    graph
}

fn weights(graph: &Graph) -> Vec<ValueId> {
    graph.constants().filter(|&(id, _)| !["mean", "var"].contains(&graph.value(id).name.as_str())).map(|(id, _)| id).collect()
}

/// Feeds of a training graph: names in order of its inputs, samples drawn, weights as they are.
fn feeds(graph: &Graph, step: &Graph, weights: &[ValueId], n: usize, classes: usize) -> Vec<(String, Array)> {
    let mut rng = Rng::new(17);
    let shape: Vec<usize> = graph.shape(graph.inputs()[0]).unwrap().iter().map(|dim| dim.fixed().unwrap_or(n)).collect();
    let label = Array::from_fn(&[n, classes], |at| f64::from(u8::from(at[0] % classes == at[1])));
    let mut arrays = vec![rng.array(&shape)];
    arrays.extend(weights.iter().map(|&id| Array::from_tensor(graph.constant_of(id).unwrap()).unwrap()));
    arrays.push(label);
    arrays.push(rng.array(&shape));
    step.inputs().iter().map(|&id| step.value(id).name.clone()).zip(arrays).collect()
}

fn named(feeds: &[(String, Array)]) -> Vec<(&str, Array)> {
    feeds.iter().map(|(name, array)| (name.as_str(), array.clone())).collect()
}

#[test]
fn gradients_of_every_loss_by_every_weight_are_central_differences() {
    for graph in [dense(), convolutional()] {
        let weights = weights(&graph);
        for loss in LOSSES {
            let step = training_graph(&graph, graph.outputs()[0], graph.inputs()[0], &weights, loss).unwrap();
            let feeds = feeds(&graph, &step, &weights, 3, 4);
            let found = eval(&step, &named(&feeds)).unwrap();
            let mut forward = step.clone();
            forward.set_outputs(vec![step.outputs()[1]]);
            let forward = forward.dce();
            for (i, &weight) in weights.iter().enumerate() {
                let name = &graph.value(weight).name;
                let expected = finite_difference(&forward, &named(&feeds), &[Array::full(&[3], 1.0)], name).unwrap();
                Tolerance::Rounded.assert(&format!("{} {name} {loss:?}", graph.name), &found[2 + i], &expected);
            }
        }
    }
}

#[test]
fn new_weights_give_the_gradients_of_a_graph_that_has_them() {
    // Ten channels and stride 1: the gradient by x goes through a second copy of a constant weight, turned round.
    let mut graph = Graph::new("two convolutions");
    let mut rng = Rng::new(1);
    let x = graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(2), Dim::Fixed(5), Dim::Fixed(5)]);
    let attrs = brinell_graph::ConvAttrs { kernel: vec![3, 3], strides: vec![1; 2], dilations: vec![1; 2], pads: vec![1; 4], groups: 1 };
    let first = constant(&mut graph, &mut rng, "first", &[10, 2, 3, 3]);
    let second = constant(&mut graph, &mut rng, "second", &[3, 10, 3, 3]);
    let y = graph.add(Op::Conv(attrs.clone()), &[x, first]).unwrap();
    let y = graph.add(Op::Tanh, &[y]).unwrap();
    let y = graph.add(Op::Conv(attrs), &[y, second]).unwrap();
    let y = graph.add(Op::GlobalAveragePool, &[y]).unwrap();
    let y = graph.add(Op::Reshape { shape: vec![Dim::Batch(1), Dim::Fixed(3)] }, &[y]).unwrap();
    graph.set_outputs(vec![y]);
    let weights = [first, second];
    let step = training_graph(&graph, y, x, &weights, TrainingLoss::Mixed { clean: 0.0 }).unwrap();
    let attack = attack_graph(&graph, y, x, &weights, Loss::CrossEntropy).unwrap();
    let mut moved = feeds(&graph, &step, &weights, 2, 3);
    moved.truncate(4);
    for (_, array) in &mut moved[1..3] {
        *array = Array::new(&array.shape, array.data.iter().map(|v| f64::from((v * 1.7 + 0.05) as f32)).collect());
    }
    // The same numbers as constants of a graph of their own.
    let mut fresh = Graph::new("fresh");
    let own = fresh.input("x", DType::F32, graph.shape(x).unwrap().to_vec());
    let mut bindings = vec![(x, own)];
    for (&weight, (name, array)) in weights.iter().zip(&moved[1..3]) {
        bindings.push((weight, fresh.constant(name, array.to_f32_tensor())));
    }
    let mut released = graph.clone();
    released.release(&weights);
    let logits = fresh.splice(&released, &bindings).unwrap()[&y];
    let expected_step = {
        let constants: Vec<ValueId> = fresh.constants().map(|(id, _)| id).collect();
        let graph = training_graph(&fresh, logits, own, &constants, TrainingLoss::Mixed { clean: 0.0 }).unwrap();
        eval(&graph, &named(&moved)).unwrap()
    };
    let constant_attack = gradient_graph(&fresh, logits, own, Loss::CrossEntropy).unwrap();
    assert!(
        constant_attack.constants().any(|(id, _)| constant_attack.value(id).name.starts_with("grad_const")),
        "the copy that this is about"
    );
    let expected = eval(&constant_attack, &[("x", moved[0].1.clone()), ("label_one_hot", moved[3].1.clone())]).unwrap();
    let found = eval(&step, &named(&moved)).unwrap();
    found.iter().zip(&expected_step).for_each(|(a, b)| Tolerance::Rounded.assert("step", a, b));
    let mut attacked = moved.clone();
    attacked[3].0 = "label_one_hot".to_owned();
    let found = eval(&attack, &named(&attacked)).unwrap();
    found.iter().zip(&expected).for_each(|(a, b)| Tolerance::Rounded.assert("attack", a, b));
}

#[test]
fn losses_and_gradients_are_those_of_pytorch() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/training");
    let model = brinell_onnx::read(&std::fs::read(folder.join("net.onnx")).unwrap(), None).unwrap();
    let golden: serde_json::Value = serde_json::from_slice(&std::fs::read(folder.join("training.json")).unwrap()).unwrap();
    let numbers = |value: &serde_json::Value| -> Vec<f64> { value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect() };
    let (graph, weights) = (&model.graph, weights(&model.graph));
    let labels = numbers(&golden["y"]);
    for (name, loss) in ["mixed 0", "mixed 0.3", "trades 6", "mart 5"].iter().zip(LOSSES) {
        let step = training_graph(graph, graph.outputs()[0], graph.inputs()[0], &weights, loss).unwrap();
        let samples = |name: &str| Array::new(&[6, 1, 8, 8], numbers(&golden[name]));
        let mut arrays = vec![samples("x_adv")];
        arrays.extend(weights.iter().map(|&id| Array::from_tensor(graph.constant_of(id).unwrap()).unwrap()));
        arrays.push(Array::from_fn(&[6, 4], |at| f64::from(u8::from(labels[at[0]] == at[1] as f64))));
        arrays.push(samples("x"));
        let feeds: Vec<(String, Array)> = step.inputs().iter().map(|&id| step.value(id).name.clone()).zip(arrays).collect();
        let found = eval(&step, &named(&feeds)).unwrap();
        let expected = &golden["losses"][name];
        Tolerance::Rounded.assert(name, &found[1], &Array::new(&[6], numbers(&expected["loss"])));
        for (gradient, &id) in found[2..].iter().zip(&weights) {
            let weight = graph.value(id).name.as_str();
            let expected = Array::new(&gradient.shape, numbers(&expected["gradients"][weight]));
            Tolerance::Rounded.assert(&format!("{name} {weight}"), gradient, &expected);
        }
    }
}

#[test]
fn weights_of_wide_convolutions_have_the_gradients_of_central_differences() {
    for (kernel, strides, dilations, pads, size) in [
        ([3, 3], [1, 1], [1, 1], [1, 1, 1, 1], [4, 5]),
        ([3, 2], [2, 1], [1, 2], [0, 1, 2, 0], [6, 5]),
        ([1, 1], [1, 1], [1, 1], [0; 4], [3, 3]),
        ([1, 1], [2, 2], [1, 1], [0; 4], [4, 5]),
        // Rows and columns at the end that no window sees.
        ([2, 2], [3, 3], [1, 1], [0; 4], [6, 7]),
    ] {
        let mut graph = Graph::new("wide");
        let mut rng = Rng::new(2);
        let x = graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(8), Dim::Fixed(size[0]), Dim::Fixed(size[1])]);
        let w = constant(&mut graph, &mut rng, "w", &[3, 8, kernel[0], kernel[1]]);
        let attrs = brinell_graph::ConvAttrs {
            kernel: kernel.to_vec(),
            strides: strides.to_vec(),
            dilations: dilations.to_vec(),
            pads: pads.to_vec(),
            groups: 1,
        };
        let y = graph.add(Op::Conv(attrs), &[x, w]).unwrap();
        let y = graph.add(Op::Tanh, &[y]).unwrap();
        let y = graph.add(Op::GlobalAveragePool, &[y]).unwrap();
        let y = graph.add(Op::Reshape { shape: vec![Dim::Batch(1), Dim::Fixed(3)] }, &[y]).unwrap();
        graph.set_outputs(vec![y]);
        let step = training_graph(&graph, y, x, &[w], TrainingLoss::Mixed { clean: 0.0 }).unwrap();
        assert!(step.nodes().iter().any(|node| node.op.name() == "Gemm"), "the rule that this is about");
        let feeds = feeds(&graph, &step, &[w], 2, 3);
        let feeds = &feeds[..3];
        let mut forward = step.clone();
        forward.set_outputs(vec![step.outputs()[1]]);
        let expected = finite_difference(&forward.dce(), &named(feeds), &[Array::full(&[2], 1.0)], "w").unwrap();
        Tolerance::Rounded.assert(&format!("{kernel:?} {strides:?}"), &eval(&step, &named(feeds)).unwrap()[2], &expected);
    }
}
