use brinell_graph::{Op, Reduce};

use super::layout::{each_index, repeating, strides};
use super::{Call, Lowered, Operand, Reader, Rows};
use crate::number::Interval;

/// Sums, products with constants, Gemm, MatMul, BatchNormalization, sums and means along axes.
pub(super) fn lower(reader: &mut Reader, call: &Call<'_>) -> Option<Lowered> {
    Some(match call.op {
        Op::Add | Op::Sum => sum(reader, call, &vec![Interval::point(1.0); call.operands.len()]),
        Op::Sub => sum(reader, call, &[Interval::point(1.0), Interval::point(-1.0)]),
        Op::Neg => sum(reader, call, &[Interval::point(-1.0)]),
        Op::Mul => product(reader, call),
        Op::Div => quotient(reader, call),
        Op::Gemm { alpha, beta, trans_a, trans_b } => {
            gemm(reader, call, [*alpha, *beta].map(|x| Interval::point(f64::from(x))), *trans_a, *trans_b)
        }
        Op::MatMul => matmul(reader, call),
        Op::BatchNormalization { epsilon } => batch_normalization(reader, call, Interval::point(f64::from(*epsilon))),
        Op::Reduce { kind: Reduce::Sum, axes, .. } => along(reader, call, axes, false),
        Op::Reduce { kind: Reduce::Mean, axes, .. } => along(reader, call, axes, true),
        _ => return None,
    })
}

/// Operands repeated to the shape of the result, each with a factor.
fn sum(reader: &mut Reader, call: &Call<'_>, factors: &[Interval]) -> Lowered {
    let (operands, shape) = (call.all()?, call.shape()?);
    let at: Vec<Vec<usize>> = operands.iter().map(|operand| repeating(operand.shape(), shape.len())).collect();
    reader
        .rows(&operands, shape.clone(), 0, |rows| {
            each_index(&shape, |index| {
                for (k, (at, &factor)) in at.iter().zip(factors).enumerate() {
                    rows.term(k, index.iter().zip(at).map(|(i, stride)| i * stride).sum(), factor);
                }
                rows.end();
                Ok(())
            })
        })
        .map(|y| vec![y])
}

fn product(reader: &mut Reader, call: &Call<'_>) -> Lowered {
    let (a, b) = (call.get(0)?, call.get(1)?);
    match (a.constant(), b.constant()) {
        (_, Some(factors)) => scaled(reader, call, a, b.shape(), factors),
        (Some(factors), _) => scaled(reader, call, b, a.shape(), factors),
        _ => Err("both of its inputs depend on the network's".to_owned()),
    }
}

fn quotient(reader: &mut Reader, call: &Call<'_>) -> Lowered {
    if !call.is_float {
        return Err("whole numbers are divided".to_owned());
    }
    let factors: Vec<Interval> = call.constant(1)?.iter().map(|d| d.inverse()).collect();
    scaled(reader, call, call.get(0)?, call.get(1)?.shape(), &factors)
}

fn scaled(reader: &mut Reader, call: &Call<'_>, x: &Operand, shape: &[usize], factors: &[Interval]) -> Lowered {
    let (operands, result) = ([x], call.shape()?);
    let (of_x, of_factor) = (repeating(x.shape(), result.len()), repeating(shape, result.len()));
    reader
        .rows(&operands, result.clone(), 2, |rows| {
            each_index(&result, |index| {
                let at = |strides: &[usize]| index.iter().zip(strides).map(|(i, stride)| i * stride).sum::<usize>();
                rows.term(0, at(&of_x), factors[at(&of_factor)]);
                rows.end();
                Ok(())
            })
        })
        .map(|y| vec![y])
}

/// Adds the products of a row and a column: `a(k)` and `b(k)` are elements of operands 0 and 1, one of which is a constant.
fn inner(rows: &mut Rows<'_>, n: usize, factor: Interval, a: impl Fn(usize) -> usize, b: impl Fn(usize) -> usize) -> Result<(), String> {
    match (rows.operands[0], rows.operands[1]) {
        (_, Operand::Constant(_, w)) => (0..n).for_each(|k| rows.term(0, a(k), factor * w[b(k)])),
        (Operand::Constant(_, w), _) => (0..n).for_each(|k| rows.term(1, b(k), factor * w[a(k)])),
        _ => return Err("both of its inputs depend on the network's".to_owned()),
    }
    Ok(())
}

