//! Elements that own their memory, in whatever type a model's port has.

use brinell_graph::{DType, Tensor, TensorData};
use half::{bf16, f16};

use crate::Elements;

/// The elements of a dense tensor, row-major: what [`Elements`] borrows.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the variants are those of Elements")]
pub enum Buffer {
    F32(Vec<f32>),
    F64(Vec<f64>),
    F16(Vec<u16>),
    Bf16(Vec<u16>),
    I8(Vec<i8>),
    I16(Vec<i16>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
    U64(Vec<u64>),
    Bool(Vec<bool>),
    Text(Vec<String>),
}

/// Applies an expression to the vector of whatever variant.
macro_rules! each {
    ($buffer:expr, $data:ident => $body:expr) => {
        match $buffer {
            Buffer::F32($data) => $body,
            Buffer::F64($data) => $body,
            Buffer::F16($data) | Buffer::Bf16($data) | Buffer::U16($data) => $body,
            Buffer::I8($data) => $body,
            Buffer::I16($data) => $body,
            Buffer::I32($data) => $body,
            Buffer::I64($data) => $body,
            Buffer::U8($data) => $body,
            Buffer::U32($data) => $body,
            Buffer::U64($data) => $body,
            Buffer::Bool($data) => $body,
            Buffer::Text($data) => $body,
        }
    };
}

impl Buffer {
    /// Returns an empty buffer of a type; `None` for types of a few bits.
    #[must_use]
    pub fn empty(dtype: DType) -> Option<Self> {
        Some(match dtype {
            DType::F32 => Self::F32(Vec::new()),
            DType::F64 => Self::F64(Vec::new()),
            DType::F16 => Self::F16(Vec::new()),
            DType::Bf16 => Self::Bf16(Vec::new()),
            DType::I8 => Self::I8(Vec::new()),
            DType::I16 => Self::I16(Vec::new()),
            DType::I32 => Self::I32(Vec::new()),
            DType::I64 => Self::I64(Vec::new()),
            DType::U8 => Self::U8(Vec::new()),
            DType::U16 => Self::U16(Vec::new()),
            DType::U32 => Self::U32(Vec::new()),
            DType::U64 => Self::U64(Vec::new()),
            DType::Bool => Self::Bool(Vec::new()),
            DType::String => Self::Text(Vec::new()),
            _ => return None,
        })
    }

    /// Returns the number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        each!(self, data => data.len())
    }

    /// Returns true where there are no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Removes all elements and keeps type and memory.
    pub fn clear(&mut self) {
        each!(self, data => data.clear());
    }

    /// Appends real numbers. Halves are rounded to the nearest; whole numbers too, ties to the even one, and those that the type does not
    /// have become its nearest. Booleans are true where a number is not 0. Text is no number, and gets nothing.
    pub fn extend_from_f32(&mut self, values: &[f32]) {
        let whole = || values.iter().map(|v| v.round_ties_even());
        match self {
            Self::F32(data) => data.extend_from_slice(values),
            Self::F64(data) => data.extend(values.iter().map(|&v| f64::from(v))),
            Self::F16(data) => data.extend(values.iter().map(|&v| f16::from_f32(v).to_bits())),
            Self::Bf16(data) => data.extend(values.iter().map(|&v| bf16::from_f32(v).to_bits())),
            Self::I8(data) => data.extend(whole().map(|v| v as i8)),
            Self::I16(data) => data.extend(whole().map(|v| v as i16)),
            Self::I32(data) => data.extend(whole().map(|v| v as i32)),
            Self::I64(data) => data.extend(whole().map(|v| v as i64)),
            Self::U8(data) => data.extend(whole().map(|v| v as u8)),
            Self::U16(data) => data.extend(whole().map(|v| v as u16)),
            Self::U32(data) => data.extend(whole().map(|v| v as u32)),
            Self::U64(data) => data.extend(whole().map(|v| v as u64)),
            Self::Bool(data) => data.extend(values.iter().map(|&v| v != 0.0)),
            Self::Text(_) => {}
        }
    }

