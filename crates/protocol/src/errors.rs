//! Errors of the crates below, for front ends that look at what stands in the chain of an error.

pub use brinell_attack::AttackError;
pub use brinell_engine::{EngineError, LibraryProblem, OracleError, PreprocessError, SignatureError};
pub use brinell_onnx::ImportError;
