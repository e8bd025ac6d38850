use brinell_graph::{Op, PoolAttrs, Reduce};

use super::layout::{each_index, position};
use super::{Builder, Inputs, Lowered, Operand, linear};
use crate::curve::{Abs, Curve, Elementwise, Exp, Log, Power, Sqrt};
use crate::largest::LargestOf;
use crate::map::Sparse;

/// Sums, means, extremes along axes, running sums, and pooling.
pub(super) fn lower(builder: &mut Builder, inputs: &Inputs<'_>) -> Option<Lowered> {
    Some(match inputs.op {
        Op::Reduce { kind, axes, .. } => reduce(builder, inputs, *kind, axes),
        Op::MaxPool(pool) => max_pool(builder, inputs, pool),
        Op::AveragePool { pool, count_include_pad } => average_pool(builder, inputs, pool, *count_include_pad),
        Op::GlobalAveragePool => global(inputs).and_then(|axes| reduce(builder, inputs, Reduce::Mean, &axes)),
        Op::GlobalMaxPool => global(inputs).and_then(|axes| reduce(builder, inputs, Reduce::Max, &axes)),
        Op::CumSum { axis, exclusive, reverse } => running(builder, inputs, *axis, *exclusive, *reverse),
        _ => return None,
    })
}

fn global(inputs: &Inputs<'_>) -> Result<Vec<usize>, String> {
    Ok((2..inputs.get(0)?.shape().len()).collect())
}

/// The elements of each group that a reduction makes one of.
pub(super) fn groups(shape: &[usize], axes: &[usize]) -> Vec<Vec<u32>> {
    let kept: Vec<usize> = shape.iter().enumerate().map(|(axis, &n)| if axes.contains(&axis) { 1 } else { n }).collect();
    let mut groups = vec![Vec::new(); kept.iter().product()];
    let mut at = 0_u32;
    each_index(shape, |index| {
        let target: Vec<usize> = index.iter().enumerate().map(|(axis, &i)| if axes.contains(&axis) { 0 } else { i }).collect();
        groups[position(&target, &kept)].push(at);
        at += 1;
    });
    groups
}

/// A sum with one factor over each group.
pub(super) fn sums(groups: &[Vec<u32>], factor: impl Fn(&[u32]) -> f64, inputs: usize) -> Sparse {
    Sparse::new(groups.iter().map(|group| group.iter().map(|&i| (i, factor(group))).collect()).collect(), inputs)
}

fn reduce(builder: &mut Builder, inputs: &Inputs<'_>, kind: Reduce, axes: &[usize]) -> Lowered {
    let (x, shape) = (inputs.get(0)?.clone(), inputs.shape(0)?.to_vec());
    let groups = groups(x.shape(), axes);
    let n = groups.len();
    let total = |builder: &mut Builder, x: &Operand| builder.mapped(x, sums(&groups, |_| 1.0, x.len()), shape.clone());
    let curve = |builder: &mut Builder, x: &Operand, curve: Box<dyn Curve>| match x {
        Operand::Variable(shape, value) => Ok(builder.nonlinear(vec![*value], Elementwise::new(x.len(), curve), shape.clone())),
        Operand::Constant(..) => Err("its operand is a constant".to_owned()),
    };
    Ok(vec![match kind {
        Reduce::Sum => total(builder, &x),
        Reduce::Mean => builder.mapped(&x, sums(&groups, |group| 1.0 / group.len() as f64, x.len()), shape),
        Reduce::Max | Reduce::Min => {
            let sign = if kind == Reduce::Max { 1.0 } else { -1.0 };
            let turned = if sign < 0.0 { builder.scaled(&x, vec![-1.0; x.len()]) } else { x };
            let Operand::Variable(_, value) = turned else { return Err("its operand is a constant".to_owned()) };
            let largest = builder.nonlinear(vec![value], LargestOf::new(groups), shape);
            if sign < 0.0 { builder.scaled(&largest, vec![-1.0; n]) } else { largest }
        }
        Reduce::L1 => {
            let magnitudes = curve(builder, &x, Box::new(Abs))?;
            total(builder, &magnitudes)
        }
        Reduce::SumSquare | Reduce::L2 => {
            let squares = curve(builder, &x, Box::new(Power::new(2.0)))?;
            let sum = total(builder, &squares);
            if kind == Reduce::L2 { curve(builder, &sum, Box::new(Sqrt))? } else { sum }
        }
        Reduce::LogSum | Reduce::LogSumExp => {
            let terms = if kind == Reduce::LogSumExp { curve(builder, &x, Box::new(Exp))? } else { x };
            let sum = total(builder, &terms);
            curve(builder, &sum, Box::new(Log))?
        }
        Reduce::Prod => return Err("products of many numbers are not supported".to_owned()),
    }])
}

