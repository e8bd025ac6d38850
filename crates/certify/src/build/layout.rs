use brinell_graph::{Op, PadMode};

use super::{Builder, Inputs, Lowered, Operand};
use crate::map::{NOTHING, Pick};

/// Reshape, Transpose, Concat, Split, Slice, Gather, Pad, Expand and their like.
pub(super) fn lower(builder: &mut Builder, inputs: &Inputs<'_>) -> Option<Lowered> {
    Some(match inputs.op {
        Op::Identity | Op::Reshape { .. } | Op::Squeeze { .. } | Op::Unsqueeze { .. } => {
            inputs.get(0).cloned().and_then(|x| Ok(vec![x.reshaped(inputs.shape(0)?.to_vec())]))
        }
        Op::Cast { to } if to.is_float() && inputs.floats.first().copied().unwrap_or(true) => inputs.get(0).cloned().map(|x| vec![x]),
        Op::Transpose { perm } => moved(builder, inputs, |index, shape| {
            let mut source = vec![0; shape.len()];
            perm.iter().zip(index).for_each(|(&axis, &i)| source[axis] = i);
            Some(source)
        }),
        Op::Expand { .. } => inputs.get(0).cloned().and_then(|x| Ok(vec![builder.broadcast(&x, inputs.shape(0)?)])),
        Op::Tile { .. } => moved(builder, inputs, |index, shape| Some(index.iter().zip(shape).map(|(i, n)| i % n).collect())),
        Op::Slice { axes, starts, steps, .. } => moved(builder, inputs, |index, _| {
            let mut source = index.to_vec();
            for ((&axis, &start), &step) in axes.iter().zip(starts).zip(steps) {
                source[axis] = usize::try_from(start + index[axis] as i64 * step).ok()?;
            }
            Some(source)
        }),
        Op::Pad { mode, pads } => pad(builder, inputs, *mode, pads),
        Op::DepthToSpace { block, column_row_depth } => moved(builder, inputs, |index, shape| {
            let &[n, c, y, x] = index else { return None };
            let (by, bx, depth) = (y % block, x % block, shape[1] / (block * block));
            let channel = if *column_row_depth { c * block * block + by * block + bx } else { (by * block + bx) * depth + c };
            Some(vec![n, channel, y / block, x / block])
        }),
        Op::SpaceToDepth { block } => moved(builder, inputs, |index, shape| {
            let &[n, c, y, x] = index else { return None };
            let (offset, channel) = (c / shape[1], c % shape[1]);
            Some(vec![n, channel, y * block + offset / block, x * block + offset % block])
        }),
        Op::Gather { axis } => gather(builder, inputs, *axis),
        Op::Split { axis, sizes } => split(builder, inputs, *axis, sizes),
        Op::Concat { axis } => concat(builder, inputs, *axis),
        _ => return None,
    })
}

/// Calls `f` with every index of a shape, in order.
pub(super) fn each_index(shape: &[usize], mut f: impl FnMut(&[usize])) {
    let mut index = vec![0; shape.len()];
    for _ in 0..shape.iter().product::<usize>() {
        f(&index);
        for (i, &n) in index.iter_mut().zip(shape).rev() {
            *i += 1;
            if *i < n {
                break;
            }
            *i = 0;
        }
    }
}

/// The position of an index in a shape.
pub(super) fn position(index: &[usize], shape: &[usize]) -> usize {
    index.iter().zip(shape).fold(0, |at, (&i, &n)| at * n + i)
}

/// The shape that all broadcast to.
pub(super) fn common(shapes: &[&[usize]]) -> Option<Vec<usize>> {
    let rank = shapes.iter().map(|s| s.len()).max()?;
    let mut out = vec![1; rank];
    for shape in shapes {
        for (o, &n) in out[rank - shape.len()..].iter_mut().zip(*shape) {
            match (*o, n) {
                (a, b) if a == b => {}
                (1, n) => *o = n,
                (_, 1) => {}
                _ => return None,
            }
        }
    }
    Some(out)
}

/// For each element of the larger shape the element that stands there.
pub(super) fn broadcast(from: &[usize], to: &[usize]) -> Vec<u32> {
    let mut out = Vec::with_capacity(to.iter().product());
    let skip = to.len().saturating_sub(from.len());
    each_index(to, |index| {
        let at = index[skip..].iter().zip(from).fold(0, |at, (&i, &n)| at * n + if n == 1 { 0 } else { i });
        out.push(at as u32);
    });
    out
}

/// Each element of the result is the element of the first input at the index that `source` says.
fn moved(builder: &mut Builder, inputs: &Inputs<'_>, source: impl Fn(&[usize], &[usize]) -> Option<Vec<usize>>) -> Lowered {
    let (x, shape) = (inputs.get(0)?.clone(), inputs.shape(0)?.to_vec());
    let mut from = Vec::with_capacity(shape.iter().product());
    each_index(&shape, |index| from.push(source(index, x.shape()).map(|at| position(&at, x.shape()))));
    let from: Option<Vec<u32>> = from.into_iter().map(|at| at.filter(|&at| at < x.len()).map(|at| at as u32)).collect();
    let from = from.ok_or_else(|| "its indices are out of range".to_owned())?;
    Ok(vec![builder.picked(&x, from, shape)])
}

