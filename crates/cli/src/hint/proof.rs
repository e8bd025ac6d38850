use std::error::Error;

use brinell::errors::ProofError;

use super::as_a;

pub(super) fn hint(error: &(dyn Error + 'static)) -> Option<String> {
    match as_a::<ProofError>(error)? {
        ProofError::Exists { .. } => Some("add --resume to continue it, or choose another folder with --out".to_owned()),
        ProofError::Nothing { .. } => Some("leave out --resume to start a new run".to_owned()),
        ProofError::Other { .. } => Some("choose another folder with --out, or give the settings of the run in this folder".to_owned()),
        ProofError::Network(_) | ProofError::Kind { .. } => {
            Some("`brinell inspect` shows whether a model can be certified; `brinell audit` attacks any model".to_owned())
        }
        ProofError::Reach { votes: Some(votes), .. } => Some(format!("give --votes {votes} or more, a larger --sigma, or a smaller --eps")),
        ProofError::Reach { votes: None, .. } => Some("give a larger --sigma or a smaller --eps".to_owned()),
        ProofError::Contradiction { .. } => Some("please report this, with the command and, if you can, the model".to_owned()),
        _ => None,
    }
}
