//! One number as a file holds it, before it is known what becomes of it.

use std::fmt;

/// A number of a file: whole, or of floating point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    Whole(i128),
    Real(f64),
}

impl Number {
    /// Returns the nearest number of single precision, as numpy and PyTorch give it.
    pub(super) fn single(self) -> f32 {
        match self {
            Self::Whole(whole) => whole as f32,
            Self::Real(value) => value as f32,
        }
    }

    /// Returns the nearest number of double precision.
    pub(super) fn double(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Real(value) => value,
        }
    }

    /// Returns it as a whole number of 64 bits, where it is one.
    pub(super) fn whole(self) -> Option<i64> {
        match self {
            Self::Whole(whole) => i64::try_from(whole).ok(),
            // Beyond 2^53 not every whole number is there, but those that are there are exact.
            Self::Real(value) => (value.fract() == 0.0 && value.abs() < 9.2e18).then_some(value as i64),
        }
    }

    /// Returns the index of a class that it stands for: whole and not negative.
    pub(super) fn class(self) -> Option<usize> {
        self.whole().and_then(|whole| usize::try_from(whole).ok())
    }

    /// Returns how far the nearest number of single precision is from it, in f64.
    pub(super) fn off(self) -> f64 {
        match self {
            Self::Whole(whole) => (self.single() as i128).abs_diff(whole) as f64,
            Self::Real(value) => (f64::from(value as f32) - value).abs(),
        }
    }

    /// True for a whole number that single precision does not hold.
    pub(super) fn is_coarsened(self) -> bool {
        match self {
            Self::Whole(whole) => whole as f32 as i128 != whole,
            Self::Real(value) => value.fract() == 0.0 && f64::from(value as f32).to_bits() != value.to_bits() && value.is_finite(),
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(value) => value.fmt(f),
            Self::Real(value) => value.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_told_from_fractions_and_from_what_is_too_wide() {
        assert_eq!(Number::Real(3.0).class(), Some(3));
        for number in [Number::Real(0.5), Number::Real(-1.0), Number::Real(f64::NAN), Number::Real(1e19), Number::Whole(1 << 70)] {
            assert_eq!(number.class(), None, "{number}");
        }
        assert!(Number::Whole(16_777_217).is_coarsened() && Number::Real(1_700_000_001.0).is_coarsened());
        for number in [Number::Whole(16_777_218), Number::Real(0.1), Number::Real(f64::INFINITY), Number::Whole(-5)] {
            assert!(!number.is_coarsened(), "{number}");
        }
    }
}
