//! Activation functions.
//!
//! Slopes are taken from the output y where that is possible, so that the runtime may fuse the activation into the node
//! before it. Relu: dy where y > 0. Clip: dy where y lies between the bounds, not on them. LeakyRelu, PRelu:
//! dy * slope where x <= 0. Elu: dy * (y + alpha) where x <= 0. Selu: dy * gamma alpha exp(x) there, else dy * gamma.
//! Celu: dy * (y / alpha + 1) where x <= 0. Sigmoid: dy * y (1 - y). Tanh: dy * (1 - y^2). Softplus:
//! dy * sigmoid(x). Softsign: dy / (1 + |x|)^2. HardSwish: dy * (x/3 + 1/2) in -3..3. Gelu: dy * (Phi(x) + x phi(x)).

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, SQRT_2};

use brinell_graph::{Compare, DType, Op, ValueId};

use crate::ctx::{Built, Ctx, Grads, RuleError};

/// Slope of the steepest step, 2^126.
pub(super) const STEEPEST: f32 = 8.507_059e37;

/// Where a step at zero starts, instead of at zero itself: OpenVINO reads an offset of exactly zero as one that is absent, which is 1/2. Being
/// negative and less than any step of an f32 that is not zero, it changes no value of the mask.
pub(super) const AT_ZERO: f32 = -f32::MIN_POSITIVE;

pub(super) fn relu(ctx: &mut Ctx<'_>) -> Grads {
    clip(ctx, Some(0.0), None)
}

/// The derivative of SiLU in place of ReLU's, dy * s (1 + x (1 - s)) with s = sigmoid(x); of a ReLU that is cut at `hi` times sigmoid(hi - x).
///
/// # Source
/// Wang et al., "Rethinking the Backward Propagation for Adversarial Transferability", NeurIPS 2023, equation 6; the factor of the cut is ours.
pub(super) fn soft_relu(ctx: &mut Ctx<'_>, hi: Option<f32>) -> Grads {
    let (x, dy) = (ctx.x(0)?, ctx.dy()?);
    let s = ctx.op(Op::Sigmoid, &[x])?;
    let rest = one_less(ctx, s)?;
    let product = ctx.mul(x, rest)?;
    let sum = ctx.shift(product, 1.0)?;
    let mut slope = ctx.mul(s, sum)?;
    if let Some(hi) = hi {
        let turned = ctx.neg(x)?;
        let room = ctx.shift(turned, f64::from(hi))?;
        let open = ctx.op(Op::Sigmoid, &[room])?;
        slope = ctx.mul(slope, open)?;
    }
    Ctx::one(ctx.mul(dy, slope)?)
}

pub(super) fn clip(ctx: &mut Ctx<'_>, lo: Option<f32>, hi: Option<f32>) -> Grads {
    let (y, mut dx) = (ctx.y()?, ctx.dy()?);
    let mut mask = None;
    for (bound, side) in [(lo, Side::Above), (hi, Side::Below)] {
        let Some(bound) = bound else { continue };
        match step(ctx, y, bound, side)? {
            Some(step) => {
                mask = Some(match mask {
                    None => step,
                    Some(other) => ctx.mul(other, step)?,
                });
            }
            None => {
                let inside = ctx.compare(side.compare(), y, f64::from(bound))?;
                dx = ctx.mask(inside, dx)?;
            }
        }
    }
    match mask {
        Some(mask) => Ctx::one(ctx.mul(dx, mask)?),
        None => Ctx::one(dx),
    }
}

/// The side of a bound on which a gradient passes.
#[derive(Clone, Copy)]
enum Side {
    Above,
    Below,
}

impl Side {
    fn compare(self) -> Compare {
        match self {
            Self::Above => Compare::Greater,
            Self::Below => Compare::Less,
        }
    }
}

/// Returns 1 where y lies on the given side of `bound`, else 0, as a steep HardSigmoid: unlike a comparison it runs in
/// the blocked layout of ONNX Runtime's convolutions, which saves two conversions per activation. The slope is a power
/// of two, so that the products are exact and the step is too, but for y within 1e-37 of a bound of zero. `None` where
/// that does not hold.
fn step(ctx: &mut Ctx<'_>, y: ValueId, bound: f32, side: Side) -> Result<Option<ValueId>, RuleError> {
    /// 2^100.
    const STEEP: f32 = 1.267_650_6e30;
    if ctx.dtype(y) != DType::F32 {
        return Ok(None);
    }
    let slope = match bound.abs() {
        0.0 => STEEPEST,
        size if (1e-15..1e8).contains(&size) => STEEP,
        _ => return Ok(None),
    };
    let (alpha, beta) = match side {
        Side::Above => (slope, -bound * slope),
        Side::Below => (-slope, bound * slope),
    };
    let beta = if bound == 0.0 { AT_ZERO } else { beta };
    ctx.op(Op::HardSigmoid { alpha, beta }, &[y]).map(Some)
}

