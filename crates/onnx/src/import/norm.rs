//! Normalisations and softmax.

use brinell_graph::{DType, Dim, Op, Reduce, Shape, ValueId};

use super::{Importer, Node, Refusal, bad, opaque, size, unknown};

pub(super) fn batch_normalization(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    if node.attributes.flag("training_mode", false)? || node.has_outputs_beyond(1) {
        return trained(importer, node);
    }
    if !node.attributes.flag("spatial", true)? {
        return opaque("it normalises each element");
    }
    let epsilon = node.attributes.float_or("epsilon", 1e-5)?;
    importer.emit(node, Op::BatchNormalization { epsilon }, node.inputs.clone())
}

/// In training mode a batch is normalised by its own mean and variance, so that its samples influence each other. For a batch of one, as exporters use it on
/// standardised weights, that is InstanceNormalization.
fn trained(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let (x, scale, bias) = (node.input(0)?, node.input(1)?, node.input(2)?);
    let shape = importer.shape(x)?;
    let (rank, Some(&Dim::Fixed(channels))) = (shape.len(), shape.get(1)) else { return opaque("it runs in training mode") };
    let epsilon = node.attributes.float_or("epsilon", 1e-5)?;
    let average = |keepdims| Op::Reduce { kind: Reduce::Mean, axes: (0..rank).filter(|&axis| axis != 1).collect(), keepdims };
    let alone = matches!(shape.as_slice(), [Dim::Fixed(1), _, _, ..]);
    let mut made = Vec::new();
    let mut moments = None;
    if !alone || node.has_outputs_beyond(1) {
        let mean = importer.step(node, average(true), &[x])?;
        let centred = importer.step(node, Op::Sub, &[x, mean])?;
        let square = importer.step(node, Op::Mul, &[centred, centred])?;
        let variance = importer.step(node, average(true), &[square])?;
        moments = Some((mean, centred, variance));
    }
    let named = node.outputs.get(..1).unwrap_or_default();
    if let Some((_, centred, variance)) = moments.filter(|_| !alone) {
        let epsilon = importer.number(node, x, f64::from(epsilon))?;
        let raised = importer.step(node, Op::Add, &[variance, epsilon])?;
        let deviation = importer.step(node, Op::Sqrt, &[raised])?;
        let mut value = importer.step(node, Op::Div, &[centred, deviation])?;
        let along: Shape = (0..rank).map(|axis| Dim::Fixed(if axis == 1 { channels } else { 1 })).collect();
        let scale = importer.step(node, Op::Reshape { shape: along.clone() }, &[scale])?;
        let bias = importer.step(node, Op::Reshape { shape: along }, &[bias])?;
        value = importer.step(node, Op::Mul, &[value, scale])?;
        made.extend(importer.push(node.name, Op::Add, vec![Some(value), Some(bias)], named)?);
    } else {
        let inputs = [x, scale, bias].map(Some).to_vec();
        made.extend(importer.push(node.name, Op::InstanceNormalization { epsilon }, inputs, named)?);
    }
    if let Some((mean, _, variance)) = moments.filter(|_| node.has_outputs_beyond(1)) {
        let flat = vec![Dim::Fixed(channels)];
        let mean = importer.step(node, Op::Reshape { shape: flat.clone() }, &[mean])?;
        let variance = importer.step(node, Op::Reshape { shape: flat }, &[variance])?;
        let momentum = f64::from(node.attributes.float_or("momentum", 0.9)?);
        for (running, batch) in [(node.input(3)?, mean), (node.input(4)?, variance)] {
            let (kept, new) = (importer.number(node, x, momentum)?, importer.number(node, x, 1.0 - momentum)?);
            let kept = importer.step(node, Op::Mul, &[running, kept])?;
            let new = importer.step(node, Op::Mul, &[batch, new])?;
            made.push(Some(importer.step(node, Op::Add, &[kept, new])?));
        }
        made.extend([Some(mean), Some(variance)]);
    }
    for (id, name) in made.into_iter().zip(&node.outputs) {
        if let (Some(id), Some(name)) = (id, name) {
            importer.bind(name, id);
        }
    }
    Ok(())
}

