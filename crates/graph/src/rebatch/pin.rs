use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::infer::show;
use crate::{Dim, Graph, GraphError, Op, Quant, ResizeAttrs, ValueId};

/// Returns the first node that computes something of a sample from other samples of a batch, so that they influence each other; `None`
/// where every sample is on its own, as far as operators are known.
#[must_use]
pub fn mixes_samples(graph: &Graph) -> Option<String> {
    // What stands for the batch without depending on an input, such as positions in it, may be computed along it.
    let mut depends: HashSet<ValueId> = graph.inputs().iter().copied().collect();
    for node in graph.nodes() {
        if !node.inputs.iter().flatten().any(|input| depends.contains(input)) {
            continue;
        }
        depends.extend(node.outputs.iter().flatten());
        let operand = node.inputs.first().copied().flatten().filter(|id| depends.contains(id));
        let Some(shape) = operand.and_then(|id| graph.shape(id)) else { continue };
        let Some(batch) = shape.iter().position(|d| matches!(d, Dim::Batch(_))) else { continue };
        let problem = match &node.op {
            Op::Quant(Quant::DynamicQuantizeLinear) => "takes one scale for the whole batch of",
            op if works_along(op, batch) => "works along the batch of",
            _ => continue,
        };
        return Some(format!("node `{}` ({}) {problem} {}", node.name, node.op.name(), show(shape)));
    }
    None
}

/// True where an operator makes one thing of all places along an axis.
fn works_along(op: &Op, axis: usize) -> bool {
    match op {
        Op::Reduce { axes, .. } => axes.contains(&axis),
        Op::Softmax { axis: along } | Op::LogSoftmax { axis: along } | Op::CumSum { axis: along, .. } => *along == axis,
        Op::ArgMax { axis: along, .. } | Op::ArgMin { axis: along, .. } | Op::TopK { axis: along, .. } => *along == axis,
        Op::LayerNormalization { axis: from, .. } => *from <= axis,
        _ => false,
    }
}

/// Returns the graph for a batch of one sample.
///
/// # Errors
/// [`GraphError`] where a node does not fit one sample.
pub fn pin_batch(graph: &Graph) -> Result<Graph, GraphError> {
    let one = |d: &Dim| d.at_batch(1).map_or(*d, Dim::Fixed);
    let mut pinned = Graph::new(graph.name.clone());
    pinned.domains.clone_from(&graph.domains);
    let mut ids: HashMap<ValueId, ValueId> = HashMap::new();
    for &id in graph.inputs() {
        let value = graph.value(id);
        let shape = value.shape.as_ref().map(|shape| shape.iter().map(one).collect());
        ids.insert(id, pinned.input_of(&value.name, value.dtype, shape));
    }
    for (id, tensor) in graph.constants() {
        ids.insert(id, pinned.constant(&graph.value(id).name, Arc::clone(tensor)));
    }
    for node in graph.nodes() {
        let op = match &node.op {
            Op::Reshape { shape } => Op::Reshape { shape: shape.iter().map(one).collect() },
            Op::Expand { shape } => Op::Expand { shape: shape.iter().map(one).collect() },
            Op::Resize(attrs) => Op::Resize(ResizeAttrs { sizes: attrs.sizes.iter().map(one).collect(), ..attrs.clone() }),
            other => other.clone(),
        };
        let inputs = node.inputs.iter().map(|id| id.and_then(|id| ids.get(&id).copied())).collect();
        let names: Vec<Option<&str>> = node.outputs.iter().map(|id| id.map(|id| graph.value(id).name.as_str())).collect();
        let outputs = pinned.push(&node.name, op, inputs, &names)?;
        for (old, new) in node.outputs.iter().zip(outputs) {
            if let (Some(old), Some(new)) = (*old, new) {
                let value = graph.value(old);
                pinned.declare(new, value.dtype, value.shape.as_ref().map(|shape| shape.iter().map(one).collect()));
                ids.insert(old, new);
            }
        }
    }
    pinned.set_outputs(graph.outputs().iter().filter_map(|id| ids.get(id).copied()).collect());
    Ok(pinned)
}

#[cfg(test)]
mod tests {
    use super::{mixes_samples, pin_batch};
    use crate::{DType, Dim, Graph, Op, Quant, rebatch};

    #[test]
    fn a_mean_over_the_batch_mixes_samples_and_a_count_of_them_does_not() {
        let mut graph = Graph::new("mean");
        let x = graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(6)]);
        let mean = Op::Reduce { kind: crate::Reduce::Mean, axes: vec![0], keepdims: true };
        let mean = graph.push("mean", mean, vec![Some(x)], &[Some("mean")]).unwrap()[0].unwrap();
        let y = graph.add(Op::Sub, &[x, mean]).unwrap();
        graph.output(y);
        assert_eq!(mixes_samples(&graph).as_deref(), Some("node `mean` (ReduceMean) works along the batch of [B, 6]"));
        let mut graph = Graph::new("count");
        let x = graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(6)]);
        let one = graph.scalar(1.0);
        let ones = graph.add(Op::Expand { shape: vec![Dim::Batch(1), Dim::Fixed(1)] }, &[one]).unwrap();
        let places = graph.add(Op::CumSum { axis: 0, exclusive: true, reverse: false }, &[ones]).unwrap();
        let y = graph.add(Op::Add, &[x, places]).unwrap();
        graph.output(y);
        assert_eq!(mixes_samples(&graph), None);
    }

    #[test]
    fn a_scale_for_the_whole_batch_mixes_samples_and_one_sample_does_not() {
        let mut graph = Graph::new("dynamic");
        let x = graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(6)]);
        let y = graph.add(Op::Reshape { shape: vec![Dim::Batch(2), Dim::Fixed(3)] }, &[x]).unwrap();
        let parts = graph.push("q", Op::Quant(Quant::DynamicQuantizeLinear), vec![Some(y)], &[Some("q"), Some("s"), Some("z")]).unwrap();
        graph.set_outputs(parts.into_iter().flatten().take(1).collect());
        assert!(mixes_samples(&graph).is_some_and(|problem| problem.contains("[2B, 3]")));
        let pinned = pin_batch(&graph).unwrap();
        assert_eq!(pinned.shape(pinned.outputs()[0]), Some(&[Dim::Fixed(2), Dim::Fixed(3)][..]));
        assert_eq!(mixes_samples(&pinned), None);
        assert!(rebatch(&pinned).is_err());
    }
}
