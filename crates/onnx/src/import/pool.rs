//! Pools with a window.

use brinell_graph::{Op, PoolAttrs};

use super::linear::{Window, window};
use super::{Importer, Node, Refusal, bad, opaque};

pub(super) fn pool(importer: &Importer<'_>, node: &Node<'_>) -> Result<PoolAttrs, Refusal> {
    let Some(kernel) = node.attributes.sizes("kernel_shape")? else { return bad("attribute `kernel_shape` is missing") };
    let spatial: Vec<_> = importer.shape(node.input(0)?)?.into_iter().skip(2).collect();
    let ceil_mode = node.attributes.flag("ceil_mode", false)?;
    let Window { kernel, strides, dilations, pads } = window(node, kernel, &spatial)?;
    Ok(PoolAttrs { kernel, strides, dilations, pads, ceil_mode })
}

/// Turns `ceil_mode` into end pads where the sizes are fixed: runtimes disagree on the last window. A window part that hangs
/// over the end counts like padding, so this holds where padding does not count.
pub(super) fn without_ceil(importer: &Importer<'_>, node: &Node<'_>, pool: PoolAttrs) -> Result<PoolAttrs, Refusal> {
    let n = pool.kernel.len();
    let spatial: Vec<Option<usize>> = importer.shape(node.input(0)?)?.iter().skip(2).map(|d| d.fixed()).collect();
    if !pool.ceil_mode || spatial.len() != n || pool.pads.len() != 2 * n {
        return Ok(pool);
    }
    let (before, after) = pool.pads.split_at(n);
    let mut ends = Vec::with_capacity(n);
    for (i, size) in spatial.iter().enumerate() {
        let at = |list: &[usize]| list.get(i).copied();
        let end = (|| {
            let (size, stride, before) = ((*size)?, at(&pool.strides)?, at(before)?);
            let window = at(&pool.kernel)?.checked_sub(1)?.checked_mul(at(&pool.dilations)?)?.checked_add(1)?;
            let room = size.checked_add(before)?.checked_add(at(after)?)?.checked_sub(window)?;
            let mut last = room.checked_next_multiple_of(stride)?;
            if last >= size.checked_add(before)? {
                last = last.checked_sub(stride)?;
            }
            let end = last.checked_add(window)?.saturating_sub(size.checked_add(before)?);
            (Some(end) < at(&pool.kernel)).then_some(end)
        })();
        let Some(end) = end else { return Ok(pool) };
        ends.push(end);
    }
    let pads = before.iter().copied().chain(ends).collect();
    Ok(PoolAttrs { pads, ceil_mode: false, ..pool })
}

pub(super) fn max_pool(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    if node.attributes.flag("storage_order", false)? && node.has_outputs_beyond(1) {
        return opaque("its indices are column-major");
    }
    let attrs = pool(importer, node)?;
    let attrs = without_ceil(importer, node, attrs)?;
    importer.emit(node, Op::MaxPool(attrs), node.inputs.clone())
}

pub(super) fn average_pool(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let mut pool = pool(importer, node)?;
    let count_include_pad = node.attributes.flag("count_include_pad", false)?;
    if !count_include_pad {
        pool = without_ceil(importer, node, pool)?;
    }
    importer.emit(node, Op::AveragePool { pool, count_include_pad }, node.inputs.clone())
}
