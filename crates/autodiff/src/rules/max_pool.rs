//! MaxPool: dy goes to the first maximum of each window, in row-major order.
//!
//! For each offset within the window a strided slice of x is compared with y; what an earlier offset has taken is no
//! longer there for a later one. The parts return to their places by DepthToSpace where windows tile the input, by a
//! depthwise transposed convolution with one-hot kernels elsewhere.

use brinell_graph::{Compare, Dim, Op, PadMode, PoolAttrs, ValueId};

use super::conv::transposed;
use super::pool::depthwise;
use crate::ctx::{Built, Ctx, Grads, signed};

pub(super) fn max_pool(ctx: &mut Ctx<'_>, pool: &PoolAttrs) -> Grads {
    let (x, y, dy) = (ctx.x(0)?, ctx.y()?, ctx.dy()?);
    let (inside, outside) = (ctx.spatial(x)?, ctx.spatial(dy)?);
    let padded = pad_low(ctx, pool, x, &inside, &outside)?;
    let offsets = offsets(&pool.kernel);
    let mut rest = dy;
    let mut parts = Vec::with_capacity(offsets.len());
    for (i, offset) in offsets.iter().enumerate() {
        let starts: Vec<usize> = offset.iter().zip(&pool.dilations).map(|(o, d)| o * d).collect();
        let ends =
            starts.iter().zip(&outside).zip(&pool.strides).map(|((start, n), stride)| signed(start + (n - 1) * stride + 1)).collect();
        let op = Op::Slice {
            axes: (2..inside.len() + 2).collect(),
            starts: starts.iter().map(|&start| signed(start)).collect(),
            ends,
            steps: pool.strides.iter().map(|&stride| signed(stride)).collect(),
        };
        let taps = ctx.op(op, &[padded])?;
        let hit = ctx.op(Op::Compare(Compare::Equal), &[taps, y])?;
        let part = ctx.mask(hit, rest)?;
        parts.push(part);
        if i + 1 < offsets.len() {
            rest = ctx.sub(rest, part)?;
        }
    }
    let tiles = pool.kernel == pool.strides && pool.dilations.iter().all(|&d| d == 1);
    let square = matches!(pool.kernel[..], [a, b] if a == b);
    let dx = if tiles && square { interleave(ctx, pool, x, &parts)? } else { scatter(ctx, pool, x, &parts)? };
    Ctx::one(dx)
}

/// Pads `x` with the lowest finite number, so that windows that overhang it can be sliced.
fn pad_low(ctx: &mut Ctx<'_>, pool: &PoolAttrs, x: ValueId, inside: &[usize], outside: &[usize]) -> Built {
    let n = inside.len();
    let mut pads = vec![0; 2 * (n + 2)];
    for i in 0..n {
        let reach = (outside[i] - 1) * pool.strides[i] + (pool.kernel[i] - 1) * pool.dilations[i] + 1;
        pads[2 + i] = signed(pool.pads[i]);
        pads[n + 4 + i] = signed(reach.saturating_sub(inside[i] + pool.pads[i]));
    }
    if pads.iter().all(|&pad| pad == 0) {
        return Ok(x);
    }
    let low = ctx.scalar(x, f64::from(f32::MIN))?;
    ctx.op(Op::Pad { mode: PadMode::Constant, pads }, &[x, low])
}

/// Returns all offsets within a window, the last axis fastest.
fn offsets(kernel: &[usize]) -> Vec<Vec<usize>> {
    kernel.iter().fold(vec![Vec::new()], |offsets, &size| {
        offsets.iter().flat_map(|offset| (0..size).map(move |i| offset.iter().copied().chain([i]).collect())).collect()
    })
}

/// Places the parts of windows that tile the plane.
fn interleave(ctx: &mut Ctx<'_>, pool: &PoolAttrs, x: ValueId, parts: &[ValueId]) -> Built {
    let stacked = ctx.op(Op::Concat { axis: 1 }, parts)?;
    let spread = ctx.op(Op::DepthToSpace { block: pool.kernel[0], column_row_depth: false }, &[stacked])?;
    let (have, want) = (ctx.spatial(spread)?, ctx.spatial(x)?);
    let before = [signed(pool.pads[0]), signed(pool.pads[1])];
    let after = [0, 1].map(|i| signed(want[i]) + before[i] - signed(have[i]));
    ctx.pad(spread, vec![0, 0, -before[0], -before[1], 0, 0, after[0], after[1]])
}

/// Places the parts of any windows; elements seen by several windows receive the sum.
fn scatter(ctx: &mut Ctx<'_>, pool: &PoolAttrs, x: ValueId, parts: &[ValueId]) -> Built {
    let channels = ctx.size(x, 1)?;
    let taps = parts.len();
    let mut columns = Vec::with_capacity(taps);
    for &part in parts {
        columns.push(ctx.unsqueeze(part, vec![2])?);
    }
    let stacked = ctx.op(Op::Concat { axis: 2 }, &columns)?;
    let mut shape = ctx.shape(parts[0])?;
    shape[1] = Dim::Fixed(channels * taps);
    let stacked = ctx.reshape(stacked, shape)?;
    let mut kernel_shape = vec![channels * taps, 1];
    kernel_shape.extend(&pool.kernel);
    let one_hot = (0..channels * taps * taps).map(|i| if (i / taps) % taps == i % taps { 1.0 } else { 0.0 }).collect();
    let kernel = ctx.floats(stacked, kernel_shape, one_hot)?;
    let attrs = depthwise(pool, channels);
    transposed(ctx, &attrs, x, kernel, stacked)
}
