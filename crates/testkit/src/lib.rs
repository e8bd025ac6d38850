//! What the other crates test with: a naive interpreter of graphs in f64, finite differences, golden cases computed
//! by other programs, tolerances, and the way to the real data.
//!
//! Everything here is written for being obviously right, not for speed: loops over indices, by the text of the ONNX
//! specification. Nothing of it is part of the product.

mod array;
mod data;
mod difference;
mod eval;
mod golden;
mod model;
mod nodes;
mod random;
mod random_case;
mod skip;
mod tolerance;

pub use array::Array;
pub use data::shared_data;
pub use difference::finite_difference;
pub use eval::{EvalError, eval, eval_values};
pub use golden::{Case, CaseInput, CaseOutput, Differentiated, GOLDEN_FAMILIES, GoldenError, Variant, golden_cases, golden_dir};
pub use model::{conv_net, perceptron};
pub use nodes::{NodeCase, field_cases, node_cases};
pub use random::{Rng, random_graph};
pub use random_case::{RANDOM_CASES, RandomCase};
pub use skip::{INSTALLED, LIST, Need, skip, skip_entry};
pub use tolerance::Tolerance;
