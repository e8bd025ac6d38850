/// Why something about a task cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TaskError {
    /// A name that no loss has.
    #[error("unknown loss `{name}`; known losses are {}", names())]
    UnknownLoss {
        /// What was asked for.
        name: String,
    },
}

fn names() -> String {
    crate::Loss::ALL.map(crate::Loss::name).join(", ")
}
