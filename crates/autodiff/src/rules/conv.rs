//! Convolution and its transpose.
//!
//! Conv: dx is the transposed convolution of dy with the same weight. With stride 1 and a constant weight that is a
//! convolution with the adjoint weight, which runtimes execute faster. dw[m, c, k] = sum over batch and positions o of
//! dy[m, o] x[c, o s + k d - p], which is a convolution of x with dy whose stride and dilation are exchanged. db sums
//! dy. ConvTranspose: dx = Conv(dy, w), dw as above with the roles of x and dy exchanged.

use brinell_graph::{ConvAttrs, ConvTransposeAttrs, Dim, Op, ValueId};

use crate::ctx::{Built, Ctx, Grads, product, unsupported};
use crate::kernel::adjoint;
use crate::rules::conv_weight;

pub(super) fn conv(ctx: &mut Ctx<'_>, attrs: &ConvAttrs) -> Grads {
    let (x, w, dy) = (ctx.x(0)?, ctx.x(1)?, ctx.dy()?);
    let dx = if ctx.wants(0) { Some(conv_input(ctx, attrs, x, w, dy)?) } else { None };
    let dw = match ctx.wants(1) {
        false => None,
        true => match conv_weight::by_places(ctx, attrs, x, dy)? {
            Some(dw) => Some(dw),
            None => Some(weight(ctx, attrs, x, dy, w)?),
        },
    };
    let db = if ctx.wants(2) { Some(bias(ctx, dy)?) } else { None };
    Ok(vec![dx, dw, db])
}

pub(super) fn conv_transpose(ctx: &mut Ctx<'_>, attrs: &ConvTransposeAttrs) -> Grads {
    let (x, w, dy) = (ctx.x(0)?, ctx.x(1)?, ctx.dy()?);
    let forward = ConvAttrs {
        kernel: attrs.kernel.clone(),
        strides: attrs.strides.clone(),
        dilations: attrs.dilations.clone(),
        pads: attrs.pads.clone(),
        groups: attrs.groups,
    };
    let dx = if ctx.wants(0) {
        let own = other_way(ctx, attrs.groups, w);
        let mut dx = ctx.op(Op::Conv(forward.clone()), &[dy, own])?;
        // Output padding beyond the stride gives the convolution more positions than x has.
        for (axis, size) in ctx.spatial(x)?.into_iter().enumerate() {
            if ctx.size(dx, axis + 2)? > size {
                dx = ctx.slice(dx, axis + 2, 0, size)?;
            }
        }
        Some(dx)
    } else {
        None
    };
    let dw = if ctx.wants(1) { Some(weight(ctx, &forward, dy, x, w)?) } else { None };
    let db = if ctx.wants(2) { Some(bias(ctx, dy)?) } else { None };
    Ok(vec![dx, dw, db])
}

fn conv_input(ctx: &mut Ctx<'_>, attrs: &ConvAttrs, x: ValueId, w: ValueId, dy: ValueId) -> Built {
    if let Some((flipped, pads)) = adjoint_of(ctx, attrs, w)? {
        let op = ConvAttrs { pads, ..attrs.clone() };
        return ctx.op(Op::Conv(op), &[dy, flipped]);
    }
    let w = other_way(ctx, attrs.groups, w);
    transposed(ctx, attrs, x, w, dy)
}

/// Returns the weight with input and output channels exchanged in the reading.
fn other_way(ctx: &mut Ctx<'_>, groups: usize, w: ValueId) -> ValueId {
    ctx.apart(w, |shape| matches!(shape, [out, per_group, ..] if *out == per_group * groups))
}

/// Below this number of input channels the transposed convolution is faster: the blocked layout of a convolution
/// computes whole blocks of output channels. Measured on ONNX Runtime 1.32 with 1 to 16 channels.
const FEW_CHANNELS: usize = 8;

