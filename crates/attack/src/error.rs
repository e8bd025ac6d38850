//! What can be wrong with the name or the settings of an attack, or with a suite.

use brinell_threat::{Norm, ThreatError};

use crate::SettingRange;

/// An attack or a suite that cannot be configured.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AttackError {
    /// No attack has this name.
    #[error("unknown attack '{name}'; the attacks are {}", known.join(", "))]
    UnknownAttack {
        /// What was given.
        name: String,
        /// All names.
        known: Vec<&'static str>,
        /// The name that it is a misspelling of, by the looks of it.
        nearest: Option<&'static str>,
    },
    /// No suite has this name.
    #[error("unknown suite '{name}'; the suites are {}", known.join(", "))]
    UnknownSuite {
        /// What was given.
        name: String,
        /// All names.
        known: Vec<&'static str>,
        /// The name that it is a misspelling of, by the looks of it.
        nearest: Option<&'static str>,
    },
    /// A suite is not TOML, or has fields that no suite has.
    #[error("suite '{name}': {problem}")]
    BadSuite {
        /// Its name or file.
        name: String,
        /// What is wrong, with the line.
        problem: String,
    },
    /// A stage of a suite is wrong.
    #[error("suite '{name}': line {line}: {source}")]
    BadStage {
        /// Name or file of the suite.
        name: String,
        /// Where, from 1.
        line: usize,
        /// What is wrong.
        source: Box<AttackError>,
    },
    /// A suite names a norm that is none.
    #[error("{0}")]
    Norm(#[from] ThreatError),
    /// A suite gives an attack a norm that it does not work in.
    #[error("attack {attack} does not support the norm {norm}")]
    NotItsNorm {
        /// The attack.
        attack: String,
        /// The norm.
        norm: Norm,
    },
    /// A stage of a suite has a limit of queries that leaves no attack.
    #[error("max-queries must be at least 2, because a gradient costs one forward and one backward pass")]
    TooFewQueries,
    /// A stage of a suite is for samples that are nearer than can be.
    #[error("near must be between 0 and 1; it is the share of the clean margin that is left")]
    BadNear,
    /// A suite has no attack for the norm.
    #[error("suite '{suite}' has no attack for the norm {norm}, only for {}", names(known))]
    NoStage {
        /// Its name or file.
        suite: String,
        /// The norm.
        norm: Norm,
        /// Norms that it has attacks for.
        known: Vec<Norm>,
    },
    /// An attack that is no rule stands in a combination.
    #[error("attack {attack} cannot be combined with others; the attacks that can are {}", known.join(", "))]
    NotARule {
        /// The attack.
        attack: &'static str,
        /// All rules.
        known: Vec<&'static str>,
    },
    /// A rule stands twice in a combination.
    #[error("{rule} is given twice")]
    RuleTwice {
        /// The rule.
        rule: &'static str,
    },
    /// Two rules of a combination exclude each other.
    #[error("{first} and {second} cannot be combined, because both choose where gradients are computed")]
    TwoLooks {
        /// The first.
        first: &'static str,
        /// The second.
        second: &'static str,
    },
    /// The attack has no such setting.
    #[error("attack {attack} has no setting '{setting}'; its settings are {}", if known.is_empty() { "none".to_owned() } else { known.join(", ") })]
    UnknownSetting {
        /// The attack.
        attack: &'static str,
        /// What was given.
        setting: String,
        /// All settings of the attack.
        known: Vec<&'static str>,
        /// The setting that it is a misspelling of, by the looks of it.
        nearest: Option<&'static str>,
    },
    /// A setting is not of the form `name=value`.
    #[error("'{text}' in the settings of attack {attack} does not have the form name=value")]
    NotASetting {
        /// The attack.
        attack: &'static str,
        /// What was given.
        text: String,
    },
    /// A setting has a value that makes no sense.
    #[error("setting {setting} of attack {attack} is '{value}', but it must be {expected}")]
    BadValue {
        /// The attack.
        attack: &'static str,
        /// The setting.
        setting: &'static str,
        /// What was given.
        value: String,
        /// What would do.
        expected: SettingRange,
    },
}

fn names(norms: &[Norm]) -> String {
    norms.iter().map(|norm| norm.name()).collect::<Vec<_>>().join(", ")
}
