//! Slice and Pad.
//!
//! Slice: dy at the places it was taken from, zeros between and around. Pad: with a constant, the middle of dy; in the
//! other modes every copy returns to its source.

use brinell_graph::{Dim, Op, PadMode, ValueId};

use crate::ctx::{Built, Ctx, Grads, RuleError, signed, unsupported};

pub(super) fn slice(ctx: &mut Ctx<'_>, axes: &[usize], starts: &[i64], steps: &[i64]) -> Grads {
    let (x, mut dy) = (ctx.x(0)?, ctx.dy()?);
    let rank = ctx.rank(x)?;
    let mut pads = vec![0; 2 * rank];
    for ((&axis, &start), &step) in axes.iter().zip(starts).zip(steps) {
        if ctx.shape(x)?.get(axis) == ctx.shape(dy)?.get(axis) && step == 1 {
            continue;
        }
        let (size, taken) = (signed(ctx.size(x, axis)?), signed(ctx.size(dy, axis)?));
        let mut first = start;
        if step < 0 {
            dy = ctx.op(Op::Slice { axes: vec![axis], starts: vec![taken - 1], ends: vec![-1], steps: vec![-1] }, &[dy])?;
            first = start + (taken - 1) * step;
        }
        let stride = step.unsigned_abs();
        dy = spread(ctx, dy, axis, usize::try_from(stride).unwrap_or(usize::MAX))?;
        pads[axis] = first;
        pads[rank + axis] = size - first - taken * signed(usize::try_from(stride).unwrap_or(usize::MAX));
    }
    Ctx::one(ctx.pad(dy, pads)?)
}

/// Inserts `stride - 1` zeros behind every element along `axis`.
fn spread(ctx: &mut Ctx<'_>, value: ValueId, axis: usize, stride: usize) -> Built {
    if stride == 1 {
        return Ok(value);
    }
    let mut shape = ctx.shape(value)?;
    let size = ctx.size(value, axis)?;
    let column = ctx.unsqueeze(value, vec![axis + 1])?;
    let rank = shape.len() + 1;
    let mut pads = vec![0; 2 * rank];
    pads[rank + axis + 1] = signed(stride - 1);
    let padded = ctx.pad(column, pads)?;
    shape[axis] = Dim::Fixed(size * stride);
    ctx.reshape(padded, shape)
}

pub(super) fn pad(ctx: &mut Ctx<'_>, mode: PadMode, pads: &[i64]) -> Grads {
    if ctx.wants(1) {
        return unsupported("a padding value that is not constant is not supported");
    }
    let (x, mut dy) = (ctx.x(0)?, ctx.dy()?);
    if mode == PadMode::Constant {
        return Ctx::one(ctx.pad(dy, pads.iter().map(|pad| -pad).collect())?);
    }
    let rank = ctx.rank(x)?;
    for axis in 0..rank {
        let (before, after) = (pads[axis], pads[rank + axis]);
        if (before, after) != (0, 0) {
            let size = ctx.size(x, axis)?;
            let sources = sources(mode, signed(size), before, after)?;
            dy = returned(ctx, dy, axis, size, &sources)?;
        }
    }
    Ctx::one(dy)
}

/// Returns a value whose elements along an axis are the sums of those that copy them. Neighbours that copy neighbours, in the same or the reverse order,
/// or all the same element, go back together.
fn returned(ctx: &mut Ctx<'_>, dy: ValueId, axis: usize, size: usize, sources: &[usize]) -> Built {
    let rank = ctx.rank(dy)?;
    let mut sum: Option<ValueId> = None;
    let mut start = 0;
    while let Some(&first) = sources.get(start) {
        let step = sources.get(start + 1).map_or(1, |&next| signed(next) - signed(first)).clamp(-1, 1);
        let follows = |pair: &&[usize]| matches!(pair, [a, b] if signed(*b) - signed(*a) == step);
        let end = start + 1 + sources[start..].windows(2).take_while(follows).count();
        let mut part = ctx.slice(dy, axis, start, end)?;
        let last = sources.get(end - 1).copied().unwrap_or(first);
        if step == 0 {
            part = ctx.sum(part, &[axis], true)?;
        } else if step < 0 && end > start + 1 {
            let (starts, ends) = (vec![signed(end - start) - 1], vec![-1]);
            part = ctx.op(Op::Slice { axes: vec![axis], starts, ends, steps: vec![-1] }, &[part])?;
        }
        let mut pads = vec![0; 2 * rank];
        pads[axis] = signed(first.min(last));
        pads[rank + axis] = signed(size) - 1 - signed(first.max(last));
        let part = ctx.pad(part, pads)?;
        sum = Some(match sum {
            Some(sum) => ctx.add(sum, part)?,
            None => part,
        });
        start = end;
    }
    sum.map_or_else(|| unsupported("an empty axis is padded"), Ok)
}

/// Returns for each element of a padded axis the element of x that it copies.
fn sources(mode: PadMode, size: i64, before: i64, after: i64) -> Result<Vec<usize>, RuleError> {
    let mut sources = Vec::new();
    for position in -before..size + after {
        let source = match mode {
            PadMode::Edge => position.clamp(0, size - 1),
            PadMode::Wrap => position.rem_euclid(size),
            _ if size == 1 => 0,
            _ => {
                let folded = position.rem_euclid(2 * (size - 1));
                folded.min(2 * (size - 1) - folded)
            }
        };
        match usize::try_from(source) {
            Ok(source) => sources.push(source),
            Err(_) => return unsupported("an empty axis is padded"),
        }
    }
    Ok(sources)
}
