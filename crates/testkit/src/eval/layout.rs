use brinell_graph::{Op, PadMode};

use super::{Context, Outputs};
use crate::Array;
use crate::array::broadcast_shape;

/// Evaluates operators that change only the shape, and those that repeat elements.
pub(super) fn eval(op: &Op, cx: &Context<'_>) -> Option<Outputs> {
    let x = match cx.input(0) {
        Ok(x) => x,
        Err(problem) => return Some(Err(problem)),
    };
    let n = x.data.len();
    let shape = match op {
        Op::Reshape { shape } => cx.resolve(shape, n),
        Op::Squeeze { axes } => {
            let kept = x.shape.iter().enumerate().filter(|(i, _)| !axes.contains(i)).map(|(_, &d)| d).collect();
            if axes.iter().all(|&a| x.shape.get(a) == Some(&1)) {
                Ok(kept)
            } else {
                Err(format!("axes {axes:?} of {:?} are not 1", x.shape))
            }
        }
        Op::Unsqueeze { axes } => {
            let mut rest = x.shape.iter();
            Ok((0..x.rank() + axes.len()).map(|i| if axes.contains(&i) { 1 } else { rest.next().copied().unwrap_or(1) }).collect())
        }
        Op::Expand { shape } => return Some(expand(shape, cx)),
        Op::Tile { repeats } => {
            let shape: Vec<usize> = x.shape.iter().zip(repeats).map(|(n, r)| n * r).collect();
            return Some(Ok(vec![gather(&shape, x, |i, at| at % x.shape[i])]));
        }
        Op::Shape { start, end } => {
            let dims: Vec<f64> = x.shape[*start..*end].iter().map(|&d| d as f64).collect();
            return Some(Ok(vec![Array::new(&[end - start], dims)]));
        }
        _ => return None,
    };
    Some(shape.and_then(|shape| {
        if shape.iter().product::<usize>() == n {
            Ok(vec![Array { shape, data: x.data.clone() }])
        } else {
            Err(format!("{:?} does not become {shape:?}", x.shape))
        }
    }))
}

/// Evaluates operators that move, cut or join.
pub(super) fn rearrange(op: &Op, cx: &Context<'_>) -> Option<Outputs> {
    Some(match op {
        Op::Transpose { perm } => cx.input(0).map(|x| {
            let shape: Vec<usize> = perm.iter().map(|&p| x.shape[p]).collect();
            let mut from = vec![0; x.rank()];
            vec![Array::from_fn(&shape, |at| {
                for (&p, &i) in perm.iter().zip(at) {
                    from[p] = i;
                }
                x.at(&from)
            })]
        }),
        Op::Concat { axis } => concat(*axis, cx),
        Op::Split { axis, sizes } => split(*axis, sizes, cx),
        Op::Slice { axes, starts, ends, steps } => slice(axes, starts, ends, steps, cx),
        Op::Pad { mode, pads } => pad(*mode, pads, cx),
        Op::DepthToSpace { block, column_row_depth } => depth_to_space(*block, *column_row_depth, cx),
        Op::SpaceToDepth { block } => space_to_depth(*block, cx),
        Op::Trilu { upper, k } => cx.input(0).map(|x| {
            vec![Array::from_fn(&x.shape, |at| {
                let (row, column) = (at[at.len() - 2] as i64, at[at.len() - 1] as i64);
                let kept = if *upper { column >= row + k } else { column <= row + k };
                if kept { x.at(at) } else { 0.0 }
            })]
        }),
        _ => return None,
    })
}

/// Returns an array of `shape` whose element comes from x at indices that `from(axis, index)` gives axis by axis.
fn gather(shape: &[usize], x: &Array, from: impl Fn(usize, usize) -> usize) -> Array {
    let mut source = vec![0; shape.len()];
    Array::from_fn(shape, |at| {
        for (i, s) in source.iter_mut().enumerate() {
            *s = from(i, at[i]);
        }
        x.at(&source)
    })
}

fn expand(shape: &[brinell_graph::Dim], cx: &Context<'_>) -> Outputs {
    let x = cx.input(0)?;
    let target: Option<Vec<usize>> = shape.iter().map(|&d| cx.size(d)).collect();
    let target = target.ok_or("target shape is open")?;
    let shape = broadcast_shape(&[&x.shape, &target]).ok_or_else(|| format!("{:?} does not expand to {target:?}", x.shape))?;
    Ok(vec![Array::from_fn(&shape, |at| x.broadcast_at(at))])
}

