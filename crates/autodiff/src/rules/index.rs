//! Operators that pick, sort or scan.
//!
//! Gather: dy added to the rows it was taken from, as a product with a one-hot matrix, or scattered where that would be large or the batch was one row. GatherElements: a scatter that
//! adds; GatherND the same. ScatterElements and ScatterND: what was overwritten receives nothing, updates are gathered. TopK: dy at the indices. CumSum:
//! the sum from the other end. Trilu: the same triangle. ReverseSequence: reversed again.

use brinell_graph::{Dim, Op, ScatterReduction, Tensor, TensorData, ValueId};

use crate::ctx::{Built, Ctx, Grads, product, unsupported};

/// Elements of the largest one-hot matrix of constant indices; beyond it a scatter takes less.
const DENSE: usize = 1 << 20;

pub(super) fn top_k(ctx: &mut Ctx<'_>, axis: usize) -> Grads {
    let (x, dy) = (ctx.x(0)?, ctx.dy()?);
    let Some(indices) = ctx.node.outputs.get(1).copied().flatten() else {
        let op = ctx.node.op.clone();
        let outputs = ctx.op_many(op, &[x], 2)?;
        let [_, indices] = outputs[..] else { return unsupported("TopK has no indices output") };
        return place(ctx, x, indices, dy, axis);
    };
    place(ctx, x, indices, dy, axis)
}

fn place(ctx: &mut Ctx<'_>, x: ValueId, indices: ValueId, dy: ValueId, axis: usize) -> Grads {
    let zeros = ctx.zeros_like(x)?;
    Ctx::one(ctx.op(Op::ScatterElements { axis, reduction: ScatterReduction::None }, &[zeros, indices, dy])?)
}

pub(super) fn cum_sum(ctx: &mut Ctx<'_>, axis: usize, exclusive: bool, reverse: bool) -> Grads {
    let dy = ctx.dy()?;
    Ctx::one(ctx.op(Op::CumSum { axis, exclusive, reverse: !reverse }, &[dy])?)
}

pub(super) fn trilu(ctx: &mut Ctx<'_>, upper: bool, k: i64) -> Grads {
    let dy = ctx.dy()?;
    Ctx::one(ctx.op(Op::Trilu { upper, k }, &[dy])?)
}

pub(super) fn gather_elements(ctx: &mut Ctx<'_>, axis: usize) -> Grads {
    let (x, indices, dy) = (ctx.x(0)?, ctx.x(1)?, ctx.dy()?);
    let zeros = ctx.zeros_like(x)?;
    Ctx::one(ctx.op(Op::ScatterElements { axis, reduction: ScatterReduction::Add }, &[zeros, indices, dy])?)
}

pub(super) fn scatter_elements(ctx: &mut Ctx<'_>, axis: usize, reduction: ScatterReduction) -> Grads {
    scatter(ctx, reduction, Op::ScatterElements { axis, reduction }, Op::GatherElements { axis })
}

/// The gradient of `overwrite`, which puts updates into places, or adds them; `pick` takes values from the same places.
fn scatter(ctx: &mut Ctx<'_>, reduction: ScatterReduction, overwrite: Op, pick: Op) -> Grads {
    let (indices, updates, dy) = (ctx.x(1)?, ctx.x(2)?, ctx.dy()?);
    let mut gradients = vec![None; 3];
    match reduction {
        ScatterReduction::Add => gradients[0] = Some(dy),
        ScatterReduction::None if ctx.wants(0) => {
            let zeros = ctx.zeros_like(updates)?;
            gradients[0] = Some(ctx.op(overwrite, &[dy, indices, zeros])?);
        }
        ScatterReduction::None => {}
        _ => return unsupported(format!("reduction {reduction:?}")),
    }
    if ctx.wants(2) {
        gradients[2] = Some(ctx.op(pick, &[dy, indices])?);
    }
    Ok(gradients)
}

pub(super) fn gather_nd(ctx: &mut Ctx<'_>, batch_dims: usize) -> Grads {
    if batch_dims > 0 {
        return unsupported("its indices differ between the samples of a batch");
    }
    let (x, indices, dy) = (ctx.x(0)?, ctx.x(1)?, ctx.dy()?);
    let zeros = ctx.zeros_like(x)?;
    Ctx::one(ctx.op(Op::ScatterND { reduction: ScatterReduction::Add }, &[zeros, indices, dy])?)
}

pub(super) fn scatter_nd(ctx: &mut Ctx<'_>, reduction: ScatterReduction) -> Grads {
    scatter(ctx, reduction, Op::ScatterND { reduction }, Op::GatherND { batch_dims: 0 })
}

