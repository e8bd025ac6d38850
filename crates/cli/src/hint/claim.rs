//! Hints for errors of claims and their evidence.

use std::error::Error;

use brinell::errors::{ClaimError, Role};

use super::as_a;

/// Settings of what executes the models.
const RUNNING: [&str; 5] = ["runtime", "onnxruntime", "device", "threads", "batch"];

pub(super) fn hint(error: &(dyn Error + 'static)) -> Option<String> {
    match as_a(error)? {
        // How a claim is checked is no part of it.
        ClaimError::Key { key, .. } if RUNNING.contains(&key.rsplit('.').next()?) => Some("give it to brinell check as a flag".to_owned()),
        ClaimError::Exists { .. } => Some("choose another file with --out".to_owned()),
        ClaimError::NoRadius { .. } => Some("audit with --eps".to_owned()),
        ClaimError::Other { role, .. } | ClaimError::Missing { role, .. } => Some(format!("name it with {}", flag(*role))),
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