    /// Appends text; false where the type is another one.
    #[must_use]
    pub fn push_text(&mut self, text: &str) -> bool {
        match self {
            Self::Text(data) => {
                data.push(text.to_owned());
                true
            }
            _ => false,
        }
    }

    /// Appends a real number of a data file, rounded to a floating-point type; false where the type is one of whole numbers or Booleans and does
    /// not have this number.
    #[must_use]
    pub fn push_real(&mut self, value: f64) -> bool {
        match self {
            Self::F32(data) => data.push(value as f32),
            Self::F64(data) => data.push(value),
            Self::F16(data) => data.push(f16::from_f64(value).to_bits()),
            Self::Bf16(data) => data.push(bf16::from_f64(value).to_bits()),
            Self::Text(_) => return false,
            _ => return value.fract() == 0.0 && value.abs() < 9e15 && self.push_whole(value as i64),
        }
        true
    }

    /// Appends a whole number of a data file; false where the type does not have it.
    #[must_use]
    pub fn push_whole(&mut self, value: i64) -> bool {
        macro_rules! checked {
            ($data:expr) => {
                value.try_into().map(|value| $data.push(value)).is_ok()
            };
        }
        match self {
            Self::I8(data) => checked!(data),
            Self::I16(data) => checked!(data),
            Self::I32(data) => checked!(data),
            Self::I64(data) => checked!(data),
            Self::U8(data) => checked!(data),
            Self::U16(data) => checked!(data),
            Self::U32(data) => checked!(data),
            Self::U64(data) => checked!(data),
            Self::Bool(data) => {
                data.push(value != 0);
                matches!(value, 0 | 1)
            }
            Self::F64(data) => {
                data.push(value as f64);
                true
            }
            Self::Text(_) => false,
            _ => self.push_real(value as f64),
        }
    }

    /// Appends rows of another buffer of the same type, `width` elements each, which the other has; false where it has no such row.
    #[must_use]
    pub fn extend_from_row(&mut self, other: &Self, width: usize, row: usize) -> bool {
        let range = row * width..(row + 1) * width;
        macro_rules! copy {
            ($to:expr, $from:expr) => {
                $from.get(range).map(|part| $to.extend_from_slice(part)).is_some()
            };
        }
        match (self, other) {
            (Self::F32(to), Self::F32(from)) => copy!(to, from),
            (Self::F64(to), Self::F64(from)) => copy!(to, from),
            (Self::F16(to), Self::F16(from)) | (Self::Bf16(to), Self::Bf16(from)) | (Self::U16(to), Self::U16(from)) => copy!(to, from),
            (Self::I8(to), Self::I8(from)) => copy!(to, from),
            (Self::I16(to), Self::I16(from)) => copy!(to, from),
            (Self::I32(to), Self::I32(from)) => copy!(to, from),
            (Self::I64(to), Self::I64(from)) => copy!(to, from),
            (Self::U8(to), Self::U8(from)) => copy!(to, from),
            (Self::U32(to), Self::U32(from)) => copy!(to, from),
            (Self::U64(to), Self::U64(from)) => copy!(to, from),
            (Self::Bool(to), Self::Bool(from)) => copy!(to, from),
            (Self::Text(to), Self::Text(from)) => copy!(to, from),
            _ => false,
        }
    }

