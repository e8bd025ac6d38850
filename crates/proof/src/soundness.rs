//! Networks with a planted counterexample: whatever certifies one of them is wrong.
//!
//! Each has a margin that is 1 nearly everywhere, with a narrow spike at one allowed input, where it falls below 0. A twin of each, whose spike is a little
//! lower, has no counterexample; what proves the twin must not prove the planted one.

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use brinell_certify::{Limits, Network, Verdict, decide};
use brinell_checker::{Checker, Evidence};
use brinell_graph::{DType, Dim, Graph, GraphError, Op, Tensor, TensorData, ValueId};
use brinell_threat::{Ball, InputBox, Norm};

use crate::ProofError;
use crate::statement::{question, statement};

/// What became of a planted counterexample.
#[derive(Debug, Clone, PartialEq)]
pub struct Soundness {
    /// The network, its inputs and the norm.
    pub case: String,
    /// True where the network was not certified.
    pub passed: bool,
    /// True where the twin without a counterexample was certified, so that the case shows something.
    pub twin_certified: bool,
    /// What was certified wrongly.
    pub detail: String,
}

/// How a spike is made of the distance from its top.
#[derive(Debug, Clone, Copy, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
enum Shape {
    Relu,
    LeakyRelu,
    Max,
    Sigmoid,
    Tanh,
    Exp,
}

/// Radius of the balls; the spike's top lies inside, off the centre.
const EPS: f64 = 0.25;
/// How far the margin falls below 0 at the top.
const DEPTH: f64 = 0.01;

/// Tries to certify each network, for `seconds` at most, in real and f32 arithmetic; `done` hears of each.
///
/// # Errors
/// [`ProofError`] where a network cannot be put together.
pub fn soundness(seconds: f64, stop: &AtomicBool, done: &mut dyn FnMut(&Soundness)) -> Result<Vec<Soundness>, ProofError> {
    let mut all = Vec::new();
    for shape in [Shape::Relu, Shape::LeakyRelu, Shape::Max, Shape::Sigmoid, Shape::Tanh, Shape::Exp] {
        for n in [2, 18] {
            for norm in [Norm::Linf, Norm::L2, Norm::L1] {
                let found = one(shape, n, norm, seconds, stop)?;
                done(&found);
                all.push(found);
            }
        }
    }
    Ok(all)
}

fn one(shape: Shape, n: usize, norm: Norm, seconds: f64, stop: &AtomicBool) -> Result<Soundness, ProofError> {
    let name: &str = shape.into();
    let case = format!("{name}, {n} inputs, {norm}");
    let x = vec![0.5; n];
    // Well inside the ball of every norm, and a sum of powers of two, so that nothing is rounded.
    let share = |i: usize| if i == n / 2 { 0.125 } else { 0.0625 / 32.0 };
    let top: Vec<f32> = (0..n).map(|i| 0.5 + if i % 3 == 1 { -share(i) } else { share(i) } as f32).collect();
    let bounds = InputBox::new(0.0, 1.0).map_err(brinell_subject::SubjectError::from)?;
    let ball = Ball { norm, eps: EPS, bounds, features: None };
    let stated = statement(&x, 0, None, 2, &ball)?;
    let mut evidences: [Option<Evidence>; 2] = [None, None];
    let mut certified = [false; 2];
    let mut checkers = Vec::new();
    for (k, depth) in [-0.3, DEPTH].into_iter().enumerate() {
        let (graph, output) = network(shape, &top, depth).map_err(ProofError::Graph)?;
        let network = Network::new(&graph, output).map_err(ProofError::Network)?;
        let (region, property) = question(&stated, 2).map_err(ProofError::Network)?;
        let deadline = Duration::try_from_secs_f64(seconds).ok().and_then(|time| Instant::now().checked_add(time));
        let limits = Limits { deadline, memory: 1 << 28, stop: Some(stop), deployed: true, evidence: true };
        // No point is confirmed, so that bounds alone have to tell.
        let outcome = decide(&network, &region, &property, limits, &mut |_| false).map_err(ProofError::Network)?;
        certified[k] = matches!(outcome.verdict, Verdict::Certified);
        evidences[k] = outcome.evidence;
        checkers.push(Checker::new(&graph, output));
    }
    let borrowed = match (&evidences[0], checkers.pop()) {
        (Some(evidence), Some(Ok(checker))) => checker.proves(&stated, evidence, stop).is_ok(),
        _ => false,
    };
    let detail = match (certified[1], borrowed) {
        (true, _) => "the network is certified, and an allowed input breaks it",
        (_, true) => "the checker accepts a certificate, and an allowed input breaks the network",
        _ => "",
    };
    Ok(Soundness { case, passed: detail.is_empty(), twin_certified: certified[0], detail: detail.to_owned() })
}

