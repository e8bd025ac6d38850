//! One line of `record.jsonl`.

use serde::{Deserialize, Serialize};

use crate::Label;

/// What the audit found out about one sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The model is wrong on the unchanged sample, so nothing was attacked.
    Misclassified,
    /// An adversarial example was found and the referee confirmed it on the original file.
    Broken,
    /// Every attack that was tried failed. This proves nothing about attacks not tried.
    Survived,
}

/// The decision on one sample; `record.jsonl` holds one per line, in the order in which they were decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SampleRecord {
    /// Position of the sample in the data, counted from 0.
    pub sample: usize,
    /// What is right: of a classifier the class, counted from 0.
    pub label: Label,
    /// What the original model answers about the unchanged sample; `None` where an output is not finite.
    pub prediction: Option<Label>,
    /// What came of it.
    pub outcome: Outcome,
    /// Attack that found the adversarial example; `None` unless broken.
    pub attack: Option<String>,
    /// Restart of that attack, counted from 0; `None` unless broken.
    pub restart: Option<u32>,
    /// Size of the perturbation found, in the threat's norm and in input-scale units; `None` unless broken.
    #[serde(default, with = "crate::float::option")]
    pub norm: Option<f64>,
    /// How far the attack was from its goal: of a classifier in logits, the true class's minus the largest other one, or with a target the
    /// largest other one minus the target's; of other tasks what their documentation says. Negative once the goal is reached. Taken on the decisive point: the unchanged
    /// sample if misclassified, the adversarial example as the referee judged it if broken, and the
    /// smallest margin that any attack reached if survived.
    #[serde(with = "crate::float")]
    pub margin: f64,
    /// Forward passes that the attacks spent on this sample.
    pub forwards: u64,
    /// Backward passes that the attacks spent on this sample.
    pub backwards: u64,
    /// What the original model answers about the adversarial example.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adv_prediction: Option<Label>,
    /// Class that the attack was to reach, in a targeted audit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<usize>,
    /// Softmax probability of `prediction` on the unchanged sample.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "crate::float::option")]
    pub confidence: Option<f64>,
    /// Softmax probability of `adv_prediction` on the adversarial example.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "crate::float::option")]
    pub adv_confidence: Option<f64>,
    /// The largest radius within which a search that read the model, and looked at everything, found no example; in the threat's norm and units.
    /// It rests on the model as it was read, not on a certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub none_within: Option<f64>,
    /// True where sound bounds show that no allowed change breaks the sample.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub certified: bool,
}
