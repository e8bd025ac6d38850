use brinell_graph::{Op, PadMode};

use super::{Call, Lowered, Operand, Reader};
use crate::number::Interval;

/// Operators that move elements: Reshape, Transpose, Concat, Split, Slice, Gather, Pad, Expand and their like.
pub(super) fn lower(reader: &mut Reader, call: &Call<'_>) -> Option<Lowered> {
    Some(match call.op {
        Op::Identity | Op::Reshape { .. } | Op::Squeeze { .. } | Op::Unsqueeze { .. } => same(call),
        Op::Cast { to } if to.is_float() && call.is_float => same(call),
        Op::Transpose { perm } => with(call, |x, shape| {
            let from = strides(x.shape());
            reader.moved(x, shape, |index| Some(perm.iter().zip(index).map(|(&axis, &i)| from[axis] * i).sum()))
        }),
        Op::Expand { .. } => with(call, |x, shape| {
            let at = repeating(x.shape(), shape.len());
            reader.moved(x, shape, |index| Some(index.iter().zip(&at).map(|(i, stride)| i * stride).sum()))
        }),
        Op::Slice { axes, starts, steps, .. } => with(call, |x, shape| {
            let from = strides(x.shape());
            reader.moved(x, shape, |index| {
                let mut source: Vec<i64> = index.iter().map(|&i| i as i64).collect();
                for ((&axis, start), step) in axes.iter().zip(starts).zip(steps) {
                    source[axis] = start + source[axis] * step;
                }
                // What lies outside is refused as too large.
                source.iter().zip(&from).try_fold(0, |at, (&i, stride)| Some(at + usize::try_from(i).ok()? * stride)).or(Some(usize::MAX))
            })
        }),
        Op::Gather { axis } => gather(reader, call, *axis),
        Op::Split { axis, sizes } => split(reader, call, *axis, sizes),
        Op::Concat { axis } => concat(reader, call, *axis),
        Op::Pad { mode: PadMode::Constant, pads } => pad(reader, call, pads),
        _ => return None,
    })
}

/// Calls `visit` with every index of a shape, in order.
pub(super) fn each_index(shape: &[usize], mut visit: impl FnMut(&[usize]) -> Result<(), String>) -> Result<(), String> {
    let mut index = vec![0; shape.len()];
    for _ in 0..shape.iter().product::<usize>() {
        visit(&index)?;
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            if index[axis] < shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    Ok(())
}

/// How far the neighbours along each axis are from each other.
pub(super) fn strides(shape: &[usize]) -> Vec<usize> {
    (0..shape.len()).map(|axis| shape[axis + 1..].iter().product()).collect()
}

/// The strides of a shape that is repeated to a larger one of so many axes.
pub(super) fn repeating(shape: &[usize], axes: usize) -> Vec<usize> {
    let own = strides(shape).into_iter().zip(shape).map(|(stride, &n)| if n == 1 { 0 } else { stride });
    std::iter::repeat_n(0, axes.saturating_sub(shape.len())).chain(own).collect()
}

fn with(call: &Call<'_>, lower: impl FnOnce(&Operand, Vec<usize>) -> Lowered) -> Lowered {
    lower(call.get(0)?, call.shape()?)
}

fn same(call: &Call<'_>) -> Lowered {
    let (x, shape) = (call.get(0)?, call.shape()?);
    if x.len() == shape.iter().product() {
        Ok(vec![x.clone().reshaped(shape)])
    } else {
        Err("it changes the number of elements".to_owned())
    }
}

fn gather(reader: &mut Reader, call: &Call<'_>, axis: usize) -> Lowered {
    let (x, shape, picks) = (call.get(0)?, call.shape()?, call.constant(1)?);
    let n = *x.shape().get(axis).ok_or_else(|| "its axis is not there".to_owned())?;
    let inner: usize = x.shape()[axis + 1..].iter().product();
    let mut at = 0;
    reader.moved(x, shape, |_| {
        let (outer, pick, rest) = (at / (picks.len() * inner), picks[at / inner % picks.len()].lo, at % inner);
        at += 1;
        let pick = if pick < 0.0 { pick + n as f64 } else { pick };
        Some(if pick >= 0.0 && pick < n as f64 { (outer * n + pick as usize) * inner + rest } else { usize::MAX })
    })
}

fn split(reader: &mut Reader, call: &Call<'_>, axis: usize, sizes: &[usize]) -> Lowered {
    let x = call.get(0)?;
    let from = strides(x.shape());
    let mut start = 0;
    let mut outputs = Vec::new();
    for &size in sizes {
        let mut shape = x.shape().to_vec();
        *shape.get_mut(axis).ok_or_else(|| "its axis is not there".to_owned())? = size;
        let begin = start * from[axis];
        outputs.extend(reader.moved(x, shape, |index| Some(begin + index.iter().zip(&from).map(|(i, stride)| i * stride).sum::<usize>()))?);
        start += size;
    }
    Ok(outputs)
}

fn concat(reader: &mut Reader, call: &Call<'_>, axis: usize) -> Lowered {
    let (operands, shape) = (call.all()?, call.shape()?);
    let from: Vec<Vec<usize>> = operands.iter().map(|operand| strides(operand.shape())).collect();
    reader
        .rows(&operands, shape.clone(), 0, |rows| {
            each_index(&shape, |index| {
                let (mut k, mut along) = (0, index[axis]);
                while k < operands.len() && along >= operands[k].shape()[axis] {
                    along -= operands[k].shape()[axis];
                    k += 1;
                }
                let Some(from) = from.get(k) else { return Err("its operands do not fill it".to_owned()) };
                let at = index.iter().enumerate().map(|(a, &i)| from[a] * if a == axis { along } else { i }).sum();
                rows.term(k, at, Interval::point(1.0));
                rows.end();
                Ok(())
            })
        })
        .map(|y| vec![y])
}

fn pad(reader: &mut Reader, call: &Call<'_>, pads: &[i64]) -> Lowered {
    let (x, shape) = (call.get(0)?, call.shape()?);
    let value = if call.operands.get(1).is_some_and(Option::is_some) { call.constant(1)?.first().copied() } else { None };
    let value = value.unwrap_or(Interval::ZERO);
    let (from, operands) = (strides(x.shape()), [x]);
    reader
        .rows(&operands, shape.clone(), 0, |rows| {
            each_index(&shape, |index| {
                let inside = |axis: usize| usize::try_from(index[axis] as i64 - pads[axis]).ok().filter(|&i| i < x.shape()[axis]);
                match (0..index.len()).try_fold(0, |at, axis| Some(at + inside(axis)? * from[axis])) {
                    Some(at) => rows.term(0, at, Interval::point(1.0)),
                    None => rows.constant(value),
                }
                rows.end();
                Ok(())
            })
        })
        .map(|y| vec![y])
}
