use brinell_graph::{ConvAttrs, ConvTransposeAttrs, Op};

use super::{Context, Outputs};
use crate::Array;
use crate::array::{broadcast_shape, for_each_index};

/// Evaluates convolutions and matrix products.
pub(super) fn eval(op: &Op, cx: &Context<'_>) -> Option<Outputs> {
    Some(match op {
        Op::Conv(attrs) => conv(attrs, cx),
        Op::ConvTranspose(attrs) => conv_transpose(attrs, cx),
        Op::Gemm { alpha, beta, trans_a, trans_b } => gemm(f64::from(*alpha), f64::from(*beta), *trans_a, *trans_b, cx),
        Op::MatMul => matmul(cx),
        _ => return None,
    })
}

fn conv(attrs: &ConvAttrs, cx: &Context<'_>) -> Outputs {
    let (x, w, bias) = (cx.input(0)?, cx.input(1)?, cx.optional(2));
    let n_spatial = attrs.kernel.len();
    if x.rank() != n_spatial + 2 || w.rank() != n_spatial + 2 || w.shape[2..] != attrs.kernel {
        return Err(format!("x {:?} and w {:?} do not fit a kernel of {:?}", x.shape, w.shape, attrs.kernel));
    }
    let (out_channels, in_group) = (w.shape[0], w.shape[1]);
    if x.shape[1] != in_group * attrs.groups || !out_channels.is_multiple_of(attrs.groups) {
        return Err(format!("x {:?} and w {:?} do not fit {} groups", x.shape, w.shape, attrs.groups));
    }
    let out_group = out_channels / attrs.groups;
    let mut shape = vec![x.shape[0], out_channels];
    for i in 0..n_spatial {
        let padded = x.shape[i + 2] + attrs.pads[i] + attrs.pads[i + n_spatial];
        let window = (attrs.kernel[i] - 1) * attrs.dilations[i] + 1;
        let room = padded.checked_sub(window).ok_or_else(|| format!("kernel larger than padded input {:?}", x.shape))?;
        shape.push(room / attrs.strides[i] + 1);
    }
    let mut taps = attrs.kernel.clone();
    taps.insert(0, in_group);
    let mut at = vec![0; n_spatial + 2];
    let mut weight = vec![0; n_spatial + 2];
    Ok(vec![Array::from_fn(&shape, |out| {
        let mut sum = bias.map_or(0.0, |b| b.data[out[1]]);
        at[0] = out[0];
        weight[0] = out[1];
        for_each_index(&taps, |tap| {
            at[1] = out[1] / out_group * in_group + tap[0];
            weight[1..].copy_from_slice(tap);
            for i in 0..n_spatial {
                let position = out[i + 2] * attrs.strides[i] + tap[i + 1] * attrs.dilations[i];
                match position.checked_sub(attrs.pads[i]).filter(|&p| p < x.shape[i + 2]) {
                    Some(p) => at[i + 2] = p,
                    None => return,
                }
            }
            sum += x.at(&at) * w.at(&weight);
        });
        sum
    })])
}

