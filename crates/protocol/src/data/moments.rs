//! Ranges and deviations of all values of a data set, whatever of it is kept in memory.

use super::dataset::{Dataset, Scale};
use super::error::DataErrorKind;
use super::exact::{Precision, fits};
use super::gather::Place;
use super::number::Number;
use super::options::LoadOptions;

/// Smallest, largest and mean value and deviation, by the place in a sample; bytes as they are stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    list: Vec<Moment>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Moment {
    lo: f64,
    hi: f64,
    mean: f64,
    squares: f64,
    n: f64,
}

impl Moments {
    /// Of nothing yet, for samples of `len` values.
    pub(super) fn new(len: usize) -> Self {
        Self { list: vec![Moment { lo: f64::INFINITY, hi: f64::NEG_INFINITY, mean: 0.0, squares: 0.0, n: 0.0 }; len] }
    }

    /// Of the samples that are in memory.
    #[must_use]
    pub fn of(data: &Dataset) -> Self {
        let mut all = Self::new(data.sample_len());
        let mut x = vec![0.0; data.sample_len()];
        for sample in 0..data.n {
            data.sample(sample, Scale::Data, &mut x);
            x.iter().enumerate().for_each(|(place, &value)| all.add(place, data.number(sample, place, value)));
        }
        all
    }

    /// Counts a value in; one that is missing counts for nothing.
    pub(super) fn add(&mut self, place: usize, value: f64) {
        let Some(all) = self.list.get_mut(place) else { return };
        if value.is_nan() {
            return;
        }
        all.n += 1.0;
        all.lo = all.lo.min(value);
        all.hi = all.hi.max(value);
        // Welford's recurrence.
        let before = value - all.mean;
        all.mean += before / all.n;
        all.squares += before * (value - all.mean);
    }

    /// Counts a number of a file in, as it is kept for the model.
    pub(super) fn number(
        &mut self,
        place: usize,
        number: Number,
        options: &LoadOptions,
        stands: impl FnOnce() -> Place,
    ) -> Result<(), DataErrorKind> {
        let missing = options.missing && number.double().is_nan();
        if !missing && !fits(number, options.precision) {
            let Place { sample, column } = stands();
            return Err(DataErrorKind::NonFinite { sample, column, value: number.double() });
        }
        self.add(place, if options.precision == Precision::Single { f64::from(number.single()) } else { number.double() });
        Ok(())
    }

    /// Returns the smallest and the largest value in that place, counted from the base of it that `data` have.
    #[must_use]
    pub fn range(&self, place: usize, data: &Dataset) -> (f32, f32) {
        let base = data.base(place);
        // A column without any value has no range.
        self.list.get(place).filter(|all| all.n > 0.0).map_or((0.0, 0.0), |all| ((all.lo - base) as f32, (all.hi - base) as f32))
    }

    /// Returns the deviation in that place, that of a population, in f64.
    #[must_use]
    pub fn deviation(&self, place: usize) -> f64 {
        self.list.get(place).map_or(0.0, |all| (all.squares / all.n.max(1.0)).sqrt())
    }
}
