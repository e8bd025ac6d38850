//! A data set in memory.

use std::path::PathBuf;

use brinell_record::Scale;

use super::array::Numbers;
use super::draw::Kept;
use super::error::{DataError, DataErrorKind};
use super::note::Note;
use super::truths::Truths;

/// The values of all samples, one sample after the other.
#[derive(Debug, Clone, PartialEq)]
pub enum Pixels {
    /// Bytes 0..=255.
    U8(Vec<u8>),
    /// Numbers that already are in the model's declared scale; finite, or NaN where a value is missing.
    F32(Vec<f32>),
}

/// Labelled samples, all of one shape.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// The file or folder it was read from.
    pub path: PathBuf,
    /// The separate file the labels were read from, if any.
    pub label_path: Option<PathBuf>,
    /// The values, `n` times `sample_len()` of them.
    pub pixels: Pixels,
    /// The numbers that the values stand for, where the model takes double precision and these are no bytes; else empty.
    pub exact: Vec<f64>,
    /// Shape of one sample as stored (images from PNG or JPEG files: `[channels, height, width]`).
    pub shape: Vec<usize>,
    /// Class index of every sample; empty where something else is right about them.
    pub labels: Vec<usize>,
    /// What is right about the samples, where it is no class.
    pub truths: Truths,
    /// Number of samples.
    pub n: usize,
    /// Number of samples that there are, a limit aside.
    pub total: usize,
    /// Numbers of the samples in the file, ascending and counted from 0, by which they are known everywhere; empty where they are the first.
    pub rows: Vec<usize>,
    /// Name of the format, such as `idx` or `npy`.
    pub format: &'static str,
    /// Names of the classes, where the data or the options tell them.
    pub class_names: Option<Vec<String>>,
    /// File name of every sample relative to the folder; empty unless every sample is a file.
    pub ids: Vec<String>,
    /// Names of the values of a sample, where the data is a table that has a header.
    pub columns: Vec<String>,
    /// Number of image files that were resized to the size asked for.
    pub resized: usize,
    /// Further arrays that were asked for.
    pub arrays: Vec<NamedArray>,
    /// What was done to the data on the way from the file.
    pub notes: Vec<Note>,
    /// SHA-256 of the bytes of every file read: the data in order of samples, then the labels' file.
    pub sha256: String,
}

/// An array beside the samples. One whose first axis is as long as the file's samples ends where these end.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedArray {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its elements, row-major.
    pub numbers: Numbers,
}

impl Pixels {
    /// Returns these rows of `len` values each.
    pub(super) fn rows(&self, rows: &[usize], len: usize) -> Self {
        fn pick<T: Copy>(values: &[T], rows: &[usize], len: usize) -> Vec<T> {
            rows.iter().filter_map(|&row| values.get(row * len..(row + 1) * len)).flatten().copied().collect()
        }
        match self {
            Self::U8(values) => Self::U8(pick(values, rows, len)),
            Self::F32(values) => Self::F32(pick(values, rows, len)),
        }
    }

    /// Writes a row of `out.len()` values; `scale` applies to bytes only.
    fn read(&self, row: usize, scale: Scale, out: &mut [f32]) {
        let range = row * out.len()..(row + 1) * out.len();
        match self {
            Self::F32(values) => out.copy_from_slice(&values[range]),
            Self::U8(values) => {
                for (to, from) in out.iter_mut().zip(&values[range]) {
                    let byte = f32::from(*from);
                    *to = match scale {
                        Scale::Unit => byte / 255.0,
                        Scale::Byte | Scale::Data => byte,
                        Scale::Range { lo, hi } => lo + byte / 255.0 * (hi - lo),
                    };
                }
            }
        }
    }
}

impl NamedArray {
    /// Returns the array with only the rows of the samples kept where it has one for each of `total` samples.
    pub(super) fn cut(mut self, total: usize, kept: &Kept) -> Self {
        if kept.n() < total
            && let Some(first) = self.shape.first_mut().filter(|first| **first == total)
        {
            *first = kept.n();
            let width = self.shape.iter().skip(1).product();
            self.numbers = match self.numbers {
                Numbers::Whole(values) => Numbers::Whole(kept.pick(values, width)),
                Numbers::Real(values) => Numbers::Real(kept.pick(values, width)),
                Numbers::Text(values) => Numbers::Text(kept.pick(values, width)),
            };
        }
        self
    }

    /// Returns these rows of the array where it has one for each of `n` samples, and all of it where it does not.
    fn rows(&self, n: usize, samples: &[usize]) -> Self {
        if self.shape.first() != Some(&n) {
            return self.clone();
        }
        let width: usize = self.shape.iter().skip(1).product();
        fn pick<T: Clone>(values: &[T], width: usize, samples: &[usize]) -> Vec<T> {
            samples.iter().filter_map(|&sample| values.get(sample * width..(sample + 1) * width)).flatten().cloned().collect()
        }
        let numbers = match &self.numbers {
            Numbers::Whole(values) => Numbers::Whole(pick(values, width, samples)),
            Numbers::Real(values) => Numbers::Real(pick(values, width, samples)),
            Numbers::Text(values) => Numbers::Text(pick(values, width, samples)),
        };
        let shape = std::iter::once(samples.len()).chain(self.shape.iter().skip(1).copied()).collect();
        Self { name: self.name.clone(), shape, numbers }
    }
}