/// Calls `visit` with each output of a pooling and the inputs of its window.
fn windows(input: [usize; 3], output: [usize; 3], pool: &PoolAttrs, mut visit: impl FnMut(Vec<u32>, usize)) -> Result<(), String> {
    let two = |list: &[usize], fill: usize| if let [x] = *list { [fill, x] } else { [list[0], list[1]] };
    let axes = pool.kernel.len();
    if axes == 0 || axes > 2 {
        return Err(format!("its window moves along {axes} axes; only one or two are supported"));
    }
    let (kernel, strides, dilations) = (two(&pool.kernel, 1), two(&pool.strides, 1), two(&pool.dilations, 1));
    let (begin, end) = (two(&pool.pads[..axes], 0), two(&pool.pads[axes..], 0));
    for c in 0..output[0] {
        for oy in 0..output[1] {
            for ox in 0..output[2] {
                let (mut inside, mut padded) = (Vec::new(), 0);
                for ky in 0..kernel[0] {
                    for kx in 0..kernel[1] {
                        let (y, x) = (oy * strides[0] + ky * dilations[0], ox * strides[1] + kx * dilations[1]);
                        // With ceil_mode a window may reach beyond the padding, which counts nowhere.
                        if y < begin[0] + input[1] + end[0] && x < begin[1] + input[2] + end[1] {
                            padded += 1;
                        }
                        if let (Some(y), Some(x)) = (y.checked_sub(begin[0]), x.checked_sub(begin[1]))
                            && y < input[1]
                            && x < input[2]
                        {
                            inside.push(((c * input[1] + y) * input[2] + x) as u32);
                        }
                    }
                }
                visit(inside, padded);
            }
        }
    }
    Ok(())
}

fn max_pool(builder: &mut Builder, inputs: &Inputs<'_>, pool: &PoolAttrs) -> Lowered {
    if inputs.shapes.len() > 1 && inputs.shapes[1..].iter().any(|shape| !shape.is_empty()) {
        return Err("its indices are read".to_owned());
    }
    let (x, shape) = (inputs.get(0)?.clone(), inputs.shape(0)?.to_vec());
    let Operand::Variable(_, value) = x else { return Err("its operand is a constant".to_owned()) };
    let mut groups = Vec::new();
    windows(linear::image(x.shape())?, linear::image(&shape)?, pool, |inside, _| groups.push(inside))?;
    if groups.iter().any(Vec::is_empty) {
        return Err("a window contains only padding".to_owned());
    }
    Ok(vec![builder.nonlinear(vec![value], LargestOf::new(groups), shape)])
}

fn average_pool(builder: &mut Builder, inputs: &Inputs<'_>, pool: &PoolAttrs, count_padding: bool) -> Lowered {
    let (x, shape) = (inputs.get(0)?.clone(), inputs.shape(0)?.to_vec());
    let mut rows = Vec::new();
    windows(linear::image(x.shape())?, linear::image(&shape)?, pool, |inside, padded| {
        let count = if count_padding { padded } else { inside.len() };
        rows.push(inside.into_iter().map(|i| (i, 1.0 / count as f64)).collect());
    })?;
    let map = Sparse::new(rows, x.len());
    Ok(vec![builder.mapped(&x, map, shape)])
}

fn running(builder: &mut Builder, inputs: &Inputs<'_>, axis: usize, exclusive: bool, reverse: bool) -> Lowered {
    let x = inputs.get(0)?.clone();
    let shape = x.shape().to_vec();
    let mut rows = Vec::new();
    each_index(&shape, |index| {
        let mut row = Vec::new();
        for i in 0..shape[axis] {
            let before = if reverse { i > index[axis] } else { i < index[axis] };
            if before || (i == index[axis] && !exclusive) {
                let mut at = index.to_vec();
                at[axis] = i;
                row.push((position(&at, &shape) as u32, 1.0));
            }
        }
        rows.push(row);
    });
    let map = Sparse::new(rows, x.len());
    Ok(vec![builder.mapped(&x, map, shape)])
}
