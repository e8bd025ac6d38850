use super::{Inferred, Operands, Problem, show};
use crate::{Dim, Shape};

/// Broadcasts two shapes as ONNX does, aligned at the last axis.
///
/// The symbolic batch broadcasts with itself and with 1, never with another fixed size.
pub(crate) fn broadcast(a: &[Dim], b: &[Dim]) -> Result<Shape, Problem> {
    let rank = a.len().max(b.len());
    let at = |shape: &[Dim], axis: usize| match (axis + shape.len()).checked_sub(rank) {
        Some(i) => shape.get(i).copied().unwrap_or(Dim::Fixed(1)),
        None => Dim::Fixed(1),
    };
    (0..rank)
        .map(|axis| match (at(a, axis), at(b, axis)) {
            (Dim::Fixed(1), other) | (other, Dim::Fixed(1)) => Ok(other),
            (x, y) if x == y => Ok(x),
            (Dim::Unknown, Dim::Fixed(n)) | (Dim::Fixed(n), Dim::Unknown) => Ok(Dim::Fixed(n)),
            (Dim::Unknown, _) | (_, Dim::Unknown) => Ok(Dim::Unknown),
            _ => Err(format!("{} and {} do not broadcast", show(a), show(b))),
        })
        .collect()
}

/// All operands broadcast with each other.
pub(super) fn variadic(operands: &Operands<'_>) -> Inferred {
    let mut shape = Shape::new();
    let mut known = true;
    for i in 0..operands.len() {
        match operands.shape(i) {
            Some(next) => shape = broadcast(&shape, next)?,
            None => known = false,
        }
    }
    Ok(known.then_some(shape))
}

/// The second operand broadcasts to the shape of the first.
pub(super) fn unidirectional(operands: &Operands<'_>) -> Inferred {
    let (Some(x), Some(slope)) = (operands.shape(0), operands.shape(1)) else { return Ok(None) };
    let shape = broadcast(x, slope)?;
    if shape.len() > x.len() || shape.iter().zip(x).any(|(&y, &x)| x != y && x != Dim::Unknown && y != Dim::Unknown) {
        return Err(format!("{} does not broadcast to {}", show(slope), show(x)));
    }
    Ok(Some(shape))
}
