//! No point of a region leaves the bounds, with zero tolerance: every operator, every norm.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use brinell_certify::{CertifyError, Method, Network, Property, Region, lower_bounds, output_intervals};
use brinell_graph::{DType, Dim, Graph, Op, PoolAttrs, Reduce, Tensor, TensorData, ValueId};
use brinell_testkit::{Array, Rng, conv_net, eval, perceptron};
use brinell_threat::Norm;

const METHODS: [Method; 3] = [Method::Intervals, Method::Backward, Method::Optimised { steps: 5 }];

fn network(graph: &Graph) -> Network {
    Network::new(graph, graph.outputs()[0]).unwrap()
}

/// Random points of a ball inside a box, some at its corners.
fn points(rng: &mut Rng, norm: Norm, x: &[f64], eps: f64, lo: &[f64], hi: &[f64], n: usize) -> Vec<Vec<f64>> {
    let mut draw = |k: usize| -> Vec<f64> {
        let mut delta = rng.array(&[x.len()]).data;
        if k.is_multiple_of(3) {
            delta.iter_mut().for_each(|d| *d = d.signum());
        }
        let size = match norm {
            Norm::Linf => delta.iter().fold(0.0, |m: f64, d| m.max(d.abs())),
            Norm::L2 => delta.iter().map(|d| d * d).sum::<f64>().sqrt(),
            _ => delta.iter().map(|d| d.abs()).sum(),
        };
        let scale = eps * (1.0 - 1e-12) / size.max(1e-12);
        x.iter().zip(delta).enumerate().map(|(i, (x, d))| (x + d * scale).clamp(lo[i], hi[i])).collect()
    };
    (0..n).map(&mut draw).collect()
}

/// Holds the bounds of all outputs to points, by all methods and norms.
fn holds(graph: &Graph, seed: u64, eps: f64, n: usize) {
    let network = network(graph);
    let name = graph.value(graph.inputs()[0]).name.clone();
    let mut rng = Rng::new(seed);
    let x = rng.array(&[network.inputs()]).data;
    let (lo, hi) = (vec![-1.5; x.len()], vec![1.5; x.len()]);
    for norm in [Norm::Linf, Norm::L2, Norm::L1] {
        let region = Region::ball(norm, &x, eps, &lo, &hi).unwrap();
        let points = points(&mut rng, norm, &x, eps, &lo, &hi, n);
        let shape = [&[1], &network.input_shape()[1..]].concat();
        let outputs: Vec<Vec<f64>> =
            points.iter().map(|p| eval(graph, &[(&name, Array::new(&shape, p.clone()))]).unwrap()[0].data.clone()).collect();
        for method in METHODS {
            let intervals = output_intervals(&network, &region, method).unwrap();
            for (point, y) in points.iter().zip(&outputs) {
                for (y, (lo, hi)) in y.iter().zip(&intervals) {
                    assert!(lo <= y && y <= hi, "{} {norm} {method:?}: {y} is outside [{lo}, {hi}] at {point:?}", graph.name);
                }
                let own = network.eval(point).unwrap();
                own.iter().zip(y).for_each(|(a, b)| assert!((a - b).abs() <= 1e-9 * (1.0 + b.abs()), "{}: {a} is not {b}", graph.name));
            }
        }
    }
}

#[test]
fn no_point_leaves_the_bounds_of_a_network() {
    holds(&perceptron(&[5, 16, 16, 16, 3], 3).unwrap(), 1, 0.3, 300);
    holds(&conv_net(2, 6, 4, 5).unwrap(), 2, 0.2, 100);
}

/// A network around one operator: a linear layer, the operator, a linear layer.
fn around(name: &str, n: usize, op: impl Fn(&mut Graph, ValueId) -> ValueId) -> Graph {
    let mut graph = Graph::new(name);
    let mut rng = Rng::new(name.bytes().map(u64::from).sum());
    let x = graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(n)]);
    let w = graph.constant("w", rng.array(&[n, n]).to_f32_tensor());
    let x = graph.add(Op::MatMul, &[x, w]).unwrap();
    let x = op(&mut graph, x);
    let width = graph.shape(x).unwrap().last().unwrap().fixed().unwrap();
    let v = graph.constant("v", rng.array(&[width, 3]).to_f32_tensor());
    let y = graph.add(Op::MatMul, &[x, v]).unwrap();
    graph.output(y);
    graph
}

fn numbers(graph: &mut Graph, data: Vec<f32>) -> ValueId {
    graph.constant("c", Tensor::new(vec![data.len()], TensorData::F32(data)).unwrap())
}

