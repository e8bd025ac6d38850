//! Arithmetic on two or more operands that broadcast; a gradient is summed over the axes its operand lacks.
//!
//! Mul: dy b, dy a. Div: dy / b, -dy y / b. Pow: dy p x^(p-1), dy y log x (zero where the base is zero). Mod: dy,
//! -dy (a - y) / b. Where: dy where the condition holds, dy where not.

use brinell_graph::{Compare, Op, ValueId};

use crate::ctx::{Built, Ctx, Grads};

/// Sums `gradient` to the shape of input `i`.
fn to_operand(ctx: &mut Ctx<'_>, gradient: ValueId, i: usize) -> Built {
    let operand = ctx.x(i)?;
    ctx.unbroadcast(gradient, operand)
}

pub(super) fn add(ctx: &mut Ctx<'_>) -> Grads {
    sum(ctx, 1.0)
}

/// Sum and Mean: every operand receives `factor` dy.
pub(super) fn sum(ctx: &mut Ctx<'_>, factor: f64) -> Grads {
    let dy = ctx.dy()?;
    let dy = ctx.scale(dy, factor)?;
    (0..ctx.node.inputs.len()).map(|i| if ctx.wants(i) { to_operand(ctx, dy, i).map(Some) } else { Ok(None) }).collect()
}

pub(super) fn sub(ctx: &mut Ctx<'_>) -> Grads {
    let dy = ctx.dy()?;
    let da = if ctx.wants(0) { Some(to_operand(ctx, dy, 0)?) } else { None };
    let db = if ctx.wants(1) {
        let summed = to_operand(ctx, dy, 1)?;
        Some(ctx.neg(summed)?)
    } else {
        None
    };
    Ok(vec![da, db])
}

pub(super) fn mul(ctx: &mut Ctx<'_>) -> Grads {
    let dy = ctx.dy()?;
    let mut gradients = vec![None, None];
    for (i, gradient) in gradients.iter_mut().enumerate() {
        if ctx.wants(i) {
            let other = ctx.x(1 - i)?;
            let product = ctx.mul(dy, other)?;
            *gradient = Some(to_operand(ctx, product, i)?);
        }
    }
    Ok(gradients)
}

pub(super) fn div(ctx: &mut Ctx<'_>) -> Grads {
    let (b, y, dy) = (ctx.x(1)?, ctx.y()?, ctx.dy()?);
    let quotient = ctx.div(dy, b)?;
    let da = if ctx.wants(0) { Some(to_operand(ctx, quotient, 0)?) } else { None };
    let db = if ctx.wants(1) {
        let product = ctx.mul(quotient, y)?;
        let summed = to_operand(ctx, product, 1)?;
        Some(ctx.neg(summed)?)
    } else {
        None
    };
    Ok(vec![da, db])
}

pub(super) fn pow(ctx: &mut Ctx<'_>) -> Grads {
    let (x, p, y, dy) = (ctx.x(0)?, ctx.x(1)?, ctx.y()?, ctx.dy()?);
    let dx = if ctx.wants(0) {
        let slope = power_slope(ctx, x, p)?;
        let product = ctx.mul(dy, slope)?;
        Some(to_operand(ctx, product, 0)?)
    } else {
        None
    };
    let dp = if ctx.wants(1) {
        // The logarithm of a zero base is replaced, so that 0 * log 0 is 0.
        let zero = ctx.compare(Compare::Equal, x, 0.0)?;
        let one = ctx.scalar(x, 1.0)?;
        let base = ctx.select(zero, one, x)?;
        let log = ctx.op(Op::Log, &[base])?;
        let slope = ctx.mul(y, log)?;
        let product = ctx.mul(dy, slope)?;
        Some(to_operand(ctx, product, 1)?)
    } else {
        None
    };
    Ok(vec![dx, dp])
}

/// Returns p x^(p-1); an exponent that is a constant scalar is worked into the nodes.
#[expect(clippy::float_cmp, reason = "only the exact exponents have a shorter form")]
fn power_slope(ctx: &mut Ctx<'_>, x: ValueId, p: ValueId) -> Built {
    if let Some((_, values)) = ctx.constant_f32(p)
        && let [p] = values.as_slice()
        && ctx.dtype(x) == brinell_graph::DType::F32
    {
        let p = f64::from(*p);
        if p == 0.0 {
            return ctx.zeros_like(x);
        }
        if p == 2.0 {
            return ctx.scale(x, 2.0);
        }
        let exponent = ctx.scalar(x, p - 1.0)?;
        let power = ctx.op(Op::Pow, &[x, exponent])?;
        return ctx.scale(power, p);
    }
    let same = ctx.dtype(p) == ctx.dtype(x);
    let to = ctx.dtype(x);
    let p = if same { p } else { ctx.cast(p, to)? };
    let exponent = ctx.shift(p, -1.0)?;
    let power = ctx.op(Op::Pow, &[x, exponent])?;
    let slope = ctx.mul(p, power)?;
    // An exponent of zero has no slope even where x^-1 is infinite.
    let zero = ctx.compare(Compare::Equal, p, 0.0)?;
    let nothing = ctx.scalar(x, 0.0)?;
    ctx.select(zero, nothing, slope)
}

pub(super) fn modulo(ctx: &mut Ctx<'_>) -> Grads {
    let (a, b, y, dy) = (ctx.x(0)?, ctx.x(1)?, ctx.y()?, ctx.dy()?);
    let da = if ctx.wants(0) { Some(to_operand(ctx, dy, 0)?) } else { None };
    let db = if ctx.wants(1) {
        let multiple = ctx.sub(y, a)?;
        let quotient = ctx.div(multiple, b)?;
        let product = ctx.mul(dy, quotient)?;
        Some(to_operand(ctx, product, 1)?)
    } else {
        None
    };
    Ok(vec![da, db])
}

pub(super) fn select(ctx: &mut Ctx<'_>) -> Grads {
    let (condition, dy) = (ctx.x(0)?, ctx.dy()?);
    let zero = ctx.scalar(dy, 0.0)?;
    let mut gradients = vec![None, None, None];
    for (i, (yes, no)) in [(1, (dy, zero)), (2, (zero, dy))] {
        if ctx.wants(i) {
            let masked = ctx.select(condition, yes, no)?;
            gradients[i] = Some(to_operand(ctx, masked, i)?);
        }
    }
    Ok(gradients)
}
