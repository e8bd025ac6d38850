//! Pools with a window.

use brinell_graph::{Op, PoolAttrs};

use super::linear::{Window, window};
use super::{Importer, Node, Refusal, bad, opaque};

fn pool(importer: &Importer<'_>, node: &Node<'_>) -> Result<PoolAttrs, Refusal> {
    let Some(kernel) = node.attributes.sizes("kernel_shape")? else { return bad("attribute `kernel_shape` is missing") };
    let spatial: Vec<_> = importer.shape(node.input(0)?)?.into_iter().skip(2).collect();
    let ceil_mode = node.attributes.flag("ceil_mode", false)?;
    let Window { kernel, strides, dilations, pads } = window(node, kernel, &spatial)?;
    Ok(PoolAttrs { kernel, strides, dilations, pads, ceil_mode })
}

pub(super) fn max_pool(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    if node.attributes.flag("storage_order", false)? && node.has_outputs_beyond(1) {
        return opaque("its indices are column-major");
    }
    let attrs = pool(importer, node)?;
    importer.emit(node, Op::MaxPool(attrs), node.inputs.clone())
}

pub(super) fn average_pool(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let pool = pool(importer, node)?;
    let count_include_pad = node.attributes.flag("count_include_pad", false)?;
    importer.emit(node, Op::AveragePool { pool, count_include_pad }, node.inputs.clone())
}
