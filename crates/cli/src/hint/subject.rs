//! Hints for errors of models and the data that they are asked about.

use std::error::Error;

use brinell::errors::SubjectError;

use super::as_a;

pub(super) fn hint(error: &(dyn Error + 'static)) -> Option<String> {
    let hint = match as_a(error)? {
        SubjectError::Rounded { .. } => {
            "give the model and the data numbers that single precision holds, or leave the sample out: thresholds between the values, not on them"
        }
        SubjectError::Joined { .. } => "leave it out, or name one input to attack with --input NAME",
        SubjectError::Held { .. } => "give arrays of these names in one .npz or .safetensors file, for one sample or for each",
        SubjectError::Sample { .. } | SubjectError::Sized { .. } => "give other data, or give the size of one sample with --shape",
        SubjectError::IntegerRange { .. } => "check --scale, --mean and --std",
        SubjectError::EmbeddingRange { most, .. } => {
            return Some(format!(
                "say in brinell.toml which numbers may appear there: [[feature]] columns = [\"*\"], min = 0, max = {most}, integer = true, \
                 keep = [numbers of padding and marks], and attack with --norm l0 --eps N, N places that may change (docs/tables.md); \
                 for gradients export the model from its embeddings on"
            ));
        }
        SubjectError::OtherScale { scale, other, .. } => {
            return Some(format!("give --scale {other} with --eps in its units, or rescale the data to {scale}"));
        }
        SubjectError::OtherMoments { scale, other, .. } => {
            return Some(format!("give --scale {other} with --eps in its units, or --mean and --std in units of {scale}"));
        }
        SubjectError::IntegerStep { .. } => "for pixels give --scale 0..255 and --eps on that scale, such as 8 instead of 8/255",
        SubjectError::Target { .. } => "leave out --target; with labels, choose those that count with --only-labels",
        SubjectError::LossOfTask { .. } => "leave out --task",
        SubjectError::Sigmoids { .. } => {
            "give --task multilabel with a row of zeros and ones for each sample, or --task classification where exactly one class applies and the \
             largest value decides"
        }
        SubjectError::Cut { .. } => "give --threshold, such as 0.5",
        SubjectError::Pairs { .. } => "leave out --pairs, or give --task embedding --distance D",
        SubjectError::Reference { .. } => "leave the pair out of --pairs",
        SubjectError::HeldPairs => "give the other inputs for one sample, so that they are the same for all",
        SubjectError::Address => "write it as http://HOST/v2/models/NAME or https://HOST/v2/models/NAME",
        SubjectError::NotEquivalent { .. } => "please report this model",
        _ => return None,
    };
    Some(hint.to_owned())
}
