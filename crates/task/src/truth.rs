//! What is right about a sample, and what a model answers.

/// What a model answers about one sample, decoded as it is deployed.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Answer {
    /// One class.
    Class(usize),
    /// The classes that count as given, best first: top k.
    Classes(Vec<usize>),
    /// For each label whether it applies.
    Labels(Vec<bool>),
    /// Numbers.
    Values(Vec<f64>),
    /// A direction: an embedding.
    Vector(Vec<f32>),
    /// None: the model refuses the sample.
    Refused,
}

/// What is right about one sample, or what an attack wants the answer to become.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Truth {
    /// One class.
    Class(usize),
    /// For each label whether it applies.
    Labels(Vec<bool>),
    /// Numbers.
    Values(Vec<f64>),
    /// Whether the sample shows what a reference shows.
    Pair {
        /// The embedding of the reference.
        reference: Vec<f32>,
        /// True where both show the same.
        same: bool,
    },
}

impl Truth {
    /// Returns the class, where it is one.
    #[must_use]
    pub fn class(&self) -> Option<usize> {
        match self {
            Self::Class(class) => Some(*class),
            _ => None,
        }
    }

    /// Returns the answer that says this; `None` for a pair, which is no answer about one sample.
    #[must_use]
    pub fn answer(&self) -> Option<Answer> {
        match self {
            Self::Class(class) => Some(Answer::Class(*class)),
            Self::Labels(labels) => Some(Answer::Labels(labels.clone())),
            Self::Values(values) => Some(Answer::Values(values.clone())),
            Self::Pair { .. } => None,
        }
    }
}