fn concat(axis: usize, cx: &Context<'_>) -> Outputs {
    let inputs = cx.all()?;
    let first = inputs.first().ok_or("no operand")?;
    let mut shape = first.shape.clone();
    let mut pieces = Vec::new();
    for x in &inputs {
        let others = |s: &[usize]| s.iter().enumerate().filter(|(i, _)| *i != axis).map(|(_, &n)| n).collect::<Vec<_>>();
        if x.rank() != first.rank() || others(&x.shape) != others(&first.shape) {
            return Err(format!("{:?} and {:?} do not join", first.shape, x.shape));
        }
        pieces.extend((0..x.shape[axis]).map(|i| (*x, i)));
    }
    shape[axis] = pieces.len();
    Ok(vec![Array::from_fn(&shape, |at| {
        let (x, i) = pieces[at[axis]];
        let mut from = at.to_vec();
        from[axis] = i;
        x.at(&from)
    })])
}

fn split(axis: usize, sizes: &[usize], cx: &Context<'_>) -> Outputs {
    let x = cx.input(0)?;
    if x.shape.get(axis) != Some(&sizes.iter().sum()) {
        return Err(format!("sizes {sizes:?} do not fit axis {axis} of {:?}", x.shape));
    }
    let mut start = 0;
    let mut outputs = Vec::new();
    for &size in sizes {
        let mut shape = x.shape.clone();
        shape[axis] = size;
        outputs.push(gather(&shape, x, |i, at| if i == axis { at + start } else { at }));
        start += size;
    }
    Ok(outputs)
}

fn slice(axes: &[usize], starts: &[i64], ends: &[i64], steps: &[i64], cx: &Context<'_>) -> Outputs {
    let x = cx.input(0)?;
    let mut picked: Vec<Vec<usize>> = x.shape.iter().map(|&n| (0..n).collect()).collect();
    for (((&axis, &start), &end), &step) in axes.iter().zip(starts).zip(ends).zip(steps) {
        if step == 0 {
            return Err("step 0".to_owned());
        }
        let size = x.shape[axis] as i64;
        let mut i = start;
        picked[axis].clear();
        while if step > 0 { i < end } else { i > end } {
            if i < 0 || i >= size {
                return Err(format!("position {i} outside axis {axis} of {:?}", x.shape));
            }
            picked[axis].push(i as usize);
            i += step;
        }
    }
    let shape: Vec<usize> = picked.iter().map(Vec::len).collect();
    Ok(vec![gather(&shape, x, |i, at| picked[i][at])])
}

fn pad(mode: PadMode, pads: &[i64], cx: &Context<'_>) -> Outputs {
    let x = cx.input(0)?;
    let value = cx.optional(1).map_or(0.0, |v| v.data[0]);
    let rank = x.rank();
    if pads.len() != 2 * rank {
        return Err(format!("{} pads for {:?}", pads.len(), x.shape));
    }
    let shape: Vec<usize> = (0..rank).map(|i| (x.shape[i] as i64 + pads[i] + pads[i + rank]).max(0) as usize).collect();
    Ok(vec![Array::from_fn(&shape, |at| {
        let mut from = Vec::with_capacity(rank);
        for i in 0..rank {
            match source(mode, at[i] as i64 - pads[i], x.shape[i] as i64) {
                Some(p) => from.push(p),
                None => return value,
            }
        }
        x.at(&from)
    })])
}

/// Returns where the element at position `p` of a padded axis of `n` elements comes from.
fn source(mode: PadMode, p: i64, n: i64) -> Option<usize> {
    let q = match mode {
        PadMode::Constant => return (0..n).contains(&p).then_some(p as usize),
        PadMode::Edge => p.clamp(0, n - 1),
        PadMode::Wrap => p.rem_euclid(n),
        PadMode::Reflect if n == 1 => 0,
        PadMode::Reflect => {
            let q = p.rem_euclid(2 * (n - 1));
            q.min(2 * (n - 1) - q)
        }
    };
    Some(q as usize)
}

fn depth_to_space(block: usize, column_row_depth: bool, cx: &Context<'_>) -> Outputs {
    let x = cx.input(0)?;
    let [b, c, h, w] = x.shape[..] else { return Err(format!("{:?} is not of rank 4", x.shape)) };
    let depth = c / (block * block);
    Ok(vec![Array::from_fn(&[b, depth, h * block, w * block], |at| {
        let (i, j) = (at[2] % block, at[3] % block);
        let channel = if column_row_depth { at[1] * block * block + i * block + j } else { (i * block + j) * depth + at[1] };
        x.at(&[at[0], channel, at[2] / block, at[3] / block])
    })])
}

fn space_to_depth(block: usize, cx: &Context<'_>) -> Outputs {
    let x = cx.input(0)?;
    let [b, c, h, w] = x.shape[..] else { return Err(format!("{:?} is not of rank 4", x.shape)) };
    Ok(vec![Array::from_fn(&[b, c * block * block, h / block, w / block], |at| {
        let (place, channel) = (at[1] / c, at[1] % c);
        x.at(&[at[0], channel, at[2] * block + place / block, at[3] * block + place % block])
    })])
}
