use std::collections::HashMap;
use std::sync::Arc;

use crate::infer::show;
use crate::{Dim, Graph, GraphError, Op, Quant, ResizeAttrs, ValueId};

/// Returns the first node that computes one thing from all samples of a batch, so that they influence each other; `None`
/// where every sample is on its own, as far as operators are known.
#[must_use]
pub fn mixes_samples(graph: &Graph) -> Option<String> {
    let batched = |id: ValueId| graph.shape(id).filter(|shape| shape.iter().any(|d| matches!(d, Dim::Batch(_))));
    graph.nodes().iter().find_map(|node| {
        let shape = node.inputs.first().copied().flatten().and_then(batched)?;
        let mixes = matches!(node.op, Op::Quant(Quant::DynamicQuantizeLinear));
        mixes.then(|| format!("node `{}` ({}) takes one scale for the whole batch of {}", node.name, node.op.name(), show(shape)))
    })
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
