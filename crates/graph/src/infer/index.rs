use super::{Inferred, Operands, Problem, dim, show, unify};
use crate::Dim;

pub(super) fn slice(operands: &Operands<'_>, axes: &[usize], starts: &[i64], ends: &[i64], steps: &[i64]) -> Inferred {
    let Some(x) = operands.shape(0) else { return Ok(None) };
    if starts.len() != axes.len() || ends.len() != axes.len() || steps.len() != axes.len() {
        return Err("starts, ends and steps must have an entry per axis".to_owned());
    }
    let mut y = x.to_vec();
    for (((&axis, &start), &end), &step) in axes.iter().zip(starts).zip(ends).zip(steps) {
        let old = dim(x, axis)?;
        if let Some(d) = y.get_mut(axis) {
            *d = slice_dim(old, start, end, step)?;
        }
    }
    Ok(Some(y))
}

/// Size of a slice of one axis.
fn slice_dim(d: Dim, start: i64, end: i64, step: i64) -> Result<Dim, Problem> {
    if step == 0 {
        return Err("step is 0".to_owned());
    }
    let Dim::Fixed(n) = d else {
        let whole = start == 0 && step == 1 && end >= i64::from(i32::MAX);
        return Ok(if whole { d } else { Dim::Unknown });
    };
    let n = i64::try_from(n).map_err(|_| "axis is too long".to_owned())?;
    let from_end = |i: i64| if i < 0 { i.saturating_add(n) } else { i };
    let length = if step > 0 {
        let start = from_end(start).clamp(0, n);
        let end = from_end(end).clamp(0, n);
        (end - start).max(0).checked_add(step - 1).map_or(1, |span| span / step)
    } else {
        let start = from_end(start).min(n - 1);
        let end = end.clamp(-1, n);
        let step = step.saturating_neg();
        (start - end).max(0).checked_add(step - 1).map_or(1, |span| span / step)
    };
    Ok(Dim::Fixed(usize::try_from(length).map_err(|_| "axis is too long".to_owned())?))
}

pub(super) fn gather(operands: &Operands<'_>, axis: usize) -> Inferred {
    let (Some(data), Some(indices)) = (operands.shape(0), operands.shape(1)) else { return Ok(None) };
    dim(data, axis)?;
    let before = data.iter().take(axis);
    let after = data.iter().skip(axis + 1);
    Ok(Some(before.chain(indices).chain(after).copied().collect()))
}

pub(super) fn gather_elements(operands: &Operands<'_>, axis: usize) -> Inferred {
    let (Some(data), Some(indices)) = (operands.shape(0), operands.shape(1)) else { return Ok(None) };
    dim(data, axis)?;
    if data.len() != indices.len() {
        return Err(format!("data {} and indices {} have different ranks", show(data), show(indices)));
    }
    Ok(Some(indices.to_vec()))
}

pub(super) fn scatter_elements(operands: &Operands<'_>, axis: usize) -> Inferred {
    let Some(data) = operands.shape(0) else { return Ok(None) };
    dim(data, axis)?;
    for other in [operands.shape(1), operands.shape(2)].into_iter().flatten() {
        if other.len() != data.len() {
            return Err(format!("data {} and {} have different ranks", show(data), show(other)));
        }
    }
    Ok(Some(data.to_vec()))
}

/// The first `batch_dims` axes are common to both; the last axis of the indices is consumed.
pub(super) fn gather_nd(operands: &Operands<'_>, batch_dims: usize) -> Inferred {
    let (Some(data), Some(indices)) = (operands.shape(0), operands.shape(1)) else { return Ok(None) };
    let Some((&depth, rows)) = indices.split_last() else { return Err("the indices must not be a scalar".to_owned()) };
    let Dim::Fixed(depth) = depth else { return Ok(None) };
    if batch_dims > rows.len() || batch_dims.checked_add(depth).is_none_or(|picked| depth == 0 || picked > data.len()) {
        return Err(format!("indices {} do not pick from {} behind {batch_dims} common axes", show(indices), show(data)));
    }
    if rows.iter().zip(data).take(batch_dims).any(|(&row, &d)| unify(row, d).is_none()) {
        return Err(format!("the first {batch_dims} axes of {} and {} differ", show(data), show(indices)));
    }
    Ok(Some(rows.iter().chain(data.iter().skip(batch_dims + depth)).copied().collect()))
}

pub(super) fn scatter_nd(operands: &Operands<'_>) -> Inferred {
    let Some(data) = operands.shape(0) else { return Ok(None) };
    if let Some(indices) = operands.shape(1) {
        let Some((&depth, rows)) = indices.split_last() else { return Err("the indices must not be a scalar".to_owned()) };
        if let (Dim::Fixed(depth), Some(updates)) = (depth, operands.shape(2)) {
            let rest = data.get(depth..).ok_or_else(|| format!("indices {} do not pick from {}", show(indices), show(data)))?;
            let fits = updates.len() == rows.len() + rest.len()
                && rows.iter().chain(rest).zip(updates).all(|(&want, &have)| unify(want, have).is_some());
            if !fits {
                return Err(format!("updates {} do not fit the indices {} and {}", show(updates), show(indices), show(data)));
            }
        }
    }
    Ok(Some(data.to_vec()))
}

pub(super) fn reverse_sequence(operands: &Operands<'_>, time: usize, batch: usize) -> Inferred {
    let Some(x) = operands.shape(0) else { return Ok(None) };
    let samples = dim(x, batch)?;
    dim(x, time)?;
    match operands.shape(1) {
        Some(&[n]) if unify(n, samples).is_some() && time != batch => Ok(Some(x.to_vec())),
        None => Ok(Some(x.to_vec())),
        Some(lengths) => Err(format!("lengths {} do not fit axis {batch} of {}", show(lengths), show(x))),
    }
}

pub(super) fn one_hot(operands: &Operands<'_>, axis: usize, depth: usize) -> Inferred {
    let Some(indices) = operands.shape(0) else { return Ok(None) };
    if axis > indices.len() {
        return Err(format!("axis {axis} is out of range for the indices {}", show(indices)));
    }
    let mut y = indices.to_vec();
    y.insert(axis, Dim::Fixed(depth));
    Ok(Some(y))
}
