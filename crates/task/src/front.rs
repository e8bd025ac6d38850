//! The trait of what goes into a model.

/// A sample as it is stored.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Stored<'a> {
    /// Numbers: pixels, features, frames.
    Values(&'a [f32]),
    /// The bytes of a file.
    Bytes(&'a [u8]),
    /// A text.
    Text(&'a str),
}

/// Why a stored sample cannot be made a model's input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrontError {
    /// The sample is of another kind.
    #[error("the model's input must be {expected}")]
    Kind {
        /// What was due.
        expected: &'static str,
    },
    /// The sample has another size.
    #[error("the sample has {found} values; {expected} are needed")]
    Size {
        /// Values of the sample.
        found: usize,
        /// Values due.
        expected: usize,
    },
}

/// Whether a gradient by a model's input is one by the stored sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// It was pulled back.
    Exact,
    /// There is no way back: the stored sample is not made of real numbers.
    None,
}

/// What makes stored samples a model's input.
pub trait Front: Send + Sync {
    /// Writes the model's input for one sample.
    ///
    /// # Errors
    /// [`FrontError`] where the sample is not what this takes.
    fn forward(&self, sample: Stored<'_>, x: &mut Vec<f32>) -> Result<(), FrontError>;

    /// Writes the gradient by the stored sample, given the one by the model's input.
    fn adjoint(&self, gradient: &[f32], out: &mut Vec<f32>) -> Support;
}
