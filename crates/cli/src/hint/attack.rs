//! Hints for errors of attacks and suites.

use std::error::Error;

use brinell::errors::AttackError;

use super::{as_a, meant};

pub(super) fn hint(error: &(dyn Error + 'static)) -> Option<String> {
    match as_a(error)? {
        AttackError::UnknownAttack { nearest, .. } => {
            meant(*nearest).or_else(|| Some("`brinell attacks` lists them with their settings".to_owned()))
        }
        AttackError::UnknownSuite { nearest, .. } => {
            meant(*nearest).or_else(|| Some("name one of these or a file; `brinell suites NAME` prints one to start from".to_owned()))
        }
        AttackError::UnknownSetting { nearest, .. } => {
            meant(*nearest).or_else(|| Some("`brinell attacks` says what each setting means".to_owned()))
        }
        AttackError::NotASetting { attack, .. } => {
            Some(format!("write settings as {attack}:NAME=VALUE,NAME=VALUE; `brinell attacks` lists them"))
        }
        _ => None,
    }
}