#[test]
fn no_point_leaves_the_bounds_of_an_operator() {
    let n = 4;
    let unary: Vec<Op> = vec![
        Op::Relu,
        Op::LeakyRelu { alpha: 0.1 },
        Op::Clip { lo: Some(-0.3), hi: Some(0.4) },
        Op::HardSigmoid { alpha: 0.2, beta: 0.5 },
        Op::HardSwish,
        Op::Sigmoid,
        Op::Tanh,
        Op::Erf,
        Op::Atan,
        Op::Softplus,
        Op::Softsign,
        Op::Gelu { tanh: false },
        Op::Gelu { tanh: true },
        Op::Elu { alpha: 0.7 },
        Op::Selu { alpha: 1.67, gamma: 1.05 },
        Op::Celu { alpha: 1.3 },
        Op::Exp,
        Op::Abs,
        Op::Neg,
        Op::Floor,
        Op::Ceil,
        Op::Round,
        Op::Softmax { axis: 1 },
        Op::LogSoftmax { axis: 1 },
    ];
    for op in unary {
        let name = format!("{op:?}");
        let graph = around(&name, n, |graph, x| graph.add(op.clone(), &[x]).unwrap());
        for (seed, eps) in [(1, 0.02), (2, 0.3), (3, 1.0)] {
            holds(&graph, seed, eps, 60);
        }
    }
    type Build = fn(&mut Graph, ValueId) -> ValueId;
    let built: Vec<(&str, Build)> = vec![
        ("square", |g, x| g.add(Op::Mul, &[x, x]).unwrap()),
        ("silu", |g, x| {
            let s = g.add(Op::Sigmoid, &[x]).unwrap();
            g.add(Op::Mul, &[x, s]).unwrap()
        }),
        ("product", |g, x| {
            let s = g.add(Op::Tanh, &[x]).unwrap();
            g.add(Op::Mul, &[x, s]).unwrap()
        }),
        ("positive", |g, x| {
            let e = g.add(Op::Exp, &[x]).unwrap();
            let l = g.add(Op::Log, &[e]).unwrap();
            let s = g.add(Op::Sqrt, &[e]).unwrap();
            let q = g.add(Op::Div, &[l, s]).unwrap();
            let r = g.add(Op::Reciprocal, &[e]).unwrap();
            g.add(Op::Concat { axis: 1 }, &[q, r, s]).unwrap()
        }),
        ("max", |g, x| {
            let c = numbers(g, vec![0.1, -0.2, 0.3, 0.0]);
            let y = g.add(Op::Max, &[x, c]).unwrap();
            let z = g.add(Op::Neg, &[x]).unwrap();
            g.add(Op::Min, &[y, z]).unwrap()
        }),
        ("reduce", |g, x| {
            let all: Vec<ValueId> = [Reduce::Max, Reduce::Min, Reduce::Mean, Reduce::L1, Reduce::L2, Reduce::LogSumExp, Reduce::SumSquare]
                .into_iter()
                .map(|kind| g.add(Op::Reduce { kind, axes: vec![1], keepdims: true }, &[x]).unwrap())
                .collect();
            g.add(Op::Concat { axis: 1 }, &all).unwrap()
        }),
        ("layer norm", |g, x| {
            let (s, b) = (numbers(g, vec![1.0, 0.5, -1.0, 2.0]), numbers(g, vec![0.1, 0.2, 0.3, 0.4]));
            g.add(Op::LayerNormalization { axis: 1, epsilon: 1e-2 }, &[x, s, b]).unwrap()
        }),
        ("attention", |g, x| {
            let shape = |a, b| Op::Reshape { shape: vec![Dim::Batch(1), Dim::Fixed(a), Dim::Fixed(b)] };
            let (q, k) = (g.add(shape(2, 2), &[x]).unwrap(), g.add(shape(2, 2), &[x]).unwrap());
            let k = g.add(Op::Transpose { perm: vec![0, 2, 1] }, &[k]).unwrap();
            let s = g.add(Op::MatMul, &[q, k]).unwrap();
            let p = g.add(Op::Softmax { axis: 2 }, &[s]).unwrap();
            let y = g.add(Op::MatMul, &[p, q]).unwrap();
            g.add(Op::Reshape { shape: vec![Dim::Batch(1), Dim::Fixed(4)] }, &[y]).unwrap()
        }),
        ("pool", |g, x| {
            let image = Op::Reshape { shape: vec![Dim::Batch(1), Dim::Fixed(1), Dim::Fixed(2), Dim::Fixed(2)] };
            let x = g.add(image, &[x]).unwrap();
            let pool = PoolAttrs { kernel: vec![2, 2], strides: vec![1, 1], dilations: vec![1, 1], pads: vec![1; 4], ceil_mode: false };
            let a = g.add(Op::MaxPool(pool.clone()), &[x]).unwrap();
            let b = g.add(Op::AveragePool { pool, count_include_pad: false }, &[x]).unwrap();
            let y = g.add(Op::Add, &[a, b]).unwrap();
            g.add(Op::Reshape { shape: vec![Dim::Batch(1), Dim::Fixed(9)] }, &[y]).unwrap()
        }),
    ];
    for (name, build) in built {
        let graph = around(name, n, build);
        for (seed, eps) in [(4, 0.02), (5, 0.25)] {
            holds(&graph, seed, eps, 60);
        }
    }
}

