//! The range in which inputs of a model live.

use crate::ThreatError;

/// Lower and upper bound of every input element, in model-input units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InputBox {
    lo: f32,
    hi: f32,
}

impl InputBox {
    /// The interval from 0 to 1, in which most image models live.
    pub const UNIT: InputBox = InputBox { lo: 0.0, hi: 1.0 };

    /// Bytes, the box of images in 0..255.
    pub const BYTE: InputBox = InputBox { lo: 0.0, hi: 255.0 };

    /// Builds the box from its bounds.
    ///
    /// # Errors
    /// `BadBox` unless both are finite and `lo < hi`.
    pub fn new(lo: f32, hi: f32) -> Result<Self, ThreatError> {
        if lo.is_finite() && hi.is_finite() && lo < hi { Ok(Self { lo, hi }) } else { Err(ThreatError::BadBox { lo, hi }) }
    }

    /// Lower bound.
    #[inline]
    pub fn lo(self) -> f32 {
        self.lo
    }

    /// Upper bound.
    #[inline]
    pub fn hi(self) -> f32 {
        self.hi
    }

    /// True if `value` is inside; NaN is not.
    #[inline]
    pub fn contains(self, value: f32) -> bool {
        value >= self.lo && value <= self.hi
    }

    /// `hi - lo` in f64.
    pub fn width(self) -> f64 {
        f64::from(self.hi) - f64::from(self.lo)
    }
}
