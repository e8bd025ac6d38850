use super::{Inferred, Operands, Problem, broadcast, dim, show, unify};
use crate::{ConvAttrs, ConvTransposeAttrs, Dim};

/// Checks that each attribute has an entry per spatial axis of `x`.
fn check_spatial(x: &[Dim], lists: &[(&str, usize)], pads: usize) -> Result<usize, Problem> {
    let Some(n) = x.len().checked_sub(2).filter(|&n| n > 0) else {
        return Err(format!("needs an input of rank 3 or more, got {}", show(x)));
    };
    for (name, len) in lists {
        if *len != n {
            return Err(format!("has {len} {name}, the input {} has {n} spatial axes", show(x)));
        }
    }
    if pads != 2 * n {
        return Err(format!("has {pads} pads, the input {} needs {}", show(x), 2 * n));
    }
    Ok(n)
}

/// Checks the weight's spatial axes and the bias.
fn check_weight(operands: &Operands<'_>, kernel: &[usize], rank: usize, outputs: Dim) -> Result<(), Problem> {
    if let Some(w) = operands.shape(1) {
        if w.len() != rank {
            return Err(format!("weight {} has not the rank {rank} of the input", show(w)));
        }
        let fits = w.iter().skip(2).zip(kernel).all(|(&d, &k)| unify(d, Dim::Fixed(k)).is_some());
        if !fits {
            return Err(format!("weight {} does not fit the kernel {kernel:?}", show(w)));
        }
    }
    if let Some(bias) = operands.shape(2)
        && (bias.len() != 1 || unify(dim(bias, 0)?, outputs).is_none())
    {
        return Err(format!("bias {} does not fit {outputs} output channels", show(bias)));
    }
    Ok(())
}

pub(super) fn conv(operands: &Operands<'_>, attrs: &ConvAttrs) -> Inferred {
    let (Some(x), Some(w)) = (operands.shape(0), operands.shape(1)) else { return Ok(None) };
    let lists = [("kernel sizes", attrs.kernel.len()), ("strides", attrs.strides.len()), ("dilations", attrs.dilations.len())];
    let n = check_spatial(x, &lists, attrs.pads.len())?;
    let outputs = dim(w, 0)?;
    check_weight(operands, &attrs.kernel, x.len(), outputs)?;
    if let (Dim::Fixed(c), Dim::Fixed(per_group)) = (dim(x, 1)?, dim(w, 1)?)
        && per_group.checked_mul(attrs.groups) != Some(c)
    {
        return Err(format!("input {} has {c} channels, weight {} in {} groups wants another number", show(x), show(w), attrs.groups));
    }
    if let Dim::Fixed(m) = outputs
        && (attrs.groups == 0 || !m.is_multiple_of(attrs.groups))
    {
        return Err(format!("{m} output channels do not divide into {} groups", attrs.groups));
    }
    let mut y = vec![dim(x, 0)?, outputs];
    let windows = attrs.kernel.iter().zip(&attrs.strides).zip(&attrs.dilations);
    for (i, ((&kernel, &stride), &dilation)) in windows.enumerate() {
        let before = attrs.pads.get(i).copied().unwrap_or(0);
        let after = attrs.pads.get(i + n).copied().unwrap_or(0);
        y.push(super::window::extent(dim(x, i + 2)?, kernel, stride, dilation, before, after, false)?);
    }
    Ok(Some(y))
}

pub(super) fn conv_transpose(operands: &Operands<'_>, attrs: &ConvTransposeAttrs) -> Inferred {
    let (Some(x), Some(w)) = (operands.shape(0), operands.shape(1)) else { return Ok(None) };
    let lists = [
        ("kernel sizes", attrs.kernel.len()),
        ("strides", attrs.strides.len()),
        ("dilations", attrs.dilations.len()),
        ("output paddings", attrs.output_padding.len()),
    ];
    let n = check_spatial(x, &lists, attrs.pads.len())?;
    let outputs = match dim(w, 1)? {
        Dim::Fixed(m) => Dim::Fixed(m.checked_mul(attrs.groups).ok_or("number of output channels overflows")?),
        _ => Dim::Unknown,
    };
    check_weight(operands, &attrs.kernel, x.len(), outputs)?;
    if unify(dim(x, 1)?, dim(w, 0)?).is_none() {
        return Err(format!("input {} and weight {} disagree on the channels", show(x), show(w)));
    }
    let mut y = vec![dim(x, 0)?, outputs];
    let windows = attrs.kernel.iter().zip(&attrs.strides).zip(&attrs.dilations).zip(&attrs.output_padding);
    for (i, (((&kernel, &stride), &dilation), &extra)) in windows.enumerate() {
        let Dim::Fixed(size) = dim(x, i + 2)? else {
            y.push(Dim::Unknown);
            continue;
        };
        let before = attrs.pads.get(i).copied().unwrap_or(0);
        let after = attrs.pads.get(i + n).copied().unwrap_or(0);
        let full = (|| {
            let window = kernel.checked_sub(1)?.checked_mul(dilation)?.checked_add(1)?;
            size.checked_sub(1)?.checked_mul(stride)?.checked_add(window)?.checked_add(extra)
        })();
        let out = full.and_then(|full| full.checked_sub(before)?.checked_sub(after)).filter(|&out| out > 0);
        y.push(Dim::Fixed(out.ok_or_else(|| format!("spatial size {size} is too small for an output"))?));
    }
    Ok(Some(y))
}

pub(super) fn gemm(operands: &Operands<'_>, trans_a: bool, trans_b: bool) -> Inferred {
    let (Some(a), Some(b)) = (operands.shape(0), operands.shape(1)) else { return Ok(None) };
    if a.len() != 2 || b.len() != 2 {
        return Err(format!("needs matrices, got {} and {}", show(a), show(b)));
    }
    let (m, k) = if trans_a { (dim(a, 1)?, dim(a, 0)?) } else { (dim(a, 0)?, dim(a, 1)?) };
    let (k_b, n) = if trans_b { (dim(b, 1)?, dim(b, 0)?) } else { (dim(b, 0)?, dim(b, 1)?) };
    if unify(k, k_b).is_none() {
        return Err(format!("inner sizes differ, {k} and {k_b}, of {} and {}", show(a), show(b)));
    }
    let y = vec![m, n];
    if let Some(c) = operands.shape(2) {
        let with_c = broadcast(&y, c)?;
        if with_c.len() != 2 || with_c.iter().zip(&y).any(|(&with_c, &y)| unify(with_c, y).is_none()) {
            return Err(format!("{} does not broadcast to {}", show(c), show(&y)));
        }
    }
    Ok(Some(y))
}

pub(super) fn matmul(operands: &Operands<'_>) -> Inferred {
    let (Some(a), Some(b)) = (operands.shape(0), operands.shape(1)) else { return Ok(None) };
    let (Some((&k, rows)), Some(&last)) = (a.split_last(), b.last()) else {
        return Err("operands must not be scalars".to_owned());
    };
    let (k_b, columns, b_batch) = match b.len() {
        1 => (last, None, &[][..]),
        rank => (dim(b, rank - 2)?, Some(last), b.get(..rank - 2).unwrap_or_default()),
    };
    if unify(k, k_b).is_none() {
        return Err(format!("inner sizes differ, {k} and {k_b}, of {} and {}", show(a), show(b)));
    }
    let (row, a_batch) = match rows.split_last() {
        Some((&row, batch)) => (Some(row), batch),
        None => (None, &[][..]),
    };
    let mut y = broadcast(a_batch, b_batch)?;
    y.extend(row);
    y.extend(columns);
    Ok(Some(y))
}
