//! Logits as a matrix, whatever axes of 1 a model has beside them.

use brinell_graph::{Dim, Graph, GraphError, Op, ValueId};

use crate::Signature;

/// Returns `logits` as a matrix; appends a Reshape to `graph` where it is none yet.
///
/// # Shapes
/// in: `[B, K]`, `[B, K, 1, 1]` or `[K]`, of a model with this `signature`; out: `[B, K]`.
///
/// # Errors
/// [`GraphError`] where the value does not have as many elements.
pub fn class_logits(graph: &mut Graph, signature: &Signature, logits: ValueId) -> Result<ValueId, GraphError> {
    let batch = signature.fixed_batch.map_or(Dim::Batch(1), Dim::Fixed);
    let shape = vec![batch, Dim::Fixed(signature.classes)];
    if graph.shape(logits) == Some(&shape) { Ok(logits) } else { graph.add(Op::Reshape { shape }, &[logits]) }
}
