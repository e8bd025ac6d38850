//! QuantizeLinear and DequantizeLinear: one scale for a tensor, for each place along an axis, or for each block along one.
//!
//! The graph has the first two for whole numbers of 8, 16 and 32 bits. What else ONNX has is said with these and with arithmetic: constants that are
//! dequantised in blocks or from small floats become what they stand for, results of 2 and 4 bits are cut to their range before they are rounded.

use brinell_graph::{DType, Dim, Op, Quant, Shape, SmallFloat, Tensor, TensorData, ValueId};

use super::quant::{emit, is_narrow};
use super::unpack::{Grain, dequantised, floats};
use super::{Importer, Node, Refusal, bad, opaque, size, unknown};
use crate::tensor::{self, from_floats};

type Done = Result<(), Refusal>;

/// What the scale runs along.
fn grain(importer: &Importer<'_>, node: &Node<'_>) -> Result<Grain, Refusal> {
    let scale = importer.shape(node.input(1)?)?;
    let block = node.attributes.int_or("block_size", 0)?;
    // onnxruntime's own form has no default axis.
    let axis = |importer: &Importer<'_>| size::axis(node.attributes.int_or("axis", 1)?, importer.rank(node.input(0)?)?);
    match usize::try_from(block) {
        Err(_) => bad(format!("blocks of size {block} are not possible")),
        // The axis plays no part.
        Ok(0) if scale.is_empty() || scale == [Dim::Fixed(1)] => Ok(Grain::Tensor),
        Ok(0) => Ok(Grain::Axis(axis(importer)?)),
        Ok(block) => Ok(Grain::Block(axis(importer)?, block)),
    }
}

/// The axis in the form of the graph.
fn axis_of(grain: Grain) -> usize {
    match grain {
        Grain::Tensor => 0,
        Grain::Axis(axis) | Grain::Block(axis, _) => axis,
    }
}

/// The range of whole numbers of 2 and 4 bits.
fn small_range(dtype: DType) -> Option<(f32, f32)> {
    Some(match dtype {
        DType::I2 => (-2.0, 1.0),
        DType::U2 => (0.0, 3.0),
        DType::I4 => (-8.0, 7.0),
        DType::U4 => (0.0, 15.0),
        _ => return None,
    })
}

pub(super) fn quantize(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let grain = grain(importer, node)?;
    let to = match (node.stored(2), node.attributes.int_or("output_dtype", 0)?) {
        (Some(zero), _) => zero,
        (None, 0) if node.optional(2).is_none() => DType::U8,
        (None, 0) => return unknown("the type of its zero is unknown"),
        (None, number) => match i32::try_from(number).ok().and_then(tensor::dtype) {
            Some(to) => to,
            None => return opaque(format!("element type {number} is not supported")),
        },
    };
    if SmallFloat::of(to).is_some() {
        return to_small_float(importer, node, to, grain);
    }
    let wide = to.widened().unwrap_or(to);
    if !is_narrow(wide) {
        return opaque(format!("it quantises to {to:?}"));
    }
    if let Grain::Block(axis, block) = grain {
        return in_blocks(importer, node, to, axis, block);
    }
    let Some(range) = small_range(to) else { return emit(importer, node, Quant::QuantizeLinear { axis: axis_of(grain), to }) };
    let (x, scale) = (node.input(0)?, node.input(1)?);
    let (x, zero) = cut(importer, node, x, grain, range, wide)?;
    importer.emit(node, Op::Quant(Quant::QuantizeLinear { axis: axis_of(grain), to: wide }), vec![Some(x), Some(scale), Some(zero)])
}

/// x cut to what a range of whole numbers stands for, and the zero as a constant, which says the type of the result.
fn cut(
    importer: &mut Importer<'_>,
    node: &Node<'_>,
    x: ValueId,
    grain: Grain,
    (lo, hi): (f32, f32),
    wide: DType,
) -> Result<(ValueId, ValueId), Refusal> {
    let Some(scale) = importer.graph.constant_of(node.input(1)?).cloned() else { return opaque("its scale is not constant") };
    let zero = match node.optional(2).map(|id| importer.graph.constant_of(id).cloned()) {
        Some(Some(zero)) => Some(zero),
        None => None,
        Some(None) => return opaque("its zero is not constant"),
    };
    let Some(scales) = floats(&scale) else { return opaque("its scale has double precision") };
    let zeros = zero.as_deref().and_then(floats).unwrap_or_else(|| vec![0.0; scales.len()]);
    if zeros.len() != scales.len() {
        return bad("scale and zero have different sizes");
    }
    let shape = along(scale.shape(), importer.rank(x)?, grain);
    let mut bounded = x;
    for (end, op) in [(lo, Op::Max), (hi, Op::Min)] {
        let ends: Vec<f32> = scales.iter().zip(&zeros).map(|(scale, zero)| (end - zero) * scale).collect();
        let Some(ends) = from_floats(scale.dtype(), shape.clone(), &ends) else {
            return opaque("its scale is not a floating-point number");
        };
        let ends = importer.constant(node, ends);
        bounded = importer.step(node, op, &[bounded, ends])?;
    }
    let bytes: Vec<u8> = zeros.iter().map(|zero| whole_byte(*zero)).collect();
    let data = TensorData::Raw { dtype: wide, len: bytes.len(), bytes: bytes.into() };
    let Some(zero) = Tensor::new(scale.shape().to_vec(), data) else { return bad("scale and zero have different sizes") };
    Ok((bounded, importer.constant(node, zero)))
}

