//! Numbers that are in the units of another scale than the declared one.

use brinell_data::{Dataset, Pixels, Scale};
use brinell_record::Artefact;

use crate::SubjectError;

/// Samples whose values show the scale of all.
const SHOWN: usize = 64;

/// Whole numbers below it may be counts or classes; from it on they are the bytes of pixels.
const BYTES_FROM: f32 = 128.0;

/// Largest mean or deviation, in widths of the range, that a model may ask for.
const WIDTHS: f32 = 10.0;

/// Compares the data, the mean and the deviation with the declared scale, before anything runs.
///
/// # Errors
/// [`SubjectError::OtherMoments`] where the mean and the deviation are those of the other scale; [`SubjectError::OtherScale`] where
/// the first samples are bytes and the scale is 0..1, or shares of one and the scale is 0..255.
pub(crate) fn check(artefact: &Artefact, data: &Dataset) -> Result<(), SubjectError> {
    let scale = artefact.scale();
    let other = match scale {
        Scale::Unit => Scale::Byte,
        Scale::Byte => Scale::Unit,
        Scale::Range { .. } | Scale::Data => return Ok(()),
    };
    if foreign_moments(&artefact.mean, &artefact.std, scale) {
        return Err(SubjectError::OtherMoments { mean: artefact.mean.clone(), std: artefact.std.clone(), scale, other });
    }
    // The bytes of pixels are turned into the scale, whichever it is.
    let Pixels::F32(values) = &data.pixels else { return Ok(()) };
    match foreign_range(values.get(..SHOWN * data.sample_len()).unwrap_or(values), scale) {
        Some((least, most)) => Err(SubjectError::OtherScale { least, most, scale, other }),
        None => Ok(()),
    }
}

/// True where mean and deviation, as far as they are given, belong to the other one of 0..1 and 0..255.
fn foreign_moments(mean: &[f32], std: &[f32], scale: Scale) -> bool {
    let foreign = |list: &[f32]| match scale {
        // A model may well multiply 0..1 by 255, which is a deviation of 1/255, but it divides by no hundred.
        Scale::Unit => list.iter().any(|v| v.abs() > WIDTHS),
        _ => list.iter().all(|&v| v > 0.0 && v < 1.0),
    };
    !(mean.is_empty() && std.is_empty()) && [mean, std].into_iter().filter(|list| !list.is_empty()).all(foreign)
}

/// Returns the least and the largest of the values where they clearly belong to the other one of 0..1 and 0..255.
fn foreign_range(values: &[f32], scale: Scale) -> Option<(f32, f32)> {
    let least = values.iter().copied().fold(f32::INFINITY, f32::min);
    let most = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let whole = values.iter().all(|v| v.fract() == 0.0);
    let foreign = match scale {
        Scale::Unit => whole && (BYTES_FROM..=255.0).contains(&most),
        _ => !whole && most <= 1.0,
    };
    (foreign && least >= 0.0).then_some((least, most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_the_other_scale_are_told_from_those_of_the_same() {
        for (scale, mean, std) in [
            (Scale::Unit, &[123.675, 116.28, 103.53][..], &[58.395, 57.12, 57.375][..]),
            (Scale::Unit, &[], &[58.4]),
            (Scale::Byte, &[0.485, 0.456, 0.406], &[0.229, 0.224, 0.225]),
            (Scale::Byte, &[], &[0.5]),
        ] {
            assert!(foreign_moments(mean, std, scale), "{mean:?} {std:?} {scale}");
        }
        for (scale, mean, std) in [
            (Scale::Unit, &[0.485, 0.456, 0.406][..], &[0.229, 0.224, 0.225][..]),
            (Scale::Unit, &[0.5], &[0.003_921_569]),
            (Scale::Byte, &[127.5], &[127.5]),
            (Scale::Byte, &[0.0], &[1.0]),
            (Scale::Byte, &[0.5], &[127.5]),
            (Scale::Unit, &[], &[]),
        ] {
            assert!(!foreign_moments(mean, std, scale), "{mean:?} {std:?} {scale}");
        }
    }

    #[test]
    fn data_of_the_other_scale_are_told_from_those_that_may_be_of_either() {
        assert_eq!(foreign_range(&[0.0, 17.0, 254.0], Scale::Unit), Some((0.0, 254.0)));
        assert_eq!(foreign_range(&[0.0, 0.25, 1.0], Scale::Byte), Some((0.0, 1.0)));
        // Zeros and ones are dark in one scale and bright in the other, and a 3 may be a count.
        for (values, scale) in [
            (&[0.0, 1.0][..], Scale::Unit),
            (&[0.0, 1.0], Scale::Byte),
            (&[0.0, 3.0], Scale::Unit),
            (&[-2.0, 200.0], Scale::Unit),
            (&[0.5, 200.0], Scale::Unit),
            (&[0.5, 200.0], Scale::Byte),
            (&[], Scale::Unit),
        ] {
            assert_eq!(foreign_range(values, scale), None, "{values:?} {scale}");
        }
    }
}
