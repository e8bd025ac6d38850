//! Suspicions that the output of the model alone tells: an ordinary sample is one that the model is sure of.

use brinell_graph::{Graph, GraphError, Op, Reduce, ValueId};

use super::{Score, Seen, logits, probabilities};

/// How sure the model is, turned round.
///
/// # Source
/// Confidence: Hendrycks & Gimpel, "A baseline for detecting misclassified and out-of-distribution examples in neural networks", ICLR 2017. Energy: Liu, Wang, Owens & Li,
/// "Energy-based out-of-distribution detection", NeurIPS 2020, equation 4.
pub(super) enum Output {
    Confidence,
    Margin,
    Entropy,
    /// At some temperature.
    Energy(f32),
}

fn over(kind: Reduce) -> Op {
    Op::Reduce { kind, axes: vec![1], keepdims: false }
}

impl Score for Output {
    fn append(&self, graph: &mut Graph, seen: &Seen) -> Result<ValueId, GraphError> {
        match self {
            Self::Confidence => {
                let p = probabilities(graph, seen, seen.own, 1)?;
                let largest = graph.add(over(Reduce::Max), &[p])?;
                graph.add(Op::Neg, &[largest])
            }
            Self::Margin => {
                let z = logits(graph, seen, seen.own)?;
                let top = graph.push(
                    "two",
                    Op::TopK { axis: 1, k: 2, largest: true, sorted: true },
                    vec![Some(z)],
                    &[Some("two"), Some("two_places")],
                )?;
                let top = top.into_iter().flatten().next().unwrap_or(z);
                let place = |at: i64| Op::Slice { axes: vec![1], starts: vec![at], ends: vec![at + 1], steps: vec![1] };
                let (first, second) = (graph.add(place(0), &[top])?, graph.add(place(1), &[top])?);
                let margin = graph.add(Op::Sub, &[second, first])?;
                graph.add(Op::Squeeze { axes: vec![1] }, &[margin])
            }
            Self::Entropy => {
                let p = probabilities(graph, seen, seen.own, 1)?;
                let least = graph.scalar(f32::MIN_POSITIVE);
                let positive = graph.add(Op::Max, &[p, least])?;
                let log = graph.add(Op::Log, &[positive])?;
                let terms = graph.add(Op::Mul, &[p, log])?;
                let sum = graph.add(over(Reduce::Sum), &[terms])?;
                graph.add(Op::Neg, &[sum])
            }
            Self::Energy(temperature) => {
                let temperature = graph.scalar(*temperature);
                let cooled = graph.add(Op::Div, &[seen.own, temperature])?;
                let log = graph.add(over(Reduce::LogSumExp), &[cooled])?;
                let energy = graph.add(Op::Mul, &[log, temperature])?;
                graph.add(Op::Neg, &[energy])
            }
        }
    }
}
