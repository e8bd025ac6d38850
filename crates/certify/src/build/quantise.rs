use brinell_graph::{DType, Op, Quant};

use super::{Builder, Inputs, Lowered, Operand};
use crate::curve::{Rounding, Staircase};

/// QuantizeLinear and DequantizeLinear, whose scales are constants.
pub(super) fn lower(builder: &mut Builder, inputs: &Inputs<'_>) -> Option<Lowered> {
    Some(match inputs.op {
        Op::Quant(Quant::QuantizeLinear { axis, to }) => quantise(builder, inputs, *axis, *to),
        Op::Quant(Quant::DequantizeLinear { axis }) => dequantise(builder, inputs, *axis),
        _ => return None,
    })
}

/// An entry for each element of a parameter that is one for all or runs along an axis.
fn spread(data: &[f64], shape: &[usize], axis: usize) -> Result<Vec<f64>, String> {
    let inner: usize = shape.iter().skip(axis + 1).product();
    match data.len() {
        1 => Ok(vec![data[0]; shape.iter().product()]),
        n if shape.get(axis) == Some(&n) => Ok((0..shape.iter().product()).map(|i| data[i / inner % n]).collect()),
        _ => Err("it has one scale per block".to_owned()),
    }
}

fn parameters(inputs: &Inputs<'_>, shape: &[usize], axis: usize) -> Result<(Vec<f64>, Vec<f64>), String> {
    let scales = spread(inputs.constant(1, "scale")?, shape, axis)?;
    let zeros = match inputs.optional(2) {
        Some(_) => spread(inputs.constant(2, "zero point")?, shape, axis)?,
        None => vec![0.0; scales.len()],
    };
    Ok((scales, zeros))
}

fn quantise(builder: &mut Builder, inputs: &Inputs<'_>, axis: usize, to: DType) -> Lowered {
    let Operand::Variable(shape, value) = inputs.get(0)?.clone() else { return Err("its operand is a constant".to_owned()) };
    let (lo, hi) = match to {
        DType::U8 => (0.0, 255.0),
        DType::I8 => (-128.0, 127.0),
        DType::U16 => (0.0, 65_535.0),
        DType::I16 => (-32_768.0, 32_767.0),
        other => return Err(format!("it rounds to {other:?}")),
    };
    let (scales, zeros) = parameters(inputs, &shape, axis)?;
    if scales.iter().any(|s| !(*s > 0.0 && s.is_finite())) {
        return Err("a scale is not positive".to_owned());
    }
    Ok(vec![builder.nonlinear(vec![value], Staircase { rounding: Rounding::Nearest, scales, zeros, lo, hi }, shape)])
}

fn dequantise(builder: &mut Builder, inputs: &Inputs<'_>, axis: usize) -> Lowered {
    let x = inputs.get(0)?.clone();
    let (scales, zeros) = parameters(inputs, x.shape(), axis)?;
    let shifts: Vec<f64> = scales.iter().zip(&zeros).map(|(s, z)| -s * z).collect();
    let y = builder.scaled(&x, scales);
    Ok(vec![builder.shifted(&y, &shifts)])
}
