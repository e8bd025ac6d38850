//! Hints for errors of audits.

use std::error::Error;

use brinell::errors::AuditError;

use super::as_a;

pub(super) fn hint(error: &(dyn Error + 'static)) -> Option<String> {
    let hint = match as_a(error)? {
        AuditError::RadiusOfAttack { .. } => "give --eps instead of --minimum-norm, or another --attack",
        AuditError::KnowledgeOfAttack { .. } => "choose another --attack, or grant more with --knowledge",
        AuditError::NoGradient { .. } => "attack it by its scores with --knowledge score, or by its predictions with --knowledge label",
        AuditError::NormOfAttack { .. } => "choose another --attack or another --norm",
        AuditError::NoTrees { .. } => "attack it by its scores or labels instead: --suite score, --suite label",
        _ => return None,
    };
    Some(hint.to_owned())
}
