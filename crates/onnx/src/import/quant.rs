//! Quantised operators of ONNX and of onnxruntime's domain.

use brinell_graph::{DType, Dim, Op, Quant, ValueId};

use super::{Importer, Node, Refusal, bad, linear, opaque, pool, size};
use crate::tensor;

type Done = Result<(), Refusal>;

fn emit(importer: &mut Importer<'_>, node: &Node<'_>, quant: Quant) -> Done {
    importer.emit(node, Op::Quant(quant), node.inputs.clone())
}

fn is_narrow(dtype: DType) -> bool {
    matches!(dtype, DType::I8 | DType::U8 | DType::I16 | DType::U16)
}

/// The axis of the scale; it plays no part where the scale is a scalar.
fn axis(importer: &Importer<'_>, node: &Node<'_>) -> Result<usize, Refusal> {
    if node.attributes.int_or("block_size", 0)? != 0 {
        return opaque("its scales are for blocks");
    }
    let scale = importer.shape(node.input(1)?)?;
    if scale.is_empty() || scale == [Dim::Fixed(1)] {
        return Ok(0);
    }
    // onnxruntime's own form has no default axis.
    size::axis(node.attributes.int_or("axis", 1)?, importer.rank(node.input(0)?)?)
}

pub(super) fn quantize(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let axis = axis(importer, node)?;
    let zero = node.optional(2).and_then(|zero| importer.graph.value(zero).dtype);
    let to = match (zero, node.attributes.int_or("output_dtype", 0)?) {
        (Some(zero), _) => zero,
        (None, 0) if node.optional(2).is_none() => DType::U8,
        (None, 0) => return opaque("the type of its zero is not known, or not supported (8-bit floats are not)"),
        (None, number) => match i32::try_from(number).ok().and_then(tensor::dtype) {
            Some(to) => to,
            None => return opaque(format!("element type {number} is not supported")),
        },
    };
    if !is_narrow(to) {
        return opaque(format!("it quantises to {to:?}"));
    }
    emit(importer, node, Quant::QuantizeLinear { axis, to })
}

/// Without a scale that is wider than the integers nothing needs converting: i32 biases have scales of their own.
pub(super) fn dequantize(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let axis = axis(importer, node)?;
    match importer.graph.value(node.input(0)?).dtype {
        Some(dtype) if is_narrow(dtype) || dtype == DType::I32 => emit(importer, node, Quant::DequantizeLinear { axis }),
        Some(other) => opaque(format!("it converts {other:?}")),
        None => opaque("the type of its input is not known, or not supported (8-bit floats and 4-bit integers are not)"),
    }
}

pub(super) fn dynamic_quantize(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    emit(importer, node, Quant::DynamicQuantizeLinear)
}

pub(super) fn conv_integer(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let attrs = linear::conv_attributes(importer, node, 0, 1)?;
    emit(importer, node, Quant::ConvInteger(attrs))
}

pub(super) fn qlinear_conv(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    if node.attributes.flag("channels_last", false)? {
        return opaque("its channels stand last");
    }
    let attrs = linear::conv_attributes(importer, node, 0, 3)?;
    emit(importer, node, Quant::QLinearConv(attrs))
}

pub(super) fn matmul_integer(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    emit(importer, node, Quant::MatMulInteger)
}

pub(super) fn qlinear_matmul(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    emit(importer, node, Quant::QLinearMatMul)
}

pub(super) fn qgemm(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let quant = Quant::QGemm {
        alpha: node.attributes.float_or("alpha", 1.0)?,
        trans_a: node.attributes.flag("transA", false)?,
        trans_b: node.attributes.flag("transB", false)?,
    };
    emit(importer, node, quant)
}

pub(super) fn qlinear_add(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    emit(importer, node, Quant::QLinearAdd)
}

pub(super) fn qlinear_mul(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    emit(importer, node, Quant::QLinearMul)
}

pub(super) fn qlinear_sigmoid(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    emit(importer, node, Quant::QLinearSigmoid)
}

pub(super) fn qlinear_leaky_relu(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let alpha = node.attributes.float_or("alpha", 0.01)?;
    emit(importer, node, Quant::QLinearLeakyRelu { alpha })
}

pub(super) fn qlinear_average_pool(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    if node.attributes.flag("channels_last", false)? {
        return opaque("its channels stand last");
    }
    let pool = pool::pool(importer, node)?;
    let count_include_pad = node.attributes.flag("count_include_pad", false)?;
    emit(importer, node, Quant::QLinearAveragePool { pool, count_include_pad })
}

pub(super) fn qlinear_global_average_pool(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    if node.attributes.flag("channels_last", false)? {
        return opaque("its channels stand last");
    }
    emit(importer, node, Quant::QLinearGlobalAveragePool)
}

pub(super) fn qlinear_softmax(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let rank = importer.rank(node.input(0)?)?;
    let axis = size::axis(node.attributes.int_or("axis", -1)?, rank)?;
    if node.attributes.int_or("opset", 13)? < 13 && axis + 1 != rank {
        return opaque("it sums over several axes");
    }
    emit(importer, node, Quant::QLinearSoftmax { axis })
}

pub(super) fn qlinear_concat(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let Some(at) = node.attributes.int("axis")? else { return bad("attribute `axis` is missing") };
    let axis = size::axis(at, importer.rank(node.input(2)?)?)?;
    emit(importer, node, Quant::QLinearConcat { axis })
}

/// A float operand is quantised on the fly, multiplied with integers and scaled back.
pub(super) fn dynamic_quantize_matmul(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let (a, b, b_scale) = (node.input(0)?, node.input(1)?, node.input(2)?);
    let quantised = importer.step_many(node, Op::Quant(Quant::DynamicQuantizeLinear), &[a], 3)?;
    let &[q, scale, zero] = quantised.as_slice() else { return bad("it has no operand") };
    let parts = [Some(q), Some(b), Some(zero), node.optional(3)];
    product(importer, node, parts, [scale, b_scale], node.optional(4))
}

/// a, b, a scale, b scale, a zero?, b zero?, bias?
pub(super) fn matmul_integer_to_float(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let parts = [Some(node.input(0)?), Some(node.input(1)?), node.optional(4), node.optional(5)];
    product(importer, node, parts, [node.input(2)?, node.input(3)?], node.optional(6))
}

fn product(importer: &mut Importer<'_>, node: &Node<'_>, parts: [Option<ValueId>; 4], scales: [ValueId; 2], bias: Option<ValueId>) -> Done {
    let mut inputs = parts.to_vec();
    while inputs.last() == Some(&None) {
        inputs.pop();
    }
    let name = format!("{}/MatMulInteger", node.name);
    let made = importer.graph.push(&name, Op::Quant(Quant::MatMulInteger), inputs, &[Some(&name)])?;
    let Some(sum) = made.into_iter().flatten().next() else { return bad("it has no result") };
    let real = importer.step(node, Op::Cast { to: DType::F32 }, &[sum])?;
    let scale = importer.step(node, Op::Mul, &scales)?;
    let y = importer.step(node, Op::Mul, &[real, scale])?;
    match bias {
        Some(bias) => importer.emit(node, Op::Add, vec![Some(y), Some(bias)]),
        None => importer.finish(node, y),
    }
}
