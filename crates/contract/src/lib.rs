//! What every attack must be able to show: models whose best attack is known in closed form, invariances, and hostile cases.
//!
//! The models are small ([`Net`]), the smallest change that fools them is known in every norm ([`Problem::optimum`]), and a court that
//! computes in f64 decides. [`check()`] runs one attack through the driver on all of it; the same cases run in tests, on any runtime as
//! `brinell selftest`, and, written to files, on other libraries.

mod allowance;
mod check;
mod degenerate;
mod harness;
mod invariance;
mod net;
mod optimum;
mod problem;

pub use allowance::allowance;
pub use check::{Check, Finding, check};
pub use degenerate::degenerate_problems;
pub use harness::{Harness, HarnessError, Open};
pub use net::{Layer, Net};
pub use problem::{Problem, problems};
