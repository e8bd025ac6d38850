/// Why a certificate is not accepted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// The bytes are no certificate.
    #[error("this is not a certificate")]
    Foreign,
    /// A later program wrote it.
    #[error("the certificate has version {found}; versions up to {known} can be read")]
    Version {
        /// Version of the file.
        found: u32,
        /// The newest that is known.
        known: u32,
    },
    /// The bytes are not those that were written.
    #[error("the certificate is damaged: its bytes do not have the digest at its end")]
    Damaged,
    /// The bytes are whole, but make no sense.
    #[error("the certificate cannot be read: {problem}")]
    Malformed {
        /// What is wrong.
        problem: &'static str,
    },
    /// It is about another model.
    #[error("the certificate is about another model")]
    Model,
    /// It is about other inputs or another property.
    #[error("the certificate is about other inputs, another radius or another property")]
    Statement,
    /// The statement does not fit the network.
    #[error("{what} has {found} elements; the network has {expected}")]
    Length {
        /// What does not fit.
        what: &'static str,
        /// Elements of the network.
        expected: usize,
        /// Elements given.
        found: usize,
    },
    /// A region or property holds what is no number, or ends that are no interval.
    #[error("the region or the property contains NaN, an infinite number, or an empty interval")]
    Numbers,
    /// An operator that is not covered.
    #[error("node `{node}` ({op}) cannot be checked: {reason}")]
    Operator {
        /// Name of the node.
        node: String,
        /// Operator.
        op: String,
        /// What is missing.
        reason: String,
    },
    /// The graph is not one that can be read.
    #[error("the network cannot be checked: {reason}")]
    Graph {
        /// What is wrong.
        reason: String,
    },
    /// A part refers to what is not there, or gives a price below 0.
    #[error("part {part} of the certificate is wrong: {problem}")]
    Part {
        /// Number of the part, from 0.
        part: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// A bound does not show what it has to.
    #[error("part {part} of the certificate proves nothing: its bound of clause {clause} is {bound}, which is not above 0")]
    Open {
        /// Number of the part, from 0.
        part: usize,
        /// The clause that may happen.
        clause: usize,
        /// The bound.
        bound: f64,
    },
    /// The check was stopped.
    #[error("the check was stopped")]
    Stopped,
}
