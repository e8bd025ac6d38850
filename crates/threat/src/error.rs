//! What can be wrong with a threat model.

/// A threat model that cannot be built.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ThreatError {
    /// The norm has no such name.
    #[error("unknown norm '{text}'; the norms are linf, l2, l1 and l0")]
    UnknownNorm {
        /// What was given.
        text: String,
        /// The norm that it is a misspelling of, by the looks of it.
        nearest: Option<&'static str>,
    },
    /// The radius is not a number that a radius can be.
    #[error("eps '{text}' is not a radius: {reason}")]
    BadEps {
        /// What was given.
        text: String,
        /// Why it is refused.
        reason: &'static str,
    },
    /// The bounds of the input contain no interval.
    #[error("input range [{lo}, {hi}] is wrong: both ends must be finite, and the first must be smaller than the second")]
    BadBox {
        /// Lower bound.
        lo: f32,
        /// Upper bound.
        hi: f32,
    },
    /// A number of elements is whole.
    #[error("eps {eps} is not a whole number, but l0 counts changed elements")]
    NotACount {
        /// Radius.
        eps: f64,
    },
    /// The radius allows every input.
    #[error(
        "eps {eps} is larger than the whole input range [{lo}, {hi}], in which no two points are further apart than {diameter} in {norm}"
    )]
    EpsBeyondBox {
        /// Norm of the ball.
        norm: crate::Norm,
        /// Radius.
        eps: f64,
        /// Norm of the box's diagonal.
        diameter: f64,
        /// Lower bound of the box.
        lo: f32,
        /// Upper bound of the box.
        hi: f32,
    },
    /// The radius allows every change of every feature.
    #[error("eps {eps} is larger than the ranges of the features, in which no two points are further apart than {diameter} in {norm}")]
    EpsBeyondFeatures {
        /// Norm of the ball.
        norm: crate::Norm,
        /// Radius.
        eps: f64,
        /// Largest distance of two allowed inputs.
        diameter: f64,
    },
    /// The rules of a feature contradict themselves.
    #[error("feature {index}: {reason}")]
    BadFeature {
        /// Number of the feature.
        index: usize,
        /// What is wrong.
        reason: &'static str,
    },
}
