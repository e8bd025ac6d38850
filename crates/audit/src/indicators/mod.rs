//! What is looked at besides verdicts: is the model asked rightly, and do the attacks work on it at all?
//!
//! What a stage shows of itself costs nothing and is always measured. The [`probe`] asks a few questions more.

mod black_box;
mod defence;
mod optimisation;
mod probe;
mod stages;
mod structure;

pub(super) use optimisation::SETTLED;
pub(super) use probe::largest_difference;
