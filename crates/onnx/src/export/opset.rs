//! Which opset to write.

use brinell_graph::{DType, Graph, Node, Op, OpaqueOp, Quant, ValueId};

use super::{PREFERRED, is_opaque_default};
use crate::error::ExportError;
use crate::import::inner_operators;
use crate::version::{NEWEST, means_the_same};

/// Oldest opset that is written.
const OLDEST: i64 = 13;

/// Returns the opset to write: the preferred one or, where opaque nodes would change their meaning in it, the nearest one
/// in which none does.
pub(super) fn choose(graph: &Graph) -> Result<i64, ExportError> {
    let least = graph.nodes().iter().map(|node| least(graph, node)).max().unwrap_or(OLDEST);
    let mut candidates: Vec<i64> = (OLDEST..=PREFERRED).rev().chain(PREFERRED + 1..=NEWEST).filter(|&opset| opset >= least).collect();
    for node in graph.nodes() {
        let Some(op) = is_opaque_default(&node.op) else { continue };
        let fail = |problem: String| ExportError::Opset { node: node.name.clone(), op: op.op_type.clone(), problem };
        let operators = operators(op).map_err(fail)?;
        let Some(name) = operators.iter().find(|name| !candidates.iter().any(|&opset| means_the_same(name, op.opset, opset))) else {
            candidates.retain(|&opset| operators.iter().all(|name| means_the_same(name, op.opset, opset)));
            continue;
        };
        return Err(fail(format!("{name} was kept unchanged from opset {}; the oldest opset that can be written is {OLDEST}", op.opset)));
    }
    candidates.first().copied().ok_or_else(|| ExportError::Opset {
        node: String::new(),
        op: String::new(),
        problem: "no opset contains all nodes that were kept unchanged".to_owned(),
    })
}

/// Oldest opset that has a form for a node, as far as that is newer than the preferred one.
fn least(graph: &Graph, node: &Node) -> i64 {
    let dtype = |id: Option<&Option<ValueId>>| id.copied().flatten().and_then(|id| graph.value(id).dtype);
    let wide = |dtype: Option<DType>| matches!(dtype, Some(DType::I16 | DType::U16));
    let newer = match &node.op {
        Op::Quant(Quant::QuantizeLinear { to, .. }) => {
            wide(Some(*to)) || (*to != DType::U8 && node.inputs.get(2).is_none_or(Option::is_none))
        }
        Op::Quant(Quant::QLinearMatMul) => !matches!(dtype(node.inputs.get(1)), None | Some(DType::F32)),
        Op::Quant(Quant::DequantizeLinear { .. }) => wide(dtype(node.inputs.first())),
        _ => false,
    };
    if newer { 21 } else { OLDEST }
}

/// The operator of an opaque node and those in its subgraphs.
fn operators(op: &OpaqueOp) -> Result<Vec<String>, String> {
    let mut operators = inner_operators(&op.attributes)?;
    operators.push(op.op_type.clone());
    Ok(operators)
}

/// Returns the version of the file format that goes with an opset.
pub(super) fn ir_version(opset: i64) -> i64 {
    match opset {
        ..=14 => 7,
        15..=18 => 8,
        19..=20 => 9,
        21..=22 => 10,
        23 => 11,
        24 => 12,
        _ => 13,
    }
}
