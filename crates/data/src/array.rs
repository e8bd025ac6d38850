//! Arrays of numbers as IDX, npy and safetensors files store them: decoded to pixels or to labels.

use std::fmt;

use half::{bf16, f16};

use super::dataset::Pixels;
use super::error::DataErrorKind;
use super::input::Input;
use super::moments::Moments;

/// Bytes decoded at a time; a multiple of every element's size.
const PIECE: u64 = 1 << 20;

/// The type of one stored number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    Bool,
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F16,
    Bf16,
    F32,
    F64,
}

impl Element {
    fn bytes(self) -> u64 {
        match self {
            Self::Bool | Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 | Self::F16 | Self::Bf16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }
}

/// What a header says about the array that follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spec {
    pub(super) element: Element,
    pub(super) big_endian: bool,
    /// First axis fastest (Fortran) instead of last axis fastest (C).
    pub(super) fortran: bool,
    pub(super) shape: Vec<u64>,
}

/// One decoded number.
#[derive(Clone, Copy)]
enum Number {
    Whole(i128),
    Real(f64),
}

impl Number {
    /// Returns it in single precision, as a value of sample number `sample`.
    fn single(self, sample: usize) -> Result<f32, DataErrorKind> {
        let value = match self {
            Self::Real(value) => value as f32,
            Self::Whole(whole) => {
                let value = whole as f32;
                if value as i128 != whole {
                    return Err(DataErrorKind::Inexact { sample, value: whole.to_string() });
                }
                value
            }
        };
        if !value.is_finite() {
            let value = if let Self::Real(stored) = self { stored } else { f64::from(value) };
            return Err(DataErrorKind::NonFinite { sample, value });
        }
        Ok(value)
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

impl Spec {
    fn len(&self) -> Result<u64, DataErrorKind> {
        let too_large = || DataErrorKind::TooLarge { shape: self.shape.clone() };
        // Zeros are taken out first, so that `[2^40, 2^40, 0]` is refused like any other impossible shape.
        let count =
            self.shape.iter().filter(|size| **size > 0).try_fold(1_u64, |all, size| all.checked_mul(*size)).ok_or_else(too_large)?;
        let bytes = count.checked_mul(self.element.bytes()).ok_or_else(too_large)?;
        isize::try_from(bytes).map_err(|_| too_large())?;
        Ok(if self.shape.contains(&0) { 0 } else { count })
    }

    fn sizes(&self) -> Result<Vec<usize>, DataErrorKind> {
        self.shape.iter().map(|size| usize::try_from(*size).map_err(|_| DataErrorKind::TooLarge { shape: self.shape.clone() })).collect()
    }

    /// Calls `each` for the first `count` numbers in stored order.
    fn numbers(
        &self,
        input: &mut Input<'_>,
        count: u64,
        mut each: impl FnMut(Number) -> Result<(), DataErrorKind>,
    ) -> Result<(), DataErrorKind> {
        use Number::{Real, Whole};
        let big = self.big_endian;
        input.pieces(count * self.element.bytes(), PIECE, |bytes| match self.element {
            Element::Bool => bytes.iter().try_for_each(|b| each(Whole(i128::from(*b != 0)))),
            Element::U8 => bytes.iter().try_for_each(|b| each(Whole(i128::from(*b)))),
            Element::I8 => words(bytes, big).try_for_each(|b| each(Whole(i8::from_le_bytes(b).into()))),
            Element::U16 => words(bytes, big).try_for_each(|b| each(Whole(u16::from_le_bytes(b).into()))),
            Element::I16 => words(bytes, big).try_for_each(|b| each(Whole(i16::from_le_bytes(b).into()))),
            Element::U32 => words(bytes, big).try_for_each(|b| each(Whole(u32::from_le_bytes(b).into()))),
            Element::I32 => words(bytes, big).try_for_each(|b| each(Whole(i32::from_le_bytes(b).into()))),
            Element::U64 => words(bytes, big).try_for_each(|b| each(Whole(u64::from_le_bytes(b).into()))),
            Element::I64 => words(bytes, big).try_for_each(|b| each(Whole(i64::from_le_bytes(b).into()))),
            Element::F16 => words(bytes, big).try_for_each(|b| each(Real(f16::from_le_bytes(b).into()))),
            Element::Bf16 => words(bytes, big).try_for_each(|b| each(Real(bf16::from_le_bytes(b).into()))),
            Element::F32 => words(bytes, big).try_for_each(|b| each(Real(f32::from_le_bytes(b).into()))),
            Element::F64 => words(bytes, big).try_for_each(|b| each(Real(f64::from_le_bytes(b)))),
        })
    }

    /// Returns the number of samples, which the first axis counts, and the shape of one.
    fn samples(&self) -> Result<(usize, Vec<usize>), DataErrorKind> {
        let sizes = self.sizes()?;
        match sizes.split_first() {
            Some((&total, shape)) if sizes.len() > 1 => {
                if self.len()? == 0 {
                    Err(DataErrorKind::Empty)
                } else {
                    Ok((total, shape.to_vec()))
                }
            }
            _ => Err(DataErrorKind::Shape { found: sizes, expected: "samples along the first axis and at least one more axis" }),
        }
    }

    /// Returns ranges and deviations of all samples.
    pub(super) fn moments(&self, input: &mut Input<'_>) -> Result<Moments, DataErrorKind> {
        let (total, shape) = self.samples()?;
        let sample_len: usize = shape.iter().product();
        let mut all = Moments::new(sample_len);
        let mut count = 0;
        self.numbers(input, self.len()?, |number| {
            let (sample, place) = if self.fortran {
                (count % total, from_first_fastest(count / total, &shape))
            } else {
                (count / sample_len, count % sample_len)
            };
            all.add(place, number.single(sample)?);
            count += 1;
            Ok(())
        })?;
        input.finish()?;
        Ok(all)
    }

    /// Reads the samples, at most `limit` of them. Returns the values and one sample's shape.
    pub(super) fn pixels(&self, input: &mut Input<'_>, limit: Option<usize>) -> Result<Samples, DataErrorKind> {
        let sizes = self.sizes()?;
        let (total, shape) = self.samples()?;
        let len = self.len()?;
        let whole = len * self.element.bytes();
        if let Some(found) = input.left().filter(|left| *left < whole) {
            return Err(DataErrorKind::Truncated { expected: whole, found });
        }
        if let Some(left) = input.left().filter(|left| *left > whole) {
            return Err(DataErrorKind::TrailingBytes { extra: left - whole });
        }
        let n = limit.map_or(total, |limit| limit.min(total));
        let sample_len = shape.iter().product::<usize>();
        // In Fortran order every sample is spread over the whole file.
        let kept = if self.fortran { len } else { (n * sample_len) as u64 };
        let pixels = self.values(input, kept, total, sample_len)?;
        if kept == len {
            input.finish()?;
        }
        let pixels = match pixels {
            pixels if !self.fortran => pixels,
            Pixels::U8(values) => Pixels::U8(row_major(&values, &sizes, n)),
            Pixels::F32(values) => Pixels::F32(row_major(&values, &sizes, n)),
        };
        Ok(Samples { pixels, shape, n, total })
    }

    fn values(&self, input: &mut Input<'_>, count: u64, total: usize, sample_len: usize) -> Result<Pixels, DataErrorKind> {
        if self.element == Element::U8 {
            return Ok(Pixels::U8(input.bytes(count)?));
        }
        let mut values = Vec::with_capacity(if input.left().is_some() { usize::try_from(count).unwrap_or(0) } else { 0 });
        self.numbers(input, count, |number| {
            let place = values.len();
            let sample = if self.fortran { place % total } else { place / sample_len };
            values.push(number.single(sample)?);
            Ok(())
        })?;
        Ok(Pixels::F32(values))
    }

    /// Reads one class index per sample.
    pub(super) fn labels(&self, input: &mut Input<'_>) -> Result<Vec<usize>, DataErrorKind> {
        let sizes = self.sizes()?;
        if sizes.is_empty() || sizes[1..].iter().any(|size| *size != 1) {
            return Err(DataErrorKind::Shape { found: sizes, expected: "one label per sample: [n] or [n, 1]" });
        }
        let mut labels = Vec::new();
        self.numbers(input, self.len()?, |number| {
            let label = match number {
                Number::Whole(value) => usize::try_from(value).ok(),
                Number::Real(value) if value.fract() == 0.0 && (0.0..9e15).contains(&value) => Some(value as usize),
                Number::Real(_) => None,
            };
            labels.push(label.ok_or_else(|| DataErrorKind::BadLabel { sample: labels.len(), value: number.to_string() })?);
            Ok(())
        })?;
        input.finish()?;
        Ok(labels)
    }
}

/// Numbers of an array that is neither samples nor labels.
#[derive(Debug, Clone, PartialEq)]
pub enum Numbers {
    /// Integers and Booleans.
    Whole(Vec<i64>),
    /// Floating point.
    Real(Vec<f64>),
}

impl Spec {
    /// Reads the whole array, row-major, as it is.
    pub(super) fn plain(&self, input: &mut Input<'_>) -> Result<(Vec<usize>, Numbers), DataErrorKind> {
        let sizes = self.sizes()?;
        let rows = sizes.first().copied().unwrap_or(1);
        let (mut whole, mut real) = (Vec::new(), Vec::new());
        self.numbers(input, self.len()?, |number| {
            match number {
                Number::Whole(value) => whole.push(i64::try_from(value).map_err(|_| DataErrorKind::TooWide { value: value.to_string() })?),
                Number::Real(value) => real.push(value),
            }
            Ok(())
        })?;
        input.finish()?;
        let numbers = match self.element {
            Element::F16 | Element::Bf16 | Element::F32 | Element::F64 if self.fortran => Numbers::Real(row_major(&real, &sizes, rows)),
            Element::F16 | Element::Bf16 | Element::F32 | Element::F64 => Numbers::Real(real),
            _ if self.fortran => Numbers::Whole(row_major(&whole, &sizes, rows)),
            _ => Numbers::Whole(whole),
        };
        Ok((sizes, numbers))
    }
}

/// Samples without labels, as read from an array.
pub(super) struct Samples {
    pub(super) pixels: Pixels,
    pub(super) shape: Vec<usize>,
    /// Samples kept.
    pub(super) n: usize,
    /// Samples in the file.
    pub(super) total: usize,
}

fn words<const N: usize>(bytes: &[u8], big_endian: bool) -> impl Iterator<Item = [u8; N]> {
    bytes.as_chunks().0.iter().map(move |word: &[u8; N]| {
        let mut word = *word;
        if big_endian {
            word.reverse();
        }
        word
    })
}

/// Returns the row-major place of the value number `index` of a sample whose first axis runs fastest.
fn from_first_fastest(mut index: usize, shape: &[usize]) -> usize {
    let mut place = 0;
    let mut stride: usize = shape.iter().product();
    for &size in shape {
        stride /= size;
        place += index % size * stride;
        index /= size;
    }
    place
}

/// Returns the first `n` samples of a Fortran-ordered array in row-major order.
fn row_major<T: Copy>(values: &[T], sizes: &[usize], n: usize) -> Vec<T> {
    let strides: Vec<usize> = sizes
        .iter()
        .scan(1, |stride, size| {
            let this = *stride;
            *stride *= size;
            Some(this)
        })
        .collect();
    let sample_len: usize = sizes[1..].iter().product();
    let mut out = Vec::with_capacity(n * sample_len);
    let mut index = vec![0; sizes.len()];
    for _ in 0..n * sample_len {
        out.push(values[index.iter().zip(&strides).map(|(i, stride)| i * stride).sum::<usize>()]);
        for axis in (0..sizes.len()).rev() {
            index[axis] += 1;
            if index[axis] < sizes[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    out
}