pub(super) fn leaky_relu(ctx: &mut Ctx<'_>, alpha: f32) -> Grads {
    let dy = ctx.dy()?;
    let sign = if alpha > 0.0 { ctx.y()? } else { ctx.x(0)? };
    let positive = ctx.compare(Compare::Greater, sign, 0.0)?;
    let small = ctx.scale(dy, f64::from(alpha))?;
    let dx = ctx.select(positive, dy, small)?;
    Ctx::one(dx)
}

pub(super) fn prelu(ctx: &mut Ctx<'_>) -> Grads {
    let (x, slope, dy) = (ctx.x(0)?, ctx.x(1)?, ctx.dy()?);
    let positive = ctx.compare(Compare::Greater, x, 0.0)?;
    let mut gradients = vec![None, None];
    if ctx.wants(0) {
        let small = ctx.mul(dy, slope)?;
        gradients[0] = Some(ctx.select(positive, dy, small)?);
    }
    if ctx.wants(1) {
        let product = ctx.mul(dy, x)?;
        let zero = ctx.scalar(dy, 0.0)?;
        let masked = ctx.select(positive, zero, product)?;
        gradients[1] = Some(ctx.unbroadcast(masked, slope)?);
    }
    Ok(gradients)
}

pub(super) fn elu(ctx: &mut Ctx<'_>, alpha: f32) -> Grads {
    let (x, y, dy) = (ctx.x(0)?, ctx.y()?, ctx.dy()?);
    let positive = ctx.compare(Compare::Greater, x, 0.0)?;
    let slope = ctx.shift(y, f64::from(alpha))?;
    let left = ctx.mul(dy, slope)?;
    Ctx::one(ctx.select(positive, dy, left)?)
}

pub(super) fn selu(ctx: &mut Ctx<'_>, alpha: f32, gamma: f32) -> Grads {
    let (x, dy) = (ctx.x(0)?, ctx.dy()?);
    let positive = ctx.compare(Compare::Greater, x, 0.0)?;
    let right = ctx.scale(dy, f64::from(gamma))?;
    let power = ctx.op(Op::Exp, &[x])?;
    let slope = ctx.scale(power, f64::from(alpha))?;
    let left = ctx.mul(right, slope)?;
    Ctx::one(ctx.select(positive, right, left)?)
}

pub(super) fn celu(ctx: &mut Ctx<'_>, alpha: f32) -> Grads {
    let (x, y, dy) = (ctx.x(0)?, ctx.y()?, ctx.dy()?);
    let positive = ctx.compare(Compare::Greater, x, 0.0)?;
    let divisor = ctx.scalar(y, f64::from(alpha))?;
    let scaled = ctx.div(y, divisor)?;
    let slope = ctx.shift(scaled, 1.0)?;
    let left = ctx.mul(dy, slope)?;
    Ctx::one(ctx.select(positive, dy, left)?)
}

pub(super) fn sigmoid(ctx: &mut Ctx<'_>) -> Grads {
    let (y, dy) = (ctx.y()?, ctx.dy()?);
    let rest = one_less(ctx, y)?;
    let slope = ctx.mul(y, rest)?;
    Ctx::one(ctx.mul(dy, slope)?)
}

/// Returns 1 - a for `a` in 0..1, in f32 as a HardSigmoid for the reason given at [`step`].
fn one_less(ctx: &mut Ctx<'_>, a: ValueId) -> Built {
    if ctx.dtype(a) == DType::F32 {
        return ctx.op(Op::HardSigmoid { alpha: -1.0, beta: 1.0 }, &[a]);
    }
    let one = ctx.scalar(a, 1.0)?;
    ctx.sub(one, a)
}

pub(super) fn hard_sigmoid(ctx: &mut Ctx<'_>, alpha: f32) -> Grads {
    let (y, dy) = (ctx.y()?, ctx.dy()?);
    let above = ctx.compare(Compare::Greater, y, 0.0)?;
    let below = ctx.compare(Compare::Less, y, 1.0)?;
    let inside = ctx.op(Op::And, &[above, below])?;
    let scaled = ctx.scale(dy, f64::from(alpha))?;
    let dx = ctx.mask(inside, scaled)?;
    Ctx::one(dx)
}

