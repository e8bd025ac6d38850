use std::collections::HashSet;

use crate::{Dim, Graph, Node, Op, Quant, Shape, ValueId, infer};

/// Size of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Numbers in floating-point constants of rank 1 or more, and in quantised ones that a node computes with.
    pub parameters: u64,
    /// Multiply-accumulate operations of convolutions and matrix products for one sample; `None` where a shape is not
    /// known or a node is opaque.
    pub macs: Option<u64>,
}

/// Counts parameters and multiply-accumulate operations.
#[must_use]
pub fn cost(graph: &Graph) -> Cost {
    let quantised: HashSet<ValueId> = graph.nodes().iter().flat_map(quantised).collect();
    let weights =
        graph.constants().filter(|(id, tensor)| !tensor.shape().is_empty() && (tensor.dtype().is_float() || quantised.contains(id)));
    let parameters = weights.map(|(_, tensor)| u64::try_from(tensor.len()).unwrap_or(u64::MAX)).fold(0, u64::saturating_add);
    let macs = graph.nodes().iter().try_fold(0u64, |total, node| total.checked_add(macs(graph, node)?));
    Cost { parameters, macs }
}

/// Operands of a node that are quantised numbers.
fn quantised(node: &Node) -> Vec<ValueId> {
    let Op::Quant(quant) = &node.op else { return Vec::new() };
    let value = |i: usize| node.inputs.get(i).copied().flatten();
    match quant.real(&vec![None; node.inputs.len()]) {
        Some(real) => real.operands.iter().filter_map(|operand| value(operand.value)).collect(),
        None if matches!(quant, Quant::DequantizeLinear { .. }) => value(0).into_iter().collect(),
        None => Vec::new(),
    }
}

/// Multiply-accumulate operations of one node for one sample.
fn macs(graph: &Graph, node: &Node) -> Option<u64> {
    let shape = |id: Option<ValueId>| graph.shape(id?).map(<[Dim]>::to_vec);
    let inputs: Vec<Option<Shape>> = node.inputs.iter().map(|&id| shape(id)).collect();
    let output = shape(node.outputs.first().copied().flatten());
    match infer::plain(&node.op, &inputs) {
        Some((real, operands)) => products(&real, &operands, output.as_deref()),
        None => products(&node.op, &inputs, output.as_deref()),
    }
}

fn products(op: &Op, inputs: &[Option<Shape>], output: Option<&[Dim]>) -> Option<u64> {
    let input = |i: usize| inputs.get(i).and_then(Option::as_deref);
    match op {
        Op::Opaque(_) => None,
        Op::Conv(_) => elements(output?)?.checked_mul(elements(input(1)?.get(1..)?)?),
        Op::ConvTranspose(_) => elements(input(0)?)?.checked_mul(elements(input(1)?.get(1..)?)?),
        Op::MatMul => elements(output?)?.checked_mul(elements(input(0)?.last().map(std::slice::from_ref)?)?),
        Op::Gemm { trans_a, .. } => {
            let k = input(0)?.get(usize::from(!trans_a)).map(std::slice::from_ref)?;
            elements(output?)?.checked_mul(elements(k)?)
        }
        _ => Some(0),
    }
}

/// Elements for one sample.
fn elements(shape: &[Dim]) -> Option<u64> {
    shape.iter().try_fold(1u64, |n, d| n.checked_mul(u64::try_from(d.at_batch(1)?).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ConvAttrs, DType, Tensor, TensorData};

    fn weight(graph: &mut Graph, shape: &[usize]) -> crate::ValueId {
        graph.constant("w", Tensor::new(shape.to_vec(), TensorData::F32(vec![0.0; shape.iter().product()])).unwrap())
    }

    #[test]
    fn a_grouped_convolution_and_a_product_are_counted_per_sample() {
        let mut graph = Graph::new("g");
        let x = graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(4), Dim::Fixed(8), Dim::Fixed(8)]);
        let w = weight(&mut graph, &[6, 2, 3, 3]);
        let attrs = ConvAttrs { kernel: vec![3, 3], strides: vec![1, 1], dilations: vec![1, 1], pads: vec![1; 4], groups: 2 };
        let y = graph.add(Op::Conv(attrs), &[x, w]).unwrap();
        let flat = graph.add(Op::Reshape { shape: vec![Dim::Batch(1), Dim::Fixed(384)] }, &[y]).unwrap();
        let v = weight(&mut graph, &[384, 10]);
        graph.add(Op::MatMul, &[flat, v]).unwrap();
        let macs = 6 * 64 * 18 + 384 * 10;
        assert_eq!(cost(&graph), Cost { parameters: 108 + 3840, macs: Some(macs) });
    }
}
