//! Quantised operators: the shapes are those of the operator on real numbers.

use super::{Operands, Problem, show};
use crate::{DType, Dim, Op, Quant, Real, Shape};

type Dtypes = Vec<Option<DType>>;

/// Types that quantised numbers have.
fn quantised(dtype: DType) -> bool {
    matches!(dtype, DType::I8 | DType::U8 | DType::I16 | DType::U16)
}

fn real(quant: &Quant, operands: &Operands<'_>) -> Option<Real> {
    let ranks: Vec<Option<usize>> =
        (0..operands.len()).map(|i| operands.has(i).then(|| operands.shape(i).map_or(0, <[Dim]>::len))).collect();
    quant.real(&ranks)
}

pub(super) fn dtypes(quant: &Quant, operands: &Operands<'_>) -> Result<Dtypes, Problem> {
    match quant {
        Quant::QuantizeLinear { to, .. } if quantised(*to) => return Ok(vec![Some(*to)]),
        Quant::QuantizeLinear { to, .. } => return Err(format!("{to:?} is not a type for quantised numbers")),
        Quant::DequantizeLinear { .. } => return Ok(vec![operands.dtype(1)]),
        Quant::RoundToFloat { format } if crate::SmallFloat::of(*format).is_some() => return Ok(vec![operands.dtype(0)]),
        Quant::RoundToFloat { format } => return Err(format!("{format:?} is not a floating-point type with 4 or 8 bits")),
        Quant::DynamicQuantizeLinear => return Ok(vec![Some(DType::U8), Some(DType::F32), Some(DType::U8)]),
        Quant::ConvInteger(_) | Quant::MatMulInteger => return Ok(vec![Some(DType::I32)]),
        _ => {}
    }
    let Some(real) = real(quant, operands) else { return Ok(vec![None]) };
    for operand in &real.operands {
        if let Some(dtype) = operands.dtype(operand.value).filter(|&dtype| !quantised(dtype)) {
            return Err(format!("input {} has type {dtype:?}, which is not a type for quantised numbers", operand.value));
        }
    }
    let Some((_, zero)) = real.result else { return Ok(vec![Some(DType::F32)]) };
    let first = real.operands.first().and_then(|operand| operands.dtype(operand.value));
    Ok(vec![operands.dtype(zero).or(first)])
}

pub(super) fn shapes(quant: &Quant, operands: &Operands<'_>) -> Result<Vec<Option<Shape>>, Problem> {
    let x = operands.shape(0);
    match quant {
        Quant::QuantizeLinear { axis, .. } | Quant::DequantizeLinear { axis } => {
            if let (Some(x), Some(scale)) = (x, operands.shape(1)) {
                check_scale(x, scale, *axis)?;
            }
            return Ok(vec![x.map(<[Dim]>::to_vec)]);
        }
        Quant::RoundToFloat { .. } => return Ok(vec![x.map(<[Dim]>::to_vec)]),
        Quant::DynamicQuantizeLinear => return Ok(vec![x.map(<[Dim]>::to_vec), Some(Vec::new()), Some(Vec::new())]),
        _ => {}
    }
    let Some(real) = real(quant, operands) else { return Ok(vec![None]) };
    let values = real.operands.iter().map(|operand| operands.values.get(operand.value).copied().flatten()).collect();
    super::shapes(&real.op, &Operands { values })
}

/// A scale is a scalar or has an entry for each one along the axis.
fn check_scale(x: &[Dim], scale: &[Dim], axis: usize) -> Result<(), Problem> {
    match scale {
        [] | [Dim::Fixed(1)] => Ok(()),
        [n] => match x.get(axis) {
            Some(&d) if super::unify(d, *n).is_some() => Ok(()),
            _ => Err(format!("scale {} does not fit axis {axis} of {}", show(scale), show(x))),
        },
        _ => Err(format!("scale {} is for blocks, which are not supported", show(scale))),
    }
}

/// Returns `op` where it computes with real numbers, else the operator that a quantised one stands for with the shapes of
/// its operands.
pub(crate) fn plain(op: &Op, shapes: &[Option<Shape>]) -> Option<(Op, Vec<Option<Shape>>)> {
    let Op::Quant(quant) = op else { return None };
    let ranks: Vec<Option<usize>> = shapes.iter().map(|shape| shape.as_ref().map(Vec::len)).collect();
    let real = quant.real(&ranks)?;
    let operands = real.operands.iter().map(|operand| shapes.get(operand.value).cloned().flatten()).collect();
    Some((real.op, operands))
}