pub(super) fn reverse_sequence(ctx: &mut Ctx<'_>) -> Grads {
    let (lengths, dy) = (ctx.x(1)?, ctx.dy()?);
    let op = ctx.node.op.clone();
    Ctx::one(ctx.op(op, &[dy, lengths])?)
}

pub(super) fn gather(ctx: &mut Ctx<'_>, axis: usize) -> Grads {
    let (x, indices, dy) = (ctx.x(0)?, ctx.x(1)?, ctx.dy()?);
    let (shape, index_shape) = (ctx.shape(x)?, ctx.shape(indices)?);
    if let [Dim::Batch(_)] = shape.as_slice() {
        // Elements of all samples in one row, as exporters write a strided view of the batch: too many for a one-hot matrix.
        let n = product(&index_shape);
        let (flat, dy) = (ctx.reshape(indices, vec![n])?, ctx.reshape(dy, vec![n])?);
        let zeros = ctx.zeros_like(x)?;
        return Ctx::one(ctx.op(Op::ScatterElements { axis: 0, reduction: ScatterReduction::Add }, &[zeros, flat, dy])?);
    }
    let depth = ctx.size(x, axis)?;
    let constant = ctx.graph.constant_of(indices).and_then(|tensor| tensor.to_ints());
    let (before, after) = (&shape[..axis], &shape[axis + 1..]);
    let n = product(&index_shape);
    let flat = ctx.reshape(dy, before.iter().chain([&n]).chain(after).copied().collect())?;
    if let Some(indices) = constant.as_ref().filter(|indices| indices.len().saturating_mul(depth) > DENSE) {
        return Ctx::one(to_places(ctx, flat, axis, indices)?);
    }
    let matrix = if let Some(indices) = constant {
        let depth_signed = crate::ctx::signed(depth);
        let row = |index: i64| (0..depth_signed).map(move |i| if i == index.rem_euclid(depth_signed.max(1)) { 1.0 } else { 0.0 });
        let weights = indices.iter().flat_map(|&index| row(index)).collect();
        ctx.floats(dy, vec![indices.len(), depth], weights)?
    } else {
        let flat = ctx.reshape(indices, vec![n])?;
        let values = ctx.floats(dy, vec![2], vec![0.0, 1.0])?;
        ctx.op(Op::OneHot { axis: 1, depth }, &[flat, values])?
    };
    Ctx::one(from_rows(ctx, flat, axis, matrix)?)
}

/// Adds the elements of an axis of dy to their places in x, where a one-hot matrix would be too large.
fn to_places(ctx: &mut Ctx<'_>, dy: ValueId, axis: usize, indices: &[i64]) -> Built {
    let x = ctx.x(0)?;
    let (rank, depth) = (ctx.rank(x)?, crate::ctx::signed(ctx.size(x, axis)?));
    let front: Vec<usize> = std::iter::once(axis).chain((0..rank).filter(|&other| other != axis)).collect();
    let back: Vec<usize> = (0..rank).map(|other| front.iter().position(|&from| from == other).unwrap_or(other)).collect();
    let turned = ctx.transpose(dy, front.clone())?;
    let zeros = ctx.zeros_like(x)?;
    let zeros = ctx.transpose(zeros, front)?;
    let data = TensorData::I64(indices.iter().map(|index| index.rem_euclid(depth.max(1))).collect());
    let Some(places) = Tensor::new(vec![indices.len(), 1], data) else { return unsupported("its indices are contradictory") };
    let places = ctx.graph.constant("grad_const", places);
    let summed = ctx.op(Op::ScatterND { reduction: ScatterReduction::Add }, &[zeros, places, turned])?;
    ctx.transpose(summed, back)
}

/// Returns the value with its axis of n elements multiplied by a `matrix` [n, m], in whose place it has m.
pub(super) fn from_rows(ctx: &mut Ctx<'_>, value: ValueId, axis: usize, matrix: ValueId) -> Built {
    let rank = ctx.rank(value)?;
    if rank == axis + 1 {
        return ctx.op(Op::MatMul, &[value, matrix]);
    }
    let turned = super::linear::flip(ctx, matrix)?;
    // The axes behind are merged into one, so that the product acts on the second last axis.
    let shape = ctx.shape(value)?;
    let rows = ctx.shape(turned)?.first().copied().unwrap_or(Dim::Fixed(1));
    let merged: Vec<Dim> = shape[..=axis].iter().copied().chain([product(&shape[axis + 1..])]).collect();
    let merged = ctx.reshape(value, merged)?;
    let moved = ctx.op(Op::MatMul, &[turned, merged])?;
    ctx.reshape(moved, shape[..axis].iter().copied().chain([rows]).chain(shape[axis + 1..].iter().copied()).collect())
}
