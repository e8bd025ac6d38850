//! The model that is asked, and how inputs reach it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::task::{TaskError, TaskKind};
use super::words::{WordError, by_text, words};

/// A model file or address, what of it is attacked and what decides, and the preprocessing in front of it.
///
/// | Name | Default | Meaning |
/// |---|---|---|
/// | `model` | | ONNX file, or the address of a model that a server answers for |
/// | `sha256`, `weights_sha256` | any | lower-case hexadecimal SHA-256 that the file, and the files of its weights, must have |
/// | `scale` | `0..1`; `data` for tables | range of the input, in which radii and distances are given |
/// | `mean`, `std` | none | subtracted and divided by, one for all or one per channel, in input-scale units |
/// | `layout` | from the shapes | order in which the model wants the values |
/// | `input` | the only one; of a table all | name of the input that is attacked, or names with commas between them; the others are held at what the data say |
/// | `output` | the first; the scores where that is a class | name of the output that decides |
/// | `threshold` | 0; 0.5 of a sigmoid | score from which on the class is 1, of a model with one score |
/// | `shape` | as in the file | sizes of one sample of the attacked input, where the file leaves some free |
/// | `task` | `classification`; `top-k` with `top_k` | what the outputs mean |
/// | `top_k` | | how many of the best classes count as given, of the task `top-k` |
/// | `only_labels` | all | labels that count, by name or number, of the task `multilabel` |
/// | `tolerance` | | largest distance from the label that still counts as right, of the task `regression` |
/// | `distance` | | largest cosine distance of what counts as the same, of the task `embedding` |
/// | `suspicion` | as the file says | name of the output by which the model refuses samples |
/// | `max_suspicion` | as the file says | largest suspicion that is accepted |
/// | `defence_end` | as the file says | value at which a defence in front of the model ends, whose steps gradients go straight through |
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the table says it")]
pub struct Artefact {
    pub model: PathBuf,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights_sha256: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<Scale>,
    #[serde(default, serialize_with = "as_typed", skip_serializing_if = "Vec::is_empty")]
    pub mean: Vec<f32>,
    #[serde(default, serialize_with = "as_typed", skip_serializing_if = "Vec::is_empty")]
    pub std: Vec<f32>,
    #[serde(default, deserialize_with = "layout", skip_serializing_if = "Option::is_none")]
    pub layout: Option<Layout>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<Vec<usize>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskKind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_k: Option<usize>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only_labels: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distance: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspicion: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_suspicion: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defence_end: Option<String>,
}

impl Artefact {
    /// A model about which nothing else is said.
    #[must_use]
    pub fn of(model: impl Into<PathBuf>) -> Self {
        Self { model: model.into(), ..Self::default() }
    }

    /// Returns the SHA-256 that the file must have; empty where any will do.
    #[must_use]
    pub fn digest(&self) -> &str {
        self.sha256.as_deref().unwrap_or_default()
    }

    /// Returns what the outputs mean: as declared, else classification, of which the best few count where their number is given.
    #[must_use]
    pub fn task(&self) -> TaskKind {
        self.task.unwrap_or(if self.top_k.is_some() { TaskKind::TopK } else { TaskKind::Classification })
    }

    /// Checks that the task has all that it needs, and nothing that belongs to another one.
    ///
    /// # Errors
    /// [`TaskError`] names what is missing, too much or out of its range.
    pub fn check_task(&self) -> Result<(), TaskError> {
        let task = self.task();
        let given = [
            (TaskKind::TopK, "the number of best classes", self.top_k.is_some()),
            (TaskKind::Regression, "a tolerance", self.tolerance.is_some()),
            (TaskKind::Embedding, "a distance", self.distance.is_some()),
        ];
        for (owner, what, given) in given {
            match (owner == task, given) {
                (true, false) => return Err(TaskError::Missing { task, what }),
                (false, true) => return Err(TaskError::Foreign { task, what }),
                _ => {}
            }
        }
        if task != TaskKind::Multilabel && !self.only_labels.is_empty() {
            return Err(TaskError::Foreign { task, what: "a choice of labels" });
        }
        if matches!(task, TaskKind::Regression | TaskKind::Embedding) && self.threshold.is_some() {
            return Err(TaskError::Foreign { task, what: "a threshold of scores" });
        }
        match (self.top_k, self.tolerance, self.distance) {
            (Some(0), ..) => Err(TaskError::Value { what: "the number of best classes", value: 0.0, due: "must be at least 1" }),
            (_, Some(value), _) if !(value > 0.0 && value.is_finite()) => {
                Err(TaskError::Value { what: "the tolerance", value, due: "must be a finite number above 0" })
            }
            (_, _, Some(value)) if !(value > 0.0 && value < 2.0) => {
                Err(TaskError::Value { what: "the distance", value, due: "must be a cosine distance, from 0 to 2" })
            }
            _ => Ok(()),
        }
    }

    /// Returns the range of the input: as declared, else 0..1.
    #[must_use]
    pub fn scale(&self) -> Scale {
        self.scale.unwrap_or_default()
    }

    /// Returns true where the model is behind an address instead of in a file.
    #[must_use]
    pub fn is_address(&self) -> bool {
        let text = self.model.to_string_lossy();
        text.starts_with("http://") || text.starts_with("https://")
    }
}

