use brinell_graph::Op;

use super::{Builder, Inputs, Lowered, Operand};
use crate::curve::{
    Abs, Arctan, Curve, Elementwise, Elu, Erf, Exp, Gelu, HardSigmoid, HardSwish, Log, Reciprocal, Rounding, Sigmoid, Softplus, Softsign,
    Sqrt, Staircase, Tanh, Threshold,
};
use crate::map::Scale;
use crate::nonlinear::Nonlinear;
use crate::relu::Relu;

/// Functions of one number.
pub(super) fn lower(builder: &mut Builder, inputs: &Inputs<'_>) -> Option<Lowered> {
    let curve: Box<dyn Curve> = match inputs.op {
        Op::Relu => return Some(relu(builder, inputs, 0.0)),
        Op::LeakyRelu { alpha } => match f64::from(*alpha) {
            leak if (0.0..1.0).contains(&leak) => return Some(relu(builder, inputs, leak)),
            leak => return Some(Err(format!("its slope for negative values is {leak}"))),
        },
        Op::PRelu => return Some(prelu(builder, inputs)),
        Op::Abs => Box::new(Abs),
        Op::Sqrt => Box::new(Sqrt),
        Op::Exp => Box::new(Exp),
        Op::Log => Box::new(Log),
        Op::Erf => Box::new(Erf),
        Op::Reciprocal => Box::new(Reciprocal),
        Op::Sigmoid => Box::new(Sigmoid),
        Op::Tanh => Box::new(Tanh),
        Op::Atan => Box::new(Arctan),
        Op::Softplus => Box::new(Softplus),
        Op::Softsign => Box::new(Softsign),
        Op::Gelu { tanh } => Box::new(Gelu::new(*tanh)),
        Op::HardSwish => Box::new(HardSwish),
        Op::HardSigmoid { alpha, beta } if *alpha > 0.0 => Box::new(HardSigmoid::curve(f64::from(*alpha), f64::from(*beta))),
        Op::Clip { lo, hi } => {
            let (lo, hi) = (lo.map_or(f64::from(f32::MIN), f64::from), hi.map_or(f64::from(f32::MAX), f64::from));
            if lo > hi {
                return Some(Err(format!("its bounds {lo} and {hi} are in the wrong order")));
            }
            Box::new(Threshold::new(1.0, 0.0, lo, hi))
        }
        Op::Elu { alpha } if *alpha > 0.0 => Box::new(Elu { alpha: f64::from(*alpha), width: 1.0, gain: 1.0 }),
        Op::Celu { alpha } if *alpha > 0.0 => Box::new(Elu { alpha: f64::from(*alpha), width: f64::from(*alpha), gain: 1.0 }),
        Op::Selu { alpha, gamma } if *alpha > 0.0 && *gamma > 0.0 => {
            Box::new(Elu { alpha: f64::from(*alpha), width: 1.0, gain: f64::from(*gamma) })
        }
        Op::Floor => return Some(staircase(builder, inputs, Rounding::Floor)),
        Op::Ceil => return Some(staircase(builder, inputs, Rounding::Ceil)),
        Op::Round => return Some(staircase(builder, inputs, Rounding::Nearest)),
        Op::Sign => return Some(staircase(builder, inputs, Rounding::Sign)),
        _ => return None,
    };
    Some(variable(inputs).map(|(x, value)| vec![builder.nonlinear(vec![value], Elementwise::new(x.len(), curve), x.shape().to_vec())]))
}

fn variable(inputs: &Inputs<'_>) -> Result<(Operand, usize), String> {
    match inputs.get(0)? {
        x @ Operand::Variable(_, value) => Ok((x.clone(), *value)),
        Operand::Constant(..) => Err("its first input is a constant".to_owned()),
    }
}

fn layer(builder: &mut Builder, inputs: &Inputs<'_>, make: impl FnOnce(usize) -> Box<dyn Nonlinear>) -> Lowered {
    let (x, value) = variable(inputs)?;
    let op = make(x.len());
    Ok(vec![builder.push(vec![value], crate::network::Kind::Nonlinear(op), x.shape().to_vec())])
}

fn relu(builder: &mut Builder, inputs: &Inputs<'_>, leak: f64) -> Lowered {
    layer(builder, inputs, |n| Box::new(Relu::new(n, leak)))
}

fn staircase(builder: &mut Builder, inputs: &Inputs<'_>, rounding: Rounding) -> Lowered {
    let (lo, hi) = (f64::NEG_INFINITY, f64::INFINITY);
    layer(builder, inputs, |n| Box::new(Staircase { rounding, scales: vec![1.0; n], zeros: vec![0.0; n], lo, hi }))
}

/// x - (1 - slope) min(x, 0), with a slope for each element: relu(x) - slope relu(-x).
fn prelu(builder: &mut Builder, inputs: &Inputs<'_>) -> Lowered {
    let (x, value) = variable(inputs)?;
    let (slopes, shape, n) = (inputs.constant(1, "slope")?, x.shape().to_vec(), x.len());
    let of = super::layout::broadcast(inputs.get(1)?.shape(), &shape);
    let slopes: Vec<f64> = of.into_iter().map(|i| slopes[i as usize]).collect();
    if let [first, rest @ ..] = slopes.as_slice()
        && rest.iter().all(|s| s == first)
        && (0.0..1.0).contains(first)
    {
        return Ok(vec![builder.nonlinear(vec![value], Relu::new(n, *first), shape)]);
    }
    let turned = builder.scaled(&x, vec![-1.0; n]);
    let Operand::Variable(_, turned) = turned else { return Err("its first input is a constant".to_owned()) };
    let positive = builder.nonlinear(vec![value], Relu::new(n, 0.0), shape.clone());
    let negative = builder.nonlinear(vec![turned], Relu::new(n, 0.0), shape.clone());
    let (Operand::Variable(_, positive), Operand::Variable(_, negative)) = (positive, negative) else {
        return Err("no variable".to_owned());
    };
    let parts: Vec<(usize, Box<dyn crate::map::Map>)> =
        vec![(positive, Box::new(Scale::uniform(n, 1.0))), (negative, Box::new(Scale::new(slopes.into_iter().map(|s| -s).collect())))];
    Ok(vec![builder.affine(parts, vec![0.0; n], shape)])
}
