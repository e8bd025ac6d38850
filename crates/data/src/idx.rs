//! IDX, the format of MNIST and its relatives: big-endian sizes, then values in C order.

use super::array::{Element, Spec};
use super::error::DataErrorKind;
use super::input::Input;

/// More axes than any data set has.
const MAX_AXES: u8 = 8;

/// Returns whether `start` is how an IDX file begins.
pub(super) fn is_idx(start: &[u8]) -> bool {
    matches!(start, [0, 0, kind, axes, ..] if element(*kind).is_some() && (1..=MAX_AXES).contains(axes))
}

/// Reads the header.
pub(super) fn header(input: &mut Input<'_>) -> Result<Spec, DataErrorKind> {
    let magic = input.bytes(4)?;
    let malformed = |reason: String| DataErrorKind::Malformed { format: "IDX", reason };
    let (kind, axes) = match magic[..] {
        [0, 0, kind, axes] if (1..=MAX_AXES).contains(&axes) => (kind, axes),
        _ => return Err(malformed(format!("it starts with {magic:02x?}"))),
    };
    let element = element(kind)
        .ok_or_else(|| DataErrorKind::ElementType { found: format!("0x{kind:02x}"), accepted: "u8, i8, i16, i32, f32 and f64" })?;
    let sizes = input.bytes(4 * u64::from(axes))?;
    let shape = sizes.as_chunks().0.iter().map(|size| u32::from_be_bytes(*size).into()).collect();
    Ok(Spec { element, big_endian: true, fortran: false, shape })
}

fn element(kind: u8) -> Option<Element> {
    Some(match kind {
        0x08 => Element::U8,
        0x09 => Element::I8,
        0x0b => Element::I16,
        0x0c => Element::I32,
        0x0d => Element::F32,
        0x0e => Element::F64,
        _ => return None,
    })
}
