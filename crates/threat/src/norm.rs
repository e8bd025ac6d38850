//! Norms of a perturbation.

use std::{fmt, str::FromStr};

use crate::ThreatError;

/// How the size of a perturbation is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Norm {
    /// Largest absolute change of any element.
    Linf,
    /// Euclidean length of the change.
    L2,
    /// Sum of the absolute changes of all elements.
    L1,
    /// Number of elements that change at all.
    L0,
}

impl Norm {
    /// Every norm.
    pub const ALL: [Self; 4] = [Norm::Linf, Norm::L2, Norm::L1, Norm::L0];

    /// Name on the command line and in records.
    pub fn name(self) -> &'static str {
        match self {
            Norm::Linf => "linf",
            Norm::L2 => "l2",
            Norm::L1 => "l1",
            Norm::L0 => "l0",
        }
    }
}

impl fmt::Display for Norm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Norm {
    type Err = ThreatError;

    fn from_str(text: &str) -> Result<Self, ThreatError> {
        Norm::ALL.into_iter().find(|norm| norm.name() == text).ok_or_else(|| ThreatError::UnknownNorm { text: text.to_owned() })
    }
}
