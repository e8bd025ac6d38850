//! Defences in front of a shipped ONNX file, and what they are worth.
//!
//! [`defend()`] puts transforms of the input into the file itself, in standard operators, under the original names of inputs and outputs; [`detect()`] puts a
//! detector behind it, which says by two more outputs what it refuses. What the file says of them in its metadata is what audits look through afterwards.
//!
//! # Shapes
//! B batch, C channels, H and W rows and columns, d values of one sample.

mod ask;
mod defender;
mod detect;
mod error;
mod latency;
mod prefix;
mod race;
mod transform;
mod write;

pub use ask::{Ask, defend};
pub use defender::Defender;
pub use detect::{DetectAsk, Detector, detect};
pub use error::DefendError;
pub use race::{RaceAsk, RaceEvent, RaceJob, race};
pub use transform::{Chain, Transform};
