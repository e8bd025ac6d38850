//! Constants, and what is computed from shapes.

use brinell_graph::{Dim, Op, Tensor, TensorData};

use super::content::{Content, MAX_ITEMS};
use super::symbol::{self, Sym, of_dim};
use super::{Importer, Node, Refusal, bad, fold, opaque, size, unknown};
use crate::tensor;

impl Importer<'_> {
    /// The element of ConstantOfShape.
    pub(super) fn fill_value(&self, node: &Node<'_>) -> Result<Tensor, Refusal> {
        let Some(value) = node.attributes.find("value") else { return Ok(Tensor::scalar(0.0)) };
        let Some(encoded) = &value.t else { return bad("attribute `value` is not a tensor") };
        let tensor = tensor::read(encoded, self.source.alone()).map_err(|e| Refusal::Bad(e.to_string()))?.tensor;
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
            let Some(encoded) = &attribute.t else { return bad("attribute `value` is not a tensor") };
            if !importer.scopes.is_empty() {
                let (_, id) = importer.constant_of_body(encoded, false)?;
                importer.bind(output, id);
                return Ok(());
            }
            Some(tensor::read(encoded, importer.source.alone()).map_err(|e| Refusal::Bad(e.to_string()))?.tensor)
        }
        "sparse_value" => {
            let Some(encoded) = &attribute.sparse_tensor else { return bad("attribute `sparse_value` is not a tensor") };
            let (_, id) = importer.constant_of_body(encoded, true)?;
            importer.bind(output, id);
            return Ok(());
        }
        "value_float" => scalar(TensorData::F32(vec![attribute.f.unwrap_or(0.0)])),
        "value_floats" => vector(TensorData::F32(attribute.floats.clone())),
        "value_int" => scalar(TensorData::I64(vec![attribute.i.unwrap_or(0)])),
        "value_ints" => vector(TensorData::I64(attribute.ints.clone())),
        other => return opaque(format!("attribute `{other}` is not supported")),
    };
    let Some(tensor) = tensor else { return bad("the constant's shape does not fit its values") };
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

pub(super) fn range(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let operands = [node.input(0)?, node.input(1)?, node.input(2)?].map(|id| importer.content(id));
    let dtype = importer.graph.value(node.input(0)?).dtype;
    let made = match &operands {
        [Some(start), Some(limit), Some(delta)] => fold::range(start, limit, delta),
        _ => None,
    };
    if let ([Some(start), Some(limit), Some(delta)], None) = (&operands, &made)
        && let (&[Sym::Int(0)], &[limit @ Sym::Batch(_)], &[delta]) =
            (start.items.as_slice(), limit.items.as_slice(), delta.items.as_slice())
        && let Sym::Batch(count @ 1..) = symbol::div(limit, delta)
        && let Some(delta) = dtype.and_then(|dtype| Content::scalar(delta).to_tensor(dtype))
    {
        // As many numbers as there are samples: the sums of what stands before each.
        let delta = importer.constant(node, delta);
        let shape = vec![Dim::Batch(usize::try_from(count).unwrap_or(1))];
        let steps = importer.step(node, Op::Expand { shape }, &[delta])?;
        return importer.emit(node, Op::CumSum { axis: 0, exclusive: true, reverse: false }, vec![Some(steps)]);
    }
    match made.zip(dtype).and_then(|(content, dtype)| content.to_tensor(dtype)) {
        Some(tensor) => importer.settle(node, tensor),
        None => unknown("its operands are not constant"),
    }
}

/// The places of what is not zero, one column for each.
pub(super) fn non_zero(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let x = node.input(0)?;
    let Some(tensor) = importer.graph.constant_of(x) else { return unknown("its operand is not constant") };
    let Some(data) = tensor.to_f64().filter(|data| data.len() <= MAX_ITEMS) else { return opaque("its operand is too large") };
    let shape = tensor.shape().to_vec();
    let places: Vec<usize> = data.iter().enumerate().filter(|(_, x)| **x != 0.0).map(|(i, _)| i).collect();
    let mut rows = Vec::with_capacity(places.len() * shape.len());
    let mut inner: usize = shape.iter().product();
    for &n in &shape {
        inner = inner.checked_div(n).unwrap_or(1);
        rows.extend(places.iter().map(|&i| i64::try_from((i / inner.max(1)) % n.max(1)).unwrap_or(i64::MAX)));
    }
    match Tensor::new(vec![shape.len(), places.len()], TensorData::I64(rows)) {
        Some(tensor) => importer.settle(node, tensor),
        None => bad("its operand's shape does not fit its values"),
    }
}

/// Ones on a diagonal.
pub(super) fn eye_like(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let x = node.input(0)?;
    let &[Dim::Fixed(rows), Dim::Fixed(columns)] = importer.shape(x)?.as_slice() else { return unknown("its sizes are not fixed") };
    let dtype = match node.attributes.int("dtype")? {
        Some(number) => i32::try_from(number).ok().and_then(tensor::dtype),
        None => importer.graph.value(x).dtype,
    };
    let k = node.attributes.int_or("k", 0)?;
    if rows.checked_mul(columns).is_none_or(|n| n > MAX_ITEMS) {
        return opaque("it is too large");
    }
    let one = |i: usize| i64::try_from(i % columns).is_ok_and(|c| i64::try_from(i / columns).is_ok_and(|r| r.checked_add(k) == Some(c)));
    let items = (0..rows * columns).map(one);
    let items: Vec<Sym> = match dtype {
        Some(dtype) if dtype.is_float() => items.map(|on| Sym::Float(f64::from(u8::from(on)))).collect(),
        _ => items.map(|on| Sym::Int(i64::from(on))).collect(),
    };
    match dtype.and_then(|dtype| Content { shape: vec![rows, columns], items }.to_tensor(dtype)) {
        Some(tensor) => importer.settle(node, tensor),
        None => opaque("its element type is not supported"),
    }
}

pub(super) fn shape(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let x = node.input(0)?;
    let rank = importer.rank(x)?;
    let (start, end) = importer.shape_range(node, rank)?;
    importer.emit(node, Op::Shape { start, end }, vec![Some(x)])
}

pub(super) fn size(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let x = node.input(0)?;
    let shape = importer.shape(x)?;
    let total = shape.iter().fold(Sym::Int(1), |n, &d| symbol::mul(n, of_dim(d)));
    if let Some(tensor) = Content::scalar(total).to_tensor(brinell_graph::DType::I64) {
        return importer.settle(node, tensor);
    }
    // The product of the sizes at run time; what is known of it is followed.
    let sizes = importer.step(node, Op::Shape { start: 0, end: shape.len() }, &[x])?;
    importer.emit(node, Op::Reduce { kind: brinell_graph::Reduce::Prod, axes: vec![0], keepdims: false }, vec![Some(sizes)])
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
            n.ok_or_else(|| Refusal::Bad(format!("depth {x} is not a size")))?
        }
        _ => return unknown("the depth is not constant"),
    };
    importer.emit(node, Op::OneHot { axis, depth }, vec![Some(indices), Some(values)])
}
