use brinell_graph::{DType, Op, Operand, Quant, Real, SmallFloat};

use super::{Context, Outputs, dispatch};
use crate::Array;

/// Evaluates quantised operators: to real numbers, the operator on these, and back.
pub(super) fn eval(op: &Op, cx: &Context<'_>) -> Option<Outputs> {
    let Op::Quant(quant) = op else { return None };
    Some(match quant {
        Quant::QuantizeLinear { axis, to } => {
            cx.input(0).and_then(|x| Ok(vec![quantise(x, cx.input(1)?, cx.optional(2), *axis, range(*to)?)]))
        }
        Quant::DequantizeLinear { axis } => cx.input(0).and_then(|q| Ok(vec![dequantise(q, Some(cx.input(1)?), cx.optional(2), *axis)])),
        Quant::RoundToFloat { format } => cx.input(0).and_then(|x| {
            let format = SmallFloat::of(*format).ok_or_else(|| format!("{format:?} is no small float"))?;
            Ok(vec![x.map(|v| format.round(v))])
        }),
        Quant::DynamicQuantizeLinear => cx.input(0).map(dynamic),
        other => {
            let ranks: Vec<Option<usize>> = cx.inputs.iter().map(|x| x.map(Array::rank)).collect();
            other.real(&ranks).ok_or_else(|| "no semantics".to_owned()).and_then(|real| through(&real, cx))
        }
    })
}

fn range(dtype: DType) -> Result<(f64, f64), String> {
    Ok(match dtype {
        DType::I8 => (-128.0, 127.0),
        DType::U8 => (0.0, 255.0),
        DType::I16 => (-32_768.0, 32_767.0),
        DType::U16 => (0.0, 65_535.0),
        other => return Err(format!("{other:?} holds no quantised numbers")),
    })
}

/// Returns the parameter of the element at an index; a list runs along `axis`.
fn parameter(list: &Array, axis: usize, at: &[usize]) -> f64 {
    if list.data.len() == 1 { list.data[0] } else { list.data[at[axis]] }
}

fn quantise(x: &Array, scale: &Array, zero: Option<&Array>, axis: usize, (lo, hi): (f64, f64)) -> Array {
    Array::from_fn(&x.shape, |at| {
        let zero = zero.map_or(0.0, |zero| parameter(zero, axis, at));
        ((x.at(at) / parameter(scale, axis, at)).round_ties_even() + zero).clamp(lo, hi)
    })
}

fn dequantise(q: &Array, scale: Option<&Array>, zero: Option<&Array>, axis: usize) -> Array {
    Array::from_fn(&q.shape, |at| {
        let zero = zero.map_or(0.0, |zero| parameter(zero, axis, at));
        (q.at(at) - zero) * scale.map_or(1.0, |scale| parameter(scale, axis, at))
    })
}

/// The range covers the data and zero.
fn dynamic(x: &Array) -> Vec<Array> {
    let (lo, hi) = x.data.iter().fold((0.0f64, 0.0f64), |(lo, hi), &v| (lo.min(v), hi.max(v)));
    let scale = Array::scalar((hi - lo) / 255.0);
    let zero = Array::scalar((-lo / scale.data[0]).round_ties_even().clamp(0.0, 255.0));
    vec![quantise(x, &scale, Some(&zero), 0, (0.0, 255.0)), scale, zero]
}

fn through(real: &Real, cx: &Context<'_>) -> Outputs {
    let part = |operand: &Operand| {
        let q = cx.input(operand.value)?;
        let axis = q.rank().saturating_sub(operand.axis_from_end);
        let scale = operand.scale.map(|i| cx.input(i)).transpose()?;
        Ok(dequantise(q, scale, cx.optional(operand.zero), axis))
    };
    let operands = real.operands.iter().map(part).collect::<Result<Vec<Array>, String>>()?;
    let inner = Context { inputs: operands.iter().map(Some).collect(), dtypes: vec![Some(DType::F32); operands.len()], batch: cx.batch };
    let mut y = dispatch(&real.op, &inner)?.into_iter().next().ok_or("no output")?;
    if let Some(bias) = real.bias.and_then(|i| cx.optional(i)) {
        y = with_bias(&y, bias, real, cx)?;
    }
    let Some((scale, zero)) = real.result else { return Ok(vec![y]) };
    let dtype = real.operands.first().and_then(|operand| cx.dtypes.get(operand.value).copied().flatten());
    let dtype = cx.dtypes.get(zero).copied().flatten().or(dtype).ok_or("the type of the result is not known")?;
    Ok(vec![quantise(&y, cx.input(scale)?, cx.optional(zero), 0, range(dtype)?)])
}

/// A bias is in units of the product of the operands' scales (and the factor of a Gemm): along the channels of a
/// convolution, along the columns of a product.
fn with_bias(y: &Array, bias: &Array, real: &Real, cx: &Context<'_>) -> Result<Array, String> {
    let scales = real.operands.iter().filter_map(|operand| operand.scale).map(|i| cx.input(i)).collect::<Result<Vec<_>, _>>()?;
    let (axis, factor) = match real.op {
        Op::Conv(_) => (1, 1.0),
        Op::Gemm { alpha, .. } => (y.rank().saturating_sub(1), f64::from(alpha)),
        _ => return Err("no bias is known".to_owned()),
    };
    Ok(Array::from_fn(&y.shape, |at| {
        let unit: f64 = scales.iter().map(|scale| parameter(scale, axis, at)).product();
        let bias = if bias.rank() == 1 { parameter(bias, axis, at) } else { bias.broadcast_at(at) };
        y.at(at) + factor * unit * bias
    }))
}