impl Dataset {
    /// Returns the number of values in one sample.
    pub fn sample_len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Returns the numbers of the samples, ascending.
    pub fn samples(&self) -> impl DoubleEndedIterator<Item = usize> + '_ {
        (0..self.n).map(|place| self.number(place))
    }

    /// Returns the number of the sample in that place in memory.
    #[must_use]
    pub fn number(&self, place: usize) -> usize {
        self.rows.get(place).copied().unwrap_or(place)
    }

    /// Returns the place in memory of the sample of that number; `None` where it was not read.
    #[must_use]
    pub fn place(&self, sample: usize) -> Option<usize> {
        if self.rows.is_empty() { Some(sample).filter(|sample| *sample < self.n) } else { self.rows.binary_search(&sample).ok() }
    }

    /// Returns the class of a sample, where it has one.
    #[must_use]
    pub fn label(&self, sample: usize) -> Option<usize> {
        self.labels.get(self.place(sample)?).copied()
    }

    /// Writes a sample to `out` in row-major order; `scale` applies to bytes only.
    ///
    /// # Panics
    ///
    /// There is no such sample, or `out` is not `sample_len()` long.
    pub fn sample(&self, sample: usize, scale: Scale, out: &mut [f32]) {
        let len = self.sample_len();
        assert_eq!(out.len(), len, "one sample has {len} values");
        let place = self.place(sample);
        assert!(place.is_some(), "sample {sample} was read");
        self.pixels.read(place.unwrap_or_default(), scale, out);
    }

    /// Returns the second sample of a pair, row-major; `None` where there are no pairs.
    #[must_use]
    pub fn reference(&self, pair: usize, scale: Scale) -> Option<Vec<f32>> {
        let Truths::Pairs(pairs) = &self.truths else { return None };
        let mut out = vec![0.0; self.sample_len()];
        pairs.references.read(*pairs.of.get(self.place(pair)?)?, scale, &mut out);
        Some(out)
    }

    /// True where values are missing.
    #[must_use]
    pub fn has_missing(&self) -> bool {
        matches!(&self.pixels, Pixels::F32(values) if values.iter().any(|value| value.is_nan()))
    }

    /// Returns the arrays beside the samples, of those that have a row for each sample only these rows.
    #[must_use]
    pub fn rows_of(&self, samples: &[usize]) -> Vec<NamedArray> {
        let places: Vec<usize> = samples.iter().filter_map(|&sample| self.place(sample)).collect();
        self.arrays.iter().map(|array| array.rows(self.n, &places)).collect()
    }

    /// Checks that every label is one of the model's `classes` classes; of other tasks, that there are as many labels or numbers for each sample.
    ///
    /// # Errors
    ///
    /// [`DataErrorKind::LabelOutOfRange`] names the first sample whose label is not; [`DataErrorKind::LabelWidth`].
    pub fn check_labels(&self, classes: usize) -> Result<(), DataError> {
        let found = match &self.truths {
            Truths::Labels(labels) => labels.classes,
            Truths::Values(values) => values.width,
            Truths::Classes | Truths::Pairs(_) => classes,
        };
        if found != classes {
            let path = self.label_path.as_deref().unwrap_or(&self.path);
            return Err(DataError::new(path, DataErrorKind::LabelWidth { found, expected: classes }));
        }
        // Classes counted from 1 would otherwise look like one class too many.
        let one_based = self.labels.iter().min().is_some_and(|least| *least == 1) && self.labels.iter().max() == Some(&classes);
        match self.labels.iter().position(|label| *label >= classes) {
            None => Ok(()),
            Some(_) if one_based => {
                Err(DataError::new(self.label_path.as_deref().unwrap_or(&self.path), DataErrorKind::OneBased { classes }))
            }
            Some(place) => Err(DataError::new(
                self.label_path.as_deref().unwrap_or(&self.path),
                DataErrorKind::LabelOutOfRange { sample: self.number(place), label: self.labels[place], classes },
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two samples of two values.
    fn dataset(pixels: Pixels) -> Dataset {
        Dataset {
            path: "data".into(),
            label_path: None,
            n: 2,
            total: 2,
            rows: Vec::new(),
            pixels,
            exact: Vec::new(),
            shape: vec![1, 2],
            labels: vec![0, 2],
            truths: Truths::Classes,
            format: "npy",
            class_names: None,
            ids: Vec::new(),
            columns: Vec::new(),
            resized: 0,
            arrays: Vec::new(),
            notes: Vec::new(),
            sha256: String::new(),
        }
    }

    #[test]
    fn bytes_are_divided_in_single_precision_or_left_alone() {
        let data = dataset(Pixels::U8(vec![0, 255, 7, 254]));
        let mut out = [0.0; 2];
        data.sample(1, Scale::Unit, &mut out);
        assert_eq!(out, [7.0_f32 / 255.0, 254.0_f32 / 255.0]);
        data.sample(1, Scale::Byte, &mut out);
        assert_eq!(out, [7.0, 254.0]);
    }

    #[test]
    fn numbers_are_never_rescaled() {
        let data = dataset(Pixels::F32(vec![0.5, 200.0, -3.0, 1.0]));
        let mut out = [0.0; 2];
        data.sample(0, Scale::Unit, &mut out);
        assert_eq!(out, [0.5, 200.0]);
    }

    #[test]
    fn a_label_beyond_the_classes_is_named() {
        let data = dataset(Pixels::U8(vec![0; 4]));
        assert!(data.check_labels(3).is_ok());
        let message = data.check_labels(2).unwrap_err().to_string();
        assert!(message.contains("sample 1 has label 2, but the model has 2 classes"), "{message}");
        let counted_from_one = Dataset { labels: vec![1, 2], ..data };
        assert!(matches!(counted_from_one.check_labels(2).unwrap_err().kind, DataErrorKind::OneBased { classes: 2 }));
    }
}