#[test]
fn bounds_of_an_affine_network_are_the_extremes_themselves() {
    let graph = perceptron(&[6, 3], 9).unwrap();
    let network = network(&graph);
    let x = vec![0.1; 6];
    for norm in [Norm::Linf, Norm::L2, Norm::L1] {
        let region = Region::ball(norm, &x, 0.2, &[-5.0; 6], &[5.0; 6]).unwrap();
        let found = output_intervals(&network, &region, Method::Backward).unwrap();
        let centre = network.eval(&x).unwrap();
        for (i, (lo, hi)) in found.iter().enumerate() {
            let mut unit = vec![0.0; 6];
            let row: Vec<f64> = (0..6)
                .map(|k| {
                    unit.copy_from_slice(&x);
                    unit[k] += 1.0;
                    network.eval(&unit).unwrap()[i] - centre[i]
                })
                .collect();
            let dual = match norm {
                Norm::Linf => row.iter().map(|r| r.abs()).sum::<f64>(),
                Norm::L2 => row.iter().map(|r| r * r).sum::<f64>().sqrt(),
                _ => row.iter().fold(0.0, |m: f64, r| m.max(r.abs())),
            };
            assert!((hi - lo - 0.4 * dual).abs() < 1e-9, "{norm}: {}", hi - lo);
        }
    }
}

#[test]
fn what_cannot_be_bounded_is_named() {
    let graph = around("sine", 4, |g, x| g.add(Op::Sin, &[x]).unwrap());
    let error = Network::new(&graph, graph.outputs()[0]).unwrap_err();
    assert!(matches!(&error, CertifyError::Operator { op, .. } if op == "Sin"), "{error}");
    let graph = around("nan", 4, |g, x| {
        let c = numbers(g, vec![f32::NAN; 4]);
        g.add(Op::Mul, &[x, c]).unwrap()
    });
    assert!(matches!(Network::new(&graph, graph.outputs()[0]), Err(CertifyError::NotFinite { .. })));
}

#[test]
fn regions_that_are_none_are_refused() {
    assert!(matches!(Region::between(vec![1.0], vec![0.0]), Err(CertifyError::Interval { .. })));
    assert!(matches!(Region::between(vec![f64::NAN], vec![0.0]), Err(CertifyError::Interval { .. })));
    assert!(matches!(Region::ball(Norm::Linf, &[0.0], f64::NAN, &[0.0], &[1.0]), Err(CertifyError::Radius { .. })));
    let network = network(&perceptron(&[2, 2], 1).unwrap());
    let region = Region::between(vec![0.0; 3], vec![1.0; 3]).unwrap();
    assert!(lower_bounds(&network, &region, &Property::misclassified(0, 2).unwrap(), Method::Backward).is_err());
    assert!(Property::misclassified(2, 2).is_err());
}

/// Random points of the first question about every network of the shared data; `cargo xtask sound` asks for 10 million of each.
#[test]
fn no_point_leaves_the_bounds_of_a_real_network() {
    let Some(folder) = brinell_testkit::shared_data("certify") else { return };
    let points: usize = std::env::var("BRINELL_POINTS").ok().and_then(|points| points.parse().ok()).unwrap_or(20);
    let mut networks = 0;
    for family in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        let text = std::fs::read_to_string(family.join("verdicts.csv")).unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for line in text.lines().skip(1) {
            let cells: Vec<&str> = line.split(',').collect();
            if !seen.insert(cells[0].to_owned()) || (points < 1000 && seen.len() > 2) {
                continue;
            }
            let graph = brinell_onnx::read_file(&family.join(cells[0])).unwrap().graph;
            let network = network(&graph);
            let query = brinell_certify::Query::read(&std::fs::read_to_string(family.join(cells[1])).unwrap()).unwrap();
            let region = &query.cases[0].region;
            let bounds: Vec<Vec<(f64, f64)>> =
                [Method::Intervals, Method::Backward].iter().map(|method| output_intervals(&network, region, *method).unwrap()).collect();
            let (lo, hi) = region.hull();
            let mut rng = Rng::new(17);
            for point in 0..points {
                let shares = rng.array(&[lo.len()]).data;
                // Some at corners, where bounds are attained.
                let share = |s: f64| if point.is_multiple_of(2) { 0.5 + 0.5 * s.clamp(-1.0, 1.0) } else { f64::from(u8::from(s > 0.0)) };
                let x: Vec<f64> =
                    shares.iter().zip(lo.iter().zip(hi)).map(|(s, (lo, hi))| (lo + share(*s) * (hi - lo)).clamp(*lo, *hi)).collect();
                let y = network.eval(&x).unwrap();
                for bounds in &bounds {
                    for (y, (lo, hi)) in y.iter().zip(bounds) {
                        assert!(lo <= y && y <= hi, "{}: {y} is outside [{lo}, {hi}]", cells[0]);
                    }
                }
            }
            networks += 1;
        }
    }
    assert!(networks >= 8);
}
