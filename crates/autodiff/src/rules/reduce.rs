//! Reductions; r is the reduced value with its axes kept.
//!
//! Sum: dy. Mean: dy / n. SumSquare: 2 x dy. L1: sign(x) dy. L2: dy x / r (zero at the origin). LogSum: dy exp(-r).
//! LogSumExp: dy exp(x - r). Prod: dy times the product of the others, also where one is zero. Max, Min: dy at the
//! first extremum in row-major order of the reduced axes.

use brinell_graph::{Compare, Op, Reduce, ValueId};

use crate::ctx::{Built, Ctx, Grads};

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
            let sign = ctx.sign(x)?;
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
        Reduce::Max | Reduce::Min => at_first_extremum(ctx, x, dy, axes, kind)?,
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
pub(super) fn at_first_extremum(ctx: &mut Ctx<'_>, x: ValueId, dy: ValueId, axes: &[usize], kind: Reduce) -> Built {
    let hit = first_extremum(ctx, x, axes, kind)?;
    ctx.mask(hit, dy)
}

/// Returns where the first maximum or minimum along `axes` stands, in row-major order of these axes.
///
/// The places that attain it are numbered and the least number wins. ArgMax would be shorter, but the runtimes do not
/// agree on which of equals it returns.
///
/// # Shapes
/// Bool, of the shape of `x`; one place is true for each element of the reduction (none where there is a NaN).
pub(crate) fn first_extremum(ctx: &mut Ctx<'_>, x: ValueId, axes: &[usize], kind: Reduce) -> Built {
    let mut shape = vec![1; ctx.rank(x)?];
    for &axis in axes {
        let size = ctx.size(x, axis)?;
        if let Some(to) = shape.get_mut(axis) {
            *to = size;
        }
    }
    let n: usize = shape.iter().product();
    #[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^24")]
    let numbers = (0..n).map(|i| i as f32).collect();
    #[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^24")]
    let behind = ctx.scalar(x, n as f64)?;
    let numbers = ctx.floats(x, shape, numbers)?;
    let extremum = ctx.reduce(kind, x, axes, true)?;
    let attained = ctx.op(Op::Compare(Compare::Equal), &[x, extremum])?;
    let places = ctx.select(attained, numbers, behind)?;
    let first = ctx.reduce(Reduce::Min, places, axes, true)?;
    // Places that do not attain it hold n, which is the least number only where nothing attains it: a NaN.
    let least = ctx.op(Op::Compare(Compare::Equal), &[places, first])?;
    ctx.op(Op::And, &[attained, least])
}
