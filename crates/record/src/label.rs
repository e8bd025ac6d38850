//! What is right about a sample, or what a model says of it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What is right about one sample, or what a model answers about it: a class is written as its number, anything else as an object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Label {
    /// A class, counted from 0; with top-k the best one.
    Class(usize),
    /// Several labels at once.
    Labels {
        /// For each label whether it applies.
        labels: Vec<bool>,
    },
    /// Numbers, one per output of a regression.
    Values {
        /// In the order of the outputs.
        values: Vec<f64>,
    },
    /// A decision about a pair of inputs.
    Pair {
        /// True where both show the same.
        same: bool,
        /// Cosine distance of the two embeddings; absent where it is said what is right.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        distance: Option<f64>,
    },
    /// No answer: the model refuses the sample.
    Refused {
        /// Always true.
        refused: bool,
    },
}

impl Label {
    /// Returns the class, where it is one.
    #[must_use]
    pub fn class(&self) -> Option<usize> {
        match self {
            Self::Class(class) => Some(*class),
            _ => None,
        }
    }
}

impl Label {
    /// No answer.
    pub const REFUSED: Self = Self::Refused { refused: true };
}

impl From<usize> for Label {
    fn from(class: usize) -> Self {
        Self::Class(class)
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Class(class) => class.fmt(f),
            Self::Labels { labels } => {
                let applying: Vec<String> =
                    labels.iter().enumerate().filter(|(_, applies)| **applies).map(|(k, _)| k.to_string()).collect();
                f.write_str(&if applying.is_empty() { "no label".to_owned() } else { applying.join(" + ") })
            }
            Self::Values { values } => f.write_str(&values.iter().map(f64::to_string).collect::<Vec<_>>().join(", ")),
            Self::Pair { same, distance } => {
                f.write_str(if *same { "same" } else { "different" })?;
                distance.map_or(Ok(()), |distance| write!(f, " (distance {distance})"))
            }
            Self::Refused { .. } => f.write_str("refused"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_a_number_and_the_others_say_what_they_are() {
        for (label, json, text) in [
            (Label::Class(3), "3", "3"),
            (Label::Labels { labels: vec![true, false, true] }, r#"{"labels":[true,false,true]}"#, "0 + 2"),
            (Label::Labels { labels: vec![false] }, r#"{"labels":[false]}"#, "no label"),
            (Label::Values { values: vec![1.5, -2.0] }, r#"{"values":[1.5,-2.0]}"#, "1.5, -2"),
            (Label::REFUSED, r#"{"refused":true}"#, "refused"),
            (Label::Pair { same: true, distance: None }, r#"{"same":true}"#, "same"),
            (Label::Pair { same: false, distance: Some(0.25) }, r#"{"same":false,"distance":0.25}"#, "different (distance 0.25)"),
        ] {
            assert_eq!(serde_json::to_string(&label).unwrap(), json);
            assert_eq!(serde_json::from_str::<Label>(json).unwrap(), label);
            assert_eq!(label.to_string(), text);
        }
        assert!(serde_json::from_str::<Label>("1.5").is_err());
    }
}
