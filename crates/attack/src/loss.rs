//! Losses that attacks maximise.

/// A loss of the logits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Loss {
    /// Cross-entropy of the true class.
    CrossEntropy,
    /// Largest other logit less the true class's logit.
    Margin,
    /// Difference of logits ratio.
    Dlr,
    /// Negated cross-entropy of the target class.
    TargetedCrossEntropy,
    /// The target's logit less the largest other logit.
    TargetedMargin,
    /// Targeted difference of logits ratio.
    TargetedDlr,
}
