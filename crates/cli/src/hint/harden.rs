//! Hints for errors of training.

use std::error::Error;

use brinell::errors::HardenError;

use super::as_a;

pub(super) fn hint(error: &(dyn Error + 'static)) -> Option<String> {
    let hint = match as_a(error)? {
        HardenError::NothingToTrain { .. } => {
            "`brinell harden` trains f32 weights of Conv, Gemm, MatMul and normalisations; for trees, train a new model with a tool for robust trees, such as GROOT"
        }
        HardenError::Quantised { .. } => {
            "harden the float model that this file was made from, quantise the result, audit both quantised files, and compare the runs with `brinell compare`"
        }
        HardenError::Address { .. } => "give the ONNX file that the server runs",
        HardenError::NoSuchTensor { .. } => "give one of these names; * matches anything",
        HardenError::Norm { .. } => "give --norm linf or --norm l2",
        HardenError::Threat { .. } => "give --eps with the radius to train for",
        HardenError::SameFile { .. } | HardenError::Overlap { .. } => {
            "give other samples with --val and --test, or leave both out; then a tenth of the training samples is used for each"
        }
        HardenError::TooFew { .. } => "give more samples, or give --val and --test; then no training samples are needed for them",
        HardenError::LossAtStart { .. } => "check --scale, --mean and --std, and audit the model on these samples first (`brinell audit`)",
        HardenError::BrokeDown { .. } => {
            "try a smaller --lr or --eps, or a larger --clean-weight; the folder of the run has a record of every step"
        }
        HardenError::NoGain { .. } | HardenError::NoWeightGains { .. } => "try more --epochs, another --lr or a smaller --eps",
        HardenError::Budget { .. } => "give a longer --budget, fewer samples with --limit, or --method fast",
        HardenError::Exists { .. } => "choose another file with -o or another folder with --folder, or continue a run with --resume",
        HardenError::ExternalBeside { .. } => "write the hardened model to another folder with -o",
        HardenError::Resume { .. } => "give the settings that the run was started with, or start a new run in another folder",
        HardenError::Interrupted => "continue with --resume and the same settings",
        _ => return None,
    };
    Some(hint.to_owned())
}
