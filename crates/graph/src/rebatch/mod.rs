//! From a batch that is fixed at 1 to a free one.
//!
//! Every node is pushed again with the batch in place of the leading 1 of the inputs. Payload that names sizes (Reshape,
//! Expand, Slice, Resize) is re-derived from where the batch stands in the operand; a node that mixes samples, or whose
//! operands no longer fit, is an error. What comes out fits shape by shape; whether it computes the same is for the caller
//! to check on numbers, since a 1 in a target shape may have meant something else.

mod pin;
mod rule;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

pub use pin::{mixes_samples, pin_batch};

use crate::graph::GraphError;
use crate::infer::show;
use crate::{Dim, Graph, Node, Op, Shape, ValueId};

/// Why the batch cannot be freed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RebatchError {
    /// An input whose first dimension is neither 1 nor the batch.
    #[error("input `{input}` has shape {shape}; its first dimension must be 1")]
    Input {
        /// Name of the input.
        input: String,
        /// Its shape.
        shape: String,
    },
    /// A node that would mix samples, or that fits one sample only.
    #[error("node `{node}` ({op}) mixes the samples of a batch: {problem}")]
    Node {
        /// Name of the node.
        node: String,
        /// Operator.
        op: String,
        /// What is in the way.
        problem: String,
    },
    /// An output without the batch in front.
    #[error("output `{output}` has shape {shape}; its first dimension must be the batch")]
    Output {
        /// Name of the output.
        output: String,
        /// The shape that it would have.
        shape: String,
    },
}

/// Returns the graph with the leading 1 of every input replaced by the batch; a graph with a free batch comes back as it is. An input that does not
/// begin with 1 is the same for all samples, as long as another does.
///
/// # Errors
/// [`RebatchError`], which names the first node that stands in the way.
pub fn rebatch(graph: &Graph) -> Result<Graph, RebatchError> {
    let mut rebatched = Graph::new(graph.name.clone());
    rebatched.domains.clone_from(&graph.domains);
    let mut ids: HashMap<ValueId, ValueId> = HashMap::new();
    let mut changed = false;
    let has_batch = |id: &ValueId| matches!(graph.shape(*id).and_then(<[Dim]>::first), Some(Dim::Fixed(1) | Dim::Batch(1)));
    let any_batch = graph.inputs().iter().any(has_batch);
    for &id in graph.inputs() {
        let value = graph.value(id);
        let mut shape = value.shape.clone().unwrap_or_default();
        match shape.first_mut() {
            Some(first @ Dim::Fixed(1)) => {
                *first = Dim::Batch(1);
                changed = true;
            }
            Some(Dim::Batch(1)) => {}
            _ if any_batch && value.shape.is_some() => {}
            _ => return Err(RebatchError::Input { input: value.name.clone(), shape: shown(value.shape.as_deref()) }),
        }
        ids.insert(id, rebatched.input_of(&value.name, value.dtype, Some(shape)));
    }
    if !changed {
        return Ok(graph.clone());
    }
    for (id, tensor) in graph.constants() {
        ids.insert(id, rebatched.constant(&graph.value(id).name, Arc::clone(tensor)));
    }
    for node in graph.nodes() {
        push(graph, &mut rebatched, node, &mut ids)?;
    }
    for &id in graph.outputs() {
        let Some(&new) = ids.get(&id) else { continue };
        if rebatched.shape(new).and_then(<[Dim]>::first) != Some(&Dim::Batch(1)) {
            return Err(RebatchError::Output { output: graph.value(id).name.clone(), shape: shown(rebatched.shape(new)) });
        }
        rebatched.output(new);
    }
    Ok(rebatched)
}

fn shown(shape: Option<&[Dim]>) -> String {
    shape.map_or_else(|| "[..]".to_owned(), show)
}

fn push(old: &Graph, new: &mut Graph, node: &Node, ids: &mut HashMap<ValueId, ValueId>) -> Result<(), RebatchError> {
    let fail = |problem: String| RebatchError::Node { node: node.name.clone(), op: node.op.name().to_owned(), problem };
    let mut inputs: Vec<Option<ValueId>> = node.inputs.iter().map(|id| id.and_then(|id| ids.get(&id).copied())).collect();
    let shapes = |graph: &Graph, inputs: &[Option<ValueId>]| -> Vec<Option<Shape>> {
        inputs.iter().map(|id| id.and_then(|id| graph.shape(id)).map(<[Dim]>::to_vec)).collect()
    };
    let (before, after) = (shapes(old, &node.inputs), shapes(new, &inputs));
    let op = if before == after {
        node.op.clone()
    } else {
        rule::check(&node.op, &after).map_err(fail)?;
        if matches!(node.op, Op::MaxPool(_)) && node.outputs.iter().skip(1).any(Option::is_some) {
            return Err(fail("its indices count through the whole batch".to_owned()));
        }
        if let Op::Concat { axis } = node.op {
            expand_constants(new, &node.name, axis, &after, &mut inputs).map_err(|e| fail(e.to_string()))?;
        }
        rule::rederive(&node.op, &before, &after).map_err(fail)?
    };
    let names: Vec<Option<&str>> = node.outputs.iter().map(|id| id.map(|id| old.value(id).name.as_str())).collect();
    let outputs = new.push(&node.name, op, inputs, &names).map_err(|GraphError::Shape { problem, .. }| fail(problem))?;
    for (&id, &output) in node.outputs.iter().zip(&outputs) {
        if let (Some(id), Some(output)) = (id, output) {
            if let Some(shape) = new.shape(output)
                && shape.iter().filter(|d| matches!(d, Dim::Batch(_))).count() > 1
            {
                return Err(fail(format!("its result {} would have the batch twice", show(shape))));
            }
            ids.insert(id, output);
        }
    }
    Ok(())
}

/// Operands of Concat that do not depend on the input (a class token) are repeated for every sample.
fn expand_constants(
    graph: &mut Graph,
    name: &str,
    axis: usize,
    shapes: &[Option<Shape>],
    inputs: &mut [Option<ValueId>],
) -> Result<(), GraphError> {
    let batch = shapes.iter().flatten().find_map(|shape| shape.iter().position(|&d| d == Dim::Batch(1)));
    let Some(at) = batch.filter(|&at| at != axis) else { return Ok(()) };
    for (input, shape) in inputs.iter_mut().zip(shapes) {
        let (Some(id), Some(shape)) = (*input, shape) else { continue };
        if shape.get(at) == Some(&Dim::Fixed(1)) {
            let target = shape.iter().enumerate().map(|(i, &d)| if i == at { Dim::Batch(1) } else { d }).collect();
            let label = format!("{name}/repeat");
            *input = graph.push(&label, Op::Expand { shape: target }, vec![Some(id)], &[Some(&label)])?.first().copied().flatten();
        }
    }
    Ok(())
}
