use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

use crate::DType;

/// A constant tensor, row-major. Tensors are equal where shape and elements are, wherever they lie.
#[derive(Debug, Clone)]
pub struct Tensor {
    shape: Vec<usize>,
    data: TensorData,
    place: Option<Place>,
}

impl PartialEq for Tensor {
    fn eq(&self, other: &Self) -> bool {
        self.shape == other.shape && self.data == other.data
    }
}

/// Where the elements of a tensor lie, row-major and little-endian, beside being in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, as an absolute path without symbolic links.
    pub file: Arc<Path>,
    /// When the file was last changed before it was read, where that is known.
    pub modified: Option<SystemTime>,
    /// Device and number of the file, on systems that have these.
    pub number: Option<(u64, u64)>,
    /// The first byte.
    pub offset: u64,
}

/// Elements of a [`Tensor`]. The types a graph computes with have a variant each; all others, and weights as they lie in a file, are
/// carried as raw little-endian bytes, which are shared and never copied with the graph.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum TensorData {
    F32(Vec<f32>),
    F64(Vec<f64>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    U8(Vec<u8>),
    I8(Vec<i8>),
    Bool(Vec<bool>),
    Raw { dtype: DType, bytes: Bytes, len: usize },
}

impl TensorData {
    /// Returns the number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::F32(v) => v.len(),
            Self::F64(v) => v.len(),
            Self::I32(v) => v.len(),
            Self::I64(v) => v.len(),
            Self::U8(v) => v.len(),
            Self::I8(v) => v.len(),
            Self::Bool(v) => v.len(),
            Self::Raw { len, .. } => *len,
        }
    }

    /// Returns true where there is no element.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the element type.
    #[must_use]
    pub fn dtype(&self) -> DType {
        match self {
            Self::F32(_) => DType::F32,
            Self::F64(_) => DType::F64,
            Self::I32(_) => DType::I32,
            Self::I64(_) => DType::I64,
            Self::U8(_) => DType::U8,
            Self::I8(_) => DType::I8,
            Self::Bool(_) => DType::Bool,
            Self::Raw { dtype, .. } => *dtype,
        }
    }
}