fn gemm(reader: &mut Reader, call: &Call<'_>, [alpha, beta]: [Interval; 2], trans_a: bool, trans_b: bool) -> Lowered {
    let (operands, shape) = (call.all()?, call.shape()?);
    let (&[_, n], [a0, a1], &[_, b1]) = (shape.as_slice(), operands[0].shape().to_vec().try_into().unwrap_or([0; 2]), operands[1].shape())
    else {
        return Err("its operands are no matrices".to_owned());
    };
    let inner_size = if trans_a { a0 } else { a1 };
    let of_c = operands.get(2).map(|c| repeating(c.shape(), 2));
    reader
        .rows(&operands, shape.clone(), 2, |rows| {
            each_index(&shape, |index| {
                let (m, col) = (index[0], index[1]);
                let a = |k: usize| if trans_a { k * a1 + m } else { m * a1 + k };
                let b = |k: usize| if trans_b { col * b1 + k } else { k * n + col };
                inner(rows, inner_size, alpha, a, b)?;
                if let Some(of_c) = &of_c {
                    rows.term(2, m * of_c[0] + col * of_c[1], beta);
                }
                rows.end();
                Ok(())
            })
        })
        .map(|y| vec![y])
}

fn matmul(reader: &mut Reader, call: &Call<'_>) -> Lowered {
    let (operands, shape) = (call.all()?, call.shape()?);
    let (a, b) = (operands[0].shape().to_vec(), operands[1].shape().to_vec());
    if a.len() < 2 || b.len() < 2 || shape.len() < 2 {
        return Err("an operand is a vector".to_owned());
    }
    let size = a[a.len() - 1];
    if b[b.len() - 2] != size {
        return Err("its operands do not fit together".to_owned());
    }
    let (of_a, of_b) = (repeating(&a, shape.len()), repeating(&b, shape.len()));
    let (row_a, step_b, n) = (size, b[b.len() - 1], shape.len());
    reader
        .rows(&operands, shape.clone(), 0, |rows| {
            each_index(&shape, |index| {
                let blocks = |strides: &[usize]| index[..n - 2].iter().zip(strides).map(|(i, stride)| i * stride).sum::<usize>();
                let (begin_a, begin_b) = (blocks(&of_a) + index[n - 2] * row_a, blocks(&of_b) + index[n - 1]);
                inner(rows, size, Interval::point(1.0), |k| begin_a + k, |k| begin_b + k * step_b)?;
                rows.end();
                Ok(())
            })
        })
        .map(|y| vec![y])
}

fn batch_normalization(reader: &mut Reader, call: &Call<'_>, epsilon: Interval) -> Lowered {
    let (x, shape) = (call.get(0)?, call.shape()?);
    let (scale, bias, mean, variance) = (call.constant(1)?, call.constant(2)?, call.constant(3)?, call.constant(4)?);
    let channels = shape.get(1).copied().unwrap_or(0);
    if [scale, bias, mean, variance].iter().any(|list| list.len() != channels) {
        return Err("its parameters do not fit its input".to_owned());
    }
    let factors: Vec<Interval> = (0..channels).map(|c| scale[c] * (variance[c] + epsilon).root().inverse()).collect();
    let (operands, from) = ([x], strides(&shape));
    reader
        .rows(&operands, shape.clone(), 6, |rows| {
            each_index(&shape, |index| {
                let c = index[1];
                rows.term(0, index.iter().zip(&from).map(|(i, stride)| i * stride).sum(), factors[c]);
                rows.constant(bias[c]);
                rows.constant(-(mean[c] * factors[c]));
                rows.end();
                Ok(())
            })
        })
        .map(|y| vec![y])
}

/// Sums or means along axes.
fn along(reader: &mut Reader, call: &Call<'_>, axes: &[usize], mean: bool) -> Lowered {
    let (x, shape) = (call.get(0)?, call.shape()?);
    let from = strides(x.shape());
    let split =
        |inside: bool| (0..from.len()).filter(|axis| axes.contains(axis) == inside).map(|axis| (x.shape()[axis], from[axis])).unzip();
    let ((kept, of_kept), (summed, of_summed)): ((Vec<_>, Vec<_>), (Vec<_>, Vec<_>)) = (split(false), split(true));
    let at = |index: &[usize], strides: &[usize]| index.iter().zip(strides).map(|(i, stride)| i * stride).sum::<usize>();
    let factor = if mean { Interval::point(summed.iter().product::<usize>() as f64).inverse() } else { Interval::point(1.0) };
    let operands = [x];
    reader
        .rows(&operands, shape, 2, |rows| {
            each_index(&kept, |index| {
                let begin = at(index, &of_kept);
                each_index(&summed, |index| {
                    rows.term(0, begin + at(index, &of_summed), factor);
                    Ok(())
                })?;
                rows.end();
                Ok(())
            })
        })
        .map(|y| vec![y])
}
