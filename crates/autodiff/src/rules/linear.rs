//! Matrix products.
//!
//! Gemm, Y = alpha A' B' + beta C: dA' = alpha dY B'^T, dB' = alpha A'^T dY, dC = beta dY. MatMul: the same per batch,
//! summed over broadcast batch axes.

use brinell_graph::{DType, Dim, Op, ValueId};

use crate::ctx::{Built, Ctx, Grads, product};
use crate::kernel::transposed;

pub(super) fn gemm(ctx: &mut Ctx<'_>, alpha: f32, beta: f32, trans_a: bool, trans_b: bool) -> Grads {
    let (a, b, dy) = (ctx.x(0)?, ctx.x(1)?, ctx.dy()?);
    let gemm = |trans_a, trans_b| Op::Gemm { alpha, beta: 0.0, trans_a, trans_b };
    let [a, b] = [other_way(ctx, a), other_way(ctx, b)];
    let da = match (ctx.wants(0), trans_a) {
        (false, _) => None,
        (true, false) => Some(ctx.op(gemm(false, !trans_b), &[dy, b])?),
        (true, true) => Some(ctx.op(gemm(trans_b, true), &[b, dy])?),
    };
    let db = match (ctx.wants(1), trans_b) {
        (false, _) => None,
        (true, false) => Some(ctx.op(gemm(!trans_a, false), &[a, dy])?),
        (true, true) => Some(ctx.op(gemm(true, trans_a), &[dy, a])?),
    };
    let dc = match ctx.opt(2).filter(|_| ctx.wants(2)) {
        None => None,
        Some(c) => {
            let summed = ctx.unbroadcast(dy, c)?;
            Some(ctx.scale(summed, f64::from(beta))?)
        }
    };
    Ok(vec![da, db, dc])
}

/// Returns a matrix with rows and columns exchanged in the reading.
fn other_way(ctx: &mut Ctx<'_>, matrix: ValueId) -> ValueId {
    ctx.apart(matrix, |shape| matches!(shape, [rows, columns] if rows == columns))
}

pub(super) fn matmul(ctx: &mut Ctx<'_>) -> Grads {
    let (a, b) = (ctx.x(0)?, ctx.x(1)?);
    let (rank_a, rank_b) = (ctx.rank(a)?, ctx.rank(b)?);
    // Vectors become matrices with one row (left) or one column (right).
    let row = if rank_a == 1 { ctx.unsqueeze(a, vec![0])? } else { a };
    let column = if rank_b == 1 { ctx.unsqueeze(b, vec![1])? } else { b };
    let mut dy = ctx.dy()?;
    let rank_y = ctx.rank(dy)?;
    if rank_a == 1 {
        dy = ctx.unsqueeze(dy, vec![if rank_b == 1 { rank_y } else { rank_y - 1 }])?;
    }
    if rank_b == 1 {
        let rank = ctx.rank(dy)?;
        dy = ctx.unsqueeze(dy, vec![rank])?;
    }
    let da = if ctx.wants(0) {
        let flipped = flip(ctx, column)?;
        let product = ctx.op(Op::MatMul, &[dy, flipped])?;
        let summed = ctx.unbroadcast(product, row)?;
        let shape = ctx.shape(a)?;
        Some(ctx.reshape(summed, shape)?)
    } else {
        None
    };
    let db = if ctx.wants(1) {
        let product = right(ctx, row, column, dy)?;
        let shape = ctx.shape(b)?;
        Some(ctx.reshape(product, shape)?)
    } else {
        None
    };
    Ok(vec![da, db])
}

/// Returns A^T dY in the shape of `b`; for a matrix `b` the batch axes are merged into one product.
fn right(ctx: &mut Ctx<'_>, a: ValueId, b: ValueId, dy: ValueId) -> Built {
    let (shape_a, shape_b, shape_y) = (ctx.shape(a)?, ctx.shape(b)?, ctx.shape(dy)?);
    if let (2, [rows_a @ .., k], [rows_y @ .., n]) = (shape_b.len(), shape_a.as_slice(), shape_y.as_slice())
        && ctx.dtype(dy) == DType::F32
    {
        let (rows_a, rows_y) = (product(rows_a), product(rows_y));
        if rows_a == rows_y && rows_a != Dim::Unknown {
            let flat_a = ctx.reshape(a, vec![rows_a, *k])?;
            let flat_y = ctx.reshape(dy, vec![rows_y, *n])?;
            return ctx.op(Op::Gemm { alpha: 1.0, beta: 0.0, trans_a: true, trans_b: false }, &[flat_a, flat_y]);
        }
    }
    let flipped = flip(ctx, a)?;
    let product = ctx.op(Op::MatMul, &[flipped, dy])?;
    ctx.unbroadcast(product, b)
}

/// Returns the value with its last two axes exchanged; a constant matrix is exchanged here and now, one that was exchanged
/// already is taken as it was.
pub(super) fn flip(ctx: &mut Ctx<'_>, value: ValueId) -> Built {
    let rank = ctx.rank(value)?;
    if let Some((shape, data)) = ctx.constant_f32(value)
        && let [rows, columns] = shape[..]
    {
        return ctx.floats(value, vec![columns, rows], transposed(&data, rows, columns));
    }
    if let Some(&original) = ctx.views.turned.get(&value) {
        return Ok(ctx.apart(original, |_| true));
    }
    let mut perm: Vec<usize> = (0..rank).collect();
    perm.swap(rank - 1, rank - 2);
    ctx.transpose(value, perm)
}
