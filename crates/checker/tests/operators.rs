//! Every operator that is covered says what the reference interpreter says, and what is not covered is named.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::sync::atomic::AtomicBool;

use brinell_checker::{Atom, Branch, CheckError, Checker, Evidence, Statement, Tree};
use brinell_graph::{ConvAttrs, DType, Dim, Graph, Op, PadMode, PoolAttrs, Reduce, Tensor, TensorData, ValueId};
use brinell_testkit::{Array, Rng, eval};

static GO_ON: AtomicBool = AtomicBool::new(false);

/// Says whether one part shows that every output lies strictly between two numbers, for all inputs of a box.
fn between(checker: &Checker, (lo, hi): (&[f64], &[f64]), ends: &[(f64, f64)]) -> bool {
    let unit = |i: usize, sign: f64| (0..ends.len()).map(|k| if k == i { sign } else { 0.0 }).collect();
    let clauses = ends
        .iter()
        .enumerate()
        .flat_map(|(i, &(low, high))| [vec![Atom { row: unit(i, 1.0), shift: -low }], vec![Atom { row: unit(i, -1.0), shift: high }]]);
    let statement = Statement { lo: lo.to_vec(), hi: hi.to_vec(), ball: None, clauses: clauses.collect(), deployed: false };
    match checker.proves(&statement, &Evidence::Inputs(Tree(vec![Branch::Leaf(())])), &GO_ON) {
        Ok(_) => true,
        Err(CheckError::Open { .. }) => false,
        Err(other) => panic!("{other}"),
    }
}

fn holds(graph: &Graph, n: usize) {
    let checker = Checker::new(graph, graph.outputs()[0]).unwrap();
    let mut rng = Rng::new(n as u64);
    let shape: Vec<usize> = graph.shape(graph.inputs()[0]).unwrap().iter().map(|dim| dim.fixed().unwrap_or(1)).collect();
    let at = |x: &[f64]| eval(graph, &[("x", Array::new(&shape, x.to_vec()))]).unwrap()[0].data.clone();
    for eps in [1e-7, 0.05, 0.5] {
        let x = rng.array(&[n]).data;
        let y = at(&x);
        let near = |width: f64| y.iter().map(|y| (y - width, y + width)).collect::<Vec<_>>();
        assert!(between(&checker, (&x, &x), &near(1e-9)), "{} at a point", graph.name);
        let (lo, hi): (Vec<f64>, Vec<f64>) = x.iter().map(|x| (x - eps, x + eps)).unzip();
        assert!(eps > 1e-6 || between(&checker, (&lo, &hi), &near(1e-3)), "{} near a point", graph.name);
        // What a point of the box reaches is no bound.
        let points: Vec<Vec<f64>> = (0..60)
            .map(|_| lo.iter().zip(&hi).zip(rng.array(&[n]).data).map(|((lo, hi), s)| if s > 0.0 { *hi } else { *lo }).collect())
            .collect();
        let values: Vec<Vec<f64>> = points.iter().map(|x| at(x)).collect();
        for i in 0..y.len() {
            let (least, most) = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, m), y| (l.min(y[i]), m.max(y[i])));
            for end in [(least, f64::MAX), (f64::MIN, most)] {
                let mut ends = vec![(f64::MIN, f64::MAX); y.len()];
                ends[i] = end;
                assert!(!between(&checker, (&lo, &hi), &ends), "{}: output {i} reaches {end:?}", graph.name);
            }
        }
    }
}

/// A network of `shape` inputs, one operator or a few, and Relu.
fn network(name: &str, shape: &[usize], build: impl Fn(&mut Graph, ValueId, &mut Rng) -> ValueId) {
    let mut graph = Graph::new(name);
    let dims = std::iter::once(Dim::Batch(1)).chain(shape.iter().map(|&n| Dim::Fixed(n))).collect();
    let x = graph.input("x", DType::F32, dims);
    let mut rng = Rng::new(name.len() as u64);
    let y = build(&mut graph, x, &mut rng);
    let y = graph.add(Op::Relu, &[y]).unwrap();
    let n = graph.shape(y).unwrap()[1..].iter().map(|dim| dim.fixed().unwrap()).product();
    let y = graph.add(Op::Reshape { shape: vec![Dim::Batch(1), Dim::Fixed(n)] }, &[y]).unwrap();
    let w = graph.constant("w", rng.array(&[n, 2]).to_f32_tensor());
    let y = graph.add(Op::MatMul, &[y, w]).unwrap();
    graph.output(y);
    holds(&graph, shape.iter().product());
}

