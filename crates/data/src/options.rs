//! What a caller can ask of the loader.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use super::classes::lookup;
use super::error::UnknownClass;
use super::precision::Precision;
use super::truths::TruthKind;

/// An input of a model that takes columns of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnInput {
    /// Name of the input, and of its column.
    pub name: String,
    /// Number of columns that it takes. One of several inputs may take several, those that are left over by the others.
    pub width: usize,
    /// What stands in them.
    pub kind: ColumnKind,
}

/// What stands in the columns of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Numbers, as exactly as that; a missing one stays where the model handles it.
    Numbers {
        /// What the input keeps of them.
        precision: Precision,
        /// True where the model handles missing values of this input.
        missing: bool,
    },
    /// Text. A sample holds the place of its text among all texts of the column, sorted; these are an array of the column's name beside the samples, of shape
    /// `[1, texts]`.
    Text,
}

impl ColumnKind {
    /// What is kept of the numbers in it, and whether one may be missing; places of texts are small whole numbers.
    pub(super) fn numbers(self) -> (Precision, bool) {
        match self {
            Self::Numbers { precision, missing } => (precision, missing),
            Self::Text => (Precision::Single, false),
        }
    }
}

/// How to read a data set; the default asks for nothing special.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadOptions {
    /// A file of labels or, where no such file exists, one class index or class name for all samples; of a table, the column by name or number.
    pub labels: Option<PathBuf>,
    /// Keep that many samples: as many of each class ([`evenly`](crate::evenly)); where there are no classes, the first.
    pub limit: Option<usize>,
    /// Keep these samples, by number, ascending, whatever the limit says; numbers beyond the last sample are passed over.
    pub rows: Option<Vec<usize>>,
    /// Names of the classes in the model's order; folder names and labels in text are looked up in it.
    pub class_names: Option<Vec<String>>,
    /// Labels are names even where they are numbers: a model may call its classes 1 and 2.
    pub only_names: bool,
    /// Number of classes of the model, where it is known.
    pub classes: Option<usize>,
    /// Height and width to resize images to (PNG and JPEG only).
    pub image_size: Option<(usize, usize)>,
    /// Channels of images (PNG and JPEG only): 3 for RGB, which is the default, or 1 for grey.
    pub channels: Option<usize>,
    /// Threads that decode images; by default as many as there are processors.
    pub threads: Option<NonZeroUsize>,
    /// Name of the array or column that holds the samples, where there is one of that name (.npz, safetensors and tables).
    pub input: Option<String>,
    /// Names of further arrays or columns to read (.npz, safetensors and tables).
    pub arrays: Vec<String>,
    /// Those of `arrays` that hold text, even where it looks like numbers.
    pub texts: Vec<String>,
    /// The model's inputs that take the columns of a table, in the order of the values of a sample; empty where one input takes them all.
    pub inputs: Vec<ColumnInput>,
    /// Names of the model's features in its order, where it has some; columns of a table are matched to them.
    pub features: Option<Vec<String>>,
    /// Number of values that the model takes of a sample, where it is known: columns that number the rows stay where it counts them too.
    pub width: Option<usize>,
    /// Columns of a table that are no features, by name or number.
    pub drop: Vec<String>,
    /// What the model's input takes: numbers that it would get otherwise than the file holds them are errors.
    pub precision: Precision,
    /// What is right about a sample, as files say it.
    pub truth: TruthKind,
    /// The file that lists pairs of samples, where these are asked for.
    pub pairs: Option<PathBuf>,
    /// True where the model handles missing values: they stay where they stand, as NaN.
    pub missing: bool,
}

impl LoadOptions {
    /// True where a sample is kept.
    pub(super) fn keeps(&self, sample: usize) -> bool {
        match &self.rows {
            Some(rows) => rows.binary_search(&sample).is_ok(),
            None => self.limit.is_none_or(|limit| sample < limit),
        }
    }

    /// Finds the class that a label means.
    pub(super) fn class(&self, text: &str) -> Result<usize, UnknownClass> {
        let names = self.class_names.as_deref().unwrap_or_default();
        let found = lookup(names, text)?;
        let unknown = || UnknownClass { text: text.trim().to_owned(), count: names.len(), close: names.to_vec() };
        if self.only_names && names.get(found).is_none_or(|name| !name.eq_ignore_ascii_case(text.trim())) {
            Err(unknown())
        } else {
            Ok(found)
        }
    }
}
