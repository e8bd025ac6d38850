//! Normalisations and softmax.

use brinell_graph::{DType, Dim, Op, Reduce, Shape, Tensor, TensorData};

use super::{Importer, Node, Refusal, bad, opaque, size};

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

/// Channels are normalised in groups: InstanceNormalization over the groups, then scale and bias per channel.
pub(super) fn group_normalization(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    if node.version < 21 {
        return opaque("its scale is per group");
    }
    if node.attributes.int_or("stash_type", 1)? != 1 {
        return opaque("stash_type is not 1");
    }
    let (x, scale, bias) = (node.input(0)?, node.input(1)?, node.input(2)?);
    let shape = importer.shape(x)?;
    let (Some(&batch), Some(&Dim::Fixed(channels))) = (shape.first(), shape.get(1)) else { return opaque("its channels are not fixed") };
    let Some(groups) = node.attributes.int("num_groups")?.and_then(|n| usize::try_from(n).ok()).filter(|&n| n > 0) else {
        return bad("attribute `num_groups` is missing or not positive");
    };
    if !channels.is_multiple_of(groups) || importer.graph.value(x).dtype != Some(DType::F32) {
        return opaque("only f32 with whole groups is read");
    }
    let grouped = importer.step(node, Op::Reshape { shape: vec![batch, Dim::Fixed(groups), Dim::Unknown] }, &[x])?;
    let fill = |value: f32| Tensor::new(vec![groups], TensorData::F32(vec![value; groups])).unwrap_or_else(|| Tensor::scalar(value));
    let (ones, zeros) = (importer.constant(node, fill(1.0)), importer.constant(node, fill(0.0)));
    let epsilon = node.attributes.float_or("epsilon", 1e-5)?;
    let normal = importer.step(node, Op::InstanceNormalization { epsilon }, &[grouped, ones, zeros])?;
    let normal = importer.step(node, Op::Reshape { shape: shape.clone() }, &[normal])?;
    let mut per_channel = vec![Dim::Fixed(1); shape.len().saturating_sub(1)];
    if let Some(first) = per_channel.first_mut() {
        *first = Dim::Fixed(channels);
    }
    let scale = importer.step(node, Op::Reshape { shape: per_channel.clone() }, &[scale])?;
    let bias = importer.step(node, Op::Reshape { shape: per_channel }, &[bias])?;
    let scaled = importer.step(node, Op::Mul, &[normal, scale])?;
    importer.emit(node, Op::Add, vec![Some(scaled), Some(bias)])
}

/// x / sqrt(mean(x^2) + epsilon), scaled.
pub(super) fn rms_normalization(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let (x, scale) = (node.input(0)?, node.input(1)?);
    if importer.graph.value(x).dtype != Some(DType::F32) || node.attributes.int_or("stash_type", 1)? != 1 {
        return opaque("only f32 is read");
    }
    let rank = importer.rank(x)?;
    let axis = size::axis(node.attributes.int_or("axis", -1)?, rank)?;
    let epsilon = node.attributes.float_or("epsilon", 1e-5)?;
    let square = importer.step(node, Op::Mul, &[x, x])?;
    let mean = importer.step(node, Op::Reduce { kind: Reduce::Mean, axes: (axis..rank).collect(), keepdims: true }, &[square])?;
    let epsilon = importer.constant(node, Tensor::scalar(epsilon));
    let shifted = importer.step(node, Op::Add, &[mean, epsilon])?;
    let root = importer.step(node, Op::Sqrt, &[shifted])?;
    let normal = importer.step(node, Op::Div, &[x, root])?;
    importer.emit(node, Op::Mul, vec![Some(normal), Some(scale)])
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
