use brinell_graph::Op;

use super::{Builder, Inputs, Lowered, Operand, layout};
use crate::curve::{Elementwise, Power, Reciprocal, RootReciprocal, Silu, Sqrt};
use crate::largest::LargestOf;
use crate::map::{Map, Pick, Scale};
use crate::network::Kind;
use crate::product::Product;

/// Add, Sub, Mul, Div, Sum, Mean, Max, Min, Pow, Neg.
pub(super) fn lower(builder: &mut Builder, inputs: &Inputs<'_>) -> Option<Lowered> {
    Some(match inputs.op {
        Op::Add => sum(builder, inputs, &[1.0, 1.0]),
        Op::Sub => sum(builder, inputs, &[1.0, -1.0]),
        Op::Sum => sum(builder, inputs, &vec![1.0; inputs.operands.len()]),
        Op::Mean => sum(builder, inputs, &vec![1.0 / inputs.operands.len() as f64; inputs.operands.len()]),
        Op::Neg => inputs.get(0).cloned().map(|x| vec![builder.scaled(&x, vec![-1.0; x.len()])]),
        Op::Mul => product(builder, inputs),
        Op::Div => quotient(builder, inputs),
        Op::Pow => power(builder, inputs),
        Op::Max => extreme(builder, inputs, 1.0),
        Op::Min => extreme(builder, inputs, -1.0),
        _ => return None,
    })
}

fn same_shape(builder: &mut Builder, inputs: &Inputs<'_>) -> Result<(Vec<Operand>, Vec<usize>), String> {
    let operands = inputs.all()?;
    let shapes: Vec<&[usize]> = operands.iter().map(Operand::shape).collect();
    let shape = layout::common(&shapes).ok_or_else(|| "the shapes of its operands do not fit".to_owned())?;
    Ok((operands.iter().map(|operand| builder.broadcast(operand, &shape)).collect(), shape))
}

fn sum(builder: &mut Builder, inputs: &Inputs<'_>, factors: &[f64]) -> Lowered {
    let (operands, shape) = same_shape(builder, inputs)?;
    let n = shape.iter().product();
    let mut bias = vec![0.0; n];
    let mut variables = Vec::new();
    for (operand, &factor) in operands.iter().zip(factors) {
        match operand {
            Operand::Constant(_, data) => bias.iter_mut().zip(data).for_each(|(b, x)| *b += factor * x),
            Operand::Variable(..) => variables.push((operand, factor)),
        }
    }
    if let [(only, 1.0)] = variables.as_slice() {
        return Ok(vec![builder.shifted(only, &bias)]);
    }
    let part = |(operand, factor): (&Operand, f64)| -> Option<(usize, Box<dyn Map>)> {
        if let Operand::Variable(_, value) = operand { Some((*value, Box::new(Scale::uniform(n, factor)))) } else { None }
    };
    let parts = variables.into_iter().filter_map(part).collect();
    Ok(vec![builder.affine(parts, bias, shape)])
}

fn product(builder: &mut Builder, inputs: &Inputs<'_>) -> Lowered {
    let (operands, shape) = same_shape(builder, inputs)?;
    let [a, b] = operands.as_slice() else { return Err("it needs two operands".to_owned()) };
    Ok(vec![match (a, b) {
        (Operand::Constant(_, factors), x) | (x, Operand::Constant(_, factors)) => builder.scaled(x, factors.clone()),
        (Operand::Variable(_, i), Operand::Variable(_, j)) => multiply(builder, *i, *j, &shape),
    }])
}

/// The product of two variables of one shape, element by element; where it is one curve of one variable, that curve.
pub(super) fn multiply(builder: &mut Builder, i: usize, j: usize, shape: &[usize]) -> Operand {
    let n: usize = shape.iter().product();
    if i == j {
        return builder.nonlinear(vec![i], Elementwise::new(n, Box::new(Power::new(2.0))), shape.to_vec());
    }
    for (x, gate) in [(i, j), (j, i)] {
        if let Some(curve) = gated(builder, x, gate) {
            return builder.nonlinear(vec![x], Elementwise::new(n, curve), shape.to_vec());
        }
    }
    let pairs = (0..n as u32).map(|k| (k, k)).collect();
    builder.nonlinear(vec![i, j], Product::new(pairs), shape.to_vec())
}

/// Recognises x times the sigmoid of x.
fn gated(builder: &Builder, x: usize, gate: usize) -> Option<Box<dyn crate::curve::Curve>> {
    let layer = builder.layers.get(gate.checked_sub(1)?)?;
    let Kind::Nonlinear(op) = &layer.kind else { return None };
    let is_sigmoid = layer.inputs == [x] && op.curve_name() == Some("Sigmoid");
    is_sigmoid.then(|| Box::new(Silu::new()) as Box<dyn crate::curve::Curve>)
}

