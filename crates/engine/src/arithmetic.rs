//! What runtimes compute otherwise than ONNX says, without telling.

use brinell_graph::{Dim, Graph, Node, Op, Quant, ResizeMode};

use crate::{EngineError, Runtime, Stage};

/// Refuses a model of which a runtime is known to compute a part wrongly.
///
/// # Errors
/// [`EngineError::Model`] names the node.
pub fn check_arithmetic(model: &Graph, runtime: &dyn Runtime) -> Result<(), EngineError> {
    if runtime.name() != "rten" {
        return Ok(());
    }
    match model.nodes().iter().find_map(|node| fault(model, node).map(|fault| (node, fault))) {
        None => Ok(()),
        Some((node, fault)) => Err(EngineError::Model {
            runtime: runtime.name().to_owned(),
            stage: Stage::Load,
            model: format!("node `{}`", node.name),
            reason: fault.to_owned(),
        }),
    }
}

/// What rten does wrong with a node.
fn fault(model: &Graph, node: &Node) -> Option<&'static str> {
    match &node.op {
        Op::Resize(attrs) if attrs.mode == ResizeMode::Cubic => Some("its cubic Resize does not follow ONNX"),
        Op::Quant(Quant::ConvInteger(attrs)) if attrs.pads.iter().any(|&pad| pad > 0) => {
            let operand = |place: usize| node.inputs.get(place).copied().flatten();
            let zero = operand(2)?;
            let is_zero = model.constant_of(zero).and_then(|tensor| tensor.to_f64()).is_some_and(|all| all.iter().all(|v| v.abs() <= 0.0));
            // One channel in for each out goes another way through it.
            let channel_each = operand(1).and_then(|w| model.shape(w)).is_some_and(|shape| shape.get(1) == Some(&Dim::Fixed(1)));
            let wrong = !is_zero && !channel_each;
            wrong.then_some("its ConvInteger pads with 0 in place of the zero point")
        }
        _ => None,
    }
}
