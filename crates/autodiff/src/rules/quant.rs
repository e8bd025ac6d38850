//! Quantised operators: straight through the rounding, zero outside the range.
//!
//! The cotangent of a quantised value is that of its integers q, which stand for s (q - z). QuantizeLinear: dy / s where
//! the rounded number lies in the range. DequantizeLinear: dy s. RoundToFloat: dy where the number lies in the range. DynamicQuantizeLinear: dy / s, its range covers the data
//! and s counts as a constant. The others compute f with real numbers: dx = s_x f'(dy / s_y), where y stands inside its
//! range.

use brinell_graph::{Compare, DType, Node, Op, Operand, Quant, Real, SmallFloat, ValueId};

use crate::ctx::{Built, Ctx, Grads, unsupported};

pub(super) fn quantised(ctx: &mut Ctx<'_>, quant: &Quant) -> Grads {
    match quant {
        Quant::QuantizeLinear { axis, to } => quantize(ctx, *axis, *to),
        Quant::DequantizeLinear { axis } => {
            let (Some(q), Some(scale)) = (ctx.opt(0), ctx.opt(1)) else { return unsupported("an operand is missing") };
            let (scale, dy) = (ctx.along(scale, q, *axis)?, ctx.dy()?);
            Ctx::one(ctx.mul(dy, scale)?)
        }
        Quant::RoundToFloat { format } => {
            let (x, dy) = (ctx.x(0)?, ctx.dy()?);
            let Some(format) = SmallFloat::of(*format) else { return unsupported("its range is unknown") };
            let max = f64::from(format.max);
            let (above, below) = (ctx.compare(Compare::GreaterOrEqual, x, -max)?, ctx.compare(Compare::LessOrEqual, x, max)?);
            let inside = ctx.op(Op::And, &[above, below])?;
            Ctx::one(ctx.mask(inside, dy)?)
        }
        Quant::DynamicQuantizeLinear => {
            let Some(scale) = ctx.node.outputs.get(1).copied().flatten() else { return unsupported("its scale has no name") };
            let dy = ctx.dy()?;
            Ctx::one(ctx.div(dy, scale)?)
        }
        other => {
            let ranks: Vec<Option<usize>> =
                ctx.node.inputs.iter().map(|id| id.and_then(|id| ctx.graph.shape(id)).map(<[_]>::len)).collect();
            match other.real(&ranks) {
                Some(real) => through(ctx, &real),
                None => unsupported("no rule"),
            }
        }
    }
}

/// Least and greatest number of a quantised type.
fn range(dtype: DType) -> Option<(f64, f64)> {
    Some(match dtype {
        DType::I8 => (f64::from(i8::MIN), f64::from(i8::MAX)),
        DType::U8 => (f64::from(u8::MIN), f64::from(u8::MAX)),
        DType::I16 => (f64::from(i16::MIN), f64::from(i16::MAX)),
        DType::U16 => (f64::from(u16::MIN), f64::from(u16::MAX)),
        _ => return None,
    })
}

fn quantize(ctx: &mut Ctx<'_>, axis: usize, to: DType) -> Grads {
    let (x, dy) = (ctx.x(0)?, ctx.dy()?);
    let (Some(scale), zero, Some((lo, hi))) = (ctx.opt(1), ctx.opt(2), range(to)) else { return unsupported("its range is unknown") };
    let scale = ctx.along(scale, x, axis)?;
    let steps = ctx.div(x, scale)?;
    let mut q = ctx.op(Op::Round, &[steps])?;
    if let Some(zero) = zero {
        let zero = ctx.along(zero, x, axis)?;
        q = ctx.add(q, zero)?;
    }
    let above = ctx.compare(Compare::GreaterOrEqual, q, lo)?;
    let below = ctx.compare(Compare::LessOrEqual, q, hi)?;
    let inside = ctx.op(Op::And, &[above, below])?;
    let slope = ctx.div(dy, scale)?;
    Ctx::one(ctx.mask(inside, slope)?)
}

/// Applies the rule of the operator on real numbers between the scales of the result and of the operands.
fn through(ctx: &mut Ctx<'_>, real: &Real) -> Grads {
    let mut operands = Vec::with_capacity(real.operands.len());
    for operand in &real.operands {
        operands.push(real_operand(ctx, operand)?);
    }
    let cotangent = result(ctx, real)?;
    let output = match real.op {
        // Their slope is that at the operand, not at what the rounding makes of it.
        Op::Sigmoid | Op::Softmax { .. } | Op::LeakyRelu { .. } => ctx.op(real.op.clone(), &operands)?,
        // The rules of the others look at its shape alone.
        _ => ctx.node.outputs.first().copied().flatten().map_or_else(|| unsupported("the output is unnamed"), |y| ctx.widened(y))?,
    };
    let node = Node {
        name: ctx.node.name.clone(),
        op: real.op.clone(),
        inputs: operands.into_iter().map(Some).collect(),
        outputs: vec![Some(output)],
    };
    let wanted: Vec<bool> = real.operands.iter().map(|operand| ctx.wants(operand.value)).collect();
    let mut inner = Ctx {
        graph: &mut *ctx.graph,
        node: &node,
        cotangents: &[Some(cotangent)],
        wanted: &wanted,
        scalars: &mut *ctx.scalars,
        views: &mut *ctx.views,
    };
    let gradients = super::apply(&mut inner)?;
    let mut all = vec![None; ctx.node.inputs.len()];
    for (operand, gradient) in real.operands.iter().zip(gradients) {
        let (Some(gradient), Some(slot)) = (gradient, all.get_mut(operand.value)) else { continue };
        *slot = Some(match (operand.scale.and_then(|i| ctx.opt(i)), ctx.opt(operand.value)) {
            (Some(scale), Some(value)) => {
                let axis = axis(ctx, value, operand)?;
                let scale = ctx.along(scale, value, axis)?;
                ctx.mul(gradient, scale)?
            }
            _ => gradient,
        });
    }
    Ok(all)
}

fn axis(ctx: &Ctx<'_>, value: ValueId, operand: &Operand) -> Result<usize, crate::ctx::RuleError> {
    Ok(ctx.rank(value)?.saturating_sub(operand.axis_from_end))
}

fn real_operand(ctx: &mut Ctx<'_>, operand: &Operand) -> Built {
    let Some(value) = ctx.opt(operand.value) else { return unsupported("an operand is missing") };
    let axis = axis(ctx, value, operand)?;
    let (scale, zero) = (operand.scale.and_then(|i| ctx.opt(i)), ctx.opt(operand.zero));
    ctx.dequantised((value, scale, zero, axis))
}

/// Returns the cotangent of the real number of the result, which is zero where the result stands at an end of its range.
fn result(ctx: &mut Ctx<'_>, real: &Real) -> Built {
    let dy = ctx.dy()?;
    let Some((scale, _)) = real.result else { return Ok(dy) };
    let Some(y) = ctx.node.outputs.first().copied().flatten() else { return unsupported("the output is unnamed") };
    let Some(scale) = ctx.opt(scale) else { return unsupported("the scale of its result is missing") };
    let Some((lo, hi)) = ctx.graph.value(y).dtype.and_then(range) else { return unsupported("its range is unknown") };
    let q = ctx.widened(y)?;
    let (above, below) = (ctx.compare(Compare::Greater, q, lo)?, ctx.compare(Compare::Less, q, hi)?);
    let inside = ctx.op(Op::And, &[above, below])?;
    let scale = ctx.widened(scale)?;
    let slope = ctx.div(dy, scale)?;
    ctx.mask(inside, slope)
}
