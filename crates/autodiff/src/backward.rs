use brinell_graph::ValueId;

use crate::Surrogates;

/// Where a gradient goes from one value to another as if nothing stood between them: from whole numbers to the reals that they were rounded from, or from the
/// end of a defence to its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crossing {
    /// The value in front.
    pub real: ValueId,
    /// The value behind, of the same shape.
    pub whole: ValueId,
}

/// How a gradient is taken where it is not the derivative. By default it is.
///
/// | Name | Meaning |
/// |---|---|
/// | `crossing` | two values between which the gradient goes unchanged |
/// | `soften` | share of the ReLUs, the last ones, that are softened; what comes out leads attacks to examples that carry over to other models |
/// | `surrogates` | steps that pass the gradient on unchanged |
///
/// Logits and losses are the same whatever is said here.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(missing_docs, reason = "the table says it")]
pub struct Backward {
    pub crossing: Option<Crossing>,
    pub soften: f64,
    pub surrogates: Surrogates,
}
