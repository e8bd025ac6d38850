//! The set of allowed inputs around one clean input.

use crate::{InputBox, Norm};

/// A norm ball of radius `eps` around any `x`, intersected with the input box.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ball {
    /// How distance is measured.
    pub norm: Norm,
    /// Radius in model-input units; finite and not negative.
    pub eps: f64,
    /// Range of every input element.
    pub bounds: InputBox,
}
