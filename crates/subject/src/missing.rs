//! Models that know what to do with a missing value.

use std::collections::{HashMap, HashSet};

use brinell_graph::{DType, Graph, Node, Op, ValueId};

/// True for models whose attacked input has a type that knows a missing value, which whole numbers do not, and that make something of it: decision trees, whose
/// tests send it one way, and models that put a number in its place before anything else is computed of it.
pub(crate) fn handles_missing(graph: &Graph, input: ValueId) -> bool {
    graph.value(input).dtype.is_some_and(DType::is_float) && (has_trees(graph) || replaces_missing(graph, input))
}

/// True where decision trees are a part of the model.
pub(crate) fn has_trees(graph: &Graph) -> bool {
    graph.nodes().iter().any(|node| matches!(&node.op, Op::Opaque(op) if op.op_type.starts_with("TreeEnsemble")))
}

/// True where nothing but the replacement of NaN by a number is computed of it.
fn replaces_missing(graph: &Graph, input: ValueId) -> bool {
    let producers: HashMap<ValueId, &Node> =
        graph.nodes().iter().flat_map(|node| node.outputs.iter().flatten().map(move |&id| (id, node))).collect();
    let asks_for = |condition: Option<ValueId>, value: ValueId| {
        let node = condition.and_then(|id| producers.get(&id));
        node.is_some_and(|node| node.op == Op::IsNaN && node.inputs.first() == Some(&Some(value)))
    };
    let mut open: HashSet<ValueId> = HashSet::from([input]);
    let mut replaced = false;
    for node in graph.nodes() {
        let inputs: Vec<Option<ValueId>> = node.inputs.clone();
        let reached: Vec<usize> =
            (0..inputs.len()).filter(|&at| inputs.get(at).copied().flatten().is_some_and(|id| open.contains(&id))).collect();
        match (&node.op, reached.as_slice()) {
            (_, []) | (Op::IsNaN, _) => {}
            (Op::Where, [2]) if asks_for(inputs.first().copied().flatten(), inputs.get(2).copied().flatten().unwrap_or(input)) => {
                replaced = true;
            }
            (Op::Opaque(op), _) if op.op_type == "Imputer" => replaced = true,
            // What works on each number alone, or moves numbers, leaves a missing one missing.
            (
                Op::Identity
                | Op::Cast { .. }
                | Op::Neg
                | Op::Add
                | Op::Sub
                | Op::Mul
                | Op::Div
                | Op::Reshape { .. }
                | Op::Squeeze { .. }
                | Op::Unsqueeze { .. }
                | Op::Transpose { .. }
                | Op::Slice { .. }
                | Op::Split { .. }
                | Op::Gather { .. }
                | Op::Concat { .. },
                _,
            ) => open.extend(node.outputs.iter().flatten()),
            _ => return false,
        }
    }
    replaced && graph.outputs().iter().all(|output| !open.contains(output))
}

#[cfg(test)]
mod tests {
    use brinell_graph::{Dim, Tensor, TensorData};

    use super::*;

    /// `(where(isnan(x'), c, x'))` of `x' = x + b`, with `end` behind what it may be given.
    fn model(end: impl Fn(&mut Graph, ValueId, ValueId) -> ValueId) -> (Graph, ValueId) {
        let mut graph = Graph::new("g");
        let x = graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(2)]);
        let b = graph.constant("b", Tensor::new(vec![2], TensorData::F32(vec![1.0, 2.0])).unwrap());
        let moved = graph.add(Op::Add, &[x, b]).unwrap();
        let is_nan = graph.add(Op::IsNaN, &[moved]).unwrap();
        let filled = graph.add(Op::Where, &[is_nan, b, moved]).unwrap();
        let out = end(&mut graph, moved, filled);
        graph.set_outputs(vec![out]);
        (graph, x)
    }

    #[test]
    fn a_missing_value_that_is_replaced_first_is_handled() {
        let (graph, x) = model(|graph, _, filled| graph.add(Op::Sigmoid, &[filled]).unwrap());
        assert!(handles_missing(&graph, x));
        let (graph, x) = model(|graph, moved, filled| {
            let tanh = graph.add(Op::Tanh, &[moved]).unwrap();
            graph.add(Op::Add, &[tanh, filled]).unwrap()
        });
        assert!(!handles_missing(&graph, x));
        let (graph, x) = model(|_, moved, _| moved);
        assert!(!handles_missing(&graph, x));
        let (graph, x) = model(|graph, moved, filled| graph.add(Op::Add, &[moved, filled]).unwrap());
        assert!(!handles_missing(&graph, x));
    }
}
