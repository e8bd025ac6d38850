//! Numbers that single precision does not hold, for models that take them.
//!
//! Attacks move in single precision. Where the model's input is wider and values of a column are too large for single precision to tell its samples
//! apart (seconds since 1970, amounts in cents), what attacks move is the distance from a base of the column. What rounding that distance leaves over
//! belongs to the sample: base, distance and rest add up to the number of the file.

use super::number::Number;

/// Rounding below this share of a column's spread needs no base.
const SHARE: f64 = 1.0 / (1 << 20) as f64;

/// How far numbers are kept as the file holds them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Precision {
    /// The model takes single precision or less: numbers are rounded to it.
    #[default]
    Single,
    /// The model takes double precision.
    Double,
    /// The model takes whole numbers.
    Whole,
}

/// What has to be added to the values of samples to get the numbers of the file.
#[derive(Debug, Clone, PartialEq)]
pub enum Exact {
    /// Of numbers of double precision.
    Real {
        /// By the place in a sample.
        base: Vec<f64>,
        /// By sample and place.
        rest: Vec<f64>,
    },
    /// Of whole numbers.
    Whole {
        /// By the place in a sample.
        base: Vec<i64>,
        /// By sample and place.
        rest: Vec<i64>,
    },
}

impl Exact {
    /// Returns the base of the values in that place.
    #[must_use]
    pub fn base(&self, place: usize) -> f64 {
        match self {
            Self::Real { base, .. } => base.get(place).copied().unwrap_or(0.0),
            Self::Whole { base, .. } => base.get(place).map_or(0.0, |&base| base as f64),
        }
    }

    /// True where some column has a base.
    #[must_use]
    pub fn is_shifted(&self) -> bool {
        match self {
            Self::Real { base, .. } => base.iter().any(|&base| base != 0.0),
            Self::Whole { base, .. } => base.iter().any(|&base| base != 0),
        }
    }

    /// Returns what `value`, in that place of a sample, stands for, in f64.
    #[must_use]
    pub fn number(&self, sample: usize, place: usize, value: f32) -> f64 {
        match self {
            Self::Real { base, rest } => {
                let add = |all: &[f64], index: usize| all.get(index).copied().unwrap_or(0.0);
                add(base, place) + (f64::from(value) + add(rest, sample * base.len() + place))
            }
            Self::Whole { base, rest } => {
                let add = |all: &[i64], index: usize| all.get(index).copied().unwrap_or(0);
                add(base, place).saturating_add(add(rest, sample * base.len() + place)) as f64 + f64::from(value)
            }
        }
    }
}

/// Splits numbers of samples of `d` values into what attacks move and what is added; `None` where nothing has to be added.
pub(super) fn split_real(numbers: &[f64], d: usize) -> (Vec<f32>, Option<Exact>) {
    let base: Vec<f64> = (0..d).map(|place| base_of(numbers.iter().skip(place).step_by(d.max(1)).copied())).collect();
    let mut rest = Vec::with_capacity(numbers.len());
    let mut values = Vec::with_capacity(numbers.len());
    for (index, number) in numbers.iter().enumerate() {
        let away = number - base.get(index % d.max(1)).copied().unwrap_or(0.0);
        let value = away as f32;
        values.push(value);
        // A value that is missing has nothing left over.
        rest.push(if away.is_finite() { away - f64::from(value) } else { 0.0 });
    }
    let exact = Exact::Real { base, rest };
    let needed = matches!(&exact, Exact::Real { rest, .. } if rest.iter().any(|&rest| rest != 0.0)) || exact.is_shifted();
    (values, needed.then_some(exact))
}

/// As [`split_real`], of whole numbers.
pub(super) fn split_whole(numbers: &[i64], d: usize) -> (Vec<f32>, Option<Exact>) {
    let base: Vec<i64> = (0..d)
        .map(|place| base_of(numbers.iter().skip(place).step_by(d.max(1)).map(|&number| number as f64)))
        .map(|base| base as i64)
        .collect();
    let mut rest = Vec::with_capacity(numbers.len());
    let mut values = Vec::with_capacity(numbers.len());
    for (index, &number) in numbers.iter().enumerate() {
        let away = i128::from(number) - i128::from(base.get(index % d.max(1)).copied().unwrap_or(0));
        let value = away as f32;
        values.push(value);
        // The rest of a rounded number is far smaller than the number.
        rest.push(i64::try_from(away - value as i128).unwrap_or(0));
    }
    let needed = rest.iter().any(|&rest| rest != 0) || base.iter().any(|&base| base != 0);
    (values, needed.then_some(Exact::Whole { base, rest }))
}

/// Returns the base of a column: 0 where single precision tells its numbers apart well enough, else a number of single precision in their middle.
fn base_of(column: impl Iterator<Item = f64>) -> f64 {
    let (mut lo, mut hi, mut off) = (f64::INFINITY, f64::NEG_INFINITY, 0.0_f64);
    for number in column.filter(|number| number.is_finite()) {
        (lo, hi) = (lo.min(number), hi.max(number));
        off = off.max((f64::from(number as f32) - number).abs());
    }
    if off > (hi - lo) * SHARE { f64::from((lo + (hi - lo) / 2.0) as f32) } else { 0.0 }
}

/// Returns whether a number is one that the input of a model can be given.
pub(super) fn fits(number: Number, precision: Precision) -> bool {
    match precision {
        Precision::Single => number.single().is_finite(),
        Precision::Double => number.double().is_finite(),
        Precision::Whole => number.whole().is_some() || number.single().is_finite() && !matches!(number, Number::Whole(_)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up_to_the_numbers_of_the_file() {
        let times = [1_700_000_000.25, 0.1, 1_700_000_007.5, 0.3, 1_700_086_400.123, 1e-9];
        let (values, exact) = split_real(&times, 2);
        let exact = exact.unwrap();
        assert!(exact.base(0) > 1.6e9 && exact.base(1) == 0.0 && exact.is_shifted());
        for (index, time) in times.iter().enumerate() {
            assert_eq!(exact.number(index / 2, index % 2, values[index]).to_bits(), time.to_bits(), "{time}");
        }
        let ids = [9_007_199_254_740_993, 5, 9_007_199_254_740_995, 6];
        let (values, exact) = split_whole(&ids, 2);
        let Some(Exact::Whole { base, rest }) = exact else { unreachable!("they need a base") };
        for (index, id) in ids.iter().enumerate() {
            assert_eq!(base[index % 2] + values[index] as i64 + rest[index], *id);
        }
    }

    #[test]
    fn what_single_precision_holds_stays_as_it_is() {
        assert_eq!(split_real(&[0.5, 3.0, -2.25, 1e6], 2), (vec![0.5, 3.0, -2.25, 1e6], None));
        assert_eq!(split_whole(&[1 << 24, 3, 0, -7], 2), (vec![16_777_216.0, 3.0, 0.0, -7.0], None));
        let (values, exact) = split_real(&[0.1, 5.1], 1);
        assert_eq!(values, [0.1, 5.1]);
        assert!(!exact.unwrap().is_shifted());
    }
}
