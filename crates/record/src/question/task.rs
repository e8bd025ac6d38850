//! What a model's outputs mean.

use super::words::words;

/// What a model's outputs mean, and so when an answer is wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TaskKind {
    /// One class for each sample, that of the largest value.
    #[default]
    Classification,
    /// One class for each sample, which need only be among the best.
    TopK,
    /// Labels that each apply or not.
    Multilabel,
    /// Numbers, right up to a tolerance.
    Regression,
    /// An embedding, whose distance to that of a reference says whether both show the same.
    Embedding,
}

words!(
    TaskKind,
    "task",
    Classification = "classification",
    TopK = "top-k",
    Multilabel = "multilabel",
    Regression = "regression",
    Embedding = "embedding"
);

impl TaskKind {
    /// True where what is right about a sample is a class.
    #[must_use]
    pub fn is_of_classes(self) -> bool {
        matches!(self, Self::Classification | Self::TopK)
    }
}

/// A task that is asked for with too little, or with what belongs to another one.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TaskError {
    /// Something is not said without which nothing can be judged.
    #[error("the task {task} needs {what}")]
    Missing {
        /// The task.
        task: TaskKind,
        /// What is missing, in words.
        what: &'static str,
    },
    /// Something is said that the task has no use for.
    #[error("the task {task} does not take {what}")]
    Foreign {
        /// The task.
        task: TaskKind,
        /// What is said, in words.
        what: &'static str,
    },
    /// A number is out of its range.
    #[error("{what} is {value}, but it {due}")]
    Value {
        /// Which number, in words.
        what: &'static str,
        /// As given.
        value: f64,
        /// What it has to be.
        due: &'static str,
    },
}