/// Returns weight and pads of the convolution that computes dx, where there is one that is worthwhile.
fn adjoint_of(ctx: &mut Ctx<'_>, attrs: &ConvAttrs, w: ValueId) -> Result<Option<(ValueId, Vec<usize>)>, crate::ctx::RuleError> {
    if attrs.strides.iter().any(|&stride| stride != 1) {
        return Ok(None);
    }
    let n = attrs.kernel.len();
    let reach = |i: usize| (attrs.kernel[i % n] - 1) * attrs.dilations[i % n];
    let Some(pads) = attrs.pads.iter().enumerate().map(|(i, &pad)| reach(i).checked_sub(pad)).collect::<Option<Vec<_>>>() else {
        return Ok(None);
    };
    let Some((shape, data)) = ctx.constant_f32(w) else { return Ok(None) };
    if attrs.groups == 1 && shape.get(1).is_some_and(|&channels| channels < FEW_CHANNELS) {
        return Ok(None);
    }
    let Some((shape, data)) = adjoint(&shape, &data, attrs.groups) else { return Ok(None) };
    Ok(Some((ctx.floats(w, shape, data)?, pads)))
}

/// Returns the transposed convolution of `dy` with `w`, in the shape of `x`.
pub(super) fn transposed(ctx: &mut Ctx<'_>, attrs: &ConvAttrs, x: ValueId, w: ValueId, dy: ValueId) -> Built {
    let (inside, outside) = (ctx.spatial(x)?, ctx.spatial(dy)?);
    let n = inside.len();
    let mut pads = attrs.pads.clone();
    let mut output_padding = vec![0; n];
    for i in 0..n {
        let full = (outside[i] - 1) * attrs.strides[i] + (attrs.kernel[i] - 1) * attrs.dilations[i] + 1;
        let cropped = inside[i] + attrs.pads[i] + attrs.pads[n + i];
        // Windows that overhang the padded input (ceil mode) are cropped, rows that no window saw are padded.
        pads[n + i] += full.saturating_sub(cropped);
        output_padding[i] = cropped.saturating_sub(full);
    }
    let ConvAttrs { kernel, strides, dilations, groups, .. } = attrs.clone();
    ctx.op(Op::ConvTranspose(ConvTransposeAttrs { kernel, strides, dilations, pads, output_padding, groups }), &[dy, w])
}

/// Returns dw for y = Conv(`big`, w), dy = `small`, in the shape of `w`.
fn weight(ctx: &mut Ctx<'_>, attrs: &ConvAttrs, big: ValueId, small: ValueId, w: ValueId) -> Built {
    let positions = ctx.spatial(small)?;
    ctx.spatial(big)?;
    let (big_shape, n) = (ctx.shape(big)?, positions.len());
    let [batch, channels, ref rest @ ..] = big_shape[..] else { return unsupported("the operand has no channels") };
    let Some(channels) = channels.fixed() else { return unsupported("the number of channels is not fixed") };
    // The batch becomes the channel axis of the convolution, within each group.
    let per_group = channels / attrs.groups;
    let swap: Vec<usize> = [1, 0].into_iter().chain(2..n + 2).collect();
    let image = if attrs.groups == 1 {
        ctx.transpose(big, swap.clone())?
    } else {
        let grouped: Vec<Dim> = [batch, Dim::Fixed(attrs.groups), Dim::Fixed(per_group)].into_iter().chain(rest.iter().copied()).collect();
        let grouped = ctx.reshape(big, grouped)?;
        let moved = ctx.transpose(grouped, [2, 1, 0].into_iter().chain(3..n + 3).collect())?;
        let merged = product(&[Dim::Fixed(attrs.groups), batch]);
        ctx.reshape(moved, [Dim::Fixed(per_group), merged].into_iter().chain(rest.iter().copied()).collect())?
    };
    let kernel = ctx.transpose(small, swap.clone())?;
    let op = ConvAttrs {
        kernel: positions,
        strides: attrs.dilations.clone(),
        dilations: attrs.strides.clone(),
        pads: attrs.pads.clone(),
        groups: attrs.groups,
    };
    let mut dw = ctx.op(Op::Conv(op), &[image, kernel])?;
    for (axis, &size) in attrs.kernel.iter().enumerate() {
        if ctx.size(dw, axis + 2)? > size {
            dw = ctx.slice(dw, axis + 2, 0, size)?;
        }
    }
    let dw = ctx.transpose(dw, swap)?;
    let shape = ctx.shape(w)?;
    ctx.reshape(dw, shape)
}

fn bias(ctx: &mut Ctx<'_>, dy: ValueId) -> Built {
    let axes: Vec<usize> = (0..ctx.rank(dy)?).filter(|&axis| axis != 1).collect();
    ctx.sum(dy, &axes, false)
}
