//! What the outputs of a model mean, as far as model and user say.

use std::sync::Arc;

use brinell_record::{Artefact, TaskKind};
use brinell_task::{Classify, Embed, MultiLabel, Refuse, Regress, Task, TopK};

use crate::{Ending, Signature, SignatureError};

/// What an output means.
#[derive(Debug, Clone, PartialEq)]
pub enum Meaning {
    /// One class, that of the largest value.
    Class,
    /// One class, which need only be among the best.
    Best {
        /// How many count.
        k: usize,
    },
    /// Labels that each apply or not.
    Labels {
        /// Value of the output from which on a label applies; absent for that of the ending.
        threshold: Option<f64>,
        /// The labels that count; absent where all do.
        only: Option<Vec<usize>>,
    },
    /// Numbers.
    Numbers {
        /// The largest distance that still counts as right.
        tolerance: f64,
    },
    /// An embedding.
    Embedding {
        /// The largest cosine distance of what counts as the same.
        distance: f64,
    },
}

impl Meaning {
    /// Returns what an output of `width` values with this `ending` means. Labels by name are left out: which they are the data may say.
    ///
    /// # Errors
    /// [`SignatureError`] where the output does not fit what is said of it.
    pub(crate) fn of(artefact: &Artefact, name: &str, width: usize, ending: Ending) -> Result<Self, SignatureError> {
        artefact.check_task().map_err(SignatureError::Task)?;
        let misfit = |problem| Err(SignatureError::Misfit { name: name.to_owned(), task: artefact.task(), problem });
        if ending.is_labels() && artefact.task() != TaskKind::Classification {
            return misfit("contains class names instead of scores");
        }
        Ok(match artefact.task() {
            TaskKind::Classification => Self::Class,
            TaskKind::TopK => {
                let (k, classes) = (artefact.top_k.unwrap_or(1), width.max(2));
                if k >= classes {
                    return Err(SignatureError::TopK { k, classes });
                }
                Self::Best { k }
            }
            TaskKind::Multilabel if ending == Ending::Softmax => {
                return misfit("is a softmax, so exactly one label can apply");
            }
            TaskKind::Multilabel => {
                if let Some(value) = artefact.threshold {
                    let within = ending != Ending::Sigmoid || (value > 0.0 && value < 1.0);
                    if !value.is_finite() {
                        return Err(SignatureError::BadThreshold { value, problem: "is not a finite number" });
                    }
                    if !within {
                        let problem = "can never be reached, because the values are sigmoids and lie between 0 and 1";
                        return Err(SignatureError::BadThreshold { value, problem });
                    }
                }
                let numbers: Vec<usize> = artefact.only_labels.iter().filter_map(|label| label.trim().parse().ok()).collect();
                if let Some(&label) = numbers.iter().find(|label| **label >= width) {
                    return Err(SignatureError::NoLabel { label, labels: width });
                }
                Self::Labels { threshold: artefact.threshold, only: (!artefact.only_labels.is_empty()).then_some(numbers) }
            }
            TaskKind::Regression => Self::Numbers { tolerance: artefact.tolerance.unwrap_or_default() },
            TaskKind::Embedding if width < 2 => return misfit("has only one value, but an embedding needs at least two"),
            TaskKind::Embedding => Self::Embedding { distance: artefact.distance.unwrap_or_default() },
        })
    }

    /// Returns the name of the task.
    #[must_use]
    pub fn kind(&self) -> TaskKind {
        match self {
            Self::Class => TaskKind::Classification,
            Self::Best { .. } => TaskKind::TopK,
            Self::Labels { .. } => TaskKind::Multilabel,
            Self::Numbers { .. } => TaskKind::Regression,
            Self::Embedding { .. } => TaskKind::Embedding,
        }
    }

    /// True where losses use what stands before a softmax or a sigmoid: numbers and embeddings are what the output says.
    pub(crate) fn looks_behind(kind: TaskKind) -> bool {
        !matches!(kind, TaskKind::Regression | TaskKind::Embedding)
    }
}

impl Signature {
    /// Returns what the model's outputs mean.
    #[must_use]
    pub fn task(&self) -> Arc<dyn Task> {
        let (values, output, reading) = (self.classes, self.output_index, self.reading);
        let task: Arc<dyn Task> = match &self.meaning {
            Meaning::Class if self.weighs => Arc::new(Classify::of(values, output, reading).weighing()),
            Meaning::Class => Arc::new(Classify::of(values, output, reading)),
            Meaning::Best { k } => Arc::new(TopK::new(*k, values, output, reading)),
            Meaning::Labels { threshold, only } => {
                let task = MultiLabel::new(values, output, reading.ending, *threshold);
                Arc::new(only.as_ref().map_or(task.clone(), |only| task.counting(only)))
            }
            Meaning::Numbers { tolerance } => Arc::new(Regress::new(values, output, *tolerance)),
            Meaning::Embedding { distance } => Arc::new(Embed::new(values, output, *distance)),
        };
        match &self.gate {
            Some(port) => Arc::new(Refuse::new(task, port.gate)),
            None => task,
        }
    }

    /// Returns the number of sigmoids side by side that are read as classes: each says something by itself, and the largest decides nothing.
    #[must_use]
    pub fn independent_sigmoids(&self) -> Option<usize> {
        let several = self.meaning.kind().is_of_classes() && self.reading.ending == Ending::Sigmoid && self.reading.threshold.is_none();
        several.then_some(self.classes)
    }
}
