/// Why a network cannot be certified, or a question about it not be asked.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CertifyError {
    /// An operator has no relaxation.
    #[error("node `{node}` ({op}) cannot be bounded: {reason}")]
    Operator {
        /// Name of the node.
        node: String,
        /// Operator.
        op: String,
        /// What is missing.
        reason: String,
    },
    /// The network has several inputs.
    #[error("the network has {found} inputs; only networks with one input can be bounded")]
    Inputs {
        /// Number of inputs.
        found: usize,
    },
    /// A value whose size is not known.
    #[error("the size of `{value}` is unknown")]
    Size {
        /// Name of the value.
        value: String,
    },
    /// A weight is NaN or infinite.
    #[error("node `{node}` has a weight that is NaN or infinite")]
    NotFinite {
        /// Name of the node.
        node: String,
    },
    /// A region of inputs or a property does not fit the network.
    #[error("{what} has {found} elements; the network has {expected}")]
    Length {
        /// What does not fit.
        what: &'static str,
        /// Elements of the network.
        expected: usize,
        /// Elements given.
        found: usize,
    },
    /// An interval of the inputs is empty or not finite.
    #[error("the bounds {lo} and {hi} of input {index} are wrong: the lower bound must not be larger than the upper bound")]
    Interval {
        /// Number of the element.
        index: usize,
        /// Lower end.
        lo: f64,
        /// Upper end.
        hi: f64,
    },
    /// A radius is negative or not a number.
    #[error("{eps} is not a radius")]
    Radius {
        /// As given.
        eps: f64,
    },
    /// A norm whose balls are not convex.
    #[error("certificates are not available for the norm {norm}")]
    Norm {
        /// The norm.
        norm: brinell_threat::Norm,
    },
    /// A file of a property cannot be read.
    #[error("line {line}: {problem}")]
    Property {
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
}
