//! Attacks whose examples are meant for other models than the one that they ask: step rules and views, combined freely.
//!
//! A combination such as `mi+di+si` is a list of rules, each in a file of its own. One kind of rule says at which points a step looks and what it
//! makes of the gradients there ([`Look`](look::Look)); another changes every point before the model sees it ([`View`](view::View)); `ti` smooths the gradient, and `mi`, `ni`
//! and `pi` say how the input moves. Views live here and not in the graph of the model: for `u = A x` the model is asked about `u`, and the gradient at
//! `x` is `A* g`. So they work on any runtime, and every sample of a batch has views of its own.
//!
//! All of them begin at the clean input, take no random start, and end with the point after the last step, about which the model is asked once.
//!
//! # Shapes
//! d values of one sample; rows and columns are those of one channel of a picture.

mod admix;
mod axis;
mod bsr;
mod decowa;
mod dem;
mod di;
mod emi;
mod gra;
mod join;
mod look;
mod mef;
mod mi;
mod ni;
mod pgn;
mod pi;
mod run;
mod si;
mod sia;
mod ssa;
mod taps;
#[cfg(test)]
mod tests;
mod ti;
mod view;
mod vt;

pub(crate) use join::{Piece, Rule, join};

pub(crate) use admix::RULE as ADMIX;
pub(crate) use bsr::RULE as BSR;
pub(crate) use decowa::RULE as DECOWA;
pub(crate) use dem::RULE as DEM;
pub(crate) use di::RULE as DI;
pub(crate) use emi::RULE as EMI;
pub(crate) use gra::RULE as GRA;
pub(crate) use mef::RULE as MEF;
pub(crate) use mi::RULE as MI;
pub(crate) use ni::RULE as NI;
pub(crate) use pgn::RULE as PGN;
pub(crate) use pi::RULE as PI;
pub(crate) use si::RULE as SI;
pub(crate) use sia::RULE as SIA;
pub(crate) use ssa::RULE as SSA;
pub(crate) use ti::RULE as TI;
pub(crate) use vt::RULE as VT;
