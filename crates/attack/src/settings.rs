//! Settings of attacks as written on the command line: `pgd:steps=40,restarts=5`.

use std::str::FromStr;

use crate::AttackError;

/// The settings given for one attack, checked against the names that it knows.
pub(crate) struct Settings<'a> {
    attack: &'static str,
    given: Vec<(&'a str, &'a str)>,
}

impl<'a> Settings<'a> {
    /// No settings: the attack as it is by default.
    pub(crate) fn none(attack: &'static str) -> Self {
        Self { attack, given: Vec::new() }
    }

    /// Splits `text`, which is what follows the colon.
    pub(crate) fn parse(attack: &'static str, text: &'a str, known: &[&str]) -> Result<Self, AttackError> {
        let mut given = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let Some((name, value)) = part.split_once('=') else {
                return Err(AttackError::NotASetting { attack, text: part.to_owned() });
            };
            let (name, value) = (name.trim(), value.trim());
            if !known.contains(&name) {
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                return Err(AttackError::UnknownSetting { attack, setting: name.to_owned(), known });
            }
            given.push((name, value));
        }
        Ok(Self { attack, given })
    }

    /// The value of a setting, if given; the last one counts.
    pub(crate) fn get<T: FromStr>(&self, setting: &'static str, expected: &'static str) -> Result<Option<T>, AttackError> {
        let Some((_, value)) = self.given.iter().rev().find(|(name, _)| *name == setting) else {
            return Ok(None);
        };
        let bad = |_| AttackError::BadValue { attack: self.attack, setting, value: (*value).to_owned(), expected };
        value.parse().map(Some).map_err(bad)
    }
}

/// Refuses zero.
pub(crate) fn positive(attack: &'static str, setting: &'static str, value: u32) -> Result<u32, AttackError> {
    if value == 0 {
        return Err(AttackError::BadValue { attack, setting, value: value.to_string(), expected: "a whole number above 0" });
    }
    Ok(value)
}

/// Refuses what is not a finite number above zero.
pub(crate) fn above_zero(attack: &'static str, setting: &'static str, value: f64) -> Result<f64, AttackError> {
    if value > 0.0 && value.is_finite() {
        return Ok(value);
    }
    Err(AttackError::BadValue { attack, setting, value: value.to_string(), expected: "a finite number above 0" })
}
