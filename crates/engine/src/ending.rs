//! What stands before an output that is a softmax or a sigmoid.

use brinell_graph::{DType, Dim, Graph, Op, Reduce, ValueId};

use crate::Ending;
use crate::label::producers;

/// Returns the values before the softmax or the sigmoid that an output of `width` values for a sample ends in, and which of the two it is; the
/// output itself where it ends in neither. Operators behind it that only change shape or precision are looked through.
pub(crate) fn before(graph: &Graph, output: ValueId, width: usize) -> (ValueId, Ending) {
    let producers = producers(graph);
    let mut value = output;
    while let Some(node) = producers.get(&value) {
        let Some(&Some(from)) = node.inputs.first() else { break };
        match node.op {
            Op::Softmax { axis } if over_classes(graph, value, axis, width) => return (from, Ending::Softmax),
            Op::Sigmoid => return (from, Ending::Sigmoid),
            Op::Identity | Op::Reshape { .. } | Op::Squeeze { .. } | Op::Unsqueeze { .. } => value = from,
            // A mean of one element is that element.
            Op::Reduce { kind: Reduce::Mean | Reduce::Sum | Reduce::Max | Reduce::Min, ref axes, .. } if of_one(graph, from, axes) => {
                value = from
            }
            // A cast of whole numbers would hide that nothing real stands before it.
            Op::Cast { .. } if graph.value(from).dtype.is_some_and(DType::is_float) => value = from,
            _ => break,
        }
    }
    (output, Ending::Logits)
}

/// True where the axes have one element each.
fn of_one(graph: &Graph, value: ValueId, axes: &[usize]) -> bool {
    graph.shape(value).is_some_and(|shape| axes.iter().all(|&axis| shape.get(axis) == Some(&Dim::Fixed(1))))
}

/// True where the axis is that of the classes and all others but the batch have one element, so that the values of a sample sum to 1.
fn over_classes(graph: &Graph, value: ValueId, axis: usize, width: usize) -> bool {
    let Some(shape) = graph.shape(value) else { return false };
    let is_batch = |place: usize, dim: &Dim| place == 0 && place != axis && matches!(dim, Dim::Batch(1) | Dim::Fixed(_));
    shape.get(axis) == Some(&Dim::Fixed(width))
        && shape.iter().enumerate().all(|(place, dim)| place == axis || *dim == Dim::Fixed(1) || is_batch(place, dim))
}
