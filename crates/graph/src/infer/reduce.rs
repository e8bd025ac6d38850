use super::{Inferred, Operands, dim, show};
use crate::Dim;

pub(super) fn reduce(operands: &Operands<'_>, axes: &[usize], keepdims: bool) -> Inferred {
    let Some(x) = operands.shape(0) else { return Ok(None) };
    for &axis in axes {
        dim(x, axis)?;
    }
    let reduced = x.iter().enumerate().filter_map(|(i, &d)| match (axes.contains(&i), keepdims) {
        (true, true) => Some(Dim::Fixed(1)),
        (true, false) => None,
        (false, _) => Some(d),
    });
    Ok(Some(reduced.collect()))
}

pub(super) fn keeps(operands: &Operands<'_>, axis: usize) -> Inferred {
    let Some(x) = operands.shape(0) else { return Ok(None) };
    dim(x, axis)?;
    Ok(Some(x.to_vec()))
}

pub(super) fn top_k(operands: &Operands<'_>, axis: usize, k: usize) -> Inferred {
    let Some(x) = operands.shape(0) else { return Ok(None) };
    if let Dim::Fixed(n) = dim(x, axis)?
        && k > n
    {
        return Err(format!("k is {k}, axis {axis} of {} has only {n} elements", show(x)));
    }
    Ok(Some(x.iter().enumerate().map(|(i, &d)| if i == axis { Dim::Fixed(k) } else { d }).collect()))
}
