//! Claims: what is asserted about a model, and what decides it.
//!
//! [`Source::read`] reads a claim file, [`check()`] decides its claims and leaves the evidence beside it, [`draft()`] writes a claim
//! from a finished audit. A verdict follows from the kind of evidence and never from a score: a confirmed counterexample refutes, an exact
//! bound on a declared sample supports or refutes a rate, evaluation of every element proves where nothing may be changed, and failed
//! attacks prove nothing. `docs/claims.md` has the rules for users.

mod check;
mod decide;
mod draft;
mod equal;
mod error;
mod examine;
mod line;
mod one;
mod outside;
mod plan;
mod read;
mod replay;
mod rules;
mod statement;
mod update;
mod wording;

pub use brinell_record::{CHECK_SCHEMA, Check, CheckedClaim, OnUndecided, Ruling, Sampling, Standing};
pub use check::check;
pub use draft::{DraftOptions, draft};
pub use error::{ClaimError, Role};
pub use plan::CheckOptions;
pub use read::{Source, files};
pub use replay::{ReplayOptions, replay};
pub use update::{Difference, Differs, differences, update};

/// Suite that asks about the unchanged samples only.
const NO_ATTACK: &str = "none";

/// File with the unchanged samples that counterexamples belong to, relative to the evidence.
const INPUTS: &str = "inputs.npz";