/// A whole number from -128 to 255 as a byte.
#[expect(clippy::as_conversions, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "two's complement is what is wanted")]
fn whole_byte(x: f32) -> u8 {
    (x as i16) as u8
}

/// The shape in which scales broadcast to a value.
fn along(scales: &[usize], rank: usize, grain: Grain) -> Vec<usize> {
    match (grain, scales) {
        (Grain::Axis(axis), &[n]) => std::iter::once(n).chain(std::iter::repeat_n(1, rank.saturating_sub(axis + 1))).collect(),
        _ => scales.to_vec(),
    }
}

/// The scale in a shape in which it broadcasts to a value of this rank.
fn broadcast(importer: &mut Importer<'_>, node: &Node<'_>, scale: ValueId, rank: usize, grain: Grain) -> Result<ValueId, Refusal> {
    let Grain::Axis(axis) = grain else { return Ok(scale) };
    let after: Vec<usize> = (1..rank.saturating_sub(axis)).collect();
    if after.is_empty() { Ok(scale) } else { importer.step(node, Op::Unsqueeze { axes: after }, &[scale]) }
}

/// The nearest of the numbers that x over its scale may be.
fn to_small_float(importer: &mut Importer<'_>, node: &Node<'_>, format: DType, grain: Grain) -> Done {
    if !node.attributes.flag("saturate", true)? {
        return opaque("values that are too large become infinite, which is not supported");
    }
    let (x, scale) = (node.input(0)?, node.input(1)?);
    let ratio = match grain {
        Grain::Block(axis, block) => {
            let (split, whole) = split(importer, node, x, axis, block)?;
            let scale = importer.step(node, Op::Unsqueeze { axes: vec![axis + 1] }, &[scale])?;
            let ratio = importer.step(node, Op::Div, &[split, scale])?;
            importer.step(node, Op::Reshape { shape: whole }, &[ratio])?
        }
        _ => {
            let rank = importer.rank(x)?;
            let scale = broadcast(importer, node, scale, rank, grain)?;
            importer.step(node, Op::Div, &[x, scale])?
        }
    };
    importer.emit(node, Op::Quant(Quant::RoundToFloat { format }), vec![Some(ratio)])
}

/// x with an axis taken apart into blocks, and the shape it had.
fn split(importer: &mut Importer<'_>, node: &Node<'_>, x: ValueId, axis: usize, block: usize) -> Result<(ValueId, Shape), Refusal> {
    let whole = importer.shape(x)?;
    let n = match whole.get(axis) {
        Some(&Dim::Fixed(n)) if n.is_multiple_of(block) => n / block,
        Some(Dim::Fixed(n)) => return opaque(format!("the last block of {n} elements is shorter than {block}")),
        _ => return unknown("the size of its axis is unknown"),
    };
    let mut shape: Shape = whole.clone();
    shape.splice(axis..=axis, [Dim::Fixed(n), Dim::Fixed(block)]);
    Ok((importer.step(node, Op::Reshape { shape }, &[x])?, whole))
}

/// Blocks of x, each divided by its scale, are quantised with a scale of 1.
fn in_blocks(importer: &mut Importer<'_>, node: &Node<'_>, to: DType, axis: usize, block: usize) -> Done {
    let (x, scale) = (node.input(0)?, node.input(1)?);
    let zero = match node.optional(2).map(|id| importer.graph.constant_of(id).and_then(|zero| floats(zero))) {
        None => 0.0,
        Some(Some(zeros)) => match zeros.split_first() {
            Some((first, rest)) if rest.iter().all(|zero| zero.to_bits() == first.to_bits()) => *first,
            _ => return opaque("its blocks have different zeros"),
        },
        Some(None) => return opaque("its zero is not constant"),
    };
    let (parts, whole) = split(importer, node, x, axis, block)?;
    let scale = importer.step(node, Op::Unsqueeze { axes: vec![axis + 1] }, &[scale])?;
    let ratio = importer.step(node, Op::Div, &[parts, scale])?;
    let mut ratio = importer.step(node, Op::Reshape { shape: whole }, &[ratio])?;
    if let Some((lo, hi)) = small_range(to) {
        for (end, op) in [(lo, Op::Max), (hi, Op::Min)] {
            let end = importer.number(node, ratio, f64::from(end - zero))?;
            ratio = importer.step(node, op, &[ratio, end])?;
        }
    }
    let wide = to.widened().unwrap_or(to);
    let one = importer.number(node, ratio, 1.0)?;
    let zero = match wide {
        DType::I16 | DType::U16 if zero.to_bits() == 0 => TensorData::Raw { dtype: wide, bytes: vec![0, 0].into(), len: 1 },
        DType::I16 | DType::U16 => return opaque("its blocks of 16 bits have a zero"),
        _ => TensorData::Raw { dtype: wide, bytes: vec![whole_byte(zero)].into(), len: 1 },
    };
    let Some(zero) = Tensor::new(Vec::new(), zero) else { return bad("no scalar") };
    let zero = importer.constant(node, zero);
    importer.emit(node, Op::Quant(Quant::QuantizeLinear { axis: 0, to: wide }), vec![Some(ratio), Some(one), Some(zero)])
}

