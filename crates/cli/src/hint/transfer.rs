//! Hints for errors of transfer runs.

use std::error::Error;

use brinell::errors::TransferError;

use super::as_a;

pub(super) fn hint(error: &(dyn Error + 'static)) -> Option<String> {
    let hint = match as_a(error)? {
        TransferError::NoSharedClass { .. } => {
            "give the names of the model's classes (`classes`) or which class stands for which (`map`) in the list of --models"
        }
        TransferError::NoNames { .. } | TransferError::ClassCount { .. } => {
            "name the model's classes in the list of --models: classes = \"FILE\", one name on a line"
        }
        TransferError::NoGradient { .. } => "make examples with an attack that needs scores only, such as --attack square",
        TransferError::WrongAttack { .. } => "choose one of `brinell attacks` that works in linf, such as --attack mi+di",
        TransferError::NoPicture { .. } => "leave out the rules of pictures: --attack mi, mi+ni or mi+si",
        TransferError::OtherClasses { .. } => "choose another rule: --ensemble norm",
        TransferError::NothingRight { .. } => "check --mean, --std, --scale and --layout, or those of each model in the list of --models",
        TransferError::OutsideRange { .. } => "give the images as bytes, or divide their values so that they lie in 0..1",
        TransferError::Twice { .. } => "give them names in the list of --models",
        TransferError::Split { .. } => "give more images, or another share with --fit",
        TransferError::Radius { .. } => "give --eps in the range 0..1, such as 8/255",
        _ => return None,
    };
    Some(hint.to_owned())
}
