//! Runtimes that execute models, and the oracle that attacks query.
//!
//! [`open()`] gives a [`Runtime`] (ONNX Runtime or rten); a runtime compiles an ONNX model into a [`Session`]; a session
//! maps named input [`View`]s to output views. Nothing above this crate knows which runtime it talks to.
//!
//! Shape vocabulary: B batch, K classes.

mod arithmetic;
mod attendant;
mod black_box;
mod buffer;
mod discover;
mod doctor;
mod ending;
mod endpoint;
mod error;
mod feed;
mod foreign;
mod front;
mod gate;
mod header;
mod held;
mod independent;
mod label;
mod lane;
mod logits;
mod meaning;
mod memory;
mod open;
mod oracle;
mod original;
mod ort;
mod preprocess;
mod query;
mod rten;
mod runtime;
mod signature;
mod slope;
mod together;

pub use arithmetic::check_arithmetic;
pub use attendant::{Attendant, Wait, attend};
pub use brinell_onnx::{Branch, Decision, Ensemble, Spread, TreesError, Wanted as WantedTrees};
pub use brinell_record::{Artefact, Device, Layout, Running, RuntimeChoice};
pub use brinell_task::{Ending, Gate, Head, Loss, Reading};
pub use buffer::Buffer;
pub use discover::{Candidate, Origin, look_in};
pub use doctor::{Advice, Doctor, Finding, Processor, doctor};
pub use endpoint::{AUTHORIZATION, Endpoint};
pub use error::{EngineError, LibraryProblem, Stage};
pub use foreign::{Foreign, Host};
pub use gate::GatePort;
pub use held::{Held, HeldError, HeldInput};
pub use independent::ends_in_sigmoids;
pub use logits::class_logits;
pub use meaning::Meaning;
pub use memory::{Shortage, free_memory, rows_within_budget};
pub use open::open;
pub use oracle::{Answer, Bridge, Oracle, OracleError};
pub use original::Original;
pub use preprocess::{Preprocess, PreprocessError, channel_axis};
pub use query::QueryGraph;
pub use rten::is_guarded;
pub use runtime::{Elements, Port, Runtime, Session, View};
pub use signature::{BatchAxis, HeldPort, Signature, SignatureError};
pub use slope::{Climb, SlopePoint, Slopes, Steps, likeness};
pub use together::{InputPart, Together, ValueKind, joined_name, together};
