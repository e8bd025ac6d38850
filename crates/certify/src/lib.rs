//! Sound bounds of neural networks, and the search that makes them tight enough.
//!
//! Everything is computed in f64 and moved outward by a bound of its rounding error. What is bounded is the real-valued function that the graph
//! stands for; how far the arithmetic of a deployed model in f32 may be from it is bounded apart from that.
//!
//! Shape vocabulary: elements of a value by columns; columns are domains (boxes of inputs) in forward passes, and linear functions in backward passes.

mod affine;
mod backward;
mod bounds;
mod build;
mod curve;
mod error;
mod largest;
mod map;
mod matrix;
mod network;
mod nonlinear;
mod optimise;
mod product;
mod property;
mod region;
mod relaxation;
mod relu;
mod root;
mod rounding;
mod search;
mod state;
mod vnnlib;

pub use error::CertifyError;
pub use network::Network;
pub use property::{Atom, Property};
pub use region::Region;
pub use root::{Method, lower_bounds, output_intervals};
pub use search::{Judge, Limits, Outcome, Reason, Verdict, decide};
pub use vnnlib::{Case, Declared, Query, Tensor};
