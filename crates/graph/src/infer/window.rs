use super::{Inferred, Operands, Problem, dim, show, unify};
use crate::{Dim, PoolAttrs};

/// Output size of a sliding window.
///
/// With `ceil` the last window may hang over the end, but must start inside the input or its left padding.
pub(super) fn extent(
    input: Dim,
    kernel: usize,
    stride: usize,
    dilation: usize,
    before: usize,
    after: usize,
    ceil: bool,
) -> Result<Dim, Problem> {
    if kernel == 0 || stride == 0 || dilation == 0 {
        return Err("kernel, stride and dilation must be positive".to_owned());
    }
    let Dim::Fixed(size) = input else {
        let kept = kernel == 1 && stride == 1 && before == 0 && after == 0;
        return Ok(if kept { input } else { Dim::Unknown });
    };
    let room = (|| {
        let window = (kernel - 1).checked_mul(dilation)?.checked_add(1)?;
        size.checked_add(before)?.checked_add(after)?.checked_sub(window)
    })();
    let room = room.ok_or_else(|| format!("window of {kernel} with dilation {dilation} does not fit the padded size of {size}"))?;
    let mut out = if ceil { room.div_ceil(stride) + 1 } else { room / stride + 1 };
    if ceil && (out - 1).checked_mul(stride).is_none_or(|start| start >= size + before) {
        out -= 1;
    }
    Ok(Dim::Fixed(out))
}

pub(super) fn pool(operands: &Operands<'_>, attrs: &PoolAttrs) -> Inferred {
    let Some(x) = operands.shape(0) else { return Ok(None) };
    let n = attrs.kernel.len();
    if n == 0 || x.len() != n + 2 {
        return Err(format!("has {n} kernel sizes, which does not fit the input {}", show(x)));
    }
    if attrs.strides.len() != n || attrs.dilations.len() != n || attrs.pads.len() != 2 * n {
        return Err(format!("strides, dilations and pads must have an entry per spatial axis, {n}"));
    }
    let mut y = vec![dim(x, 0)?, dim(x, 1)?];
    let windows = attrs.kernel.iter().zip(&attrs.strides).zip(&attrs.dilations);
    for (i, ((&kernel, &stride), &dilation)) in windows.enumerate() {
        let before = attrs.pads.get(i).copied().unwrap_or(0);
        let after = attrs.pads.get(i + n).copied().unwrap_or(0);
        y.push(extent(dim(x, i + 2)?, kernel, stride, dilation, before, after, attrs.ceil_mode)?);
    }
    Ok(Some(y))
}

pub(super) fn global(operands: &Operands<'_>) -> Inferred {
    let Some(x) = operands.shape(0) else { return Ok(None) };
    if x.len() < 3 {
        return Err(format!("needs an input of rank 3 or more, got {}", show(x)));
    }
    Ok(Some(x.iter().enumerate().map(|(i, &d)| if i < 2 { d } else { Dim::Fixed(1) }).collect()))
}

/// Normalisations with one parameter per channel.
pub(super) fn channel_norm(operands: &Operands<'_>) -> Inferred {
    let Some(x) = operands.shape(0) else { return Ok(None) };
    let channels = if x.len() == 1 { Dim::Fixed(1) } else { dim(x, 1)? };
    for i in 1..operands.len() {
        if let Some(parameter) = operands.shape(i)
            && (parameter.len() != 1 || unify(dim(parameter, 0)?, channels).is_none())
        {
            return Err(format!("input {i} is {}, not one number per channel of {}", show(parameter), show(x)));
        }
    }
    Ok(Some(x.to_vec()))
}