fn weights(graph: &mut Graph, rng: &mut Rng, shape: &[usize]) -> ValueId {
    graph.constant("c", rng.array(shape).to_f32_tensor())
}

fn positive(graph: &mut Graph, data: Vec<f32>) -> ValueId {
    graph.constant("c", Tensor::new(vec![data.len()], TensorData::F32(data)).unwrap())
}

#[test]
fn rows_of_numbers() {
    network("add", &[4], |g, x, rng| {
        let c = weights(g, rng, &[4]);
        let y = g.add(Op::Add, &[x, c]).unwrap();
        let z = g.add(Op::Sub, &[c, y]).unwrap();
        let z = g.add(Op::Neg, &[z]).unwrap();
        g.add(Op::Sum, &[y, z, x, c]).unwrap()
    });
    network("scale", &[4], |g, x, rng| {
        let (c, d) = (weights(g, rng, &[4]), positive(g, vec![0.7, 3.0, -1.3, 2.1]));
        let y = g.add(Op::Mul, &[c, x]).unwrap();
        g.add(Op::Div, &[y, d]).unwrap()
    });
    network("gemm", &[4], |g, x, rng| {
        let (w, b) = (weights(g, rng, &[3, 4]), weights(g, rng, &[3]));
        g.add(Op::Gemm { alpha: 0.5, beta: 1.5, trans_a: false, trans_b: true }, &[x, w, b]).unwrap()
    });
    network("gemm as it is", &[4], |g, x, rng| {
        let (w, b) = (weights(g, rng, &[4, 3]), weights(g, rng, &[1, 3]));
        g.add(Op::Gemm { alpha: 1.0, beta: 1.0, trans_a: false, trans_b: false }, &[x, w, b]).unwrap()
    });
    network("stacks", &[2, 3], |g, x, rng| {
        let (left, right) = (weights(g, rng, &[4, 2]), weights(g, rng, &[3, 2]));
        let y = g.add(Op::MatMul, &[left, x]).unwrap();
        g.add(Op::MatMul, &[y, right]).unwrap()
    });
    network("leaky", &[4], |g, x, rng| {
        let w = weights(g, rng, &[4, 4]);
        let y = g.add(Op::MatMul, &[x, w]).unwrap();
        g.add(Op::LeakyRelu { alpha: 0.2 }, &[y]).unwrap()
    });
    network("reduce", &[2, 3], |g, x, _| {
        let a = g.add(Op::Reduce { kind: Reduce::Mean, axes: vec![2], keepdims: true }, &[x]).unwrap();
        let b = g.add(Op::Reduce { kind: Reduce::Sum, axes: vec![1], keepdims: true }, &[x]).unwrap();
        let a = g.add(Op::Expand { shape: vec![Dim::Batch(1), Dim::Fixed(2), Dim::Fixed(3)] }, &[a]).unwrap();
        g.add(Op::Add, &[a, b]).unwrap()
    });
}

