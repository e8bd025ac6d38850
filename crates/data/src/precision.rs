//! How closely numbers have to be kept.
//!
//! Attacks move in single precision. A model that takes single precision gets what every framework would give it. One that takes more must not be
//! asked about other numbers than those of the file: single precision would melt seconds since 1970 or large identifiers together.

use super::number::Number;

/// Rounding by more than this share of a column's spread is more than a model may be asked to bear.
const SHARE: f64 = 1.0 / (1 << 20) as f64;

/// What the model's input takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Precision {
    /// Single precision or less: numbers are rounded to it.
    #[default]
    Single,
    /// Double precision: numbers may be rounded where that is nothing beside the differences of the samples.
    Double,
    /// Whole numbers: none may be rounded.
    Whole,
}

/// What becomes of the numbers of one column in single precision.
#[derive(Debug, Clone, Copy)]
struct Spread {
    lo: f64,
    hi: f64,
    /// The most that a number changes by.
    most: f64,
    /// The sample whose number that is, and the number.
    of: (usize, Number),
}

/// Watches the numbers of all columns as they come.
pub(super) struct Watch {
    /// One for each column, of which the last goes for all behind it.
    precisions: Vec<Precision>,
    columns: Vec<Spread>,
    /// Whole numbers that were rounded.
    pub(super) coarsened: usize,
}

impl Watch {
    pub(super) fn new(precisions: Vec<Precision>) -> Self {
        Self { precisions, columns: Vec::new(), coarsened: 0 }
    }

    fn precision(&self, place: usize) -> Precision {
        self.precisions.get(place).or(self.precisions.last()).copied().unwrap_or_default()
    }

    /// Looks at a number of a sample in that place of it.
    pub(super) fn see(&mut self, sample: usize, place: usize, number: Number) {
        self.coarsened += usize::from(number.is_coarsened());
        let value = number.double();
        let precision = self.precision(place);
        if precision == Precision::Single || !value.is_finite() {
            return;
        }
        // Fractions for a model of whole numbers are rounded for it anyway.
        let off = if precision == Precision::Whole && !number.is_coarsened() { 0.0 } else { number.off() };
        while self.columns.len() <= place {
            self.columns.push(Spread { lo: f64::INFINITY, hi: f64::NEG_INFINITY, most: 0.0, of: (0, number) });
        }
        if let Some(column) = self.columns.get_mut(place) {
            (column.lo, column.hi) = (column.lo.min(value), column.hi.max(value));
            if off > column.most {
                (column.most, column.of) = (off, (sample, number));
            }
        }
    }

    /// Returns the place, the sample and the number that single precision changes by more than it may, where there is one.
    pub(super) fn inexact(&self) -> Option<(usize, usize, Number)> {
        let bears = |place: usize, column: &Spread| match self.precision(place) {
            Precision::Single => true,
            // A column without any value has no spread.
            Precision::Double => column.most == 0.0 || column.most <= (column.hi - column.lo) * SHARE,
            Precision::Whole => column.most == 0.0,
        };
        self.columns
            .iter()
            .enumerate()
            .find(|(place, column)| !bears(*place, column))
            .map(|(place, column)| (place, column.of.0, column.of.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inexact(precision: Precision, numbers: &[Number]) -> Option<(usize, usize)> {
        of_columns(&[precision], numbers)
    }

    fn of_columns(precisions: &[Precision], numbers: &[Number]) -> Option<(usize, usize)> {
        let mut watch = Watch::new(precisions.to_vec());
        numbers.iter().enumerate().for_each(|(index, number)| watch.see(index / 2, index % 2, *number));
        watch.inexact().map(|(place, sample, _)| (place, sample))
    }

    #[test]
    fn numbers_that_single_precision_melts_together_are_told() {
        use Number::{Real, Whole};
        let times = [Real(0.1), Real(1_700_000_000.0), Real(0.3), Real(1_700_000_060.0), Real(0.7), Real(1_700_086_400.0)];
        assert_eq!(inexact(Precision::Double, &times), Some((1, 1)));
        assert_eq!(inexact(Precision::Single, &times), None);
        assert_eq!(inexact(Precision::Double, &[Real(0.1), Real(20_000_001.0), Real(5.1), Real(3.0)]), None);
        assert_eq!(inexact(Precision::Double, &[Real(0.1), Real(1.0), Real(0.1), Real(2.0)]), Some((0, 0)));
        assert_eq!(inexact(Precision::Whole, &[Whole(3), Whole(16_777_216), Real(0.1), Whole(16_777_217)]), Some((1, 1)));
        assert_eq!(of_columns(&[Precision::Double, Precision::Single], &times), None);
        assert_eq!(of_columns(&[Precision::Single, Precision::Double], &times), Some((1, 1)));
        assert_eq!(inexact(Precision::Whole, &[Whole(3), Whole(1 << 40), Real(0.1), Whole(-5)]), None);
    }
}
