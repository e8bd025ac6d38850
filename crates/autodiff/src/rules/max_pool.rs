//! MaxPool: dy goes to the first maximum of each window, in row-major order.
//!
//! The offsets within the window take turns: each compares the elements it sees with y, takes what is left of dy where
//! they are equal, and the last takes the rest. The parts return to their places by stacking where windows tile the
//! input, by a depthwise transposed convolution with one-hot kernels elsewhere.

use brinell_graph::{Compare, DType, Dim, Op, PadMode, PoolAttrs, ValueId};

use super::activation::{AT_ZERO, STEEPEST};
use super::conv::transposed;
use super::pool::depthwise;
use crate::ctx::{Built, Ctx, Grads, RuleError, signed};

pub(super) fn max_pool(ctx: &mut Ctx<'_>, pool: &PoolAttrs) -> Grads {
    let (x, dy) = (ctx.x(0)?, ctx.dy()?);
    let (inside, outside) = (ctx.spatial(x)?, ctx.spatial(dy)?);
    let tiles = pool.kernel == pool.strides && pool.dilations.iter().all(|&d| d == 1);
    let unpadded = pool.pads.iter().all(|&pad| pad == 0) && !pool.ceil_mode;
    let blocked = tiles && unpadded && inside.len() == 2 && ctx.dtype(x) == DType::F32;
    let seen = if blocked { x } else { pad_low(ctx, pool, x, &inside, &outside)? };
    let offsets = offsets(&pool.kernel);
    let mut rest = dy;
    let mut parts = Vec::with_capacity(offsets.len());
    for (i, offset) in offsets.iter().enumerate() {
        if i + 1 == offsets.len() {
            parts.push(rest);
            break;
        }
        let (part, left) = if blocked { take_blocked(ctx, pool, seen, i, rest)? } else { take(ctx, pool, seen, offset, rest)? };
        parts.push(part);
        rest = left;
    }
    let dx = if tiles { stack(ctx, pool, x, parts)? } else { scatter(ctx, pool, x, &parts)? };
    Ctx::one(dx)
}

/// Returns what an offset takes of `rest` and what it leaves, from a strided slice.
fn take(ctx: &mut Ctx<'_>, pool: &PoolAttrs, x: ValueId, offset: &[usize], rest: ValueId) -> Result<(ValueId, ValueId), RuleError> {
    let y = ctx.y()?;
    let starts: Vec<usize> = offset.iter().zip(&pool.dilations).map(|(o, d)| o * d).collect();
    let outside = ctx.spatial(y)?;
    let ends = starts.iter().zip(&outside).zip(&pool.strides).map(|((start, n), stride)| signed(start + (n - 1) * stride + 1)).collect();
    let op = Op::Slice {
        axes: (2..outside.len() + 2).collect(),
        starts: starts.iter().map(|&start| signed(start)).collect(),
        ends,
        steps: pool.strides.iter().map(|&stride| signed(stride)).collect(),
    };
    let taps = ctx.op(op, &[x])?;
    let equal = ctx.op(Op::Compare(Compare::Equal), &[taps, y])?;
    let to = ctx.dtype(rest);
    let hit = ctx.cast(equal, to)?;
    let part = ctx.mul(rest, hit)?;
    Ok((part, ctx.sub(rest, part)?))
}

/// As [`take`], in operators that run in the blocked layout of ONNX Runtime's convolutions: a depthwise convolution
/// with a negative one-hot kernel picks the elements, and steep HardSigmoids of the distance to y are the masks.
fn take_blocked(ctx: &mut Ctx<'_>, pool: &PoolAttrs, x: ValueId, offset: usize, rest: ValueId) -> Result<(ValueId, ValueId), RuleError> {
    let (y, channels) = (ctx.y()?, ctx.size(x, 1)?);
    let taps: usize = pool.kernel.iter().product();
    let mut shape = vec![channels, 1];
    shape.extend(&pool.kernel);
    let picks = (0..channels * taps).map(|i| if i % taps == offset { -1.0 } else { 0.0 }).collect();
    let picks = ctx.floats(x, shape, picks)?;
    let negative = ctx.op(Op::Conv(depthwise(pool, channels)), &[x, picks])?;
    let distance = ctx.add(negative, y)?;
    let hit = ctx.op(Op::HardSigmoid { alpha: -STEEPEST, beta: 1.0 }, &[distance])?;
    let miss = ctx.op(Op::HardSigmoid { alpha: STEEPEST, beta: AT_ZERO }, &[distance])?;
    Ok((ctx.mul(rest, hit)?, ctx.mul(rest, miss)?))
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

/// Places the parts of windows that tile the input: along each axis, from the last, the parts are stacked behind it.
fn stack(ctx: &mut Ctx<'_>, pool: &PoolAttrs, x: ValueId, mut parts: Vec<ValueId>) -> Built {
    let n = pool.kernel.len();
    for axis in (0..n).rev() {
        let mut merged = Vec::with_capacity(parts.len() / pool.kernel[axis]);
        for group in parts.chunks(pool.kernel[axis]) {
            let mut columns = Vec::with_capacity(group.len());
            for &part in group {
                columns.push(ctx.unsqueeze(part, vec![axis + 3])?);
            }
            let stacked = ctx.op(Op::Concat { axis: axis + 3 }, &columns)?;
            let mut shape = ctx.shape(group[0])?;
            shape[axis + 2] = Dim::Fixed(ctx.size(group[0], axis + 2)? * pool.kernel[axis]);
            merged.push(ctx.reshape(stacked, shape)?);
        }
        parts = merged;
    }
    let placed = parts[0];
    let (have, want) = (ctx.spatial(placed)?, ctx.spatial(x)?);
    let mut pads = vec![0; 2 * (n + 2)];
    for i in 0..n {
        let before = signed(pool.pads[i]);
        pads[2 + i] = -before;
        pads[n + 4 + i] = signed(want[i]) + before - signed(have[i]);
    }
    ctx.pad(placed, pads)
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
