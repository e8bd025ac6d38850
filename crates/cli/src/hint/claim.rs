//! Hints for errors of claims and their evidence.

use std::error::Error;

use brinell::errors::{ClaimError, Role};

use super::as_a;

pub(super) fn hint(error: &(dyn Error + 'static)) -> Option<String> {
    match as_a(error)? {
        ClaimError::Exists { .. } => Some("choose another file with --out".to_owned()),
        ClaimError::Digest { found, .. } if found.is_empty() => Some("remove weights_sha256 from the claim file".to_owned()),
        ClaimError::Digest { found, .. } => Some(format!("write {found} into the claim file")),
        ClaimError::Nearest { .. } => Some("run an audit with --eps, and make the claim from that run".to_owned()),
        ClaimError::Other { role, .. } | ClaimError::Missing { role, .. } => Some(format!("give its new path with {}", flag(*role))),
        _ => None,
    }
}

fn flag(role: Role) -> &'static str {
    match role {
        Role::Model => "--model",
        Role::OtherModel => "--other",
        Role::Data => "--data",
    }
}
