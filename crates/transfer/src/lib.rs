//! Which examples, made on which models, fool which others.
//!
//! All models see the same images, in the range 0..1 and in one size; what each does to them in front of its file is its own ([`ModelSpec`]). An example is made of every image on every
//! source, stored, and every target's original file is asked about the stored values. [`transfer()`] does it all and leaves a [`brinell_record::Transfer`].
//!
//! # Shapes
//! n images of d values, B rows of one call, K classes of the data.

mod classes;
mod contender;
mod craft;
mod error;
mod fit;
mod journal;
mod judge;
mod leave;
mod matrix;
mod open;
mod patch;
mod run;
mod sources;
mod spec;
mod universal;

pub use error::TransferError;
pub use patch::{PatchSettings, patch};
pub use run::{TransferEvent, TransferJob, transfer};
pub use spec::{Ensemble, ModelSpec, TransferQuestion, read_models};
pub use universal::{UniversalSettings, universal};
