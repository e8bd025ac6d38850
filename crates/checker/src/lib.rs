//! Checks certificates again: a small program that is trusted, so that the large one which searches for proofs need not be.
//!
//! A certificate says how the allowed inputs, or the signs of neurons, are split, and for each part which lower lines and prices of splits bound it. The
//! checker reads the graph, computes every bound from these with arithmetic of its own, and accepts only if every part is answered. Nothing of what
//! a certificate says is believed: splits are complementary by their form, any slope in range gives a sound line, and any price that is not negative a
//! sound bound; intervals of inner values are not stored, but computed here.
//!
//! It covers feed-forward networks, with any branches, of linear operators, convolutions, poolings, `Relu` and `LeakyRelu`. A network with another
//! operator can be certified, but not checked again; [`Checker::new`] says which one it is.
//!
//! # Source
//! The bounds are those of Zhang et al., "Efficient Neural Network Robustness Certification with General Activation Functions", NeurIPS 2018, and Wang et
//! al., "Beta-CROWN", NeurIPS 2021; rounding errors are summed up as they happen (N. Higham, "Accuracy and Stability of Numerical Algorithms",
//! section 3.3).

mod backward;
mod bounds;
mod certificate;
mod check;
mod encode;
mod error;
mod network;
mod number;
mod read;
mod statement;

pub use certificate::{Bounding, Branch, Certificate, Cut, Evidence, Neuron, Tree, slope_at};
pub use check::{Checked, Checker};
pub use encode::VERSION;
pub use error::CheckError;
pub use statement::{Atom, Ball, Power, Statement};
