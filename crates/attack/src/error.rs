//! What can be wrong with the name or the settings of an attack.

/// An attack that cannot be configured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AttackError {
    /// No attack has this name.
    #[error("unknown attack '{name}': known are {known}")]
    UnknownAttack {
        /// What was given.
        name: String,
        /// All names.
        known: String,
    },
    /// No suite has this name.
    #[error("unknown suite '{name}': known are {known}")]
    UnknownSuite {
        /// What was given.
        name: String,
        /// All names.
        known: String,
    },
    /// A suite cannot be read.
    #[error("suite '{name}': {problem}")]
    BadSuite {
        /// Its name or file.
        name: String,
        /// What is wrong, with the line.
        problem: String,
    },
    /// A suite has no attack for the norm.
    #[error("suite '{suite}' has no attack for the norm {norm}: it has some for {known}")]
    NoStage {
        /// Its name or file.
        suite: String,
        /// The norm.
        norm: &'static str,
        /// Norms that it has attacks for.
        known: String,
    },
    /// The attack has no such setting.
    #[error("attack {attack} has no setting '{setting}': known are {known}")]
    UnknownSetting {
        /// The attack.
        attack: &'static str,
        /// What was given.
        setting: String,
        /// All settings of the attack.
        known: String,
    },
    /// A setting is not of the form `name=value`.
    #[error("'{text}' in the settings of attack {attack} is not of the form name=value")]
    NotASetting {
        /// The attack.
        attack: &'static str,
        /// What was given.
        text: String,
    },
    /// A setting has a value that makes no sense.
    #[error("setting {setting} of attack {attack} is '{value}': it must be {expected}")]
    BadValue {
        /// The attack.
        attack: &'static str,
        /// The setting.
        setting: &'static str,
        /// What was given.
        value: String,
        /// What would do.
        expected: &'static str,
    },
}
