use std::fmt;

use brinell_graph::{DType, GraphError};

/// A node on the gradient's path that cannot be differentiated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockedNode {
    /// Name of the node; may be empty.
    pub node: String,
    /// ONNX name of the operator.
    pub op: String,
    /// What stands in the way.
    pub reason: String,
}

impl fmt::Display for BlockedNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node `{}` ({}): {}", self.node, self.op, self.reason)
    }
}

/// Why a gradient graph could not be built.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AutodiffError {
    /// Nodes on the path have no gradient here; all of them are listed.
    #[error("the gradient cannot be computed through {} node(s): {}", .nodes.len(), join(.nodes))]
    NotDifferentiable {
        /// The nodes, from the output towards the input.
        nodes: Vec<BlockedNode>,
    },
    /// Nothing differentiable leads from the input to the output.
    #[error("no path of differentiable operators leads from `{value}` to the output")]
    NoPath {
        /// Name of the value asked for.
        value: String,
    },
    /// A value with respect to which one cannot differentiate.
    #[error("`{value}` has type {dtype:?}, but gradients need floating-point numbers")]
    NotFloat {
        /// Name of the value.
        value: String,
        /// Its element type.
        dtype: DType,
    },
    /// Logits of the wrong form.
    #[error("the logits `{value}` have shape {shape}, but losses need shape [batch, classes] and type f32")]
    LogitsShape {
        /// Name of the value.
        value: String,
        /// Its shape in words.
        shape: String,
    },
    /// A loss that needs more classes than the model has.
    #[error("loss `{loss}` needs at least {needed} classes, but the model has {classes}")]
    TooFewClasses {
        /// Name of the loss.
        loss: &'static str,
        /// Least number of classes.
        needed: usize,
        /// Number of logits.
        classes: usize,
    },
    /// A targeted loss without its target input.
    #[error("loss `{loss}` needs a one-hot target")]
    MissingTarget {
        /// Name of the loss.
        loss: &'static str,
    },
    /// A value that a linear loss cannot weigh.
    #[error("`{value}` has shape {shape}, but a weighted sum needs a batch dimension and floating-point numbers")]
    TapShape {
        /// Name of the value.
        value: String,
        /// Its shape in words.
        shape: String,
    },
    /// A node that was appended does not fit; a defect of the rule that made it.
    #[error("{0}")]
    Graph(#[from] GraphError),
}

fn join(nodes: &[BlockedNode]) -> String {
    nodes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