#[test]
fn elements_that_move() {
    network("transpose", &[2, 3], |g, x, rng| {
        let y = g.add(Op::Transpose { perm: vec![0, 2, 1] }, &[x]).unwrap();
        let c = weights(g, rng, &[1, 3, 2]);
        g.add(Op::Mul, &[y, c]).unwrap()
    });
    network("slice", &[2, 5], |g, x, _| {
        let y = g.add(Op::Slice { axes: vec![2], starts: vec![4], ends: vec![0], steps: vec![-2] }, &[x]).unwrap();
        let z = g.add(Op::Slice { axes: vec![1, 2], starts: vec![1, 1], ends: vec![2, 3], steps: vec![1, 1] }, &[x]).unwrap();
        let z = g.add(Op::Expand { shape: vec![Dim::Batch(1), Dim::Fixed(2), Dim::Fixed(2)] }, &[z]).unwrap();
        g.add(Op::Concat { axis: 2 }, &[y, z]).unwrap()
    });
    network("split", &[5], |g, x, _| {
        let halves = g.push("split", Op::Split { axis: 1, sizes: vec![2, 3] }, vec![Some(x)], &[Some("a"), Some("b")]).unwrap();
        g.add(Op::Concat { axis: 1 }, &[halves[1].unwrap(), x, halves[0].unwrap()]).unwrap()
    });
    network("gather", &[3, 2], |g, x, _| {
        let picks = g.constant("picks", Tensor::ints(vec![2, -3, 1, 1]));
        g.add(Op::Gather { axis: 1 }, &[x, picks]).unwrap()
    });
    network("pad", &[2, 2], |g, x, _| g.add(Op::Pad { mode: PadMode::Constant, pads: vec![0, 1, -1, 0, 0, 2] }, &[x]).unwrap());
}

#[test]
fn images() {
    let attrs = |pads: Vec<usize>, strides: [usize; 2], dilations: [usize; 2], groups| ConvAttrs {
        kernel: vec![3, 2],
        strides: strides.to_vec(),
        dilations: dilations.to_vec(),
        pads,
        groups,
    };
    network("conv", &[2, 5, 4], |g, x, rng| {
        let (w, b) = (weights(g, rng, &[4, 2, 3, 2]), weights(g, rng, &[4]));
        g.add(Op::Conv(attrs(vec![1, 0, 2, 1], [2, 1], [1, 2], 1)), &[x, w, b]).unwrap()
    });
    network("groups", &[4, 4, 4], |g, x, rng| {
        let w = weights(g, rng, &[6, 2, 3, 2]);
        g.add(Op::Conv(attrs(vec![0; 4], [1, 1], [1, 1], 2)), &[x, w]).unwrap()
    });
    network("signal", &[2, 7], |g, x, rng| {
        let w = weights(g, rng, &[3, 2, 3]);
        let attrs = ConvAttrs { kernel: vec![3], strides: vec![2], dilations: vec![1], pads: vec![1, 0], groups: 1 };
        g.add(Op::Conv(attrs), &[x, w]).unwrap()
    });
    network("batch normalization", &[3, 2, 2], |g, x, rng| {
        let [scale, bias, mean] = [(); 3].map(|()| weights(g, rng, &[3]));
        let variance = positive(g, vec![0.3, 1.7, 0.01]);
        g.add(Op::BatchNormalization { epsilon: 1e-5 }, &[x, scale, bias, mean, variance]).unwrap()
    });
    for ceil_mode in [false, true] {
        let pool = |pads: Vec<usize>| PoolAttrs { kernel: vec![2, 3], strides: vec![2, 2], dilations: vec![1, 1], pads, ceil_mode };
        network("max", &[2, 4, 5], |g, x, _| g.add(Op::MaxPool(pool(vec![1, 1, 0, 1])), &[x]).unwrap());
        for count_include_pad in [false, true] {
            network("average", &[2, 4, 5], |g, x, _| {
                g.add(Op::AveragePool { pool: pool(vec![1, 1, 0, 1]), count_include_pad }, &[x]).unwrap()
            });
        }
    }
    network("global", &[2, 3, 3], |g, x, _| {
        let a = g.add(Op::GlobalAveragePool, &[x]).unwrap();
        let b = g.add(Op::GlobalMaxPool, &[x]).unwrap();
        g.add(Op::Concat { axis: 1 }, &[a, b]).unwrap()
    });
}

#[test]
fn what_is_not_covered_is_named() {
    let mut graph = Graph::new("sigmoid");
    let x = graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(3)]);
    let y = graph.add(Op::Sigmoid, &[x]).unwrap();
    graph.output(y);
    let error = Checker::new(&graph, y).unwrap_err();
    assert!(matches!(&error, CheckError::Operator { op, .. } if op == "Sigmoid"), "{error}");
}
