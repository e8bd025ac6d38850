//! Elementwise functions of one input: dx = dy * f'(x).
//!
//! Neg: -dy. Abs: dy * sign(x). Sqrt: dy / 2y. Exp: dy * y. Log: dy / x. Erf: dy * 2/sqrt(pi) * exp(-x^2).
//! Reciprocal: -dy * y^2. Sin: dy * cos(x). Cos: -dy * sin(x). Cast and Identity hand dy on.

use std::f64::consts::FRAC_2_SQRT_PI;

use brinell_graph::Op;

use crate::ctx::{Ctx, Grads};

pub(super) fn unary(ctx: &mut Ctx<'_>) -> Grads {
    let (x, dy) = (ctx.x(0)?, ctx.dy()?);
    let dx = match ctx.node.op {
        Op::Neg => ctx.neg(dy)?,
        Op::Abs => {
            let sign = ctx.sign(x)?;
            ctx.mul(dy, sign)?
        }
        Op::Sqrt => {
            let y = ctx.y()?;
            let half = ctx.scale(dy, 0.5)?;
            ctx.div(half, y)?
        }
        Op::Exp => {
            let y = ctx.y()?;
            ctx.mul(dy, y)?
        }
        Op::Log => ctx.div(dy, x)?,
        Op::Erf => {
            let square = ctx.mul(x, x)?;
            let negative = ctx.neg(square)?;
            let bell = ctx.op(Op::Exp, &[negative])?;
            let slope = ctx.scale(bell, FRAC_2_SQRT_PI)?;
            ctx.mul(dy, slope)?
        }
        Op::Reciprocal => {
            let y = ctx.y()?;
            let square = ctx.mul(y, y)?;
            let product = ctx.mul(dy, square)?;
            ctx.neg(product)?
        }
        Op::Sin => {
            let slope = ctx.op(Op::Cos, &[x])?;
            ctx.mul(dy, slope)?
        }
        _ => {
            let slope = ctx.op(Op::Sin, &[x])?;
            let product = ctx.mul(dy, slope)?;
            ctx.neg(product)?
        }
    };
    Ctx::one(dx)
}

pub(super) fn cast(ctx: &mut Ctx<'_>) -> Grads {
    let (x, dy) = (ctx.x(0)?, ctx.dy()?);
    let to = ctx.dtype(x);
    let dx = if ctx.dtype(dy) == to { dy } else { ctx.cast(dy, to)? };
    Ctx::one(dx)
}
