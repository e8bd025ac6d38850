//! Reductions; r is the reduced value with its axes kept.
//!
//! Sum: dy. Mean: dy / n. SumSquare: 2 x dy. L1: sign(x) dy. L2: dy x / r (zero at the origin). LogSum: dy exp(-r).
//! LogSumExp: dy exp(x - r). Prod: dy times the product of the others, also where one is zero. Max, Min: dy at the
//! first extremum in row-major order of the reduced axes.

use brinell_graph::{Compare, Dim, Op, Reduce, ValueId};

use crate::ctx::{Built, Ctx, Grads, product};

pub(super) fn reduce(ctx: &mut Ctx<'_>, kind: Reduce, axes: &[usize], keepdims: bool) -> Grads {
    let (x, y, dy) = (ctx.x(0)?, ctx.y()?, ctx.dy()?);
    let missing = if keepdims { Vec::new() } else { axes.to_vec() };
    let dy = ctx.unsqueeze(dy, missing.clone())?;
    let dx = match kind {
        Reduce::Sum => ctx.expand_like(dy, x)?,
        Reduce::Mean => {
            let mut n = 1.0;
            for &axis in axes {
                #[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
                let size = ctx.size(x, axis)? as f64;
                n *= size;
            }
            let share = ctx.scale(dy, 1.0 / n)?;
            ctx.expand_like(share, x)?
        }
        Reduce::SumSquare => {
            let twice = ctx.scale(dy, 2.0)?;
            ctx.mul(twice, x)?
        }
        Reduce::L1 => {
            let sign = ctx.op(Op::Sign, &[x])?;
            ctx.mul(dy, sign)?
        }
        Reduce::L2 => {
            let norm = ctx.unsqueeze(y, missing)?;
            let zero = ctx.compare(Compare::Equal, norm, 0.0)?;
            let one = ctx.scalar(norm, 1.0)?;
            let divisor = ctx.select(zero, one, norm)?;
            let share = ctx.div(dy, divisor)?;
            ctx.mul(share, x)?
        }
        Reduce::LogSum => {
            let log = ctx.unsqueeze(y, missing)?;
            let negative = ctx.neg(log)?;
            let inverse = ctx.op(Op::Exp, &[negative])?;
            let share = ctx.mul(dy, inverse)?;
            ctx.expand_like(share, x)?
        }
        Reduce::LogSumExp => {
            let log = ctx.unsqueeze(y, missing)?;
            let difference = ctx.sub(x, log)?;
            let share = ctx.op(Op::Exp, &[difference])?;
            ctx.mul(dy, share)?
        }
        Reduce::Prod => prod(ctx, x, dy, axes)?,
        Reduce::Max => first_extremum(ctx, x, dy, axes, |axis| Op::ArgMax { axis, keepdims: false, select_last: false })?,
        Reduce::Min => first_extremum(ctx, x, dy, axes, |axis| Op::ArgMin { axis, keepdims: false, select_last: false })?,
    };
    Ctx::one(dx)
}

/// An element's slope is the product of the others: without zeros the whole product over the element, with one zero
/// the product of the rest for that zero alone, with more nothing.
fn prod(ctx: &mut Ctx<'_>, x: ValueId, dy: ValueId, axes: &[usize]) -> Built {
    let dtype = ctx.dtype(x);
    let zero = ctx.compare(Compare::Equal, x, 0.0)?;
    let as_number = ctx.cast(zero, dtype)?;
    let zeros = ctx.sum(as_number, axes, true)?;
    let one = ctx.scalar(x, 1.0)?;
    let filled = ctx.select(zero, one, x)?;
    let rest = ctx.reduce(Reduce::Prod, filled, axes, true)?;
    let none = ctx.compare(Compare::Equal, zeros, 0.0)?;
    let single = ctx.compare(Compare::Equal, zeros, 1.0)?;
    let without = ctx.mask(none, rest)?;
    let at_zero = ctx.mask(single, rest)?;
    let ordinary = ctx.div(without, filled)?;
    let slope = ctx.select(zero, at_zero, ordinary)?;
    ctx.mul(dy, slope)
}

/// Returns `dy` (axes kept) at the first extremum along `axes`, zero elsewhere.
pub(super) fn first_extremum(ctx: &mut Ctx<'_>, x: ValueId, dy: ValueId, axes: &[usize], arg: fn(usize) -> Op) -> Built {
    if let [axis] = *axes {
        let depth = ctx.size(x, axis)?;
        let hit = one_hot_extremum(ctx, x, axis, depth, arg)?;
        return ctx.mul(dy, hit);
    }
    // Several axes become one at the end, whose order is row-major.
    let shape = ctx.shape(x)?;
    let kept: Vec<usize> = (0..shape.len()).filter(|axis| !axes.contains(axis)).collect();
    let perm: Vec<usize> = kept.iter().chain(axes).copied().collect();
    let moved = ctx.transpose(x, perm.clone())?;
    let mut depth = 1;
    for &axis in axes {
        depth *= ctx.size(x, axis)?;
    }
    let lead = product(&kept.iter().map(|&axis| shape[axis]).collect::<Vec<_>>());
    let flat = ctx.reshape(moved, vec![lead, Dim::Fixed(depth)])?;
    let hit = one_hot_extremum(ctx, flat, 1, depth, arg)?;
    let hit = ctx.reshape(hit, perm.iter().map(|&axis| shape[axis]).collect())?;
    let mut back = vec![0; perm.len()];
    for (to, &from) in perm.iter().enumerate() {
        back[from] = to;
    }
    let hit = ctx.transpose(hit, back)?;
    ctx.mul(dy, hit)
}

fn one_hot_extremum(ctx: &mut Ctx<'_>, x: ValueId, axis: usize, depth: usize, arg: fn(usize) -> Op) -> Built {
    let index = ctx.op(arg(axis), &[x])?;
    let values = ctx.floats(x, vec![2], vec![0.0, 1.0])?;
    ctx.op(Op::OneHot { axis, depth }, &[index, values])
}