/// Without a scale that is wider than the integers nothing needs converting: i32 biases have scales of their own.
pub(super) fn dequantize(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let grain = grain(importer, node)?;
    let q = node.input(0)?;
    let to = match node.attributes.int_or("output_dtype", 0)? {
        0 => None,
        number => match i32::try_from(number).ok().and_then(tensor::dtype) {
            Some(to) if to.is_float() => {
                Some(to).filter(|_| importer.graph.value(node.inputs.get(1).copied().flatten().unwrap_or(q)).dtype != Some(to))
            }
            _ => return opaque(format!("element type {number} is not supported")),
        },
    };
    let Some(dtype) = importer.graph.value(q).dtype else { return unknown("the type of its input is unknown") };
    let real = match grain {
        _ if !(is_narrow(dtype) || matches!(dtype, DType::I32 | DType::F32)) => return opaque(format!("it converts {dtype:?}")),
        Grain::Tensor | Grain::Axis(_) if dtype != DType::F32 => {
            let quant = Op::Quant(Quant::DequantizeLinear { axis: axis_of(grain) });
            let Some(to) = to else { return importer.emit(node, quant, node.inputs.clone()) };
            let operands: Vec<ValueId> = node.inputs.iter().flatten().copied().collect();
            let real = importer.step(node, quant, &operands)?;
            return importer.emit(node, Op::Cast { to }, vec![Some(real)]);
        }
        _ => match constant(importer, node, grain)? {
            Some(real) => {
                importer.coarse |= matches!(grain, Grain::Block(..));
                importer.constant(node, real)
            }
            None => scaled(importer, node, grain)?,
        },
    };
    match to {
        Some(to) => importer.emit(node, Op::Cast { to }, vec![Some(real)]),
        None => importer.finish(node, real),
    }
}

/// What constants stand for; `None` where an operand is not constant.
fn constant(importer: &mut Importer<'_>, node: &Node<'_>, grain: Grain) -> Result<Option<Tensor>, Refusal> {
    let of = |importer: &Importer<'_>, i: usize| node.optional(i).map(|id| importer.graph.constant_of(id).cloned());
    let (Some(Some(q)), Some(Some(scale)), zero) = (of(importer, 0), of(importer, 1), of(importer, 2)) else { return Ok(None) };
    let zero = match zero {
        None => None,
        Some(Some(zero)) => Some(zero),
        Some(None) => return Ok(None),
    };
    importer.take(q.len().saturating_mul(4))?;
    match dequantised(&q, &scale, zero.as_deref(), grain) {
        Some(real) => Ok(Some(real)),
        None => bad("scale and zero do not fit what is dequantised"),
    }
}

/// The product with the scale, less the zero.
fn scaled(importer: &mut Importer<'_>, node: &Node<'_>, grain: Grain) -> Result<ValueId, Refusal> {
    let (q, scale) = (node.input(0)?, node.input(1)?);
    let Some(real) = importer.graph.value(scale).dtype else { return unknown("the type of its scale is unknown") };
    let mut value = q;
    if importer.graph.value(value).dtype != Some(real) {
        value = importer.step(node, Op::Cast { to: real }, &[value])?;
    }
    let parts = match grain {
        Grain::Block(axis, block) => Some(split(importer, node, value, axis, block)?),
        _ => None,
    };
    let rank = importer.rank(value)?;
    let (mut value, whole) = parts.map_or((value, None), |(parts, whole)| (parts, Some(whole)));
    for (i, op) in [(2, Op::Sub), (1, Op::Mul)] {
        let Some(mut operand) = node.optional(i) else { continue };
        if importer.graph.value(operand).dtype != Some(real) {
            operand = importer.step(node, Op::Cast { to: real }, &[operand])?;
        }
        operand = match grain {
            Grain::Block(axis, _) => importer.step(node, Op::Unsqueeze { axes: vec![axis + 1] }, &[operand])?,
            _ => broadcast(importer, node, operand, rank, grain)?,
        };
        value = importer.step(node, op, &[value, operand])?;
    }
    match whole {
        Some(shape) => importer.step(node, Op::Reshape { shape }, &[value]),
        None => Ok(value),
    }
}
