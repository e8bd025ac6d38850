//! Softmax: dx = y * (dy - sum(dy y)). LogSoftmax: dx = dy - exp(y) sum(dy).

use brinell_graph::Op;

use crate::ctx::{Ctx, Grads};

pub(super) fn softmax(ctx: &mut Ctx<'_>, axis: usize) -> Grads {
    let (y, dy) = (ctx.y()?, ctx.dy()?);
    let product = ctx.mul(dy, y)?;
    let total = ctx.sum(product, &[axis], true)?;
    let centred = ctx.sub(dy, total)?;
    let dx = ctx.mul(y, centred)?;
    Ctx::one(dx)
}

pub(super) fn log_softmax(ctx: &mut Ctx<'_>, axis: usize) -> Grads {
    let (y, dy) = (ctx.y()?, ctx.dy()?);
    let total = ctx.sum(dy, &[axis], true)?;
    let probability = ctx.op(Op::Exp, &[y])?;
    let share = ctx.mul(probability, total)?;
    let dx = ctx.sub(dy, share)?;
    Ctx::one(dx)
}