fn quotient(builder: &mut Builder, inputs: &Inputs<'_>) -> Lowered {
    let (operands, shape) = same_shape(builder, inputs)?;
    let [a, b] = operands.as_slice() else { return Err("it needs two operands".to_owned()) };
    if !inputs.floats.first().copied().unwrap_or(true) {
        return Err("whole numbers are divided".to_owned());
    }
    if let Operand::Constant(_, divisors) = b {
        return Ok(vec![builder.scaled(a, divisors.iter().map(|d| 1.0 / d).collect())]);
    }
    let n = shape.iter().product();
    let Operand::Variable(_, divisor) = b else { return Err("it needs two operands".to_owned()) };
    // A square root that nothing else reads is divided by at once.
    let root = builder.layers.get(divisor.wrapping_sub(1)).filter(|layer| match &layer.kind {
        Kind::Nonlinear(op) => op.curve_name() == Some("Sqrt"),
        Kind::Affine(_) => false,
    });
    let inverse = match root.map(|layer| layer.inputs[0]) {
        Some(radicand) => builder.nonlinear(vec![radicand], Elementwise::new(n, Box::new(RootReciprocal)), shape.clone()),
        None => builder.nonlinear(vec![*divisor], Elementwise::new(n, Box::new(Reciprocal)), shape.clone()),
    };
    Ok(vec![match (a, &inverse) {
        (Operand::Constant(_, factors), _) => builder.scaled(&inverse, factors.clone()),
        (Operand::Variable(_, i), Operand::Variable(_, j)) => multiply(builder, *i, *j, &shape),
        _ => return Err("it needs two operands".to_owned()),
    }])
}

fn power(builder: &mut Builder, inputs: &Inputs<'_>) -> Lowered {
    let (x, exponents) = (inputs.get(0)?.clone(), inputs.constant(1, "exponent")?);
    let first = exponents.first().copied().ok_or_else(|| "it has no exponent".to_owned())?;
    if exponents.iter().any(|e| *e != first) {
        return Err("its exponents differ".to_owned());
    }
    let Operand::Variable(shape, value) = &x else { return Err("its base is a constant".to_owned()) };
    let curve: Box<dyn crate::curve::Curve> = match first {
        1.0 => return Ok(vec![x]),
        0.5 => Box::new(Sqrt),
        -1.0 => Box::new(Reciprocal),
        -0.5 => Box::new(RootReciprocal),
        e if e.is_finite() && e != 0.0 => Box::new(Power::new(e)),
        e => return Err(format!("its exponent is {e}")),
    };
    Ok(vec![builder.nonlinear(vec![*value], Elementwise::new(x.len(), curve), shape.clone())])
}

/// The largest (or, with `sign` -1, the smallest) of several operands.
fn extreme(builder: &mut Builder, inputs: &Inputs<'_>, sign: f64) -> Lowered {
    let (operands, shape) = same_shape(builder, inputs)?;
    let n: usize = shape.iter().product();
    let (mut parts, mut bias): (Vec<(usize, Box<dyn Map>)>, _) = (Vec::new(), vec![0.0; n * operands.len()]);
    for (k, operand) in operands.iter().enumerate() {
        match operand {
            Operand::Constant(_, data) => (0..n).for_each(|i| bias[k * n + i] = sign * data[i]),
            Operand::Variable(_, value) => {
                let at = |row: usize| if row / n == k { vec![((row % n) as u32, sign)] } else { Vec::new() };
                if sign > 0.0 {
                    let from = |row: usize| if row / n == k { (row % n) as u32 } else { crate::map::NOTHING };
                    parts.push((*value, Box::new(Pick::new((0..n * operands.len()).map(from).collect(), n))));
                } else {
                    parts.push((*value, Box::new(crate::map::Sparse::new((0..n * operands.len()).map(at).collect(), n))));
                }
            }
        }
    }
    let stacked = builder.affine(parts, bias, vec![operands.len(), n]);
    let Operand::Variable(_, value) = stacked else { return Err("its operands are constants".to_owned()) };
    let groups = (0..n).map(|i| (0..operands.len()).map(|k| (k * n + i) as u32).collect()).collect();
    let largest = builder.nonlinear(vec![value], LargestOf::new(groups), shape);
    Ok(vec![if sign > 0.0 { largest } else { builder.scaled(&largest, vec![-1.0; n]) }])
}
