//! Typed intermediate representation of an ONNX model.
//!
//! A [`Graph`] is a list of nodes in topological order over an arena of values. Operators are a closed
//! set ([`Op`]); what the reader does not know stays as [`Op::Opaque`], which can still be run but not
//! differentiated. Attributes that ONNX passes as constant inputs (axes, pads, target shapes) are payload of
//! the operator here, so that every pass sees them in one place and in one (the newest) form.
//!
//! Shape vocabulary: B batch (symbolic, [`Dim::Batch`]), C channels, H/W spatial, K classes.
//!
//! # Invariants
//! - every value is produced exactly once: by an input, a constant or a node that stands before its users;
//! - every value of a known operator has a dtype and a shape, computed when the node is pushed;
//! - axes are non-negative and in range.

#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod budget;
mod cost;
mod dce;
mod dim;
mod dtype;
mod graph;
mod infer;
mod narrow;
mod op;
mod print;
mod rebatch;
mod softmax;
mod splice;
mod tensor;

pub use budget::{Excess, Footprint, budget, footprint};
pub use cost::{Cost, cost};
pub use dim::{Dim, Shape};
pub use dtype::DType;
pub use graph::{Graph, GraphError, Node, NodeId, Value, ValueId};
pub use infer::count;
pub use narrow::SmallFloat;
pub use op::{
    Bitwise, Compare, ConvAttrs, ConvTransposeAttrs, Op, OpaqueOp, Operand, PadMode, PoolAttrs, Quant, Real, Reduce, ResizeAttrs,
    ResizeCoordinates, ResizeMode, ResizeNearest, ScatterReduction,
};
pub use rebatch::{RebatchError, mixes_samples, pin_batch, rebatch};
pub use tensor::{Place, Tensor, TensorData};
