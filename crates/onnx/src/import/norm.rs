//! Normalisations and softmax.

use brinell_graph::{Dim, Op, Shape};

use super::{Importer, Node, Refusal, opaque, size};

pub(super) fn batch_normalization(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    if node.attributes.flag("training_mode", false)? || node.has_outputs_beyond(1) {
        return opaque("it runs in training mode");
    }
    if !node.attributes.flag("spatial", true)? {
        return opaque("it normalises per element");
    }
    let epsilon = node.attributes.float_or("epsilon", 1e-5)?;
    importer.emit(node, Op::BatchNormalization { epsilon }, node.inputs.clone())
}

pub(super) fn layer_normalization(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    if node.has_outputs_beyond(1) {
        return opaque("its mean or deviation is used");
    }
    if node.attributes.int_or("stash_type", 1)? != 1 {
        return opaque("stash_type is not 1");
    }
    let axis = size::axis(node.attributes.int_or("axis", -1)?, importer.rank(node.input(0)?)?)?;
    let epsilon = node.attributes.float_or("epsilon", 1e-5)?;
    importer.emit(node, Op::LayerNormalization { axis, epsilon }, node.inputs.clone())
}

pub(super) fn instance_normalization(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let epsilon = node.attributes.float_or("epsilon", 1e-5)?;
    importer.emit(node, Op::InstanceNormalization { epsilon }, node.inputs.clone())
}

pub(super) fn softmax(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    over_axis(importer, node, |axis| Op::Softmax { axis })
}

pub(super) fn log_softmax(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    over_axis(importer, node, |axis| Op::LogSoftmax { axis })
}

/// Before opset 13 the sum runs over all axes from `axis` on.
fn over_axis(importer: &mut Importer<'_>, node: &Node<'_>, op: fn(usize) -> Op) -> Result<(), Refusal> {
    let x = node.input(0)?;
    let shape = importer.shape(x)?;
    let default = if node.version < 13 { 1 } else { -1 };
    let axis = size::axis(node.attributes.int_or("axis", default)?, shape.len())?;
    let trailing_ones = shape.iter().skip(axis + 1).all(|&d| d == Dim::Fixed(1));
    if node.version >= 13 || trailing_ones {
        return importer.emit(node, op(axis), vec![Some(x)]);
    }
    let mut flat: Shape = shape.iter().copied().take(axis).collect();
    flat.push(Dim::Unknown);
    let flat = importer.step(node, Op::Reshape { shape: flat }, &[x])?;
    let y = importer.step(node, op(axis), &[flat])?;
    importer.emit(node, Op::Reshape { shape }, vec![Some(y)])
}
