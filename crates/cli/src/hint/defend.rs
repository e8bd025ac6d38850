//! Hints for errors of defences and races.

use std::error::Error;

use brinell::errors::DefendError;

use super::as_a;

pub(super) fn hint(error: &(dyn Error + 'static)) -> Option<String> {
    let hint = match as_a(error)? {
        DefendError::Address { .. } => "give the ONNX file that the server runs",
        DefendError::Already { .. } => "give the model without the defence, and all transforms at once: --with bits:3,median:3",
        DefendError::Batch { .. } => "export the model with a free first dimension (in PyTorch: dynamic_axes or dynamic_shapes)",
        DefendError::TooFew { .. } => "give more samples with --data (for a race --calibrate), or allow more refusals with --fpr",
        DefendError::Share { .. } => "give --fpr as a share, such as 1% or 0.01",
        DefendError::NoCalibration { .. } => "give ordinary samples that are not in --data with --calibrate",
        DefendError::Nothing => "name transforms with --with, such as --with bits:3",
        DefendError::CleanLoss { .. } => "choose a weaker transform, allow more with --max-clean-loss, or write it anyway with --force",
        DefendError::Exists { .. } => "choose another file with -o",
        DefendError::Prefix { .. } => "convert the model to opset 13 or newer",
        DefendError::Threat { .. } => "give --norm linf or l2 and --eps with the radius, without a target",
        DefendError::Twice { .. } => "name each defence once",
        DefendError::NothingRight { .. } => "check --scale, --mean and --std, and that the model answers these samples (`brinell audit`)",
        DefendError::Overlap { .. } => "give other samples with --fresh (for a race also --calibrate), none of which are in --data",
        DefendError::Interrupted => "go on with --resume and the same settings",
        _ => return None,
    };
    Some(hint.to_owned())
}
