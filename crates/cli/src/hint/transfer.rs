//! Hints for errors of transfer runs.

use std::error::Error;

use brinell::errors::TransferError;

use super::as_a;

pub(super) fn hint(error: &(dyn Error + 'static)) -> Option<String> {
    let hint = match as_a(error)? {
        TransferError::NoSharedClass { .. } => {
            "in the file of --models, list the model's class names (`classes`), or say which classes are the same (`map`)"
        }
        TransferError::NoNames { .. } | TransferError::ClassCount { .. } => {
            "list the model's class names in the file of --models: classes = \"FILE\", one name per line"
        }
        TransferError::NoGradient { attack, .. } if matches!(attack.as_str(), "patch" | "universal") => {
            "give sources that have a gradient with --from; models without one can be targets"
        }
        TransferError::NoGradient { .. } => "use an attack that needs only scores, such as --attack square",
        TransferError::WrongAttack { .. } => "choose an attack from `brinell attacks` that supports linf, such as --attack mi+di",
        TransferError::NoPicture { .. } => "use an attack that works on any input: --attack mi, mi+ni or mi+si",
        TransferError::OtherClasses { .. } => "choose another rule: --ensemble norm",
        TransferError::NothingRight { .. } => {
            "check --mean, --std, --scale and --layout, or these settings of each model in the file of --models"
        }
        TransferError::OutsideRange { .. } => "give the images as bytes, or scale their values to 0..1",
        TransferError::Twice { .. } => "give each a different name in the file of --models",
        TransferError::Split { .. } => "give more images, or another --fit",
        TransferError::Radius { .. } => "give --eps in the range 0..1, such as 8/255",
        TransferError::LargePatch { .. } => "give a smaller share of the image with --area",
        TransferError::NoPatch { .. } => "give the images with height and width, such as an array of [N, C, H, W]",
        TransferError::NoClass { .. } => "give --target as a class of the data, by name or number, and the names with --classes",
        _ => return None,
    };
    Some(hint.to_owned())
}
