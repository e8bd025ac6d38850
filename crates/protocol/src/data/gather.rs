//! Values of samples on their way from a file to memory.

use super::array::row_major;
use super::dataset::Pixels;
use super::error::DataErrorKind;
use super::exact::{Exact, Precision, fits, split_real, split_whole};
use super::note::Note;
use super::number::Number;
use super::options::LoadOptions;

/// Where a value stands: the sample and, in a table, the column.
pub(super) struct Place {
    pub(super) sample: usize,
    pub(super) column: Option<String>,
}

/// Collects the values of samples one by one.
pub(super) struct Gather {
    precision: Precision,
    missing: bool,
    single: Vec<f32>,
    double: Vec<f64>,
    whole: Vec<i64>,
    /// A number that single precision does not hold, and one that is no whole number, where both were asked to be whole.
    apart: (Option<(Place, Number)>, bool),
    coarsened: usize,
    absent: usize,
}

impl Gather {
    pub(super) fn new(options: &LoadOptions, capacity: usize) -> Self {
        let (precision, missing) = (options.precision, options.missing);
        let mut new = Self {
            precision,
            missing,
            single: Vec::new(),
            double: Vec::new(),
            whole: Vec::new(),
            apart: (None, false),
            coarsened: 0,
            absent: 0,
        };
        match precision {
            Precision::Double => new.double.reserve(capacity),
            Precision::Single | Precision::Whole => new.single.reserve(capacity),
        }
        new
    }

    /// Number of values so far.
    pub(super) fn len(&self) -> usize {
        if self.precision == Precision::Double { self.double.len() } else { self.single.len() }
    }

    /// Takes one value.
    pub(super) fn push(&mut self, number: Number, place: impl FnOnce() -> Place) -> Result<(), DataErrorKind> {
        if self.missing && matches!(number, Number::Real(value) if value.is_nan()) {
            self.absent += 1;
        } else if !fits(number, self.precision) {
            let place = place();
            return Err(match number {
                Number::Whole(value) if self.precision == Precision::Whole => DataErrorKind::TooWide { value: value.to_string() },
                number => DataErrorKind::NonFinite { sample: place.sample, column: place.column, value: number.double() },
            });
        } else {
            self.coarsened += usize::from(number.is_coarsened());
            if self.precision == Precision::Whole {
                self.apart.1 |= number.whole().is_none();
                if number.is_coarsened() && self.apart.0.is_none() {
                    self.apart.0 = Some((place(), number));
                }
            }
        }
        match self.precision {
            Precision::Double => self.double.push(number.double()),
            Precision::Single => self.single.push(number.single()),
            Precision::Whole => {
                self.single.push(number.single());
                self.whole.push(number.whole().unwrap_or(0));
            }
        }
        Ok(())
    }

    /// Brings the values into their final order with `order`, which keeps those of the first samples, and splits off what single precision does not
    /// hold; a sample has `d` values.
    pub(super) fn finish(self, d: usize, order: &Order<'_>) -> Result<(Pixels, Option<Exact>, Vec<Note>), DataErrorKind> {
        let mut notes = Vec::new();
        if self.absent > 0 {
            notes.push(Note::Missing { values: self.absent });
        }
        let (values, exact) = match (self.precision, self.apart) {
            (Precision::Double, _) => split_real(&order.apply(self.double), d),
            (Precision::Whole, (Some(_), false)) => split_whole(&order.apply(self.whole), d),
            // Fractions are rounded for the model anyway, whole numbers beside them must not be.
            (Precision::Whole, (Some((place, number)), true)) => {
                let rounded = number.single().to_string();
                return Err(DataErrorKind::Inexact { sample: place.sample, column: place.column, value: number.to_string(), rounded });
            }
            (Precision::Whole, (None, _)) => (order.apply(self.single), None),
            (Precision::Single, _) => {
                if self.coarsened > 0 {
                    notes.push(Note::Coarsened { values: self.coarsened });
                }
                (order.apply(self.single), None)
            }
        };
        Ok((Pixels::F32(values), exact, notes))
    }
}

/// How stored values become those of samples, one after the other.
pub(super) enum Order<'a> {
    /// They already are.
    AsStored,
    /// The first axis of an array of these sizes runs fastest; that many samples are kept.
    FirstFastest(&'a [usize], usize),
}

impl Order<'_> {
    /// Returns the values in the order of samples.
    pub(super) fn apply<T: Copy>(&self, values: Vec<T>) -> Vec<T> {
        match self {
            Self::AsStored => values,
            Self::FirstFastest(sizes, n) => row_major(&values, sizes, *n),
        }
    }
}
