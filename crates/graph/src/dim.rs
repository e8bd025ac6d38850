use std::fmt;

/// One dimension of a shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dim {
    /// A size known before the run.
    Fixed(usize),
    /// The batch size times a constant: `Batch(1)` is B, `Batch(64)` is 64 B (a batch merged with tokens).
    Batch(usize),
    /// A size known only at run time.
    Unknown,
}

/// Shape of a value, outermost dimension first.
pub type Shape = Vec<Dim>;

impl Dim {
    /// Returns the size where it is fixed.
    #[must_use]
    pub fn fixed(self) -> Option<usize> {
        match self {
            Self::Fixed(n) => Some(n),
            Self::Batch(_) | Self::Unknown => None,
        }
    }

    /// Returns the size for a batch of `batch` samples; `None` where it is unknown or overflows.
    #[must_use]
    pub fn at_batch(self, batch: usize) -> Option<usize> {
        match self {
            Self::Fixed(n) => Some(n),
            Self::Batch(k) => k.checked_mul(batch),
            Self::Unknown => None,
        }
    }
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(n) => write!(f, "{n}"),
            Self::Batch(1) => f.write_str("B"),
            Self::Batch(k) => write!(f, "{k}B"),
            Self::Unknown => f.write_str("?"),
        }
    }
}
