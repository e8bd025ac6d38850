//! Reads ONNX bytes into a [`Graph`](brinell_graph::Graph) and writes a graph as ONNX bytes.
//!
//! The reader trusts nothing in the file: sizes are checked against the bytes that are there before anything is
//! allocated, external data must lie in the model's folder, and no input makes it panic.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::as_conversions))]

mod around;
mod error;
mod export;
mod foreign;
mod import;
mod mapping;
mod proto;
mod rename;
mod stored;
mod tensor;
mod trees;
mod version;
mod wire;

pub use around::{Suffix, Wrap, WrapError, wrap};
pub use error::{ExportError, ImportError};
pub use export::{Encoded, require_weights, write, write_apart};
pub use foreign::Foreign;
pub use import::{ClassLabels, Known, Model, OpaqueNode, Operator, operators, read, read_file, read_file_knowing};
pub use stored::{Patch, Stored, stored};
pub use tensor::dtype;
pub use trees::{Branch, Decision, Ensemble, Spread, Transform, TreesError, Wanted};
