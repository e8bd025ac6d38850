//! Normalisation.
//!
//! With h the normalised x, s its deviation and g = dy * scale. BatchNormalization (inference, mean and variance are
//! inputs): dx = g / s, dscale = sum(dy h), dbias = sum(dy), dmean = -sum(g) / s, dvar = -sum(g h) / 2 s^2. Layer and
//! instance normalisation: dx = (g - mean(g) - h mean(g h)) / s, dscale = sum(dy h), dbias = sum(dy).

use brinell_graph::{Dim, Op, Reduce, ValueId};

use crate::ctx::{Built, Ctx, Grads, RuleError};

pub(super) fn batch(ctx: &mut Ctx<'_>, epsilon: f32) -> Grads {
    let (x, scale, mean, var, dy) = (ctx.x(0)?, ctx.x(1)?, ctx.x(3)?, ctx.x(4)?, ctx.dy()?);
    let rank = ctx.rank(x)?;
    let mut gradients = vec![None; 5];
    if ctx.wants(0) {
        // The layer itself without its offsets, so that it stays in the blocked layout of ONNX Runtime's convolutions.
        let zeros = ctx.zeros_like(scale)?;
        gradients[0] = Some(ctx.op(Op::BatchNormalization { epsilon }, &[dy, scale, zeros, zeros, var])?);
    }
    let others: Vec<usize> = (0..rank).filter(|&axis| axis != 1).collect();
    if ctx.wants(1) || ctx.wants(4) {
        let mean = per_channel(ctx, mean, rank)?;
        let centred = ctx.sub(x, mean)?;
        let product = ctx.mul(dy, centred)?;
        let summed = ctx.sum(product, &others, false)?;
        let deviation = deviation(ctx, var, epsilon)?;
        let along = ctx.div(summed, deviation)?;
        gradients[1] = Some(along);
        if ctx.wants(4) {
            let variance = ctx.mul(deviation, deviation)?;
            let factor = ctx.div(scale, variance)?;
            let product = ctx.mul(along, factor)?;
            gradients[4] = Some(ctx.scale(product, -0.5)?);
        }
    }
    if ctx.wants(2) || ctx.wants(3) {
        let summed = ctx.sum(dy, &others, false)?;
        gradients[2] = Some(summed);
        if ctx.wants(3) {
            let deviation = deviation(ctx, var, epsilon)?;
            let factor = ctx.div(scale, deviation)?;
            let product = ctx.mul(summed, factor)?;
            gradients[3] = Some(ctx.neg(product)?);
        }
    }
    Ok(gradients)
}

pub(super) fn layer(ctx: &mut Ctx<'_>, axis: usize, epsilon: f32) -> Grads {
    let (x, scale) = (ctx.x(0)?, ctx.x(1)?);
    let axes: Vec<usize> = (axis..ctx.rank(x)?).collect();
    normalised(ctx, &axes, epsilon, scale)
}

pub(super) fn instance(ctx: &mut Ctx<'_>, epsilon: f32) -> Grads {
    let (x, scale) = (ctx.x(0)?, ctx.x(1)?);
    let rank = ctx.rank(x)?;
    let axes: Vec<usize> = (2..rank).collect();
    let scale = per_channel(ctx, scale, rank)?;
    normalised(ctx, &axes, epsilon, scale)
}

fn normalised(ctx: &mut Ctx<'_>, axes: &[usize], epsilon: f32, scale: ValueId) -> Grads {
    let (x, dy) = (ctx.x(0)?, ctx.dy()?);
    let mean = ctx.reduce(Reduce::Mean, x, axes, true)?;
    let centred = ctx.sub(x, mean)?;
    let square = ctx.mul(centred, centred)?;
    let var = ctx.reduce(Reduce::Mean, square, axes, true)?;
    let deviation = deviation(ctx, var, epsilon)?;
    let unit = ctx.div(centred, deviation)?;
    let mut gradients = vec![None; 3];
    if ctx.wants(0) {
        let g = ctx.mul(dy, scale)?;
        let mean_g = ctx.reduce(Reduce::Mean, g, axes, true)?;
        let product = ctx.mul(g, unit)?;
        let mean_product = ctx.reduce(Reduce::Mean, product, axes, true)?;
        let along = ctx.mul(unit, mean_product)?;
        let rest = ctx.sub(g, mean_g)?;
        let rest = ctx.sub(rest, along)?;
        gradients[0] = Some(ctx.div(rest, deviation)?);
    }
    if ctx.wants(1) {
        let product = ctx.mul(dy, unit)?;
        gradients[1] = Some(parameter(ctx, product, scale, 1)?);
    }
    if ctx.wants(2) {
        gradients[2] = Some(parameter(ctx, dy, scale, 2)?);
    }
    Ok(gradients)
}

/// Sums to the form in which the parameter was broadcast, then to its own shape.
fn parameter(ctx: &mut Ctx<'_>, gradient: ValueId, broadcast: ValueId, input: usize) -> Built {
    let summed = ctx.unbroadcast(gradient, broadcast)?;
    let own = ctx.x(input)?;
    let shape = ctx.shape(own)?;
    ctx.reshape(summed, shape)
}

fn deviation(ctx: &mut Ctx<'_>, var: ValueId, epsilon: f32) -> Result<ValueId, RuleError> {
    let shifted = ctx.shift(var, f64::from(epsilon))?;
    ctx.op(Op::Sqrt, &[shifted])
}

/// Returns a vector `[C]` as `[C, 1, ..]`, so that it broadcasts along the channels of a tensor of `rank` axes.
fn per_channel(ctx: &mut Ctx<'_>, vector: ValueId, rank: usize) -> Built {
    let channels = ctx.shape(vector)?.first().copied().unwrap_or(Dim::Fixed(1));
    let mut shape = vec![Dim::Fixed(1); rank - 1];
    shape[0] = channels;
    ctx.reshape(vector, shape)
}