/// Writes numbers with the decimals that they were typed with, in whatever precision a format has.
fn as_typed<S: serde::Serializer>(values: &[f32], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(values.iter().map(|value| value.to_string().parse().unwrap_or(f64::from(*value))))
}

/// `auto` is how files say that nothing is said.
fn layout<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Layout>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.filter(|text| text != "auto").map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
}

/// How the model wants the axes of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layout {
    /// Channels, rows, columns.
    Nchw,
    /// Rows, columns, channels.
    Nhwc,
    /// The stored order, flattened.
    Flat,
    /// Rows and columns swapped, then flattened (column-major images).
    FlatTransposed,
}

words!(Layout, "layout", Nchw = "nchw", Nhwc = "nhwc", Flat = "flat", FlatTransposed = "flat-transposed");

/// The range of the input in which radii and distances are given.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Scale {
    /// 0..1: the byte p becomes p / 255, one division in single precision as numpy and PyTorch do it.
    #[default]
    Unit,
    /// 0..255: the byte p stays p.
    Byte,
    /// Any other range: the byte p becomes `lo + p / 255 * (hi - lo)`.
    Range {
        /// Smallest value.
        lo: f32,
        /// Largest value.
        hi: f32,
    },
    /// The range of every value in the data itself; the byte p stays p.
    Data,
}

impl FromStr for Scale {
    type Err = WordError;

    fn from_str(text: &str) -> Result<Self, WordError> {
        let unknown = || WordError::new("scale", text, &["0..1", "0..255", "any two numbers LO..HI", "data"]);
        if text == "data" {
            return Ok(Self::Data);
        }
        let (lo, hi) = text.split_once("..").ok_or_else(unknown)?;
        let number = |part: &str| part.trim().parse::<f32>().ok().filter(|v| v.is_finite());
        match (number(lo), number(hi)) {
            (Some(lo), Some(hi)) if lo == 0.0 && hi == 1.0 => Ok(Self::Unit),
            (Some(lo), Some(hi)) if lo == 0.0 && hi == 255.0 => Ok(Self::Byte),
            (Some(lo), Some(hi)) if lo < hi => Ok(Self::Range { lo, hi }),
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unit => f.write_str("0..1"),
            Self::Byte => f.write_str("0..255"),
            Self::Range { lo, hi } => write!(f, "{lo}..{hi}"),
            Self::Data => f.write_str("data"),
        }
    }
}

by_text!(Scale);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_has_what_it_needs_and_nothing_else() {
        let of = |task: Option<TaskKind>| Artefact { task, ..Artefact::of("m.onnx") };
        let regression = of(Some(TaskKind::Regression));
        let checks = [
            (of(None), None),
            (of(Some(TaskKind::Multilabel)), None),
            (Artefact { top_k: Some(5), ..of(None) }, None),
            (Artefact { tolerance: Some(0.5), ..regression.clone() }, None),
            (of(Some(TaskKind::TopK)), Some("the task top-k needs the number of best classes")),
            (regression.clone(), Some("the task regression needs a tolerance")),
            (of(Some(TaskKind::Embedding)), Some("the task embedding needs a distance")),
            (Artefact { tolerance: Some(0.5), ..of(None) }, Some("the task classification does not take a tolerance")),
            (Artefact { distance: Some(0.5), ..regression.clone() }, Some("the task regression needs a tolerance")),
            (
                Artefact { only_labels: vec!["cat".to_owned()], ..of(None) },
                Some("the task classification does not take a choice of labels"),
            ),
            (Artefact { tolerance: Some(0.0), ..regression.clone() }, Some("the tolerance is 0, but it must be a finite number above 0")),
            (
                Artefact { tolerance: Some(f64::NAN), ..regression.clone() },
                Some("the tolerance is NaN, but it must be a finite number above 0"),
            ),
            (Artefact { top_k: Some(0), ..of(None) }, Some("the number of best classes is 0, but it must be at least 1")),
            (
                Artefact { tolerance: Some(1.0), threshold: Some(0.5), ..regression },
                Some("the task regression does not take a threshold of scores"),
            ),
            (
                Artefact { distance: Some(2.0), ..of(Some(TaskKind::Embedding)) },
                Some("the distance is 2, but it must be a cosine distance, from 0 to 2"),
            ),
        ];
        for (artefact, expected) in checks {
            assert_eq!(artefact.check_task().err().map(|error| error.to_string()).as_deref(), expected, "{artefact:?}");
        }
    }

    #[test]
    fn scales_are_read_as_they_are_written() {
        for (text, scale) in [
            ("0..1", Scale::Unit),
            ("0..255", Scale::Byte),
            ("-1..1", Scale::Range { lo: -1.0, hi: 1.0 }),
            ("-2.5..-1e-3", Scale::Range { lo: -2.5, hi: -1e-3 }),
            ("data", Scale::Data),
        ] {
            let read: Scale = text.parse().unwrap();
            assert_eq!(read, scale);
            assert_eq!(read.to_string().parse::<Scale>().unwrap(), scale);
        }
        for text in ["", "1..0", "0..nan", "0..inf", "0-1", "1..1", "unit"] {
            assert!(text.parse::<Scale>().is_err(), "{text}");
        }
    }
}
