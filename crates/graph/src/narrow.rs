//! Numbers of 2, 4 and 8 bits: what is stored, and what it stands for.

use crate::DType;

/// A float of at most 8 bits: sign, exponent, mantissa.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SmallFloat {
    /// Bits of the mantissa.
    pub mantissa: i32,
    /// Exponent of the smallest normal number.
    pub least: i32,
    /// Exponent of the largest number.
    pub most: i32,
    /// The largest number.
    pub max: f32,
}

impl SmallFloat {
    /// Returns the format of a type; `None` for all others, and for [`DType::F8E8M0`], which has neither sign nor mantissa.
    #[must_use]
    pub fn of(dtype: DType) -> Option<Self> {
        let (mantissa, least, most, max) = match dtype {
            DType::F4E2M1 => (1, 0, 2, 6.0),
            DType::F8E4M3Fn => (3, -6, 8, 448.0),
            DType::F8E4M3FnUz => (3, -7, 7, 240.0),
            DType::F8E5M2 => (2, -14, 15, 57_344.0),
            DType::F8E5M2FnUz => (2, -15, 15, 57_344.0),
            _ => return None,
        };
        Some(Self { mantissa, least, most, max })
    }

    /// Returns the nearest number of the format, the even one of two; the largest where `x` is beyond it.
    #[must_use]
    pub fn round(self, x: f64) -> f64 {
        let mut binade = 2f64.powi(self.least);
        for _ in self.least..self.most {
            if x.abs() >= 2.0 * binade {
                binade *= 2.0;
            }
        }
        let step = binade * 2f64.powi(-self.mantissa);
        ((x / step).round_ties_even() * step).clamp(-f64::from(self.max), f64::from(self.max))
    }
}

/// Returns element `i` of packed numbers of 2 or 4 bits, or of bytes.
fn bits(bytes: &[u8], width: usize, i: usize) -> Option<u8> {
    let per_byte = 8 / width;
    let shift = (i % per_byte) * width;
    let mask = u8::try_from((1_u32 << width) - 1).ok()?;
    Some((bytes.get(i / per_byte)? >> shift) & mask)
}

/// The lowest bits of a byte as a number with a sign.
fn signed(code: u8, width: u32) -> i8 {
    let unused = 8_u32.saturating_sub(width);
    (code << unused).cast_signed() >> unused
}

/// What the code of a float of at most 8 bits stands for.
fn small_float(dtype: DType, code: u8) -> Option<f32> {
    if dtype == DType::F8E8M0 {
        return Some(if code == u8::MAX { f32::NAN } else { 2f64.powi(i32::from(code) - 127) as f32 });
    }
    let format = SmallFloat::of(dtype)?;
    let sign_bit = if dtype == DType::F4E2M1 { 0x08 } else { 0x80 };
    let (sign, code) = (if code & sign_bit == 0 { 1.0 } else { -1.0 }, code & (sign_bit - 1));
    match (dtype, sign < 0.0, code) {
        (DType::F8E4M3Fn, _, 0x7f) | (DType::F8E5M2, _, 0x7d..=0x7f) => return Some(f32::NAN),
        (DType::F8E4M3FnUz | DType::F8E5M2FnUz, true, 0) => return Some(f32::NAN),
        (DType::F8E5M2, _, 0x7c) => return Some(sign * f32::INFINITY),
        _ => {}
    }
    let exponent = i32::from(code >> format.mantissa);
    let fraction = f32::from(code & ((1 << format.mantissa) - 1)) / f32::from(1_u8 << format.mantissa);
    let value = if exponent == 0 { fraction * 2f32.powi(format.least) } else { (1.0 + fraction) * 2f32.powi(format.least + exponent - 1) };
    Some(sign * value)
}

/// Returns `len` elements of a storage type as f32, which holds each exactly; `None` for other types and where bytes are missing.
pub(crate) fn decode(dtype: DType, bytes: &[u8], len: usize) -> Option<Vec<f32>> {
    let width = dtype.bits()?;
    (0..len)
        .map(|i| {
            let code = bits(bytes, width, i)?;
            match dtype {
                DType::I2 => Some(f32::from(signed(code, 2))),
                DType::I4 => Some(f32::from(signed(code, 4))),
                DType::U2 | DType::U4 => Some(f32::from(code)),
                _ => small_float(dtype, code),
            }
        })
        .collect()
}

