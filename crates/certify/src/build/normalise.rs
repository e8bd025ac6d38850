use brinell_graph::Op;

use super::arithmetic::multiply;
use super::reduce::{groups, sums};
use super::{Builder, Inputs, Lowered, Operand};
use crate::curve::{Elementwise, Exp, Log, Power, Reciprocal, RootReciprocal};
use crate::map::Sparse;

/// Softmax, LogSoftmax, LayerNormalization, InstanceNormalization: in pieces.
pub(super) fn lower(builder: &mut Builder, inputs: &Inputs<'_>) -> Option<Lowered> {
    Some(match inputs.op {
        Op::Softmax { axis } => softmax(builder, inputs, *axis, false),
        Op::LogSoftmax { axis } => softmax(builder, inputs, *axis, true),
        Op::LayerNormalization { axis, epsilon } => layer_normalization(builder, inputs, *axis, f64::from(*epsilon)),
        Op::InstanceNormalization { epsilon } => instance_normalization(builder, inputs, f64::from(*epsilon)),
        _ => return None,
    })
}

fn variable(operand: &Operand) -> Result<usize, String> {
    match operand {
        Operand::Variable(_, value) => Ok(*value),
        Operand::Constant(..) => Err("its operand is a constant".to_owned()),
    }
}

/// 1 / (1 + sum over the others of exp(x_j - x_i)), in which every step is monotone; with `log` the negative logarithm of the sum.
///
/// # Source
/// Wei et al., "Convex Bounds on the Softmax Function with Applications to Robustness Verification", AISTATS 2023: the form by differences.
fn softmax(builder: &mut Builder, inputs: &Inputs<'_>, axis: usize, log: bool) -> Lowered {
    let x = inputs.get(0)?.clone();
    variable(&x)?;
    let shape = x.shape().to_vec();
    let groups = groups(&shape, &[axis]);
    let (mut differences, mut rows) = (Vec::new(), vec![Vec::new(); x.len()]);
    for group in &groups {
        for &i in group {
            for &j in group.iter().filter(|&&j| j != i) {
                rows[i as usize].push((differences.len() as u32, 1.0));
                differences.push(vec![(j, 1.0), (i, -1.0)]);
            }
        }
    }
    let n = differences.len();
    let apart = builder.mapped(&x, Sparse::new(differences, x.len()), vec![n]);
    let exponentials = builder.nonlinear(vec![variable(&apart)?], Elementwise::new(n, Box::new(Exp)), vec![n]);
    let others = builder.mapped(&exponentials, Sparse::new(rows, n), shape.clone());
    let total = builder.shifted(&others, &vec![1.0; x.len()]);
    let curve: Box<dyn crate::curve::Curve> = if log { Box::new(Log) } else { Box::new(Reciprocal) };
    let y = builder.nonlinear(vec![variable(&total)?], Elementwise::new(x.len(), curve), shape);
    Ok(vec![if log { builder.scaled(&y, vec![-1.0; x.len()]) } else { y }])
}

/// Subtracts the mean of each group and divides by its standard deviation.
fn standardised(builder: &mut Builder, x: &Operand, groups: &[Vec<u32>], epsilon: f64) -> Result<Operand, String> {
    let (n, shape) = (x.len(), x.shape().to_vec());
    let mut rows = vec![Vec::new(); n];
    let mut group_of = vec![0_u32; n];
    for (g, group) in groups.iter().enumerate() {
        let share = 1.0 / group.len() as f64;
        for &i in group {
            group_of[i as usize] = g as u32;
            rows[i as usize] = group.iter().map(|&j| (j, if i == j { 1.0 - share } else { -share })).collect();
        }
    }
    let centred = builder.mapped(x, Sparse::new(rows, n), shape.clone());
    let centred_value = variable(&centred)?;
    let squares = builder.nonlinear(vec![centred_value], Elementwise::new(n, Box::new(Power::new(2.0))), shape.clone());
    let variance = builder.mapped(&squares, sums(groups, |group| 1.0 / group.len() as f64, n), vec![groups.len()]);
    let variance = builder.shifted(&variance, &vec![epsilon; groups.len()]);
    let inverse =
        builder.nonlinear(vec![variable(&variance)?], Elementwise::new(groups.len(), Box::new(RootReciprocal)), vec![groups.len()]);
    let spread = builder.picked(&inverse, group_of, shape.clone());
    Ok(multiply(builder, centred_value, variable(&spread)?, &shape))
}

fn layer_normalization(builder: &mut Builder, inputs: &Inputs<'_>, axis: usize, epsilon: f64) -> Lowered {
    let x = inputs.get(0)?.clone();
    let axes: Vec<usize> = (axis..x.shape().len()).collect();
    let y = standardised(builder, &x, &groups(x.shape(), &axes), epsilon)?;
    let along = |i: usize, what: &str| -> Result<Vec<f64>, String> {
        let data = inputs.constant(i, what)?;
        Ok((0..x.len()).map(|at| data[at % data.len()]).collect())
    };
    let scaled = builder.scaled(&y, along(1, "scale")?);
    Ok(vec![if inputs.optional(2).is_some() { builder.shifted(&scaled, &along(2, "bias")?) } else { scaled }])
}

fn instance_normalization(builder: &mut Builder, inputs: &Inputs<'_>, epsilon: f64) -> Lowered {
    let x = inputs.get(0)?.clone();
    let axes: Vec<usize> = (2..x.shape().len()).collect();
    let y = standardised(builder, &x, &groups(x.shape(), &axes), epsilon)?;
    let (scale, bias) = (inputs.constant(1, "scale")?, inputs.constant(2, "bias")?);
    let plane = x.len() / scale.len().max(1);
    let scaled = builder.scaled(&y, (0..x.len()).map(|i| scale[i / plane]).collect());
    Ok(vec![builder.shifted(&scaled, &(0..x.len()).map(|i| bias[i / plane]).collect::<Vec<_>>())])
}
