//! Reverse-mode differentiation as a graph transformation.
//!
//! [`vjp()`] appends to a [`brinell_graph::Graph`] the nodes that compute a vector-Jacobian product; everything it
//! appends is a standard ONNX operator, so that the result runs on any ONNX runtime. [`head()`] appends the losses of classification, and
//! [`gradient_graph`] puts both together: model in, logits, loss and input gradient out. [`linear_graph`] does the same for any loss of any
//! values, whose derivative by them is fed. [`training_graph`] goes the other way: weights are inputs, and what comes out is the gradient by them.
//!
//! Each rule in `rules` states the formula of one operator family. Only nodes on a path from the values asked for to
//! the outputs are visited, so that gradients nobody asks for cost nothing. Backward passes of halves and of quantised integers
//! compute in f32; through the rounding of a quantisation the gradient goes straight, outside its range it is zero; through other steps it goes straight where
//! [`Surrogates`] name them, and is zero elsewhere. Ties follow PyTorch: the first maximum of
//! a window or an axis receives everything, operands of Min and Max share, and a ReLU at zero passes nothing.
//!
//! Shape vocabulary: B batch, K classes, C and M channels in and out; `dy` is the cotangent of a node's output.

mod backward;
mod ctx;
mod error;
mod gradient;
mod head;
mod kernel;
mod linear;
mod rules;
mod soft;
mod surrogate;
mod training;
mod view;
mod vjp;

pub use backward::{Backward, Crossing};
pub use brinell_task::Loss;
pub use error::{AutodiffError, BlockedNode};
pub use gradient::{gradient_graph, gradient_graph_across, gradient_graph_with};
pub use head::head;
pub use linear::{linear_graph, linear_graph_with, weights_name};
pub use surrogate::Surrogates;
pub use training::{TrainingLoss, attack_graph, training_graph};
pub use vjp::vjp;
