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
    /// The embedding that the sample is compared with.
    Vector(Vec<f32>),
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
}
