//! Hints for errors of norms, radii and boxes.

use std::error::Error;

use brinell::ThreatError;

use super::as_a;

pub(super) fn hint(error: &(dyn Error + 'static)) -> Option<String> {
    let hint = match as_a(error)? {
        ThreatError::BadEps { .. } => "write it as 8/255 or 0.03",
        ThreatError::NotACount { .. } => "give how many elements may change, such as --eps 5",
        ThreatError::EpsBeyondBox { .. } => "check --scale, and --eps, which is in units of it",
        ThreatError::EpsBeyondFeatures { .. } => "check --unit, and --eps, which is in this unit",
        _ => return None,
    };
    Some(hint.to_owned())
}