/// Logits (1 - spike, 0), where the spike has the height 1 + `depth` at `top`.
fn network(shape: Shape, top: &[f32], depth: f64) -> Result<(Graph, ValueId), GraphError> {
    let n = top.len();
    let mut graph = Graph::new("planted");
    let numbers = |graph: &mut Graph, shape: &[usize], data: Vec<f32>| {
        let tensor = Tensor::new(shape.to_vec(), TensorData::F32(data)).unwrap_or_else(|| Tensor::scalar(0.0));
        graph.constant("number", tensor)
    };
    let x = graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(n)]);
    let top = numbers(&mut graph, &[1, n], top.to_vec());
    let off = graph.add(Op::Sub, &[x, top])?;
    let back = graph.add(Op::Neg, &[off])?;
    let sides = match shape {
        Shape::Max => graph.add(Op::Max, &[off, back])?,
        _ => {
            let sides = graph.add(Op::Concat { axis: 1 }, &[off, back])?;
            graph.add(Op::Relu, &[sides])?
        }
    };
    let width = if matches!(shape, Shape::Max) { n } else { 2 * n };
    let ones = numbers(&mut graph, &[width, 1], vec![1.0; width]);
    let distance = graph.add(Op::MatMul, &[sides, ones])?;
    // The reach of the spike, and its value at the top.
    let reach = 0.03_f32;
    let rising = |graph: &mut Graph, steep: f32| -> Result<ValueId, GraphError> {
        let (slope, start) = (numbers(graph, &[1, 1], vec![-steep]), numbers(graph, &[1, 1], vec![steep * reach]));
        let falling = graph.add(Op::Mul, &[distance, slope])?;
        graph.add(Op::Add, &[falling, start])
    };
    let (spike, height) = match shape {
        Shape::Relu | Shape::Max => {
            let z = rising(&mut graph, 1.0)?;
            (graph.add(Op::Relu, &[z])?, f64::from(reach))
        }
        Shape::LeakyRelu => {
            let z = rising(&mut graph, 1.0)?;
            (graph.add(Op::LeakyRelu { alpha: 1e-3 }, &[z])?, f64::from(reach))
        }
        Shape::Sigmoid => {
            let z = rising(&mut graph, 200.0)?;
            (graph.add(Op::Sigmoid, &[z])?, 1.0 / (1.0 + f64::from(-200.0 * reach).exp()))
        }
        Shape::Tanh => {
            let z = rising(&mut graph, 200.0)?;
            (graph.add(Op::Tanh, &[z])?, f64::from(200.0 * reach).tanh())
        }
        Shape::Exp => {
            let slope = numbers(&mut graph, &[1, 1], vec![-100.0]);
            let z = graph.add(Op::Mul, &[distance, slope])?;
            (graph.add(Op::Exp, &[z])?, 1.0)
        }
    };
    let scale = numbers(&mut graph, &[1, 2], vec![-((1.0 + depth) / height) as f32, 0.0]);
    let shift = numbers(&mut graph, &[1, 2], vec![1.0, 0.0]);
    let y = graph.add(Op::MatMul, &[spike, scale])?;
    let y = graph.add(Op::Add, &[y, shift])?;
    graph.output(y);
    Ok((graph, y))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::{DEPTH, Shape, network, soundness};

    #[test]
    fn no_planted_counterexample_is_certified() {
        let found = soundness(0.2, &AtomicBool::new(false), &mut |_| {}).unwrap();
        assert!(found.iter().all(|case| case.passed), "{found:?}");
        assert!(found.iter().filter(|case| case.twin_certified).count() > found.len() / 2, "{found:?}");
    }

    #[test]
    fn the_planted_input_is_one() {
        for shape in [Shape::Relu, Shape::LeakyRelu, Shape::Max, Shape::Sigmoid, Shape::Tanh, Shape::Exp] {
            let top = [0.5, 0.625, 0.375];
            let (graph, output) = network(shape, &top, DEPTH).unwrap();
            let network = brinell_certify::Network::new(&graph, output).unwrap();
            let at = |x: &[f64]| network.eval(x).unwrap()[0];
            assert!((at(&top.map(f64::from)) + DEPTH).abs() < 1e-3, "{shape:?}");
            assert!(at(&[0.5, 0.5, 0.5]) > 0.9, "{shape:?}");
        }
    }
}
