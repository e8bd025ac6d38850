//! Hints for errors of model files.

use std::error::Error;

use brinell::errors::ImportError;

use super::as_a;

pub(super) fn hint(error: &(dyn Error + 'static)) -> Option<String> {
    let hint = match as_a(error)? {
        ImportError::Truncated { .. } => "copy or download it again",
        ImportError::UnsupportedOpset { oldest, newest, .. } => {
            return Some(format!("export the model with an opset from {oldest} to {newest}"));
        }
        ImportError::ExternalData { .. } => "put the files with its weights beside the model, as they were when it was exported",
        ImportError::NoFolder { .. } => "read the model from its folder",
        _ => return None,
    };
    Some(hint.to_owned())
}
