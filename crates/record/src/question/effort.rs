//! How hard the attacker tries.

use serde::{Deserialize, Serialize};

use crate::SanityLevel;

/// Attacks, budget and seed.
///
/// | Name | Default | Meaning |
/// |---|---|---|
/// | `suite` | by knowledge and radius | attacks that run one after the other, by the name of their suite or its file |
/// | `attacks` | none | attacks by name and settings, such as `pgd:steps=40`, instead of a suite |
/// | `max_queries` | none | forwards plus backwards that one sample may cost in one stage |
/// | `seed` | 0 | of every random choice |
/// | `keep_going` | false | run attacks to their end and keep the strongest example, instead of the first |
/// | `certify` | none | seconds for which a proof of each sample is looked for before it is attacked |
/// | `sanity` | `cheap` | how closely attacks and model are looked at; changes no count |
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the table says it")]
pub struct Effort {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suite: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attacks: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_queries: Option<u64>,
    #[serde(default)]
    pub seed: u64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep_going: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certify: Option<u64>,
    #[serde(default, skip_serializing_if = "is_cheap")]
    pub sanity: SanityLevel,
}

impl Effort {
    /// Everything said, whatever it says: its JSON has every key.
    #[must_use]
    pub fn every() -> Self {
        let (suite, attacks) = (Some(String::new()), vec![String::new()]);
        Self { suite, attacks, max_queries: Some(0), seed: 0, keep_going: true, certify: Some(1), sanity: SanityLevel::Full }
    }
}

fn is_cheap(level: &SanityLevel) -> bool {
    *level == SanityLevel::Cheap
}
