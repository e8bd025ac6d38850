//! Bit depth: the nearest of 2^b evenly spaced values, halves to the even one.

use brinell_graph::{Graph, GraphError, Op, ValueId};

/// Most bits that a value may keep: images are bytes.
pub(super) const MOST: usize = 8;

/// Appends `round(x (2^b - 1)) / (2^b - 1)` for values in 0..1 of any shape.
///
/// # Source
/// Xu, Evans & Qi, "Feature squeezing: detecting adversarial examples in deep neural networks", NDSS 2018, section II.A, with numpy's rint as in the authors' code.
pub(super) fn append(graph: &mut Graph, x: ValueId, bits: usize) -> Result<ValueId, GraphError> {
    let steps = (1u32 << bits.min(MOST)) - 1;
    let scale = graph.scalar(steps as f32);
    let many = graph.add(Op::Mul, &[x, scale])?;
    let whole = graph.add(Op::Round, &[many])?;
    super::divided(graph, whole, steps as f32)
}