pub(super) fn layer_normalization(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    if node.has_outputs_beyond(1) {
        return opaque("its mean or standard deviation output is used, which is not supported");
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
    if node.attributes.int_or("stash_type", 1)? != 1 {
        return opaque("stash_type is not 1");
    }
    let (x, scale, bias) = (node.input(0)?, node.input(1)?, node.input(2)?);
    let shape = importer.shape(x)?;
    let (Some(&batch), Some(&Dim::Fixed(channels))) = (shape.first(), shape.get(1)) else { return unknown("its channels are not fixed") };
    let Some(groups) = node.attributes.int("num_groups")?.and_then(|n| usize::try_from(n).ok()).filter(|&n| n > 0) else {
        return bad("attribute `num_groups` is missing or not positive");
    };
    if !channels.is_multiple_of(groups) {
        return bad(format!("{channels} channels do not divide into {groups} groups"));
    }
    let grouped = importer.step(node, Op::Reshape { shape: vec![batch, Dim::Fixed(groups), Dim::Unknown] }, &[x])?;
    let epsilon = node.attributes.float_or("epsilon", 1e-5)?;
    if node.version < 21 {
        // Scale and bias are per group.
        let y = importer.step(node, Op::InstanceNormalization { epsilon }, &[grouped, scale, bias])?;
        return importer.emit(node, Op::Reshape { shape }, vec![Some(y)]);
    }
    let (ones, zeros) = (importer.filled(node, x, &[groups], 1.0)?, importer.filled(node, x, &[groups], 0.0)?);
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

/// x / sqrt(mean(x^2) + epsilon), scaled; halves are normalised in f32.
pub(super) fn rms_normalization(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let (x, scale) = (node.input(0)?, node.input(1)?);
    let rank = importer.rank(x)?;
    let axis = size::axis(node.attributes.int_or("axis", -1)?, rank)?;
    let epsilon = f64::from(node.attributes.float_or("epsilon", 1e-5)?);
    let wide = match (importer.graph.value(x).dtype, node.attributes.int_or("stash_type", 1)?) {
        (Some(dtype @ (DType::F16 | DType::Bf16)), 1) => Some(dtype),
        (_, 1) => None,
        _ => return opaque("stash_type is not 1"),
    };
    let stashed = if wide.is_some() { importer.step(node, Op::Cast { to: DType::F32 }, &[x])? } else { x };
    let mut normal = importer.rms(node, stashed, (axis..rank).collect(), epsilon)?;
    if let Some(to) = wide {
        normal = importer.step(node, Op::Cast { to }, &[normal])?;
    }
    importer.emit(node, Op::Mul, vec![Some(normal), Some(scale)])
}

impl Importer<'_> {
    /// x divided by the root of the mean of its squares along `axes`.
    pub(super) fn rms(&mut self, node: &Node<'_>, x: ValueId, axes: Vec<usize>, epsilon: f64) -> Result<ValueId, Refusal> {
        let square = self.step(node, Op::Mul, &[x, x])?;
        let mean = self.step(node, Op::Reduce { kind: Reduce::Mean, axes, keepdims: true }, &[square])?;
        let epsilon = self.number(node, x, epsilon)?;
        let shifted = self.step(node, Op::Add, &[mean, epsilon])?;
        let root = self.step(node, Op::Sqrt, &[shifted])?;
        self.step(node, Op::Div, &[x, root])
    }
}

/// (x - mean) / (standard deviation + 1e-9) along the axes, over batch, rows and columns unless said otherwise.
pub(super) fn mean_variance_normalization(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let x = node.input(0)?;
    let axes = size::axes(&node.attributes.ints("axes")?.unwrap_or_else(|| vec![0, 2, 3]), importer.rank(x)?)?;
    let mean = Op::Reduce { kind: Reduce::Mean, axes, keepdims: true };
    let centre = importer.step(node, mean.clone(), &[x])?;
    let centred = importer.step(node, Op::Sub, &[x, centre])?;
    let square = importer.step(node, Op::Mul, &[centred, centred])?;
    let variance = importer.step(node, mean, &[square])?;
    let deviation = importer.step(node, Op::Sqrt, &[variance])?;
    let epsilon = importer.number(node, x, 1e-9)?;
    let divisor = importer.step(node, Op::Add, &[deviation, epsilon])?;
    importer.emit(node, Op::Div, vec![Some(centred), Some(divisor)])
}

/// 1 at the first maximum along the axis, else 0.
pub(super) fn hardmax(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let x = node.input(0)?;
    let shape = importer.shape(x)?;
    let default = if node.version < 13 { 1 } else { -1 };
    let axis = size::axis(node.attributes.int_or("axis", default)?, shape.len())?;
    let coerced = node.version < 13 && axis + 1 < shape.len();
    let mut flat = x;
    if coerced {
        let target = shape.iter().copied().take(axis).chain([Dim::Unknown]).collect();
        flat = importer.step(node, Op::Reshape { shape: target }, &[x])?;
    }
    let Some(&Dim::Fixed(depth)) = importer.shape(flat)?.get(axis) else { return unknown("the size of its axis is not fixed") };
    let first = importer.step(node, Op::ArgMax { axis, keepdims: false, select_last: false }, &[flat])?;
    let Some(values) = importer.graph.value(x).dtype.and_then(crate::tensor::off_on) else {
        return opaque("its type is not supported");
    };
    let values = importer.constant(node, values);
    let y = importer.step(node, Op::OneHot { axis, depth }, &[first, values])?;
    let op = if coerced { Op::Reshape { shape } } else { Op::Identity };
    importer.emit(node, op, vec![Some(y)])
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
