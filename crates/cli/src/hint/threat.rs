//! Hints for errors of norms, radii and boxes.

use std::error::Error;

use brinell::ThreatError;

use super::as_a;

pub(super) fn hint(error: &(dyn Error + 'static)) -> Option<String> {
    let hint = match as_a(error)? {
        ThreatError::BadEps { .. } => "write it as 8/255 or 0.03",
        ThreatError::NotACount { .. } => "give the number of elements that may change",
        ThreatError::EpsBeyondBox { .. } => "check --scale, and --eps, which is in its units",
        ThreatError::EpsBeyondFeatures { .. } => "check --unit, and --eps, which is in that unit",
        _ => return None,
    };
    Some(hint.to_owned())
}
