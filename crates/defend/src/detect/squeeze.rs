//! Feature squeezing: an ordinary sample means the same with less detail.

use brinell_graph::{Graph, GraphError, Op, Reduce, ValueId};

use super::{Score, Seen, probabilities};
use crate::Chain;
use crate::prefix::View;

/// The largest L1 distance between the probabilities of a sample and of the sample transformed by each of some chains.
///
/// # Source
/// Xu, Evans & Qi, "Feature squeezing: detecting adversarial examples in deep neural networks", NDSS 2018, section V.
pub(super) struct Squeeze {
    pub(super) chains: Vec<Chain>,
}

impl Score for Squeeze {
    fn views(&self) -> Vec<View<'_>> {
        self.chains.iter().map(View::Through).collect()
    }

    fn append(&self, graph: &mut Graph, seen: &Seen) -> Result<ValueId, GraphError> {
        let p = probabilities(graph, seen, seen.all, 2)?;
        let part = |from: usize, to: usize| Op::Slice { axes: vec![1], starts: vec![from as i64], ends: vec![to as i64], steps: vec![1] };
        let own = graph.add(part(0, 1), &[p])?;
        let others = graph.add(part(1, seen.views), &[p])?;
        let apart = graph.add(Op::Sub, &[others, own])?;
        let apart = graph.add(Op::Reduce { kind: Reduce::L1, axes: vec![2], keepdims: false }, &[apart])?;
        graph.add(Op::Reduce { kind: Reduce::Max, axes: vec![1], keepdims: false }, &[apart])
    }
}
