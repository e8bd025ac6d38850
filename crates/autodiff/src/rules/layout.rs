//! Operators that move elements: the gradient moves them back.
//!
//! Reshape, Squeeze, Unsqueeze: reshape to x. Concat: split. Split: concat. Expand and Tile: sums over the copies.

use brinell_graph::{Dim, Op};

use crate::ctx::{Ctx, Grads, signed, unsupported};

pub(super) fn reshape(ctx: &mut Ctx<'_>) -> Grads {
    let (x, dy) = (ctx.x(0)?, ctx.dy()?);
    let shape = ctx.shape(x)?;
    Ctx::one(ctx.reshape(dy, shape)?)
}

pub(super) fn transpose(ctx: &mut Ctx<'_>, perm: &[usize]) -> Grads {
    let dy = ctx.dy()?;
    let mut back = vec![0; perm.len()];
    for (to, &from) in perm.iter().enumerate() {
        back[from] = to;
    }
    Ctx::one(ctx.transpose(dy, back)?)
}

pub(super) fn concat(ctx: &mut Ctx<'_>, axis: usize) -> Grads {
    let dy = ctx.dy()?;
    let n = ctx.node.inputs.len();
    let mut sizes = Vec::with_capacity(n);
    for i in 0..n {
        let part = ctx.x(i)?;
        sizes.push(ctx.size(part, axis)?);
    }
    if n == 1 {
        return Ctx::one(dy);
    }
    if (0..n).all(|i| ctx.wants(i)) {
        let parts = ctx.op_many(Op::Split { axis, sizes }, &[dy], n)?;
        return Ok(parts.into_iter().map(Some).collect());
    }
    let mut start = 0;
    let mut gradients = Vec::with_capacity(n);
    for (i, size) in sizes.into_iter().enumerate() {
        gradients.push(if ctx.wants(i) { Some(ctx.slice(dy, axis, start, start + size)?) } else { None });
        start += size;
    }
    Ok(gradients)
}

pub(super) fn split(ctx: &mut Ctx<'_>, axis: usize, sizes: &[usize]) -> Grads {
    if let Some(parts) = ctx.cotangents.iter().copied().collect::<Option<Vec<_>>>()
        && parts.len() == sizes.len()
    {
        return Ctx::one(ctx.op(Op::Concat { axis }, &parts)?);
    }
    let x = ctx.x(0)?;
    let (rank, total) = (ctx.rank(x)?, sizes.iter().sum::<usize>());
    let (mut start, mut sum) = (0, None);
    for (part, size) in ctx.cotangents.iter().zip(sizes) {
        if let Some(part) = *part {
            let mut pads = vec![0; 2 * rank];
            (pads[axis], pads[rank + axis]) = (signed(start), signed(total - start - size));
            let placed = ctx.pad(part, pads)?;
            sum = Some(match sum {
                None => placed,
                Some(sum) => ctx.add(sum, placed)?,
            });
        }
        start += size;
    }
    Ok(vec![sum])
}

pub(super) fn expand(ctx: &mut Ctx<'_>) -> Grads {
    let (x, dy) = (ctx.x(0)?, ctx.dy()?);
    Ctx::one(ctx.unbroadcast(dy, x)?)
}

/// Every axis of n elements repeated r times becomes two, [r, n], and the first of them is summed.
pub(super) fn tile(ctx: &mut Ctx<'_>, repeats: &[usize]) -> Grads {
    let (x, dy) = (ctx.x(0)?, ctx.dy()?);
    let shape = ctx.shape(x)?;
    let (mut split, mut axes) = (Vec::new(), Vec::new());
    for (&dim, &repeat) in shape.iter().zip(repeats) {
        if repeat != 1 {
            axes.push(split.len());
            split.push(Dim::Fixed(repeat));
        }
        split.push(dim);
    }
    let split = ctx.reshape(dy, split)?;
    Ctx::one(ctx.sum(split, &axes, false)?)
}

/// The inverse, [b, c, h r, w r] to [b, r r c, h, w], in operators that every runtime has.
pub(super) fn depth_to_space(ctx: &mut Ctx<'_>, block: usize, column_row_depth: bool) -> Grads {
    let (x, dy) = (ctx.x(0)?, ctx.dy()?);
    let shape = ctx.shape(x)?;
    let [batch, Dim::Fixed(depth), height, width] = shape[..] else { return unsupported("needs four axes and fixed channels") };
    let (block_dim, channels) = (Dim::Fixed(block), Dim::Fixed(depth / (block * block)));
    let split = ctx.reshape(dy, vec![batch, channels, height, block_dim, width, block_dim])?;
    let perm = if column_row_depth { vec![0, 1, 3, 5, 2, 4] } else { vec![0, 3, 5, 1, 2, 4] };
    let moved = ctx.transpose(split, perm)?;
    Ctx::one(ctx.reshape(moved, shape)?)
}

pub(super) fn space_to_depth(ctx: &mut Ctx<'_>, block: usize) -> Grads {
    let dy = ctx.dy()?;
    Ctx::one(ctx.op(Op::DepthToSpace { block, column_row_depth: false }, &[dy])?)
}
