use super::{Inferred, Operands, Problem, dim, show, unify};
use crate::{Dim, ResizeAttrs, Shape};

/// Returns the number of elements: fixed or a multiple of the batch; `Unknown` where it cannot be said or overflows.
#[must_use]
pub fn count(shape: &[Dim]) -> Dim {
    shape.iter().fold(Dim::Fixed(1), |total, &d| times(total, d))
}

fn times(a: Dim, b: Dim) -> Dim {
    let product = match (a, b) {
        (Dim::Fixed(a), Dim::Fixed(b)) => a.checked_mul(b).map(Dim::Fixed),
        (Dim::Fixed(a), Dim::Batch(b)) | (Dim::Batch(a), Dim::Fixed(b)) => a.checked_mul(b).map(Dim::Batch),
        _ => None,
    };
    product.unwrap_or(Dim::Unknown)
}

/// Solves `part * x = total`; `Ok(Unknown)` where it cannot be said, `Err` where there is no solution.
fn divide(total: Dim, part: Dim) -> Result<Dim, ()> {
    let exact = |a: usize, b: usize| if b != 0 && a.is_multiple_of(b) { Ok(a / b) } else { Err(()) };
    match (total, part) {
        (Dim::Fixed(a), Dim::Fixed(b)) => exact(a, b).map(Dim::Fixed),
        (Dim::Batch(a), Dim::Fixed(b)) => exact(a, b).map(Dim::Batch),
        (Dim::Batch(a), Dim::Batch(b)) => exact(a, b).map(Dim::Fixed),
        (Dim::Fixed(_), Dim::Batch(_)) => Err(()),
        _ => Ok(Dim::Unknown),
    }
}

/// One `Unknown` of the target stands for what is left over.
pub(super) fn reshape(operands: &Operands<'_>, target: &[Dim]) -> Inferred {
    let Some(x) = operands.shape(0) else {
        return Ok(Some(target.to_vec()));
    };
    let misfit = || format!("{} cannot be reshaped to {}", show(x), show(target));
    let total = count(x);
    let unknown = target.iter().filter(|&&d| d == Dim::Unknown).count();
    if unknown == 1 {
        let rest: Shape = target.iter().copied().filter(|&d| d != Dim::Unknown).collect();
        let left = divide(total, count(&rest)).map_err(|()| misfit())?;
        return Ok(Some(target.iter().map(|&d| if d == Dim::Unknown { left } else { d }).collect()));
    }
    if unknown == 0 && unify(total, count(target)).is_none() {
        return Err(misfit());
    }
    Ok(Some(target.to_vec()))
}

pub(super) fn transpose(operands: &Operands<'_>, perm: &[usize]) -> Inferred {
    let Some(x) = operands.shape(0) else { return Ok(None) };
    let mut sorted = perm.to_vec();
    sorted.sort_unstable();
    if !sorted.into_iter().eq(0..x.len()) {
        return Err(format!("{perm:?} is not a permutation of the axes of {}", show(x)));
    }
    perm.iter().map(|&axis| dim(x, axis)).collect::<Result<_, _>>().map(Some)
}

pub(super) fn squeeze(operands: &Operands<'_>, axes: &[usize]) -> Inferred {
    let Some(x) = operands.shape(0) else { return Ok(None) };
    for &axis in axes {
        if !matches!(dim(x, axis)?, Dim::Fixed(1) | Dim::Unknown) {
            return Err(format!("axis {axis} of {} is not 1", show(x)));
        }
    }
    Ok(Some(x.iter().enumerate().filter(|(i, _)| !axes.contains(i)).map(|(_, &d)| d).collect()))
}

pub(super) fn unsqueeze(operands: &Operands<'_>, axes: &[usize]) -> Inferred {
    let Some(x) = operands.shape(0) else { return Ok(None) };
    let rank = x.len() + axes.len();
    let distinct = axes.iter().enumerate().all(|(i, axis)| !axes.iter().skip(i + 1).any(|other| other == axis));
    if !distinct || axes.iter().any(|&axis| axis >= rank) {
        return Err(format!("axes {axes:?} are not distinct positions of a shape of rank {rank}"));
    }
    let mut old = x.iter().copied();
    let y = (0..rank).map(|i| if axes.contains(&i) { Dim::Fixed(1) } else { old.next().unwrap_or(Dim::Unknown) });
    Ok(Some(y.collect()))
}

pub(super) fn concat(operands: &Operands<'_>, axis: usize) -> Inferred {
    let mut y: Option<Shape> = None;
    for i in 0..operands.len() {
        let Some(x) = operands.shape(i) else { return Ok(None) };
        dim(x, axis)?;
        let Some(so_far) = &mut y else {
            y = Some(x.to_vec());
            continue;
        };
        if so_far.len() != x.len() {
            return Err(format!("operands have different ranks, {} and {}", show(so_far), show(x)));
        }
        let before = show(so_far);
        for (i, (old, &new)) in so_far.iter_mut().zip(x).enumerate() {
            *old = if i == axis {
                plus(*old, new)
            } else {
                unify(*old, new).ok_or_else(|| format!("{before} and {} differ outside axis {axis}", show(x)))?
            };
        }
    }
    Ok(y)
}

