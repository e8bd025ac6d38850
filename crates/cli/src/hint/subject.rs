//! Hints for errors of models and the data that they are asked about.

use std::error::Error;

use brinell::errors::SubjectError;

use super::as_a;

pub(super) fn hint(error: &(dyn Error + 'static)) -> Option<String> {
    let hint = match as_a(error)? {
        SubjectError::Rounded { .. } => {
            "use thresholds in the model that lie between values of the data, not exactly on them; or remove the sample"
        }
        SubjectError::Joined { .. } => "leave it out, or choose one input to attack with --input NAME",
        SubjectError::Held { .. } => "give arrays with these names in one .npz or .safetensors file, for one sample or for each",
        SubjectError::Sample { .. } | SubjectError::Sized { .. } => "give other data, or the shape of one sample with --shape",
        SubjectError::IntegerRange { .. } => "check --scale, --mean and --std",
        SubjectError::EmbeddingRange { most, .. } => {
            return Some(format!(
                "write in brinell.toml which values are allowed: [[feature]] columns = [\"*\"], min = 0, max = {most}, integer = true, keep = [values for padding and special tokens], and attack with --norm l0 --eps N, where N positions may change (docs/tables.md); for attacks with gradients, export the part of the model after its embeddings"
            ));
        }
        SubjectError::OtherScale { scale, other, .. } => {
            return Some(format!("give --scale {other}, with --eps in its units, or rescale the data to {scale}"));
        }
        SubjectError::OtherMoments { scale, other, .. } => {
            return Some(format!("give --scale {other}, with --eps in its units, or --mean and --std in units of {scale}"));
        }
        SubjectError::IntegerStep { features: true, step, .. } => {
            return Some(format!("give --eps of at least {step}, or --unit absolute and --eps in the units of the columns, such as 1"));
        }
        SubjectError::IntegerStep { .. } => "for images, give --scale 0..255, and --eps on that scale, such as 8 instead of 8/255",
        SubjectError::Target { .. } => "leave out --target; for task multilabel, choose the labels that count with --only-labels",
        SubjectError::LossOfTask { .. } => "leave out --task",
        SubjectError::Sigmoids { .. } | SubjectError::Independent { .. } => {
            "if several labels can apply to a sample, give --task multilabel and a row of zeros and ones per sample; if exactly one class applies, give --task classification"
        }
        SubjectError::Refuses { .. } => {
            "give the model without its detector, or run `brinell audit`, which counts what is wrong and accepted"
        }
        SubjectError::Cut { .. } => "give --threshold, such as 0.5",
        SubjectError::Pairs { .. } => "leave out --pairs, or give --task embedding --distance D",
        SubjectError::Reference { .. } => "remove the pair from the file of --pairs",
        SubjectError::HeldPairs => "give one value for each other input, the same for all samples",
        SubjectError::Address => "write it as http://HOST/v2/models/NAME or https://HOST/v2/models/NAME",
        SubjectError::NoPicture { .. } => "use an attack that works on any input: --attack mi, mi+ni or mi+si",
        SubjectError::Rows { .. } => "export the model so that the first axis of its input and of its output is the batch",
        SubjectError::NotEquivalent { .. } => "please report this, with the model if you can",
        _ => return None,
    };
    Some(hint.to_owned())
}
