//! What a defender may put around a model.

use std::fmt;
use std::str::FromStr;

use crate::{Chain, Detector};

/// A move of the defender: transforms in front of a model, or a detector behind it.
#[derive(Debug, Clone, PartialEq)]
pub enum Defender {
    /// Transforms, one after the other.
    Transforms(Chain),
    /// A detector, which refuses samples.
    Detector(Detector),
}

/// Names of detectors, to tell them from transforms.
const DETECTORS: [&str; 7] = ["squeeze", "confidence", "margin", "entropy", "energy", "noise", "mahalanobis"];

impl fmt::Display for Defender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transforms(chain) => chain.fmt(f),
            Self::Detector(detector) => detector.fmt(f),
        }
    }
}

impl FromStr for Defender {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let name = text.trim().split(':').next().unwrap_or_default();
        if DETECTORS.contains(&name) { text.parse().map(Self::Detector) } else { text.parse().map(Self::Transforms) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_which_of_both_it_is() {
        for text in ["bits:3,median:2", "squeeze:bits:3,median:2+jpeg:75", "mahalanobis", "noise:0.1"] {
            assert_eq!(text.parse::<Defender>().unwrap().to_string(), text);
        }
        assert!(matches!("bits:3".parse(), Ok(Defender::Transforms(_))));
        assert!(matches!("margin".parse(), Ok(Defender::Detector(_))));
        assert!("blur:3".parse::<Defender>().unwrap_err().contains("no transform"));
    }
}
