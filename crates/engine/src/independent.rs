//! Outputs whose values say something each by itself, whatever is done to them afterwards.

use std::collections::HashMap;

use brinell_graph::{Dim, Graph, Node, Op, Reduce, ValueId};

use crate::label::producers;

/// Operators that are looked through, one behind the other.
const DEPTH: usize = 64;

/// True where every value of an output is a sigmoid, written as one or as `1 / (1 + exp(-x))`, or made of such by operators that work on each value alone with
/// constants, or that only move values: parts of it, several side by side, products of them.
#[must_use]
pub fn ends_in_sigmoids(graph: &Graph, output: ValueId) -> bool {
    Walk { graph, producers: producers(graph) }.squashed(output, DEPTH)
}

struct Walk<'g> {
    graph: &'g Graph,
    producers: HashMap<ValueId, &'g Node>,
}

impl Walk<'_> {
    fn squashed(&self, value: ValueId, depth: usize) -> bool {
        let (Some(node), Some(depth)) = (self.producers.get(&value), depth.checked_sub(1)) else { return false };
        let inputs: Vec<ValueId> = node.inputs.iter().copied().flatten().collect();
        let through = |place: usize| inputs.get(place).is_some_and(|&from| self.squashed(from, depth));
        match &node.op {
            Op::Sigmoid | Op::HardSigmoid { .. } => true,
            Op::Identity
            | Op::Cast { .. }
            | Op::Clip { .. }
            | Op::Neg
            | Op::Reshape { .. }
            | Op::Squeeze { .. }
            | Op::Unsqueeze { .. }
            | Op::Transpose { .. }
            | Op::Expand { .. }
            | Op::Slice { .. }
            | Op::Split { .. } => through(0),
            Op::Gather { .. } => through(0) && inputs.get(1).is_some_and(|&rows| self.is_constant(rows)),
            // A mean of one element is that element.
            Op::Reduce { kind: Reduce::Mean | Reduce::Sum | Reduce::Max | Reduce::Min, axes, .. } => {
                let shape = inputs.first().and_then(|&from| self.graph.shape(from));
                shape.is_some_and(|shape| axes.iter().all(|&axis| shape.get(axis) == Some(&Dim::Fixed(1)))) && through(0)
            }
            Op::Reciprocal => through(0) || inputs.first().is_some_and(|&below| self.is_one_more_than_exp(below)),
            Op::Div if inputs.first().is_some_and(|&above| self.is_constant(above)) => {
                inputs.get(1).is_some_and(|&below| self.is_one_more_than_exp(below))
            }
            Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Min | Op::Max | Op::Sum | Op::Concat { .. } => self.all(&inputs, depth),
            _ => false,
        }
    }

    /// True where some of the values are squashed, and all others are constants.
    fn all(&self, inputs: &[ValueId], depth: usize) -> bool {
        let mut others = inputs.iter().filter(|&&id| !self.is_constant(id)).peekable();
        others.peek().is_some() && others.all(|&id| self.squashed(id, depth))
    }

    fn is_constant(&self, value: ValueId) -> bool {
        self.graph.constant_of(value).is_some()
    }

    /// True for `1 + exp(x)`.
    fn is_one_more_than_exp(&self, value: ValueId) -> bool {
        let Some(Node { op: Op::Add | Op::Sum, inputs, .. }) = self.producers.get(&value) else { return false };
        let exp = |id: &ValueId| matches!(self.producers.get(id), Some(Node { op: Op::Exp, .. }));
        inputs.iter().flatten().any(exp) && inputs.iter().flatten().all(|id| exp(id) || self.is_constant(*id))
    }
}

#[cfg(test)]
mod tests {
    use brinell_graph::{DType, Tensor, TensorData};

    use super::*;

    struct Made {
        graph: Graph,
        x: ValueId,
    }

    impl Made {
        fn new() -> Self {
            let mut graph = Graph::new("g");
            let x = graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(4)]);
            Self { graph, x }
        }

        fn number(&mut self, value: f32) -> ValueId {
            self.graph.constant("c", Tensor::new(Vec::new(), TensorData::F32(vec![value])).unwrap())
        }

        fn add(&mut self, op: Op, inputs: &[ValueId]) -> ValueId {
            self.graph.add(op, inputs).unwrap()
        }
    }

    #[test]
    fn sigmoids_are_seen_behind_whatever_moves_or_scales_them() {
        let mut m = Made::new();
        let s = m.add(Op::Sigmoid, &[m.x]);
        let hundred = m.number(100.0);
        let scaled = m.add(Op::Mul, &[s, hundred]);
        let half = m.add(Op::Slice { axes: vec![1], starts: vec![0], ends: vec![2], steps: vec![1] }, &[scaled]);
        let other = m.add(Op::Slice { axes: vec![1], starts: vec![2], ends: vec![4], steps: vec![1] }, &[s]);
        let both = m.add(Op::Concat { axis: 1 }, &[half, other]);
        let product = m.add(Op::Mul, &[s, s]);
        for value in [s, scaled, half, both, product] {
            assert!(ends_in_sigmoids(&m.graph, value));
        }
        // x sigmoid(x) is an activation, and a sum over labels is one number of them all.
        let swish = m.add(Op::Mul, &[m.x, s]);
        let softmax = m.add(Op::Softmax { axis: 1 }, &[m.x]);
        let mixed = m.add(Op::Concat { axis: 1 }, &[s, softmax]);
        for value in [m.x, swish, softmax, mixed] {
            assert!(!ends_in_sigmoids(&m.graph, value));
        }
    }

    #[test]
    fn a_sigmoid_may_be_written_out() {
        let mut m = Made::new();
        let (one, minus) = (m.number(1.0), m.add(Op::Neg, &[m.x]));
        let exp = m.add(Op::Exp, &[minus]);
        let below = m.add(Op::Add, &[one, exp]);
        let (divided, inverse) = (m.add(Op::Div, &[one, below]), m.add(Op::Reciprocal, &[below]));
        assert!(ends_in_sigmoids(&m.graph, divided) && ends_in_sigmoids(&m.graph, inverse));
        let share = m.add(Op::Div, &[exp, below]);
        assert!(!ends_in_sigmoids(&m.graph, below) && !ends_in_sigmoids(&m.graph, share));
    }
}
