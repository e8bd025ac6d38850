//! What follows from the settings that a configuration declares.

use brinell_threat::nearest_name;

use super::{Declaration, Setting, Value};
use crate::AttackError;

/// A configuration whose settings are declared.
pub(crate) trait Declared: Clone + 'static {
    /// Shows every setting with its place, in the order in which they are described.
    fn each(&mut self, visit: &mut dyn FnMut(&'static Declaration, &mut dyn Value));

    /// The same configuration, where every setting is in its range.
    ///
    /// # Errors
    /// `BadValue` for the first that is not.
    fn checked(mut self, attack: &'static str) -> Result<Self, AttackError> {
        let mut first = None;
        self.each(&mut |setting, value| {
            if first.is_none() && !value.fits(setting.range) {
                let value = value.write().unwrap_or_default();
                first = Some(AttackError::BadValue { attack, setting: setting.name, value, expected: setting.range });
            }
        });
        first.map_or(Ok(self), Err)
    }

    /// The same configuration with what `text` gives, as in `steps=40,restarts=5`; of a setting that is given twice the last one counts. Ranges are not
    /// checked yet.
    ///
    /// # Errors
    /// `NotASetting`, `UnknownSetting`, and `BadValue` for what is no value of the setting's kind.
    fn with(mut self, attack: &'static str, text: &str) -> Result<Self, AttackError> {
        let known = self.names();
        let mut given = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let Some((name, value)) = part.split_once('=') else {
                return Err(AttackError::NotASetting { attack, text: part.to_owned() });
            };
            let (name, value) = (name.trim(), value.trim());
            if !known.contains(&name) {
                let nearest = nearest_name(name, &known);
                return Err(AttackError::UnknownSetting { attack, setting: name.to_owned(), known, nearest });
            }
            given.push((name, value));
        }
        let mut first = None;
        self.each(&mut |setting, value| {
            let Some((_, text)) = given.iter().rev().find(|(name, _)| *name == setting.name) else { return };
            if !value.read(text) && first.is_none() {
                let value = (*text).to_owned();
                first = Some(AttackError::BadValue { attack, setting: setting.name, value, expected: setting.range });
            }
        });
        first.map_or(Ok(self), Err)
    }

    /// The attack's name with all settings, in a form that [`with`](Declared::with) reads.
    fn describe(&self, attack: &str) -> String {
        let mut given = Vec::new();
        self.clone().each(&mut |setting, value| given.extend(value.write().map(|value| format!("{}={value}", setting.name))));
        if given.is_empty() { attack.to_owned() } else { format!("{attack}:{}", given.join(",")) }
    }

    /// Names of all settings.
    fn names(&self) -> Vec<&'static str> {
        let mut names = Vec::new();
        self.clone().each(&mut |setting, _| names.push(setting.name));
        names
    }

    /// What is known of every setting, with the values of this configuration as defaults.
    fn settings(&self) -> Vec<Setting> {
        let mut settings = Vec::new();
        self.clone().each(&mut |&Declaration { name, range, meaning, paper, unset }, value| {
            let default = value.write().or(unset.map(str::to_owned)).unwrap_or_default();
            settings.push(Setting { name, kind: range.kind(), default, range, meaning: meaning.trim(), paper });
        });
        settings
    }
}

/// The configuration of an attack without settings.
impl Declared for () {
    fn each(&mut self, _visit: &mut dyn FnMut(&'static Declaration, &mut dyn Value)) {}
}
