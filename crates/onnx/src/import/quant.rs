//! Quantised operators of ONNX and of onnxruntime's domain.

use brinell_graph::{DType, Op, Quant, ValueId};

use super::{Importer, Node, Refusal, bad, linear, opaque, pool, size};

type Done = Result<(), Refusal>;

pub(super) fn emit(importer: &mut Importer<'_>, node: &Node<'_>, quant: Quant) -> Done {
    importer.emit(node, Op::Quant(quant), node.inputs.clone())
}

pub(super) fn is_narrow(dtype: DType) -> bool {
    matches!(dtype, DType::I8 | DType::U8 | DType::I16 | DType::U16)
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
        return opaque("its channels are the last axis");
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
        return opaque("its channels are the last axis");
    }
    let pool = pool::pool(importer, node)?;
    let count_include_pad = node.attributes.flag("count_include_pad", false)?;
    emit(importer, node, Quant::QLinearAveragePool { pool, count_include_pad })
}

pub(super) fn qlinear_global_average_pool(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    if node.attributes.flag("channels_last", false)? {
        return opaque("its channels are the last axis");
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
