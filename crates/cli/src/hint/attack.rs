//! Hints for errors of attacks and suites.

use std::error::Error;

use brinell_protocol::errors::AttackError;

use super::as_a;

pub(super) fn hint(error: &(dyn Error + 'static)) -> Option<String> {
    match as_a(error)? {
        AttackError::UnknownAttack { .. } => Some("`brinell attacks` lists them with their settings".to_owned()),
        AttackError::UnknownSuite { .. } => Some("name one of these or a file; `brinell suites NAME` prints one to start from".to_owned()),
        AttackError::UnknownSetting { .. } => Some("`brinell attacks` says what each setting means".to_owned()),
        AttackError::NotASetting { attack, .. } => Some(format!("write it as in {attack}:steps=40")),
        _ => None,
    }
}
