//! Constant, ConstantOfShape, Range, Size, Shape.

use brinell_graph::{Op, Tensor, TensorData};

use super::symbol::{self, Sym, of_dim};
use super::{Importer, Node, Refusal, bad, opaque, size};
use crate::tensor;

impl Importer<'_> {
    /// The element of ConstantOfShape.
    pub(super) fn fill_value(&self, node: &Node<'_>) -> Result<Tensor, Refusal> {
        let Some(value) = node.attributes.find("value") else { return Ok(Tensor::scalar(0.0)) };
        let Some(encoded) = &value.t else { return bad("attribute `value` is no tensor") };
        let tensor = tensor::read(encoded, None).map_err(|e| Refusal::Bad(e.to_string()))?.tensor;
        if tensor.len() == 1 { Ok(tensor) } else { bad("attribute `value` must have one element") }
    }

    /// `start` and `end` of Shape.
    pub(super) fn shape_range(&self, node: &Node<'_>, rank: usize) -> Result<(usize, usize), Refusal> {
        let n = i64::try_from(rank).unwrap_or(i64::MAX);
        let clamp = |i: i64| usize::try_from(if i < 0 { i.saturating_add(n) } else { i }.clamp(0, n)).unwrap_or(0);
        let start = clamp(node.attributes.int_or("start", 0)?);
        let end = clamp(node.attributes.int_or("end", n)?);
        Ok((start, end.max(start)))
    }
}

pub(super) fn constant(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let [Some(output)] = node.outputs.as_slice() else { return bad("needs one output") };
    let mut attributes = node.attributes.iter();
    let (Some(attribute), None) = (attributes.next(), attributes.next()) else { return bad("needs one attribute") };
    let vector = |data: TensorData| Tensor::new(vec![data.len()], data);
    let scalar = |data: TensorData| Tensor::new(Vec::new(), data);
    let tensor = match attribute.name.as_deref().unwrap_or_default() {
        "value" => {
            let Some(encoded) = &attribute.t else { return bad("attribute `value` is no tensor") };
            if !importer.scopes.is_empty() {
                let (_, id) = importer.constant_of_body(encoded)?;
                importer.bind(output, id);
                return Ok(());
            }
            Some(tensor::read(encoded, None).map_err(|e| Refusal::Bad(e.to_string()))?.tensor)
        }
        "value_float" => scalar(TensorData::F32(vec![attribute.f.unwrap_or(0.0)])),
        "value_floats" => vector(TensorData::F32(attribute.floats.clone())),
        "value_int" => scalar(TensorData::I64(vec![attribute.i.unwrap_or(0)])),
        "value_ints" => vector(TensorData::I64(attribute.ints.clone())),
        other => return opaque(format!("attribute `{other}` is not supported")),
    };
    let Some(tensor) = tensor else { return bad("the constant contradicts itself") };
    let id = importer.graph.constant(output, tensor);
    importer.bind(output, id);
    Ok(())
}

pub(super) fn constant_of_shape(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let shape = importer.dims(node.input(0)?)?;
    let fill = importer.fill_value(node)?;
    let Some(scalar) = Tensor::new(Vec::new(), fill.data().clone()) else { return bad("attribute `value` must have one element") };
    let scalar = importer.constant(node, scalar);
    importer.emit(node, Op::Expand { shape }, vec![Some(scalar)])
}

/// What folding did not settle.
pub(super) fn run_time(_: &mut Importer<'_>, _: &Node<'_>) -> Result<(), Refusal> {
    opaque("its operands are not constant")
}

pub(super) fn shape(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let x = node.input(0)?;
    let rank = importer.rank(x)?;
    let (start, end) = importer.shape_range(node, rank)?;
    importer.emit(node, Op::Shape { start, end }, vec![Some(x)])
}

pub(super) fn size(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let x = node.input(0)?;
    let known = importer.graph.shape(x).is_some_and(|shape| shape.iter().all(|&d| of_dim(d) != Sym::Unknown));
    opaque(if known { "it depends on the batch" } else { "the size is known at run time only" })
}

/// Axis, depth and values of OneHot.
pub(super) fn one_hot(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let (indices, depth, values) = (node.input(0)?, node.input(1)?, node.input(2)?);
    let rank = importer.rank(indices)?;
    let axis = size::axis(node.attributes.int_or("axis", -1)?, rank + 1)?;
    let depth = match importer.content(depth).and_then(|content| content.items.first().copied()) {
        Some(Sym::Int(n)) => usize::try_from(n).map_err(|_| Refusal::Bad(format!("depth {n} is negative")))?,
        Some(Sym::Float(x)) => {
            let n = symbol::whole(x).and_then(|n| usize::try_from(n).ok());
            n.ok_or_else(|| Refusal::Bad(format!("depth {x} is no size")))?
        }
        _ => return opaque("the depth is not constant"),
    };
    importer.emit(node, Op::OneHot { axis, depth }, vec![Some(indices), Some(values)])
}