fn pad(builder: &mut Builder, inputs: &Inputs<'_>, mode: PadMode, pads: &[i64]) -> Lowered {
    let (x, shape) = (inputs.get(0)?.clone(), inputs.shape(0)?.to_vec());
    let value = match inputs.optional(1) {
        Some(_) => inputs.constant(1, "value")?.first().copied().unwrap_or(0.0),
        None => 0.0,
    };
    let mut from = Vec::with_capacity(shape.iter().product());
    each_index(&shape, |index| {
        let mut at = Some(0_usize);
        for (axis, &i) in index.iter().enumerate() {
            let n = x.shape()[axis] as i64;
            let i = i as i64 - pads[axis];
            let i = match mode {
                PadMode::Constant => i,
                PadMode::Edge => i.clamp(0, n - 1),
                PadMode::Wrap => i.rem_euclid(n),
                PadMode::Reflect if n > 1 => {
                    let i = i.rem_euclid(2 * (n - 1));
                    i.min(2 * (n - 1) - i)
                }
                PadMode::Reflect => 0,
            };
            at = at.filter(|_| (0..n).contains(&i)).map(|at| at * n as usize + i as usize);
        }
        from.push(at.map_or(NOTHING, |at| at as u32));
    });
    let outside: Vec<f64> = from.iter().map(|&f| if f == NOTHING { value } else { 0.0 }).collect();
    Ok(vec![match &x {
        Operand::Variable(_, input) => {
            let map = Pick::new(from, x.len());
            builder.affine(vec![(*input, Box::new(map))], outside, shape)
        }
        Operand::Constant(..) => return Err("it pads a constant".to_owned()),
    }])
}

fn gather(builder: &mut Builder, inputs: &Inputs<'_>, axis: usize) -> Lowered {
    let (x, indices) = (inputs.get(0)?.clone(), inputs.get(1)?.clone());
    let picks = inputs.constant(1, "indices")?;
    let n = *x.shape().get(axis).ok_or_else(|| "its axis does not exist".to_owned())?;
    let (outer, inner): (usize, usize) = (x.shape()[..axis].iter().product(), x.shape()[axis + 1..].iter().product());
    let mut from = Vec::new();
    for o in 0..outer {
        for &pick in picks {
            let pick = if pick < 0.0 { pick + n as f64 } else { pick };
            if !(pick >= 0.0 && pick < n as f64) {
                return Err("its indices are out of range".to_owned());
            }
            from.extend((0..inner).map(|i| ((o * n + pick as usize) * inner + i) as u32));
        }
    }
    let shape = [&x.shape()[..axis], indices.shape(), &x.shape()[axis + 1..]].concat();
    Ok(vec![builder.picked(&x, from, shape)])
}

fn split(builder: &mut Builder, inputs: &Inputs<'_>, axis: usize, sizes: &[usize]) -> Lowered {
    let x = inputs.get(0)?.clone();
    let mut start = 0;
    let mut outputs = Vec::new();
    for &size in sizes {
        let mut shape = x.shape().to_vec();
        shape[axis] = size;
        let mut from = Vec::new();
        each_index(&shape, |index| {
            let mut index = index.to_vec();
            index[axis] += start;
            from.push(position(&index, x.shape()) as u32);
        });
        outputs.push(builder.picked(&x, from, shape));
        start += size;
    }
    Ok(outputs)
}

fn concat(builder: &mut Builder, inputs: &Inputs<'_>, axis: usize) -> Lowered {
    let operands = inputs.all()?;
    let mut shape = operands.first().ok_or_else(|| "it has no input".to_owned())?.shape().to_vec();
    shape[axis] = operands.iter().map(|operand| operand.shape()[axis]).sum();
    let n = shape.iter().product();
    let mut bias = vec![0.0; n];
    let mut parts: Vec<(usize, Box<dyn crate::map::Map>)> = Vec::new();
    let mut start = 0;
    for operand in &operands {
        let mut from = vec![NOTHING; n];
        let mut at = 0_u32;
        each_index(operand.shape(), |index| {
            let mut index = index.to_vec();
            index[axis] += start;
            from[position(&index, &shape)] = at;
            at += 1;
        });
        match operand {
            Operand::Constant(_, data) => {
                from.iter().enumerate().filter(|(_, f)| **f != NOTHING).for_each(|(i, &f)| bias[i] = data[f as usize]);
            }
            Operand::Variable(_, value) => parts.push((*value, Box::new(Pick::new(from, operand.len())))),
        }
        start += operand.shape()[axis];
    }
    Ok(vec![builder.affine(parts, bias, shape)])
}