/// Returns `len` whole numbers of 2 or 4 bits as bytes, two's complement where they have a sign.
pub(crate) fn unpack(dtype: DType, bytes: &[u8], len: usize) -> Option<Vec<u8>> {
    let width = dtype.bits()?;
    let code = |i| {
        let code = bits(bytes, width, i)?;
        Some(match dtype {
            DType::I2 => signed(code, 2).cast_unsigned(),
            DType::I4 => signed(code, 4).cast_unsigned(),
            _ => code,
        })
    };
    matches!(dtype, DType::I2 | DType::U2 | DType::I4 | DType::U4).then(|| (0..len).map(code).collect())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_unpacked_from_the_low_bits_up() {
        assert_eq!(decode(DType::I4, &[0x8f, 0x07], 3).unwrap(), [-1.0, -8.0, 7.0]);
        assert_eq!(decode(DType::U4, &[0x8f, 0x07], 3).unwrap(), [15.0, 8.0, 7.0]);
        assert_eq!(decode(DType::I2, &[0b11_10_01_00], 4).unwrap(), [0.0, 1.0, -2.0, -1.0]);
        assert_eq!(unpack(DType::I4, &[0x8f], 2).unwrap(), [0xff, 0xf8]);
        assert_eq!(decode(DType::U4, &[0], 3), None);
    }

    #[test]
    fn the_ends_of_each_float_are_those_of_its_definition() {
        // Codes of the smallest, the largest and one: ONNX's "Float stored in 8 bits".
        for (dtype, codes, values) in [
            (DType::F8E4M3Fn, [0x01, 0x7e, 0x38], [2f32.powi(-9), 448.0, 1.0]),
            (DType::F8E4M3FnUz, [0x01, 0x7f, 0x40], [2f32.powi(-10), 240.0, 1.0]),
            (DType::F8E5M2, [0x01, 0x7b, 0x3c], [2f32.powi(-16), 57_344.0, 1.0]),
            (DType::F8E5M2FnUz, [0x01, 0x7f, 0x40], [2f32.powi(-17), 57_344.0, 1.0]),
            (DType::F8E8M0, [0x00, 0xfe, 0x7f], [2f32.powi(-126) / 2.0, 2f32.powi(127), 1.0]),
        ] {
            assert_eq!(decode(dtype, &codes, 3).unwrap(), values, "{dtype:?}");
        }
        assert_eq!(
            decode(DType::F4E2M1, &[0x10, 0x32, 0x54, 0x76, 0xf9], 10).unwrap(),
            [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, -0.5, -6.0]
        );
        assert!(decode(DType::F8E4M3Fn, &[0x7f, 0xff], 2).unwrap().iter().all(|x| x.is_nan()));
        assert!(decode(DType::F8E4M3FnUz, &[0x80], 1).unwrap()[0].is_nan());
        assert_eq!(decode(DType::F8E5M2, &[0x7c, 0xfc], 2).unwrap(), [f32::INFINITY, f32::NEG_INFINITY]);
    }

    #[test]
    fn every_number_of_a_float_rounds_to_itself_and_a_tie_to_the_even_one() {
        for dtype in [DType::F4E2M1, DType::F8E4M3Fn, DType::F8E4M3FnUz, DType::F8E5M2, DType::F8E5M2FnUz] {
            let format = SmallFloat::of(dtype).unwrap();
            let codes: Vec<u8> = if dtype == DType::F4E2M1 { vec![0x10, 0x32, 0x54, 0x76] } else { (0..=0x7f).collect() };
            let len = if dtype == DType::F4E2M1 { 8 } else { 128 };
            let numbers: Vec<f64> = decode(dtype, &codes, len).unwrap().into_iter().filter(|x| x.is_finite()).map(f64::from).collect();
            for (i, pair) in numbers.windows(2).enumerate() {
                assert_eq!((format.round(pair[0]), format.round(-pair[1])), (pair[0], -pair[1]), "{dtype:?}");
                let even = pair[i % 2];
                assert_eq!(format.round((pair[0] + pair[1]) / 2.0), even, "{dtype:?} between {pair:?}");
            }
            assert_eq!(format.round(1e9), f64::from(format.max));
        }
    }
}