pub(super) fn hard_swish(ctx: &mut Ctx<'_>) -> Grads {
    let (x, dy) = (ctx.x(0)?, ctx.dy()?);
    let third = ctx.scale(x, 1.0 / 3.0)?;
    let ramp = ctx.shift(third, 0.5)?;
    let middle = ctx.mul(dy, ramp)?;
    let below = ctx.compare(Compare::Less, x, 3.0)?;
    let right = ctx.select(below, middle, dy)?;
    let above = ctx.compare(Compare::Greater, x, -3.0)?;
    let dx = ctx.mask(above, right)?;
    Ctx::one(dx)
}

pub(super) fn tanh(ctx: &mut Ctx<'_>) -> Grads {
    let (y, dy) = (ctx.y()?, ctx.dy()?);
    let square = ctx.mul(y, y)?;
    let slope = one_less(ctx, square)?;
    Ctx::one(ctx.mul(dy, slope)?)
}

pub(super) fn softplus(ctx: &mut Ctx<'_>) -> Grads {
    let (x, dy) = (ctx.x(0)?, ctx.dy()?);
    let slope = ctx.op(Op::Sigmoid, &[x])?;
    let dx = ctx.mul(dy, slope)?;
    Ctx::one(dx)
}

pub(super) fn softsign(ctx: &mut Ctx<'_>) -> Grads {
    let (x, dy) = (ctx.x(0)?, ctx.dy()?);
    let size = ctx.op(Op::Abs, &[x])?;
    let base = ctx.shift(size, 1.0)?;
    let square = ctx.mul(base, base)?;
    let dx = ctx.div(dy, square)?;
    Ctx::one(dx)
}

/// With `tanh`: y = x/2 (1 + t), t = tanh(u), u = a (x + 0.044715 x^3), a = sqrt(2/pi); the slope is
/// (1 + t)/2 + x/2 (1 - t^2) a (1 + 3 * 0.044715 x^2).
pub(super) fn gelu(ctx: &mut Ctx<'_>, tanh: bool) -> Grads {
    const CUBIC: f64 = 0.044_715;
    let (x, dy) = (ctx.x(0)?, ctx.dy()?);
    let square = ctx.mul(x, x)?;
    let slope = if tanh {
        let a = FRAC_2_SQRT_PI * FRAC_1_SQRT_2;
        let inner = ctx.scale(square, a * CUBIC)?;
        let inner = ctx.shift(inner, a)?;
        let u = ctx.mul(x, inner)?;
        let t = ctx.op(Op::Tanh, &[u])?;
        let slope_u = ctx.scale(square, 3.0 * a * CUBIC)?;
        let slope_u = ctx.shift(slope_u, a)?;
        let one = ctx.scalar(x, 1.0)?;
        let t_square = ctx.mul(t, t)?;
        let slope_t = ctx.sub(one, t_square)?;
        let bell = ctx.mul(slope_t, slope_u)?;
        let bell = ctx.mul(bell, x)?;
        let rest = ctx.add(t, one)?;
        let twice = ctx.add(bell, rest)?;
        ctx.scale(twice, 0.5)?
    } else {
        let scaled = ctx.scale(x, 1.0 / SQRT_2)?;
        let erf = ctx.op(Op::Erf, &[scaled])?;
        let phi = ctx.shift(erf, 1.0)?;
        let phi = ctx.scale(phi, 0.5)?;
        let exponent = ctx.scale(square, -0.5)?;
        let bell = ctx.op(Op::Exp, &[exponent])?;
        let bell = ctx.scale(bell, 0.5 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2)?;
        let bell = ctx.mul(x, bell)?;
        ctx.add(phi, bell)?
    };
    let dx = ctx.mul(dy, slope)?;
    Ctx::one(dx)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_step_at_zero_is_not_moved_by_its_offset() {
        let step = |y: f32, beta: f32| (super::STEEPEST * y + beta).clamp(0.0, 1.0);
        for y in [-1.0, -f32::MIN_POSITIVE, -0.0, 0.0, f32::from_bits(1), f32::MIN_POSITIVE / 2.0, f32::MIN_POSITIVE, 1e-30, 1.0, f32::MAX]
        {
            assert!(step(y, super::AT_ZERO) == step(y, 0.0), "{y}");
        }
        assert!(super::AT_ZERO < 0.0 && super::AT_ZERO.is_normal());
    }

    #[test]
    fn slopes_of_the_step_are_powers_of_two() {
        assert_eq!(super::STEEPEST, 2f32.powi(126));
        assert_eq!(1.267_650_6e30, 2f32.powi(100));
    }
}
