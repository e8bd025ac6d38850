//! Values of samples on their way from a file to memory.

use super::array::row_major;
use super::dataset::Pixels;
use super::draw::Kept;
use super::error::DataErrorKind;
use super::note::Note;
use super::number::Number;
use super::options::LoadOptions;
use super::precision::{Precision, Watch};

/// Where a value stands: the sample, the place in it and, in a table, the name of the column.
pub(super) struct Place<'a> {
    pub(super) sample: usize,
    pub(super) index: usize,
    pub(super) column: Option<&'a str>,
}

/// Collects the values of samples one by one.
pub(super) struct Gather {
    missing: bool,
    values: Vec<f32>,
    /// The numbers as they are, where the model takes double precision.
    exact: Option<Vec<f64>>,
    watch: Watch,
    absent: usize,
}

impl Gather {
    pub(super) fn new(options: &LoadOptions, capacity: usize) -> Self {
        Self::of(vec![options.precision], options.missing, capacity)
    }

    /// For columns of their own precisions.
    pub(super) fn of(precisions: Vec<Precision>, missing: bool, capacity: usize) -> Self {
        let exact = precisions.contains(&Precision::Double).then(|| Vec::with_capacity(capacity));
        Self { missing, values: Vec::with_capacity(capacity), exact, watch: Watch::new(precisions), absent: 0 }
    }

    /// Takes one value.
    pub(super) fn push(&mut self, number: Number, place: &Place<'_>) -> Result<(), DataErrorKind> {
        self.values.push(single(number, self.missing, place)?);
        self.exact.iter_mut().for_each(|exact| exact.push(number.double()));
        if number.double().is_nan() {
            self.absent += 1;
        } else {
            self.watch.see(place.sample, place.index, number);
        }
        Ok(())
    }

    /// Returns the values in their final order, the numbers that they stand for where the model takes double precision, and what is to be said of them; `name`
    /// gives the names of columns.
    ///
    /// # Errors
    /// [`DataErrorKind::Inexact`] where the model takes numbers that were lost.
    pub(super) fn finish(self, order: &Order<'_>, name: impl Fn(usize) -> Option<String>) -> Result<Gathered, DataErrorKind> {
        if let Some((place, sample, number)) = self.watch.inexact() {
            let rounded = f64::from(number.single()).to_string();
            return Err(DataErrorKind::Inexact { sample, column: name(place), value: number.to_string(), rounded });
        }
        let coarsened = Some(self.watch.coarsened).filter(|n| *n > 0).map(|values| Note::Coarsened { values });
        let absent = Some(self.absent).filter(|n| *n > 0).map(|values| Note::Missing { values });
        Ok(Gathered {
            pixels: Pixels::F32(order.apply(self.values)),
            exact: self.exact.map(|exact| order.apply(exact)).unwrap_or_default(),
            notes: coarsened.into_iter().chain(absent).collect(),
        })
    }
}

/// Values of all samples.
pub(super) struct Gathered {
    pub(super) pixels: Pixels,
    /// Empty where single precision is what the model takes.
    pub(super) exact: Vec<f64>,
    pub(super) notes: Vec<Note>,
}

/// Returns a number in single precision, NaN where it may be `missing`.
///
/// # Errors
/// [`DataErrorKind::NonFinite`].
pub(super) fn single(number: Number, missing: bool, place: &Place<'_>) -> Result<f32, DataErrorKind> {
    let value = number.single();
    if value.is_finite() || (missing && value.is_nan()) {
        Ok(value)
    } else {
        Err(DataErrorKind::NonFinite { sample: place.sample, column: place.column.map(str::to_owned), value: number.double() })
    }
}

/// How stored values become those of samples, one after the other.
pub(super) enum Order<'a> {
    /// They already are.
    AsStored,
    /// The first axis of an array of these sizes runs fastest; these samples are kept.
    FirstFastest(&'a [usize], &'a Kept),
}

impl Order<'_> {
    /// Returns the values in the order of samples.
    pub(super) fn apply<T: Copy>(&self, values: Vec<T>) -> Vec<T> {
        match self {
            Self::AsStored => values,
            Self::FirstFastest(sizes, kept) => kept.pick(row_major(&values, sizes, kept.end()), sizes.iter().skip(1).product()),
        }
    }
}
