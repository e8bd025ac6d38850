//! Norms of a perturbation.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    ThreatError,
    kernel::{length_sq, sums},
    spelling::nearest_name,
};

/// How the size of a perturbation is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
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

    /// Names of every norm, in the same order.
    pub const NAMES: &'static [&'static str] = &["linf", "l2", "l1", "l0"];

    /// Name on the command line and in records.
    pub fn name(self) -> &'static str {
        match self {
            Norm::Linf => "linf",
            Norm::L2 => "l2",
            Norm::L1 => "l1",
            Norm::L0 => "l0",
        }
    }

    /// Size of a change in this norm, computed in f64.
    pub fn length(self, delta: &[f32]) -> f64 {
        let [sum] = match self {
            Norm::Linf => [delta.iter().fold(0.0, |most: f64, &d| most.max(f64::from(d.abs())))],
            Norm::L2 => [length_sq(delta).sqrt()],
            Norm::L1 => sums(delta, delta, |d, _| [f64::from(d.abs())]),
            Norm::L0 => sums(delta, delta, |d, _| [f64::from(u8::from(d != 0.0))]),
        };
        sum
    }

    /// The norm that measures slopes where this one measures changes: a change of length t gains at most t times the slope's length in it.
    ///
    /// L0 has none, since a change of any size counts the same; Linf stands in.
    pub fn dual(self) -> Self {
        match self {
            Norm::Linf => Norm::L1,
            Norm::L2 => Norm::L2,
            Norm::L1 | Norm::L0 => Norm::Linf,
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
        Norm::ALL.into_iter().find(|norm| norm.name() == text).ok_or_else(|| {
            let nearest = nearest_name(text, &Norm::ALL.map(Norm::name));
            ThreatError::UnknownNorm { text: text.to_owned(), nearest }
        })
    }
}
