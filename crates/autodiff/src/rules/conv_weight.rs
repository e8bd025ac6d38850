//! The gradient of a convolution by its weight, one product of matrices for each place of the kernel.
//!
//! dw[m, c, i, j] = sum over batch and positions (r, q) of dy[m, r, q] x[c, r s + i d, q s + j d], with x padded. For a fixed (i, j) that is dY X', where dY is
//! `[M, B Ho Wo]` and X the slice of x that the place (i, j) of the kernel sees, `[C, B Ho Wo]`.

use brinell_graph::{ConvAttrs, Dim, Op, ValueId};

use crate::ctx::{Built, Ctx, RuleError, product, signed};

/// Below this number of input channels the products are too narrow, and the convolution with the batch as channels is faster.
const FEW_CHANNELS: usize = 8;

/// Returns dw, or `None` where the general rule is to be taken: of convolutions of one or three axes, in groups, or of few channels.
pub(super) fn by_places(ctx: &mut Ctx<'_>, attrs: &ConvAttrs, x: ValueId, dy: ValueId) -> Result<Option<ValueId>, RuleError> {
    let shape = ctx.shape(x)?;
    let (&[rows, columns], &[batch, channels, _, _]) = (&attrs.kernel[..], &shape[..]) else { return Ok(None) };
    let Some(channels) = channels.fixed().filter(|&channels| channels >= FEW_CHANNELS && attrs.groups == 1) else { return Ok(None) };
    let (positions, outs) = (ctx.spatial(dy)?, ctx.size(dy, 1)?);
    let inside = ctx.spatial(x)?;
    let reach = |axis: usize| (positions[axis] - 1) * attrs.strides[axis] + (attrs.kernel[axis] - 1) * attrs.dilations[axis] + 1;
    // Windows that overhang the padded input see zeros there.
    let after = |axis: usize| signed(reach(axis)) - signed(inside[axis] + attrs.pads[axis]);
    let before = |axis: usize| signed(attrs.pads[axis]);
    let padded = ctx.pad(x, vec![0, 0, before(0), before(1), 0, 0, after(0).max(0), after(1).max(0)])?;
    let padded = ctx.transpose(padded, vec![1, 0, 2, 3])?;
    let long = product(&[batch, Dim::Fixed(positions[0]), Dim::Fixed(positions[1])]);
    let flat = ctx.transpose(dy, vec![1, 0, 2, 3])?;
    let flat = ctx.reshape(flat, vec![Dim::Fixed(outs), long])?;
    let mut places = Vec::with_capacity(rows * columns);
    for row in 0..rows {
        for column in 0..columns {
            let seen = seen(ctx, padded, attrs, &positions, [row, column])?;
            let seen = ctx.reshape(seen, vec![Dim::Fixed(channels), long])?;
            places.push(ctx.op(Op::Gemm { alpha: 1.0, beta: 0.0, trans_a: false, trans_b: true }, &[flat, seen])?);
        }
    }
    let all = if let [only] = places[..] { only } else { ctx.op(Op::Concat { axis: 1 }, &places)? };
    let all = ctx.reshape(all, [outs, rows, columns, channels].map(Dim::Fixed).to_vec())?;
    ctx.transpose(all, vec![0, 3, 1, 2]).map(Some)
}

/// Returns what one place of the kernel sees of x, `[C, B, Ho, Wo]`.
fn seen(ctx: &mut Ctx<'_>, padded: ValueId, attrs: &ConvAttrs, positions: &[usize], place: [usize; 2]) -> Built {
    let start = |axis: usize| place[axis] * attrs.dilations[axis];
    let end = |axis: usize| start(axis) + (positions[axis] - 1) * attrs.strides[axis] + 1;
    let whole = |axis: usize| Ok::<_, RuleError>(start(axis) == 0 && attrs.strides[axis] == 1 && ctx.size(padded, axis + 2)? == end(axis));
    if whole(0)? && whole(1)? {
        return Ok(padded);
    }
    let (starts, ends) = ([start(0), start(1)], [end(0), end(1)]);
    let op = Op::Slice {
        axes: vec![2, 3],
        starts: starts.map(signed).to_vec(),
        ends: ends.map(signed).to_vec(),
        steps: attrs.strides.iter().map(|&stride| signed(stride)).collect(),
    };
    ctx.op(op, &[padded])
}
