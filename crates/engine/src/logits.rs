//! Logits as a matrix of f32, whatever a model has instead.

use brinell_graph::{DType, Dim, Graph, GraphError, Op, PadMode, Tensor, TensorData, ValueId};

use crate::Signature;

/// Returns `logits` as a matrix of f32; appends to `graph` what that takes. One score becomes the logits 0 and score less threshold.
///
/// # Shapes
/// in: `[B, K]`, with further axes of one element, or `[K]`, or a score in `[B]` or `[B, 1]`, of a model with this `signature`; out: `[B, K]`.
///
/// # Errors
/// [`GraphError`] where the value does not have as many elements.
pub fn class_logits(graph: &mut Graph, signature: &Signature, logits: ValueId) -> Result<ValueId, GraphError> {
    let batch = signature.fixed_batch.map_or(Dim::Batch(1), Dim::Fixed);
    let columns = if signature.reading.threshold.is_some() { 1 } else { signature.classes };
    let shape = vec![batch, Dim::Fixed(columns)];
    let mut value = logits;
    if graph.value(value).dtype.is_some_and(|dtype| dtype != DType::F32) {
        value = graph.add(Op::Cast { to: DType::F32 }, &[value])?;
    }
    if graph.shape(value) != Some(&shape) {
        value = graph.add(Op::Reshape { shape }, &[value])?;
    }
    if signature.reading.threshold.is_none() {
        return Ok(value);
    }
    let shift = signature.reading.shift() as f32;
    if shift != 0.0
        && let Some(tensor) = Tensor::new(vec![1, 1], TensorData::F32(vec![shift]))
    {
        let shift = graph.constant("threshold", tensor);
        value = graph.add(Op::Sub, &[value, shift])?;
    }
    graph.add(Op::Pad { mode: PadMode::Constant, pads: vec![0, 1, 0, 0] }, &[value])
}
