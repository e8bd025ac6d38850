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
}

impl Norm {
    /// Name on the command line and in records.
    pub fn name(self) -> &'static str {
        match self {
            Norm::Linf => "linf",
            Norm::L2 => "l2",
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
        match text {
            "linf" => Ok(Norm::Linf),
            "l2" => Ok(Norm::L2),
            _ => Err(ThreatError::UnknownNorm { text: text.to_owned() }),
        }
    }
}