fn conv_transpose(attrs: &ConvTransposeAttrs, cx: &Context<'_>) -> Outputs {
    let (x, w, bias) = (cx.input(0)?, cx.input(1)?, cx.optional(2));
    let n_spatial = attrs.kernel.len();
    if x.rank() != n_spatial + 2 || w.rank() != n_spatial + 2 || w.shape[2..] != attrs.kernel || x.shape[1] != w.shape[0] {
        return Err(format!("x {:?} and w {:?} do not fit a kernel of {:?}", x.shape, w.shape, attrs.kernel));
    }
    let in_group = x.shape[1] / attrs.groups;
    let out_group = w.shape[1];
    let mut shape = vec![x.shape[0], out_group * attrs.groups];
    for i in 0..n_spatial {
        let full = (x.shape[i + 2] - 1) * attrs.strides[i] + (attrs.kernel[i] - 1) * attrs.dilations[i] + 1 + attrs.output_padding[i];
        let cut = attrs.pads[i] + attrs.pads[i + n_spatial];
        shape.push(full.checked_sub(cut).ok_or_else(|| format!("pads cut away all of x {:?}", x.shape))?);
    }
    let mut y = match bias {
        Some(b) => Array::from_fn(&shape, |out| b.data[out[1]]),
        None => Array::full(&shape, 0.0),
    };
    let mut taps = attrs.kernel.clone();
    taps.insert(0, out_group);
    let mut to = vec![0; n_spatial + 2];
    let mut weight = vec![0; n_spatial + 2];
    for_each_index(&x.shape, |from| {
        to[0] = from[0];
        weight[0] = from[1];
        for_each_index(&taps, |tap| {
            to[1] = from[1] / in_group * out_group + tap[0];
            weight[1..].copy_from_slice(tap);
            for i in 0..n_spatial {
                let position = from[i + 2] * attrs.strides[i] + tap[i + 1] * attrs.dilations[i];
                match position.checked_sub(attrs.pads[i]).filter(|&p| p < shape[i + 2]) {
                    Some(p) => to[i + 2] = p,
                    None => return,
                }
            }
            let at = y.offset(&to);
            y.data[at] += x.at(from) * w.at(&weight);
        });
    });
    Ok(vec![y])
}

fn gemm(alpha: f64, beta: f64, trans_a: bool, trans_b: bool, cx: &Context<'_>) -> Outputs {
    let (a, b, c) = (cx.input(0)?, cx.input(1)?, cx.optional(2));
    if a.rank() != 2 || b.rank() != 2 {
        return Err(format!("operands {:?} and {:?} are not matrices", a.shape, b.shape));
    }
    let pick = |x: &Array, trans: bool, i: usize, j: usize| if trans { x.at(&[j, i]) } else { x.at(&[i, j]) };
    let (m, k) = if trans_a { (a.shape[1], a.shape[0]) } else { (a.shape[0], a.shape[1]) };
    let (k_b, n) = if trans_b { (b.shape[1], b.shape[0]) } else { (b.shape[0], b.shape[1]) };
    if k != k_b || c.is_some_and(|c| broadcast_shape(&[&c.shape, &[m, n]]) != Some(vec![m, n])) {
        return Err(format!("operands {:?} and {:?} do not fit", a.shape, b.shape));
    }
    Ok(vec![Array::from_fn(&[m, n], |at| {
        let product: f64 = (0..k).map(|i| pick(a, trans_a, at[0], i) * pick(b, trans_b, i, at[1])).sum();
        alpha * product + c.map_or(0.0, |c| beta * c.broadcast_at(at))
    })])
}

fn matmul(cx: &Context<'_>) -> Outputs {
    let (a, b) = (cx.input(0)?, cx.input(1)?);
    if a.rank() == 0 || b.rank() == 0 {
        return Err("an operand is a scalar".to_owned());
    }
    // A vector on the left is a row, on the right a column; the axis goes again at the end.
    let (mut left, mut right) = (a.clone(), b.clone());
    if a.rank() == 1 {
        left.shape.insert(0, 1);
    }
    if b.rank() == 1 {
        right.shape.push(1);
    }
    let (l, r) = (left.rank() - 2, right.rank() - 2);
    let batch = broadcast_shape(&[&left.shape[..l], &right.shape[..r]]);
    let fits = left.shape[l + 1] == right.shape[r];
    let mut shape = batch.filter(|_| fits).ok_or_else(|| format!("operands {:?} and {:?} do not fit", a.shape, b.shape))?;
    let n_batch = shape.len();
    shape.extend([left.shape[l], right.shape[r + 1]]);
    let k = left.shape[l + 1];
    let mut y = Array::from_fn(&shape, |at| {
        let (mut i, mut j) = (at.to_vec(), at.to_vec());
        let mut sum = 0.0;
        for n in 0..k {
            i[n_batch + 1] = n;
            j[n_batch] = n;
            sum += left.broadcast_at(&i) * right.broadcast_at(&j);
        }
        sum
    });
    if b.rank() == 1 {
        y.shape.pop();
    }
    if a.rank() == 1 {
        y.shape.remove(n_batch);
    }
    Ok(vec![y])
}
