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
