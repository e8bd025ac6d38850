//! Runtimes that execute models, and the oracle that attacks query.
//!
//! [`open`] gives a [`Runtime`] (ONNX Runtime or rten); a runtime compiles an ONNX model into a [`Session`]; a session
//! maps named input [`View`]s to output views. Nothing above this crate knows which runtime it talks to.
//!
//! Shape vocabulary: B batch, K classes.

mod discover;
mod error;
mod feed;
mod header;
mod open;
mod ort;
mod preprocess;
mod rten;
mod runtime;
mod settings;

pub use discover::{Candidate, Origin};
pub use error::{EngineError, Stage};
pub use open::open;
pub use preprocess::{Layout, Preprocess, PreprocessError, PreprocessOptions};
pub use runtime::{Elements, Port, Runtime, Session, View};
pub use settings::{Device, RuntimeChoice, RuntimeSettings};
