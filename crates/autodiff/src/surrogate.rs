//! Steps whose backward pass is a stand-in for their derivative, which is zero: the way attacks look through a defence that rounds.

use std::collections::HashSet;

use brinell_graph::{Graph, ValueId};

use crate::rules::is_step;

/// Nodes that pass a gradient on unchanged, as if they did nothing. Values stay those of the graph.
///
/// # Source
/// Athalye, Carlini & Wagner, "Obfuscated gradients give a false sense of security", ICML 2018, section 4.1: backward pass differentiable approximation,
/// with the identity as the approximation of each step (the straight-through estimator). All other nodes keep their derivative.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surrogates {
    outputs: HashSet<ValueId>,
}

impl Surrogates {
    /// Takes every `Round`, `Floor` and `Ceil` that `to` depends on and that depends on `from`: the steps of what stands between two values.
    #[must_use]
    pub fn between(graph: &Graph, from: ValueId, to: ValueId) -> Self {
        let mut after = HashSet::from([from]);
        for node in graph.nodes() {
            if node.inputs.iter().flatten().any(|input| after.contains(input)) {
                after.extend(node.outputs.iter().flatten());
            }
        }
        let mut before = HashSet::from([to]);
        let mut outputs = HashSet::new();
        for node in graph.nodes().iter().rev() {
            if !node.outputs.iter().flatten().any(|output| before.contains(output)) {
                continue;
            }
            if is_step(&node.op) && node.inputs.iter().flatten().any(|input| after.contains(input)) {
                outputs.extend(node.outputs.iter().flatten());
            }
            before.extend(node.inputs.iter().flatten());
        }
        Self { outputs }
    }

    /// True where a value is the output of one of these nodes.
    #[must_use]
    pub fn contains(&self, output: ValueId) -> bool {
        self.outputs.contains(&output)
    }

    /// Returns the number of nodes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.outputs.len()
    }

    /// True where there is no node.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.outputs.is_empty()
    }

    /// Returns the names of the nodes, in the order of the graph.
    #[must_use]
    pub fn names(&self, graph: &Graph) -> Vec<String> {
        let taken = |output: &Option<ValueId>| output.is_some_and(|output| self.contains(output));
        graph.nodes().iter().filter(|node| node.outputs.iter().any(taken)).map(|node| node.name.clone()).collect()
    }
}
