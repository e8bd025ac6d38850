use std::collections::HashSet;

use crate::{Graph, ValueId};

impl Graph {
    /// Returns the graph without the nodes and constants that its outputs do not need. Inputs and names are kept.
    #[must_use]
    pub fn dce(&self) -> Self {
        let mut live: HashSet<ValueId> = self.outputs().iter().copied().collect();
        let mut keep = vec![false; self.nodes().len()];
        for (node, keep) in self.nodes().iter().zip(&mut keep).rev() {
            if node.outputs.iter().flatten().any(|id| live.contains(id)) {
                *keep = true;
                live.extend(node.inputs.iter().flatten());
            }
        }
        self.retain(&live, &keep)
    }
}

#[cfg(test)]
mod tests {
    use crate::{DType, Dim, Graph, Op, Tensor};

    #[test]
    fn what_no_output_needs_is_dropped_and_the_rest_keeps_its_names() {
        let mut graph = Graph::new("g");
        let unused = graph.input("unused", DType::F32, vec![Dim::Fixed(1)]);
        let x = graph.input("x", DType::F32, vec![Dim::Fixed(1)]);
        let c = graph.constant("c", Tensor::scalar(1.0));
        graph.push("dead", Op::Add, vec![Some(unused), Some(c)], &[Some("dead")]).unwrap();
        let y = graph.push("y", Op::Relu, vec![Some(x)], &[Some("y")]).unwrap()[0].unwrap();
        graph.output(y);
        let kept = graph.dce();
        assert_eq!(kept.nodes().len(), 1);
        assert_eq!(kept.constants().count(), 0);
        assert_eq!(kept.inputs().len(), 2);
        assert_eq!(kept.value(kept.outputs()[0]).name, "y");
        assert!(kept.find("dead").is_none());
    }
}