impl Tensor {
    /// Returns a tensor, or `None` where `shape` and the number of elements disagree (or the product overflows).
    #[must_use]
    pub fn new(shape: Vec<usize>, data: TensorData) -> Option<Self> {
        let n = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d))?;
        (n == data.len()).then_some(Self { shape, data, place: None })
    }

    /// Returns a scalar (rank 0) f32.
    #[must_use]
    pub fn scalar(value: f32) -> Self {
        Self { shape: Vec::new(), data: TensorData::F32(vec![value]), place: None }
    }

    /// Returns a vector (rank 1) of i64, as ONNX wants shapes and axes.
    #[must_use]
    pub fn ints(values: Vec<i64>) -> Self {
        Self { shape: vec![values.len()], data: TensorData::I64(values), place: None }
    }

    /// Says that the elements are what a file holds at `place`.
    #[must_use]
    pub fn at(self, place: Place) -> Self {
        Self { place: Some(place), ..self }
    }

    /// Returns the place in a file that holds the elements, where that is known.
    #[must_use]
    pub fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// Returns the shape.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Returns the elements, row-major.
    #[must_use]
    pub fn data(&self) -> &TensorData {
        &self.data
    }

    /// Returns the number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Returns true where there is no element.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// Returns the element type.
    #[must_use]
    pub fn dtype(&self) -> DType {
        self.data.dtype()
    }

    /// Returns the elements where they are f32, decoded where they are raw bytes.
    #[must_use]
    pub fn as_f32(&self) -> Option<Cow<'_, [f32]>> {
        match &self.data {
            TensorData::F32(v) => Some(Cow::Borrowed(v)),
            TensorData::Raw { dtype: DType::F32, bytes, .. } => Some(Cow::Owned(each(bytes, f32::from_le_bytes))),
            _ => None,
        }
    }

    /// Returns the elements of any numeric type as f64; booleans are 0 and 1. `None` for strings.
    ///
    /// # Guarantees
    /// Exact but for integers beyond 2^53.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "said above")]
    pub fn to_f64(&self) -> Option<Vec<f64>> {
        Some(match &self.data {
            TensorData::F32(v) => v.iter().map(|&x| f64::from(x)).collect(),
            TensorData::F64(v) => v.clone(),
            TensorData::I32(v) => v.iter().map(|&x| f64::from(x)).collect(),
            TensorData::I64(v) => v.iter().map(|&x| x as f64).collect(),
            TensorData::U8(v) => v.iter().map(|&x| f64::from(x)).collect(),
            TensorData::I8(v) => v.iter().map(|&x| f64::from(x)).collect(),
            TensorData::Bool(v) => v.iter().map(|&x| f64::from(u8::from(x))).collect(),
            TensorData::Raw { dtype, bytes, len } => match dtype {
                DType::F16 => each(bytes, |b| f64::from(half::f16::from_le_bytes(b))),
                DType::Bf16 => each(bytes, |b| f64::from(half::bf16::from_le_bytes(b))),
                DType::I16 => each(bytes, |b| f64::from(i16::from_le_bytes(b))),
                DType::U16 => each(bytes, |b| f64::from(u16::from_le_bytes(b))),
                DType::U32 => each(bytes, |b| f64::from(u32::from_le_bytes(b))),
                DType::U64 => each(bytes, |b| u64::from_le_bytes(b) as f64),
                DType::F32 => each(bytes, |b| f64::from(f32::from_le_bytes(b))),
                DType::F64 => each(bytes, f64::from_le_bytes),
                DType::I32 => each(bytes, |b| f64::from(i32::from_le_bytes(b))),
                DType::I64 => each(bytes, |b| i64::from_le_bytes(b) as f64),
                DType::U8 | DType::Bool => each(bytes, |b| f64::from(u8::from_le_bytes(b))),
                DType::I8 => each(bytes, |b| f64::from(i8::from_le_bytes(b))),
                DType::String | DType::Other(_) => return None,
                _ => crate::narrow::decode(*dtype, bytes, *len)?.into_iter().map(f64::from).collect(),
            },
        })
    }

    /// Returns the elements as i64, converting the smaller integer types; `None` for all others.
    #[must_use]
    pub fn to_ints(&self) -> Option<Vec<i64>> {
        match &self.data {
            TensorData::I64(v) => Some(v.clone()),
            TensorData::I32(v) => Some(v.iter().map(|&i| i64::from(i)).collect()),
            TensorData::U8(v) => Some(v.iter().map(|&i| i64::from(i)).collect()),
            TensorData::I8(v) => Some(v.iter().map(|&i| i64::from(i)).collect()),
            TensorData::Raw { dtype, bytes, .. } => match dtype {
                DType::I64 => Some(each(bytes, i64::from_le_bytes)),
                DType::I32 => Some(each(bytes, |b| i64::from(i32::from_le_bytes(b)))),
                DType::U8 => Some(each(bytes, |b| i64::from(u8::from_le_bytes(b)))),
                DType::I8 => Some(each(bytes, |b| i64::from(i8::from_le_bytes(b)))),
                _ => None,
            },
            _ => None,
        }
    }
}

impl Tensor {
    /// Returns the same numbers in a type that one computes with; `None` where they have one.
    #[must_use]
    pub fn widened(&self) -> Option<Self> {
        let TensorData::Raw { dtype, bytes, len } = &self.data else { return None };
        let data = match dtype.widened()? {
            DType::F32 => TensorData::F32(crate::narrow::decode(*dtype, bytes, *len)?),
            to => TensorData::Raw { dtype: to, bytes: crate::narrow::unpack(*dtype, bytes, *len)?.into(), len: *len },
        };
        Self::new(self.shape.clone(), data)
    }
}

/// Reads elements of N bytes each.
fn each<const N: usize, T>(bytes: &[u8], read: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks::<N>().0.iter().map(|&chunk| read(chunk)).collect()
}
