use brinell_graph::{Op, ScatterReduction};

use super::{Context, Outputs};
use crate::Array;
use crate::array::for_each_index;

/// Evaluates operators that pick or place by computed indices.
pub(super) fn eval(op: &Op, cx: &Context<'_>) -> Option<Outputs> {
    Some(match *op {
        Op::Gather { axis } => gather(axis, cx),
        Op::GatherElements { axis } => gather_elements(axis, cx),
        Op::ScatterElements { axis, reduction } => scatter_elements(axis, reduction, cx),
        Op::GatherND { batch_dims } => gather_nd(batch_dims, cx),
        Op::ScatterND { reduction } => scatter_nd(reduction, cx),
        Op::ReverseSequence { time, batch } => reverse_sequence(time, batch, cx),
        Op::OneHot { axis, depth } => one_hot(axis, depth, cx),
        _ => return None,
    })
}

/// Returns `index` counted from the start; negative ones count from the end.
fn normalise(index: f64, n: usize) -> Result<usize, String> {
    let counted = if index < 0.0 { index + n as f64 } else { index };
    if counted >= 0.0 && counted < n as f64 { Ok(counted as usize) } else { Err(format!("index {index} outside an axis of {n}")) }
}

fn positions(indices: &Array, n: usize) -> Result<Vec<usize>, String> {
    indices.data.iter().map(|&i| normalise(i, n)).collect()
}

fn gather(axis: usize, cx: &Context<'_>) -> Outputs {
    let (x, indices) = (cx.input(0)?, cx.input(1)?);
    let n = *x.shape.get(axis).ok_or("axis out of range")?;
    let picked = positions(indices, n)?;
    let mut shape = x.shape[..axis].to_vec();
    shape.extend(&indices.shape);
    shape.extend(&x.shape[axis + 1..]);
    let width = indices.rank();
    Ok(vec![Array::from_fn(&shape, |at| {
        let mut from = at[..axis].to_vec();
        from.push(picked[indices.offset(&at[axis..axis + width])]);
        from.extend(&at[axis + width..]);
        x.at(&from)
    })])
}

fn gather_elements(axis: usize, cx: &Context<'_>) -> Outputs {
    let (x, indices) = (cx.input(0)?, cx.input(1)?);
    let picked = positions(indices, *x.shape.get(axis).ok_or("axis out of range")?)?;
    Ok(vec![Array::from_fn(&indices.shape, |at| {
        let mut from = at.to_vec();
        from[axis] = picked[indices.offset(at)];
        x.at(&from)
    })])
}

fn scatter_elements(axis: usize, reduction: ScatterReduction, cx: &Context<'_>) -> Outputs {
    let (x, indices, updates) = (cx.input(0)?, cx.input(1)?, cx.input(2)?);
    let placed = positions(indices, *x.shape.get(axis).ok_or("axis out of range")?)?;
    if indices.shape != updates.shape {
        return Err(format!("indices {:?} and updates {:?} differ", indices.shape, updates.shape));
    }
    let mut y = x.clone();
    for_each_index(&indices.shape, |at| {
        let mut to = at.to_vec();
        to[axis] = placed[indices.offset(at)];
        let (to, new) = (y.offset(&to), updates.at(at));
        y.data[to] = combined(reduction, y.data[to], new);
    });
    Ok(vec![y])
}

fn combined(reduction: ScatterReduction, old: f64, new: f64) -> f64 {
    match reduction {
        ScatterReduction::None => new,
        ScatterReduction::Add => old + new,
        ScatterReduction::Mul => old * new,
        ScatterReduction::Max => old.max(new),
        ScatterReduction::Min => old.min(new),
    }
}

/// Returns the place in x that row `row` of the indices names, behind the axes `lead` that both have in common.
fn place(x: &Array, lead: &[usize], indices: &Array, row: &[usize]) -> Result<Vec<usize>, String> {
    let depth = *indices.shape.last().ok_or("the indices are a scalar")?;
    let mut at = lead.to_vec();
    for i in 0..depth {
        let index = indices.at(&[row, &[i]].concat());
        at.push(normalise(index, *x.shape.get(at.len()).ok_or("the indices are too long")?)?);
    }
    Ok(at)
}

fn gather_nd(batch_dims: usize, cx: &Context<'_>) -> Outputs {
    let (x, indices) = (cx.input(0)?, cx.input(1)?);
    let (&depth, rows) = indices.shape.split_last().ok_or("the indices are a scalar")?;
    let mut shape = rows.to_vec();
    shape.extend(x.shape.get(batch_dims + depth..).ok_or("the indices are too long")?);
    let mut problem = None;
    let y = Array::from_fn(&shape, |at| {
        let (row, rest) = at.split_at(rows.len());
        match place(x, &row[..batch_dims], indices, row) {
            Ok(from) => x.at(&[&from, rest].concat()),
            Err(found) => {
                problem = Some(found);
                f64::NAN
            }
        }
    });
    problem.map_or(Ok(vec![y]), Err)
}

fn scatter_nd(reduction: ScatterReduction, cx: &Context<'_>) -> Outputs {
    let (x, indices, updates) = (cx.input(0)?, cx.input(1)?, cx.input(2)?);
    let (&depth, rows) = indices.shape.split_last().ok_or("the indices are a scalar")?;
    let expected: Vec<usize> = rows.iter().chain(x.shape.get(depth..).ok_or("the indices are too long")?).copied().collect();
    if updates.shape != expected {
        return Err(format!("updates {:?} are not {expected:?}", updates.shape));
    }
    let mut y = x.clone();
    let mut problem = None;
    for_each_index(&updates.shape, |at| {
        let (row, rest) = at.split_at(rows.len());
        match place(x, &[], indices, row) {
            Ok(to) => {
                let to = y.offset(&[&to, rest].concat());
                y.data[to] = combined(reduction, y.data[to], updates.at(at));
            }
            Err(found) => problem = Some(found),
        }
    });
    problem.map_or(Ok(vec![y]), Err)
}

fn reverse_sequence(time: usize, batch: usize, cx: &Context<'_>) -> Outputs {
    let (x, lengths) = (cx.input(0)?, cx.input(1)?);
    Ok(vec![Array::from_fn(&x.shape, |at| {
        let length = lengths.data[at[batch]] as usize;
        let mut from = at.to_vec();
        if at[time] < length {
            from[time] = length - 1 - at[time];
        }
        x.at(&from)
    })])
}

fn one_hot(axis: usize, depth: usize, cx: &Context<'_>) -> Outputs {
    let (indices, values) = (cx.input(0)?, cx.input(1)?);
    let &[off, on] = values.data.as_slice() else { return Err(format!("values {:?} are not [off, on]", values.shape)) };
    let mut shape = indices.shape.clone();
    shape.insert(axis, depth);
    Ok(vec![Array::from_fn(&shape, |at| {
        let mut from = at.to_vec();
        from.remove(axis);
        // An index outside the range leaves the whole line off.
        let hot = normalise(indices.at(&from), depth).is_ok_and(|hot| hot == at[axis]);
        if hot { on } else { off }
    })])
}
