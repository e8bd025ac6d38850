/// Element type of a tensor, named as in ONNX. Those of less than 8 bits and the floats of 4 and 8 bits are for storage: they are widened before anything is
/// computed with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
pub enum DType {
    F32,
    F64,
    F16,
    Bf16,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    Bool,
    String,
    /// 4 bits, two to a byte, the first one low.
    I4,
    /// As [`DType::I4`].
    U4,
    /// 2 bits, four to a byte, the first one low.
    I2,
    /// As [`DType::I2`].
    U2,
    /// Sign, 2 bits of exponent, 1 of mantissa, packed as [`DType::I4`]; no infinity.
    F4E2M1,
    /// Sign, 4 bits of exponent, 3 of mantissa; no infinity.
    F8E4M3Fn,
    /// As before, with another bias and without a negative zero.
    F8E4M3FnUz,
    /// Sign, 5 bits of exponent, 2 of mantissa.
    F8E5M2,
    /// As before, with another bias and without infinities and a negative zero.
    F8E5M2FnUz,
    /// A power of two: exponent alone.
    F8E8M0,
    /// A type that is not computed with and only handed on, by its number in ONNX: complex numbers, and what will be added.
    Other(u8),
}

impl DType {
    /// Returns true for the floating-point types, the only ones that carry gradients.
    #[must_use]
    pub fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F64 | Self::F16 | Self::Bf16)
    }

    /// Returns the bits of one element; strings have no fixed size, and those of other types are not known.
    #[must_use]
    pub fn bits(self) -> Option<usize> {
        Some(match self {
            Self::I2 | Self::U2 => 2,
            Self::I4 | Self::U4 | Self::F4E2M1 => 4,
            Self::I8 | Self::U8 | Self::Bool => 8,
            Self::F8E4M3Fn | Self::F8E4M3FnUz | Self::F8E5M2 | Self::F8E5M2FnUz | Self::F8E8M0 => 8,
            Self::F16 | Self::Bf16 | Self::I16 | Self::U16 => 16,
            Self::F32 | Self::I32 | Self::U32 => 32,
            Self::F64 | Self::I64 | Self::U64 => 64,
            Self::String | Self::Other(_) => return None,
        })
    }

    /// Returns the bytes that so many elements take, packed where they are smaller than a byte.
    #[must_use]
    pub fn bytes(self, count: usize) -> Option<usize> {
        Some(count.checked_mul(self.bits()?)?.div_ceil(8))
    }

    /// Returns the type that holds the elements of a storage type; `None` for types that one computes with.
    #[must_use]
    pub fn widened(self) -> Option<Self> {
        match self {
            Self::I2 | Self::I4 => Some(Self::I8),
            Self::U2 | Self::U4 => Some(Self::U8),
            Self::F4E2M1 | Self::F8E4M3Fn | Self::F8E4M3FnUz | Self::F8E5M2 | Self::F8E5M2FnUz | Self::F8E8M0 => Some(Self::F32),
            _ => None,
        }
    }
}
