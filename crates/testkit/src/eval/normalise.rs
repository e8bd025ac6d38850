use brinell_graph::Op;

use super::{Context, Outputs};
use crate::Array;

/// Evaluates normalisations and softmax.
pub(super) fn eval(op: &Op, cx: &Context<'_>) -> Option<Outputs> {
    Some(match *op {
        Op::BatchNormalization { epsilon } => batch_normalization(f64::from(epsilon), cx),
        Op::LayerNormalization { axis, epsilon } => layer_normalization(axis, f64::from(epsilon), cx),
        Op::InstanceNormalization { epsilon } => instance_normalization(f64::from(epsilon), cx),
        Op::Softmax { axis } => softmax(axis, cx, |x, max, sum| (x - max).exp() / sum),
        Op::LogSoftmax { axis } => softmax(axis, cx, |x, max, sum| x - max - sum.ln()),
        _ => return None,
    })
}

fn batch_normalization(epsilon: f64, cx: &Context<'_>) -> Outputs {
    let x = cx.input(0)?;
    let (scale, bias, mean, var) = (cx.input(1)?, cx.input(2)?, cx.input(3)?, cx.input(4)?);
    let channels = x.shape.get(1).copied().unwrap_or(1);
    if [scale, bias, mean, var].iter().any(|p| p.data.len() != channels) {
        return Err(format!("parameters do not fit x {:?}", x.shape));
    }
    Ok(vec![Array::from_fn(&x.shape, |at| {
        let c = at.get(1).copied().unwrap_or(0);
        (x.at(at) - mean.data[c]) / (var.data[c] + epsilon).sqrt() * scale.data[c] + bias.data[c]
    })])
}

fn layer_normalization(axis: usize, epsilon: f64, cx: &Context<'_>) -> Outputs {
    let (x, scale, bias) = (cx.input(0)?, cx.input(1)?, cx.optional(2));
    let standard = standardise(x, axis, epsilon)?;
    Ok(vec![Array::from_fn(&x.shape, |at| standard.at(at) * scale.broadcast_at(at) + bias.map_or(0.0, |b| b.broadcast_at(at)))])
}

fn instance_normalization(epsilon: f64, cx: &Context<'_>) -> Outputs {
    let (x, scale, bias) = (cx.input(0)?, cx.input(1)?, cx.input(2)?);
    let standard = standardise(x, 2, epsilon)?;
    Ok(vec![Array::from_fn(&x.shape, |at| standard.at(at) * scale.data[at[1]] + bias.data[at[1]])])
}

/// Returns x with mean 0 and variance 1 over the axes from `axis` on.
fn standardise(x: &Array, axis: usize, epsilon: f64) -> Result<Array, String> {
    let n: usize = x.shape.get(axis..).ok_or("axis out of range")?.iter().product();
    let mut y = x.clone();
    for row in y.data.chunks_mut(n.max(1)) {
        let mean = row.iter().sum::<f64>() / n as f64;
        let var = row.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n as f64;
        for v in row {
            *v = (*v - mean) / (var + epsilon).sqrt();
        }
    }
    Ok(y)
}

fn softmax(axis: usize, cx: &Context<'_>, f: impl Fn(f64, f64, f64) -> f64) -> Outputs {
    let x = cx.input(0)?;
    let n = *x.shape.get(axis).ok_or("axis out of range")?;
    Ok(vec![Array::from_fn(&x.shape, |at| {
        let mut along = at.to_vec();
        let line: Vec<f64> = (0..n)
            .map(|i| {
                along[axis] = i;
                x.at(&along)
            })
            .collect();
        let max = line.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        f(x.at(at), max, line.iter().map(|v| (v - max).exp()).sum())
    })])
}