fn plus(a: Dim, b: Dim) -> Dim {
    let sum = match (a, b) {
        (Dim::Fixed(a), Dim::Fixed(b)) => a.checked_add(b).map(Dim::Fixed),
        (Dim::Batch(a), Dim::Batch(b)) => a.checked_add(b).map(Dim::Batch),
        (Dim::Fixed(0), other) | (other, Dim::Fixed(0)) => Some(other),
        _ => None,
    };
    sum.unwrap_or(Dim::Unknown)
}

pub(super) fn split(operands: &Operands<'_>, axis: usize, sizes: &[usize]) -> Result<Vec<Option<Shape>>, Problem> {
    let Some(x) = operands.shape(0) else { return Ok(vec![None; sizes.len()]) };
    let total = sizes.iter().try_fold(0usize, |n, &size| n.checked_add(size)).ok_or("sizes overflow")?;
    if unify(dim(x, axis)?, Dim::Fixed(total)).is_none() {
        return Err(format!("sizes {sizes:?} do not add up to axis {axis} of {}", show(x)));
    }
    let part = |&size: &usize| Some(x.iter().enumerate().map(|(i, &d)| if i == axis { Dim::Fixed(size) } else { d }).collect());
    Ok(sizes.iter().map(part).collect())
}

pub(super) fn pad(operands: &Operands<'_>, pads: &[i64]) -> Inferred {
    let Some(x) = operands.shape(0) else { return Ok(None) };
    if pads.len() != 2 * x.len() {
        return Err(format!("has {} pads, the input {} needs {}", pads.len(), show(x), 2 * x.len()));
    }
    let (begins, ends) = pads.split_at(x.len());
    let y = x.iter().zip(begins).zip(ends).map(|((&d, &before), &after)| match d {
        _ if before == 0 && after == 0 => Ok(d),
        Dim::Fixed(n) => {
            let added = before.checked_add(after).and_then(|n| isize::try_from(n).ok());
            let size = added.and_then(|added| n.checked_add_signed(added));
            size.map(Dim::Fixed).ok_or_else(|| format!("pads {before} and {after} do not fit an axis of {n}"))
        }
        _ => Ok(Dim::Unknown),
    });
    y.collect::<Result<_, _>>().map(Some)
}

pub(super) fn tile(operands: &Operands<'_>, repeats: &[usize]) -> Inferred {
    let Some(x) = operands.shape(0) else { return Ok(None) };
    if repeats.len() != x.len() {
        return Err(format!("has {} repeats for the input {}", repeats.len(), show(x)));
    }
    let repeated = |(&d, &n): (&Dim, &usize)| match times(d, Dim::Fixed(n)) {
        Dim::Unknown if d != Dim::Unknown => Err(format!("{n} times {d} is too large")),
        size => Ok(size),
    };
    x.iter().zip(repeats).map(repeated).collect::<Result<_, _>>().map(Some)
}

pub(super) fn depth_to_space(operands: &Operands<'_>, block: usize) -> Inferred {
    let Some(x) = operands.shape(0) else { return Ok(None) };
    let &[b, c, h, w] = x else { return Err(format!("needs rank 4, got {}", show(x))) };
    let area = Dim::Fixed(block.checked_mul(block).ok_or("block is too large")?);
    let c = divide(c, area).map_err(|()| format!("{c} channels do not divide into blocks of {block}"))?;
    Ok(Some(vec![b, c, times(h, Dim::Fixed(block)), times(w, Dim::Fixed(block))]))
}

pub(super) fn space_to_depth(operands: &Operands<'_>, block: usize) -> Inferred {
    let Some(x) = operands.shape(0) else { return Ok(None) };
    let &[b, c, h, w] = x else { return Err(format!("needs rank 4, got {}", show(x))) };
    let area = Dim::Fixed(block.checked_mul(block).ok_or("block is too large")?);
    let part = |d: Dim| divide(d, Dim::Fixed(block)).map_err(|()| format!("size {d} does not divide into blocks of {block}"));
    Ok(Some(vec![b, times(c, area), part(h)?, part(w)?]))
}

pub(super) fn resize(operands: &Operands<'_>, attrs: &ResizeAttrs) -> Inferred {
    if let Some(x) = operands.shape(0)
        && (attrs.sizes.len() != x.len() || attrs.scales.len() != x.len())
    {
        return Err(format!("has {} sizes for the input {}", attrs.sizes.len(), show(x)));
    }
    Ok(Some(attrs.sizes.clone()))
}
