//! What is asked: the one place where a user's choices are written down.
//!
//! A [`Question`] is read from flags, from `brinell.toml`, from a claim and from the record of a run alike; it is serialised, compared and
//! shown as it stands here, and everything else passes it on. [`SETTINGS`] declares each choice once: its name, its help and how its words
//! become a value.

mod artefact;
mod effort;
mod population;
mod running;
mod settings;
mod task;
mod threat;
pub(crate) mod words;

use std::path::PathBuf;

use brinell_threat::Eps;
use serde::{Deserialize, Serialize};

pub use artefact::{Artefact, Layout, Scale};
pub use effort::Effort;
pub use population::{Population, Sampling};
pub use running::{Device, Running, RuntimeChoice};
pub use settings::{FilePaths, Form, Part, SETTINGS, Setting, SettingError, setting};
pub use task::{TaskError, TaskKind};
pub use threat::{Knowledge, Radius, Threat};
pub use words::WordError;
pub(crate) use words::words;

/// Everything that a user asks of an audit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The model, and how inputs reach it.
    pub artefact: Artefact,
    /// The inputs that it is asked about.
    pub population: Population,
    /// What the attacker may do and see.
    pub threat: Threat,
    /// How hard the attacker tries.
    pub effort: Effort,
    /// What executes the model; changes no answer beyond rounding.
    pub running: Running,
}

impl Question {
    /// Returns what of the question decides an answer: not where files lie, which their digests say better, not how closely attacks and model are
    /// looked at, and not what executes the model, whose name and version the record of a run has.
    #[must_use]
    pub fn essence(&self) -> Self {
        let mut essence = self.clone();
        essence.artefact.model = PathBuf::new();
        essence.artefact.scale = Some(self.artefact.scale());
        essence.population.data = PathBuf::new();
        essence.population.labels = None;
        essence.population.classes = None;
        essence.population.pairs = None;
        if let Some(eps) = self.threat.eps.eps() {
            // 8/255 and its decimals are the same radius.
            essence.threat.eps = Radius::Within(Eps::new(eps.value()).unwrap_or(Eps::ZERO));
        }
        essence.effort.sanity = crate::SanityLevel::default();
        essence.running = Running::default();
        essence
    }

    /// Returns the SHA-256 of [`Question::essence`] in canonical JSON.
    #[must_use]
    pub fn digest(&self) -> String {
        crate::hash::sha256_json(&self.essence())
    }

    /// Names the settings in which two questions differ, with their values in both.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<(String, String, String)> {
        let value = |question: &Self| serde_json::to_value(question).unwrap_or_default();
        let mut found = Vec::new();
        compare("", &value(self), &value(other), &mut found);
        found
    }
}

/// Collects the places at which two JSON values differ, as dotted paths.
fn compare(path: &str, a: &serde_json::Value, b: &serde_json::Value, found: &mut Vec<(String, String, String)>) {
    use serde_json::Value;
    let (Value::Object(left), Value::Object(right)) = (a, b) else {
        if a != b {
            let text = |value: &Value| match value {
                Value::Null => "(nothing)".to_owned(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            found.push((path.to_owned(), text(a), text(b)));
        }
        return;
    };
    let keys: std::collections::BTreeSet<&String> = left.keys().chain(right.keys()).collect();
    for key in keys {
        let place = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        compare(&place, left.get(key).unwrap_or(&Value::Null), right.get(key).unwrap_or(&Value::Null), found);
    }
}
