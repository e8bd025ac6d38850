//! What this machine offers for running models.

pub use brinell_engine::{Advice, Doctor, Finding, LibraryProblem, Origin, Processor, doctor};