    /// Borrows the elements.
    #[must_use]
    pub fn elements(&self) -> Elements<'_> {
        match self {
            Self::F32(data) => Elements::F32(data),
            Self::F64(data) => Elements::F64(data),
            Self::F16(data) => Elements::F16(data),
            Self::Bf16(data) => Elements::Bf16(data),
            Self::I8(data) => Elements::I8(data),
            Self::I16(data) => Elements::I16(data),
            Self::I32(data) => Elements::I32(data),
            Self::I64(data) => Elements::I64(data),
            Self::U8(data) => Elements::U8(data),
            Self::U16(data) => Elements::U16(data),
            Self::U32(data) => Elements::U32(data),
            Self::U64(data) => Elements::U64(data),
            Self::Bool(data) => Elements::Bool(data),
            Self::Text(data) => Elements::Text(data),
        }
    }

    /// Returns the elements as a constant of a graph; `None` where they do not fill the shape, and for text.
    #[must_use]
    pub fn tensor(&self, shape: Vec<usize>) -> Option<Tensor> {
        macro_rules! raw {
            ($data:expr, $dtype:ident) => {
                TensorData::Raw { dtype: DType::$dtype, bytes: $data.iter().flat_map(|v| v.to_le_bytes()).collect(), len: $data.len() }
            };
        }
        let data = match self {
            Self::F32(data) => TensorData::F32(data.clone()),
            Self::F64(data) => TensorData::F64(data.clone()),
            Self::I32(data) => TensorData::I32(data.clone()),
            Self::I64(data) => TensorData::I64(data.clone()),
            Self::U8(data) => TensorData::U8(data.clone()),
            Self::I8(data) => TensorData::I8(data.clone()),
            Self::Bool(data) => TensorData::Bool(data.clone()),
            Self::F16(data) => raw!(data, F16),
            Self::Bf16(data) => raw!(data, Bf16),
            Self::I16(data) => raw!(data, I16),
            Self::U16(data) => raw!(data, U16),
            Self::U32(data) => raw!(data, U32),
            Self::U64(data) => raw!(data, U64),
            Self::Text(_) => return None,
        };
        Tensor::new(shape, data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reals_become_the_nearest_numbers_that_a_type_has() {
        let of = |dtype| {
            let mut buffer = Buffer::empty(dtype).unwrap();
            buffer.extend_from_f32(&[0.5, 1.5, -3.0, 300.0, 65_504.0]);
            buffer
        };
        assert_eq!(of(DType::U8), Buffer::U8(vec![0, 2, 0, 255, 255]));
        assert_eq!(of(DType::I8), Buffer::I8(vec![0, 2, -3, 127, 127]));
        assert_eq!(of(DType::I64), Buffer::I64(vec![0, 2, -3, 300, 65_504]));
        assert_eq!(of(DType::F64), Buffer::F64(vec![0.5, 1.5, -3.0, 300.0, 65_504.0]));
        // IEEE 754: 65504 is the largest half; bfloat16 is the upper half of a single.
        assert_eq!(of(DType::F16), Buffer::F16(vec![0x3800, 0x3e00, 0xc200, 0x5cb0, 0x7bff]));
        assert_eq!(of(DType::Bf16), Buffer::Bf16(vec![0x3f00, 0x3fc0, 0xc040, 0x4396, 0x4780]));
    }

    #[test]
    fn numbers_that_a_type_does_not_have_are_refused() {
        let mut bytes = Buffer::empty(DType::U8).unwrap();
        assert!(bytes.push_whole(255) && bytes.push_real(7.0));
        assert!(!bytes.push_whole(256) && !bytes.push_whole(-1) && !bytes.push_real(0.5));
        assert_eq!(bytes, Buffer::U8(vec![255, 7]));
        let mut wide = Buffer::empty(DType::I64).unwrap();
        assert!(wide.push_whole(i64::MAX));
        assert_eq!(wide, Buffer::I64(vec![i64::MAX]));
    }

    #[test]
    fn rows_are_copied_between_buffers_of_one_type() {
        let table = Buffer::I32(vec![1, 2, 3, 4]);
        let mut rows = Buffer::empty(DType::I32).unwrap();
        assert!(rows.extend_from_row(&table, 2, 1) && rows.extend_from_row(&table, 2, 0));
        assert!(!rows.extend_from_row(&table, 2, 2) && !rows.extend_from_row(&Buffer::U8(vec![1, 2]), 2, 0));
        assert_eq!(rows, Buffer::I32(vec![3, 4, 1, 2]));
    }
}
