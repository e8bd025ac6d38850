use brinell_graph::{Op, Reduce};

use super::{Context, Outputs};
use crate::Array;
use crate::array::for_each_index;

/// Evaluates reductions and what orders or accumulates along an axis.
pub(super) fn eval(op: &Op, cx: &Context<'_>) -> Option<Outputs> {
    Some(match *op {
        Op::Reduce { kind, ref axes, keepdims } => reduce(kind, axes, keepdims, cx),
        Op::ArgMax { axis, keepdims, select_last } => arg(axis, keepdims, cx, |new, best| new > best || (select_last && new == best)),
        Op::ArgMin { axis, keepdims, select_last } => arg(axis, keepdims, cx, |new, best| new < best || (select_last && new == best)),
        Op::TopK { axis, k, largest, .. } => top_k(axis, k, largest, cx),
        Op::CumSum { axis, exclusive, reverse } => cum_sum(axis, exclusive, reverse, cx),
        _ => return None,
    })
}

fn without(shape: &[usize], axes: &[usize]) -> Vec<usize> {
    shape.iter().enumerate().filter(|(i, _)| !axes.contains(i)).map(|(_, &n)| n).collect()
}

fn reduce(kind: Reduce, axes: &[usize], keepdims: bool, cx: &Context<'_>) -> Outputs {
    let x = cx.input(0)?;
    if axes.iter().any(|&a| a >= x.rank()) {
        return Err(format!("axes {axes:?} out of range for {:?}", x.shape));
    }
    let mut kept = x.shape.clone();
    for &axis in axes {
        kept[axis] = 1;
    }
    let mut groups = vec![Vec::new(); kept.iter().product()];
    let home = Array::full(&kept, 0.0);
    for_each_index(&x.shape, |at| {
        let to: Vec<usize> = at.iter().enumerate().map(|(i, &n)| if axes.contains(&i) { 0 } else { n }).collect();
        groups[home.offset(&to)].push(x.at(at));
    });
    let data = groups.iter().map(|group| combine(kind, group)).collect();
    let shape = if keepdims { kept } else { without(&x.shape, axes) };
    Ok(vec![Array::new(&shape, data)])
}

fn combine(kind: Reduce, group: &[f64]) -> f64 {
    let sum = |f: &dyn Fn(f64) -> f64| group.iter().map(|&x| f(x)).sum::<f64>();
    let max = || group.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    match kind {
        Reduce::Sum => sum(&|x| x),
        Reduce::Mean => sum(&|x| x) / group.len() as f64,
        Reduce::Max => max(),
        Reduce::Min => group.iter().copied().fold(f64::INFINITY, f64::min),
        Reduce::Prod => group.iter().product(),
        Reduce::L1 => sum(&f64::abs),
        Reduce::L2 => sum(&|x| x * x).sqrt(),
        Reduce::SumSquare => sum(&|x| x * x),
        Reduce::LogSum => sum(&|x| x).ln(),
        Reduce::LogSumExp => {
            let max = max();
            if max.is_finite() { max + sum(&|x| (x - max).exp()).ln() } else { max }
        }
    }
}

/// Calls `f` with every line of x along `axis`, and puts what it returns in the line's place.
fn lines(x: &Array, axis: usize, length: usize, mut f: impl FnMut(&[f64]) -> Vec<f64>) -> Result<Array, String> {
    let n = *x.shape.get(axis).ok_or_else(|| format!("axis {axis} out of range for {:?}", x.shape))?;
    let mut shape = x.shape.clone();
    shape[axis] = length;
    let mut y = Array::full(&shape, 0.0);
    shape[axis] = 1;
    for_each_index(&shape, |start| {
        let mut at = start.to_vec();
        let line: Vec<f64> = (0..n)
            .map(|i| {
                at[axis] = i;
                x.at(&at)
            })
            .collect();
        for (i, v) in f(&line).into_iter().enumerate() {
            at[axis] = i;
            let to = y.offset(&at);
            y.data[to] = v;
        }
    });
    Ok(y)
}

fn arg(axis: usize, keepdims: bool, cx: &Context<'_>, better: impl Fn(f64, f64) -> bool) -> Outputs {
    let x = cx.input(0)?;
    let mut y = lines(x, axis, 1, |line| {
        let best = (1..line.len()).fold(0, |best, i| if better(line[i], line[best]) { i } else { best });
        vec![best as f64]
    })?;
    if !keepdims {
        y.shape = without(&x.shape, &[axis]);
    }
    Ok(vec![y])
}

fn top_k(axis: usize, k: usize, largest: bool, cx: &Context<'_>) -> Outputs {
    let x = cx.input(0)?;
    if x.shape.get(axis).is_none_or(|&n| n < k) {
        return Err(format!("k {k} is too large for axis {axis} of {:?}", x.shape));
    }
    // The sort is stable, so that the lower index comes first among equals.
    let order = |line: &[f64]| {
        let mut order: Vec<usize> = (0..line.len()).collect();
        order.sort_by(|&a, &b| if largest { line[b].total_cmp(&line[a]) } else { line[a].total_cmp(&line[b]) });
        order.truncate(k);
        order
    };
    let values = lines(x, axis, k, |line| order(line).into_iter().map(|i| line[i]).collect())?;
    let indices = lines(x, axis, k, |line| order(line).into_iter().map(|i| i as f64).collect())?;
    Ok(vec![values, indices])
}

fn cum_sum(axis: usize, exclusive: bool, reverse: bool, cx: &Context<'_>) -> Outputs {
    let x = cx.input(0)?;
    let n = x.shape.get(axis).copied().unwrap_or(0);
    let y = lines(x, axis, n, |line| {
        let mut out = vec![0.0; n];
        let mut sum = 0.0;
        for step in 0..n {
            let i = if reverse { n - 1 - step } else { step };
            out[i] = if exclusive { sum } else { sum + line[i] };
            sum += line[i];
        }
        out
    })?;
    Ok(vec![y])
}
