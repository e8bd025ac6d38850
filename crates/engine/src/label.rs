//! Outputs that say which class it is, or how much the likeliest one has, instead of what each class has.

use std::collections::HashMap;

use brinell_graph::{Dim, Graph, Node, Op, Reduce, ValueId};

/// What stands behind an output that does not have a number for each class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Head {
    /// The likeliest classes, the first one in front.
    Labels {
        /// The values of all classes that they were picked from.
        scores: ValueId,
        /// Number of classes.
        classes: usize,
        /// Classes that are named for each sample.
        width: usize,
    },
    /// The largest values, without the classes that have them.
    Largest,
}

/// The node behind each value.
pub(crate) fn producers(graph: &Graph) -> HashMap<ValueId, &Node> {
    graph.nodes().iter().flat_map(|node| node.outputs.iter().flatten().map(move |&id| (id, node))).collect()
}

/// Looks behind an output for an operator that picks classes. Operators that only change shape or type are looked through.
pub(crate) fn head(graph: &Graph, output: ValueId) -> Option<Head> {
    let producers = producers(graph);
    let mut value = output;
    loop {
        let node = producers.get(&value)?;
        let from = node.inputs.first().copied().flatten()?;
        match &node.op {
            Op::Identity | Op::Cast { .. } | Op::Reshape { .. } | Op::Squeeze { .. } | Op::Unsqueeze { .. } => value = from,
            Op::ArgMax { axis, .. } => {
                let classes = classes(graph, from, *axis)?;
                return Some(Head::Labels { scores: from, classes, width: 1 });
            }
            Op::TopK { axis, k, largest: true, sorted } => {
                let classes = classes(graph, from, *axis)?;
                let names = node.outputs.get(1).copied().flatten() == Some(value);
                let first = *sorted || *k == 1;
                return if names && first { Some(Head::Labels { scores: from, classes, width: *k }) } else { Some(Head::Largest) };
            }
            Op::Reduce { kind: Reduce::Max, axes, .. } => {
                let &[axis] = axes.as_slice() else { return None };
                return classes(graph, from, axis).map(|_| Head::Largest);
            }
            _ => return None,
        }
    }
}

/// Number of classes along an axis, where there are several and all other axes but the batch have one element.
fn classes(graph: &Graph, scores: ValueId, axis: usize) -> Option<usize> {
    let shape = graph.shape(scores)?;
    let Some(&Dim::Fixed(classes @ 2..)) = shape.get(axis) else { return None };
    let is_batch = |place: usize, dim: &Dim| place == 0 && matches!(dim, Dim::Batch(1) | Dim::Fixed(_));
    let others = shape.iter().enumerate().filter(|(place, _)| *place != axis);
    others.into_iter().all(|(place, dim)| *dim == Dim::Fixed(1) || is_batch(place, dim)).then_some(classes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use brinell_graph::DType;

    fn with(op: Op, outputs: usize) -> (Graph, Vec<ValueId>) {
        let mut graph = Graph::new("g");
        let x = graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(5)]);
        let names = vec![Some(""); outputs];
        let made = graph.push("pick", op, vec![Some(x)], &names).unwrap();
        (graph, made.into_iter().flatten().collect())
    }

    #[test]
    fn an_arg_max_names_one_class_and_a_top_k_several() {
        let (mut graph, made) = with(Op::ArgMax { axis: 1, keepdims: true, select_last: false }, 1);
        let flat = graph.add(Op::Squeeze { axes: vec![1] }, &made).unwrap();
        let real = graph.add(Op::Cast { to: DType::F32 }, &[flat]).unwrap();
        let scores = graph.inputs()[0];
        assert_eq!(head(&graph, real), Some(Head::Labels { scores, classes: 5, width: 1 }));
        let (graph, made) = with(Op::TopK { axis: 1, k: 3, largest: true, sorted: true }, 2);
        let scores = graph.inputs()[0];
        assert_eq!(head(&graph, made[1]), Some(Head::Labels { scores, classes: 5, width: 3 }));
        assert_eq!(head(&graph, made[0]), Some(Head::Largest));
    }

    #[test]
    fn a_maximum_over_classes_names_none() {
        let (graph, made) = with(Op::Reduce { kind: Reduce::Max, axes: vec![1], keepdims: false }, 1);
        assert_eq!(head(&graph, made[0]), Some(Head::Largest));
        let (graph, made) = with(Op::Relu, 1);
        assert_eq!(head(&graph, made[0]), None);
    }
}
