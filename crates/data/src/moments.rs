//! Ranges and deviations of all values of a data set, whatever of it is kept in memory.

use brinell_record::Scale;

use super::dataset::Dataset;

/// Smallest, largest and mean value and deviation, by the place in a sample; bytes as they are stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    list: Vec<Moment>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Moment {
    lo: f32,
    hi: f32,
    mean: f64,
    squares: f64,
    n: f64,
}

impl Moments {
    /// Of nothing yet, for samples of `len` values.
    pub(super) fn new(len: usize) -> Self {
        Self { list: vec![Moment { lo: f32::INFINITY, hi: f32::NEG_INFINITY, mean: 0.0, squares: 0.0, n: 0.0 }; len] }
    }

    /// Of the samples that are in memory.
    #[must_use]
    pub fn of(data: &Dataset) -> Self {
        let mut all = Self::new(data.sample_len());
        let mut x = vec![0.0; data.sample_len()];
        for sample in 0..data.n {
            data.sample(sample, Scale::Data, &mut x);
            x.iter().enumerate().for_each(|(place, &value)| all.add(place, value));
        }
        all
    }

    /// Counts a value in; one that is missing counts for nothing.
    pub(super) fn add(&mut self, place: usize, value: f32) {
        let Some(all) = self.list.get_mut(place).filter(|_| !value.is_nan()) else { return };
        all.n += 1.0;
        all.lo = all.lo.min(value);
        all.hi = all.hi.max(value);
        // Welford's recurrence.
        let before = f64::from(value) - all.mean;
        all.mean += before / all.n;
        all.squares += before * (f64::from(value) - all.mean);
    }

    /// Returns the smallest and the largest value in that place; a place without any value has 0.
    #[must_use]
    pub fn range(&self, place: usize) -> (f32, f32) {
        self.list.get(place).filter(|all| all.n > 0.0).map_or((0.0, 0.0), |all| (all.lo, all.hi))
    }

    /// Returns the deviation in that place, that of a population, in f64.
    #[must_use]
    pub fn deviation(&self, place: usize) -> f64 {
        self.list.get(place).map_or(0.0, |all| (all.squares / all.n.max(1.0)).sqrt())
    }
}
