//! Quantisation to 16 bits for rten, which has no such integers: they become i32, and the two conversions arithmetic.

use std::collections::HashMap;

use brinell_graph::{DType, Dim, Graph, GraphError, Node, Op, Quant, Tensor, TensorData, ValueId};

fn is_sixteen(dtype: Option<DType>) -> bool {
    matches!(dtype, Some(DType::I16 | DType::U16))
}

/// Returns the graph without integers of 16 bits, except in inputs and behind casts; `None` where it has none.
pub(super) fn widened(graph: &Graph) -> Result<Option<Graph>, GraphError> {
    let converts = |node: &Node| match node.op {
        Op::Quant(Quant::QuantizeLinear { to, .. }) => is_sixteen(Some(to)),
        Op::Quant(Quant::DequantizeLinear { .. }) => node.inputs.first().is_some_and(|q| is_sixteen(q.and_then(|q| graph.value(q).dtype))),
        _ => false,
    };
    if !graph.nodes().iter().any(converts) {
        return Ok(None);
    }
    let mut wide = Graph::new(graph.name.clone());
    wide.domains.clone_from(&graph.domains);
    let mut ids: HashMap<ValueId, ValueId> = HashMap::new();
    for &id in graph.inputs() {
        let value = graph.value(id);
        ids.insert(id, wide.input_of(&value.name, value.dtype, value.shape.clone()));
    }
    for (id, tensor) in graph.constants() {
        let name = &graph.value(id).name;
        let copy = match is_sixteen(Some(tensor.dtype())).then(|| as_i32(tensor)).flatten() {
            Some(tensor) => wide.constant(name, tensor),
            None => wide.constant(name, std::sync::Arc::clone(tensor)),
        };
        ids.insert(id, copy);
    }
    for node in graph.nodes() {
        let inputs: Vec<Option<ValueId>> = node.inputs.iter().map(|id| id.and_then(|id| ids.get(&id).copied())).collect();
        let names: Vec<Option<&str>> = node.outputs.iter().map(|id| id.map(|id| graph.value(id).name.as_str())).collect();
        let made = match (&node.op, inputs.as_slice()) {
            (Op::Quant(Quant::QuantizeLinear { axis, to }), &[Some(x), Some(scale), ref rest @ ..]) if converts(node) => {
                let scale = along(&mut wide, scale, x, *axis)?;
                let steps = wide.add(Op::Div, &[x, scale])?;
                let mut q = wide.add(Op::Round, &[steps])?;
                if let Some(zero) = rest.first().copied().flatten() {
                    let zero = wide.add(Op::Cast { to: DType::F32 }, &[zero])?;
                    let zero = along(&mut wide, zero, x, *axis)?;
                    q = wide.add(Op::Add, &[q, zero])?;
                }
                let (lo, hi) = if *to == DType::I16 { (-32_768.0, 32_767.0) } else { (0.0, 65_535.0) };
                let q = wide.add(Op::Clip { lo: Some(lo), hi: Some(hi) }, &[q])?;
                wide.push(&node.name, Op::Cast { to: DType::I32 }, vec![Some(q)], &names)?
            }
            (Op::Quant(Quant::DequantizeLinear { axis }), &[Some(q), Some(scale), ref rest @ ..]) if converts(node) => {
                let mut real = wide.add(Op::Cast { to: DType::F32 }, &[q])?;
                if let Some(zero) = rest.first().copied().flatten() {
                    let zero = wide.add(Op::Cast { to: DType::F32 }, &[zero])?;
                    let zero = along(&mut wide, zero, q, *axis)?;
                    real = wide.add(Op::Sub, &[real, zero])?;
                }
                let scale = along(&mut wide, scale, q, *axis)?;
                wide.push(&node.name, Op::Mul, vec![Some(real), Some(scale)], &names)?
            }
            _ => wide.push(&node.name, node.op.clone(), inputs, &names)?,
        };
        for (&old, &new) in node.outputs.iter().zip(&made) {
            if let (Some(old), Some(new)) = (old, new) {
                let value = graph.value(old);
                wide.declare(new, value.dtype, value.shape.clone());
                ids.insert(old, new);
            }
        }
    }
    wide.set_outputs(graph.outputs().iter().filter_map(|id| ids.get(id).copied()).collect());
    Ok(Some(wide))
}

fn as_i32(tensor: &Tensor) -> Option<Tensor> {
    let values = tensor.to_f64()?.into_iter().map(|value| value as i32).collect();
    Tensor::new(tensor.shape().to_vec(), TensorData::I32(values))
}

/// A list of numbers in a shape in which it broadcasts along an axis of `x`.
fn along(graph: &mut Graph, list: ValueId, x: ValueId, axis: usize) -> Result<ValueId, GraphError> {
    let rank = graph.shape(x).map_or(0, <[Dim]>::len);
    match graph.shape(list) {
        Some(&[Dim::Fixed(n)]) if n > 1 && axis + 1 < rank => graph.add(Op::Unsqueeze { axes: (1..rank - axis).collect() }, &[list]),
        _ => Ok(list),
    }
}
