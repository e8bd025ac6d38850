//! Arrays of numbers as IDX, npy and safetensors files store them: decoded to pixels or to labels.

use half::{bf16, f16};

use super::dataset::Pixels;
use super::draw::Kept;
use super::error::DataErrorKind;
use super::gather::{Gather, Gathered, Order, Place, single};
use super::input::Input;
use super::moments::Moments;
use super::note::Note;
use super::number::Number;
use super::options::LoadOptions;
use super::rows::Labels;

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
    pub(super) fn moments(&self, input: &mut Input<'_>, options: &LoadOptions) -> Result<Moments, DataErrorKind> {
        let (total, shape) = self.samples()?;
        let sample_len: usize = shape.iter().product();
        let mut all = Moments::new(sample_len);
        let mut count = 0;
        self.numbers(input, self.len()?, |number| {
            let (sample, index) = self.place(count, total, sample_len, &shape);
            let value = single(number, options.missing, &Place { sample, index, column: None })?;
            all.add(index, value);
            count += 1;
            Ok(())
        })?;
        input.finish()?;
        Ok(all)
    }

    /// Reads the samples, at most as many as the options allow.
    pub(super) fn pixels(&self, input: &mut Input<'_>, options: &LoadOptions) -> Result<Samples, DataErrorKind> {
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
        let kept = Kept::of(options, total);
        let sample_len = shape.iter().product::<usize>();
        // In Fortran order every sample is spread over the whole file.
        let read = if self.fortran { Kept::First(total) } else { Kept::of(options, total) };
        let order = if self.fortran { Order::FirstFastest(&sizes, &kept) } else { Order::AsStored };
        let Gathered { pixels, exact, notes } = if self.element == Element::U8 {
            let mut bytes = Vec::new();
            self.stretches(input, &read, sample_len, |input, count, _| {
                bytes.extend(input.bytes(count)?);
                Ok(())
            })?;
            Gathered { pixels: Pixels::U8(order.apply(bytes)), exact: Vec::new(), notes: Vec::new() }
        } else {
            self.values(input, options, &read, total, &shape)?.finish(&order, |_| None)?
        };
        if read.end() == total {
            input.finish()?;
        }
        Ok(Samples { pixels, exact, notes, shape, n: kept.n(), total, rows: kept.numbers() })
    }

    /// Calls `each` with the number of values of each stretch of samples kept and with its first sample; what lies between is skipped.
    fn stretches<'i>(
        &self,
        input: &mut Input<'i>,
        kept: &Kept,
        sample_len: usize,
        mut each: impl FnMut(&mut Input<'i>, u64, usize) -> Result<(), DataErrorKind>,
    ) -> Result<(), DataErrorKind> {
        let mut at = 0;
        for stretch in kept.stretches() {
            let gap = (stretch.start - at) as u64 * sample_len as u64;
            if gap > 0 {
                input.skip(gap * self.element.bytes())?;
            }
            each(input, stretch.len() as u64 * sample_len as u64, stretch.start)?;
            at = stretch.end;
        }
        Ok(())
    }

    /// Returns the sample of the stored value number `count`, and the row-major place in that sample.
    fn place(&self, count: usize, total: usize, sample_len: usize, shape: &[usize]) -> (usize, usize) {
        if self.fortran { (count % total, from_first_fastest(count / total, shape)) } else { (count / sample_len, count % sample_len) }
    }

    fn values(
        &self,
        input: &mut Input<'_>,
        options: &LoadOptions,
        kept: &Kept,
        total: usize,
        shape: &[usize],
    ) -> Result<Gather, DataErrorKind> {
        let sample_len: usize = shape.iter().product();
        let capacity = if input.left().is_some() { kept.n() * sample_len } else { 0 };
        let mut values = Gather::new(options, capacity);
        self.stretches(input, kept, sample_len, |input, count, first| {
            let mut stored = first * sample_len;
            self.numbers(input, count, |number| {
                let (sample, index) = self.place(stored, total, sample_len, shape);
                stored += 1;
                values.push(number, &Place { sample, index, column: None })
            })
        })?;
        Ok(values)
    }

    /// Reads labels: one class index per sample, or a row of zeros and ones.
    pub(super) fn labels(&self, input: &mut Input<'_>) -> Result<Labels, DataErrorKind> {
        let sizes = self.sizes()?;
        let mut numbers = Vec::new();
        self.numbers(input, self.len()?, |number| {
            numbers.push(number);
            Ok(())
        })?;
        input.finish()?;
        if self.fortran {
            numbers = row_major(&numbers, &sizes, sizes.first().copied().unwrap_or(1));
        }
        Labels::of_numbers(&numbers, &sizes)
    }
}

/// Numbers of an array that is neither samples nor labels.
#[derive(Debug, Clone, PartialEq)]
pub enum Numbers {
    /// Integers and Booleans.
    Whole(Vec<i64>),
    /// Floating point.
    Real(Vec<f64>),
    /// Text.
    Text(Vec<String>),
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
    /// The numbers that the values stand for, where the model takes double precision; else empty.
    pub(super) exact: Vec<f64>,
    pub(super) notes: Vec<Note>,
    pub(super) shape: Vec<usize>,
    /// Samples kept.
    pub(super) n: usize,
    /// Samples in the file.
    pub(super) total: usize,
    /// Numbers of those kept; empty where they are the first.
    pub(super) rows: Vec<usize>,
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
pub(super) fn row_major<T: Copy>(values: &[T], sizes: &[usize], n: usize) -> Vec<T> {
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
