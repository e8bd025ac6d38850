//! Circular and hyperbolic functions and their inverses: dx = dy * f'(x).
//!
//! Tan: 1 + y^2. Asin: 1 / sqrt(1 - x^2), Acos the negative. Atan: 1 / (1 + x^2). Sinh: cosh x, Cosh: sinh x. Asinh:
//! 1 / sqrt(x^2 + 1). Acosh: 1 / sqrt(x^2 - 1). Atanh: 1 / (1 - x^2).

use brinell_graph::Op;

use crate::ctx::{Ctx, Grads};

pub(super) fn rule(ctx: &mut Ctx<'_>) -> Grads {
    let (x, dy) = (ctx.x(0)?, ctx.dy()?);
    let op = ctx.node.op.clone();
    match op {
        Op::Tan => {
            let y = ctx.y()?;
            let square = ctx.mul(y, y)?;
            let slope = ctx.shift(square, 1.0)?;
            return Ctx::one(ctx.mul(dy, slope)?);
        }
        Op::Sinh | Op::Cosh => {
            let slope = ctx.op(if op == Op::Sinh { Op::Cosh } else { Op::Sinh }, &[x])?;
            return Ctx::one(ctx.mul(dy, slope)?);
        }
        _ => {}
    }
    let square = ctx.mul(x, x)?;
    let inner = match op {
        Op::Asin | Op::Acos | Op::Atanh => {
            let one = ctx.scalar(x, 1.0)?;
            ctx.sub(one, square)?
        }
        Op::Acosh => ctx.shift(square, -1.0)?,
        _ => ctx.shift(square, 1.0)?,
    };
    let divisor = if matches!(op, Op::Atan | Op::Atanh) { inner } else { ctx.op(Op::Sqrt, &[inner])? };
    let dx = ctx.div(dy, divisor)?;
    Ctx::one(if op == Op::Acos { ctx.neg(dx)? } else { dx })
}
