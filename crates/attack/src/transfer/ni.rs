//! Gradients ahead of the iterate.

use super::join::{Part, Piece, Rule};

/// `ni` in the registry.
///
/// The gradient of a step is taken at `x + step mu m`, where the momentum would lead.
///
/// # Source
/// Lin et al., "Nesterov Accelerated Gradient and Scale Invariance for Adversarial Attacks", ICLR 2020, equations 6 to 8.
pub(crate) static RULE: Rule<()> =
    Rule { name: "ni", about: "transfer: gradients one momentum step ahead", default: || (), make: |()| Piece::new(Part::Ahead) };
