use brinell_graph::Graph;

use super::{PREFERRED, is_opaque_default};
use crate::error::ExportError;
use crate::version::{NEWEST, since};

/// Oldest opset that is written.
const OLDEST: i64 = 13;

/// Returns the opset to write: the preferred one or, where opaque nodes would change their meaning in it, the nearest one
/// in which none does.
pub(super) fn choose(graph: &Graph) -> Result<i64, ExportError> {
    let mut candidates: Vec<i64> = (OLDEST..=PREFERRED).rev().chain(PREFERRED + 1..=NEWEST).collect();
    for node in graph.nodes() {
        let Some(op) = is_opaque_default(&node.op) else { continue };
        candidates
            .retain(|&opset| opset == op.opset || since(&op.op_type, opset).is_some_and(|now| Some(now) == since(&op.op_type, op.opset)));
        if candidates.is_empty() {
            return Err(ExportError::Opset {
                node: node.name.clone(),
                op: op.op_type.clone(),
                problem: format!("it is carried along in the form of opset {}", op.opset),
            });
        }
    }
    Ok(candidates.first().copied().unwrap_or(PREFERRED))
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
