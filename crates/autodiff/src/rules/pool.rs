//! Average pools and global pools.
//!
//! AveragePool: a transposed depthwise convolution of dy / window size with ones. GlobalAveragePool: dy / (H W)
//! everywhere. GlobalMaxPool: dy at the first maximum.

use brinell_graph::{ConvAttrs, PoolAttrs, Reduce, ValueId};

use super::conv::transposed;
use super::reduce::at_first_extremum;
use crate::ctx::{Built, Ctx, Grads};

pub(super) fn average(ctx: &mut Ctx<'_>, pool: &PoolAttrs, count_include_pad: bool) -> Grads {
    let (x, dy) = (ctx.x(0)?, ctx.dy()?);
    let (inside, outside) = (ctx.spatial(x)?, ctx.spatial(dy)?);
    let n = inside.len();
    let sizes: Vec<Vec<usize>> = (0..n).map(|i| window_sizes(pool, i, inside[i], outside[i], count_include_pad)).collect();
    let uniform = sizes.iter().all(|axis| axis.iter().all(|size| Some(size) == axis.first()));
    let share = if uniform {
        let size: f64 = sizes.iter().filter_map(|axis| axis.first()).map(|&size| as_f64(size)).product();
        ctx.scale(dy, 1.0 / size)?
    } else {
        let weights = sizes.iter().fold(vec![1.0], |weights: Vec<f64>, axis| {
            weights.iter().flat_map(|weight| axis.iter().map(move |&size| weight / as_f64(size))).collect()
        });
        let shape: Vec<usize> = [1, 1].into_iter().chain(outside.iter().copied()).collect();
        let weights = ctx.floats(dy, shape, weights.into_iter().map(crate::ctx::narrow).collect())?;
        ctx.mul(dy, weights)?
    };
    if outside.iter().all(|&size| size == 1) && pool.kernel == inside && pool.pads.iter().all(|&pad| pad == 0) {
        return Ctx::one(ctx.expand_like(share, x)?);
    }
    let dx = spread(ctx, pool, x, share)?;
    Ctx::one(dx)
}

/// Returns the transposed depthwise convolution of `values` with ones: every window's value added to its elements.
fn spread(ctx: &mut Ctx<'_>, pool: &PoolAttrs, x: ValueId, values: ValueId) -> Built {
    let channels = ctx.size(x, 1)?;
    let mut shape = vec![channels, 1];
    shape.extend(&pool.kernel);
    let ones = ctx.floats(values, shape.clone(), vec![1.0; shape.iter().product()])?;
    let attrs = depthwise(pool, channels);
    transposed(ctx, &attrs, x, ones, values)
}

/// Returns the attributes of a depthwise convolution with the windows of `pool`.
pub(super) fn depthwise(pool: &PoolAttrs, channels: usize) -> ConvAttrs {
    let PoolAttrs { kernel, strides, dilations, pads, .. } = pool.clone();
    ConvAttrs { kernel, strides, dilations, pads, groups: channels }
}

/// Returns by how much each window position along axis `i` divides.
fn window_sizes(pool: &PoolAttrs, i: usize, inside: usize, outside: usize, count_include_pad: bool) -> Vec<usize> {
    let n = pool.kernel.len();
    let (before, after) = (pool.pads[i], pool.pads[n + i]);
    // Elements before `low` or from `high` on are not counted; a window in ceil mode may overhang the padding.
    let (low, high) = if count_include_pad { (0, before + inside + after) } else { (before, before + inside) };
    let counted = |position: usize| {
        let taps = (0..pool.kernel[i]).map(|tap| position * pool.strides[i] + tap * pool.dilations[i]);
        taps.filter(|tap| (low..high).contains(tap)).count().max(1)
    };
    (0..outside).map(counted).collect()
}

pub(super) fn global_average(ctx: &mut Ctx<'_>) -> Grads {
    let (x, dy) = (ctx.x(0)?, ctx.dy()?);
    let area: usize = ctx.spatial(x)?.iter().product();
    let share = ctx.scale(dy, 1.0 / as_f64(area))?;
    Ctx::one(ctx.expand_like(share, x)?)
}

pub(super) fn global_max(ctx: &mut Ctx<'_>) -> Grads {
    let (x, dy) = (ctx.x(0)?, ctx.dy()?);
    let axes: Vec<usize> = (2..ctx.rank(x)?).collect();
    let dx = at_first_extremum(ctx, x, dy, &axes, Reduce::Max)?;
    Ctx::one(dx)
}

#[expect(clippy::cast_precision_loss, reason = "window sizes are far below 2^52")]
fn as_f64(n: usize) -> f64 {
    n as f64
}
