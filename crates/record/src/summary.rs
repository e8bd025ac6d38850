//! `summary.json`: what was asked, with what, and what came out.

use serde::{Deserialize, Serialize};

use crate::{ChangeRule, Flag, Indicator, Knowledge, MinimumNorm, Question, Sanity, Severity, ShardRecord, TaskKind};

/// Value of [`Summary::schema`] that this crate writes and reads.
pub const SUMMARY_SCHEMA: &str = "brinell.summary/2";

/// Everything an audit says about itself, apart from the single samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Always [`SUMMARY_SCHEMA`].
    pub schema: String,
    /// Version of the program that ran the audit.
    pub brinell_version: String,
    /// When the audit ended, in UTC, as `2026-11-22T23:50:00Z`.
    pub created: String,
    /// Command line that repeats the run, arguments quoted for a POSIX shell.
    pub command: String,
    /// What was asked.
    pub question: Question,
    /// What the model turned out to be.
    pub model: ModelInfo,
    /// The samples as they were read.
    pub data: DataInfo,
    /// What the threat means for this model and these samples.
    pub allowed: Allowed,
    /// Name of the attack suite, `custom` where the attacks were named one by one.
    pub suite: String,
    /// Attacks in the order in which they ran.
    pub attacks: Vec<String>,
    /// Attacks that this version has for this norm and that did not run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attacks_not_run: Vec<String>,
    /// What evaluated the model.
    pub runtime: RuntimeInfo,
    /// Samples classified correctly before any attack.
    pub clean_correct: usize,
    /// Correctly classified samples that no attack broke.
    pub survived: usize,
    /// Correctly classified samples that an attack broke.
    pub broken: usize,
    /// `clean_correct` of all `n` samples.
    pub clean_accuracy: Rate,
    /// `survived` of all `n` samples: an upper bound on robustness, for these attacks.
    pub robust_accuracy: Rate,
    /// One entry per attack stage, in the order in which they ran.
    pub stages: Vec<Stage>,
    /// What makes the result doubtful or deserves to be known.
    pub flags: Vec<Flag>,
    /// Everything that was measured for the sake of flags, raised or not, by id.
    #[serde(default)]
    pub indicators: Vec<Indicator>,
    /// How closely attacks and model were looked at; `None` in records of versions that did not say.
    #[serde(default)]
    pub sanity: Option<Sanity>,
    /// Names of the classes, by class id; empty where none were given.
    pub classes: Vec<String>,
    /// Counts for every class that occurs in the data, by class id.
    pub per_class: Vec<ClassCounts>,
    /// Counts for every label that counts, of the task `multilabel`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub per_label: Vec<LabelCounts>,
    /// Robust accuracy over the radius, radii ascending.
    pub curve: Vec<CurvePoint>,
    /// How many samples stand after how many queries, queries ascending; empty where attacks go on after their first success.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub queries_curve: Vec<QueryPoint>,
    /// Distances of the nearest examples, where the audit looked for these instead of examples within a radius.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_norm: Option<MinimumNorm>,
    /// What searches that looked at everything show; `None` where no attack of the run can search so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exhaustive: Option<Exhaustive>,
    /// What was refused; `None` for a model that always answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusals: Option<Refusals>,
    /// What was proven; `None` where no proof was looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certified: Option<Certificates>,
    /// Wall-clock time of the whole run, resumed parts included.
    pub seconds: f64,
    /// Largest resident set of the process; `None` where the system does not tell.
    pub peak_rss_bytes: Option<u64>,
    /// Machine that ran it; where it was merged from shards, the machine that merged them.
    pub machine: Machine,
    /// The shards that it was merged from, by number; empty where one machine ran it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shards: Vec<ShardRecord>,
}

impl Summary {
    /// Returns the flags that forbid a verdict.
    pub fn blocking(&self) -> impl Iterator<Item = &Flag> {
        self.flags.iter().filter(|flag| flag.severity == Severity::Blocking)
    }

    /// Returns true where the model has a defence that attacks with gradients knew: they looked through its rounding, or had to be accepted by its detector.
    #[must_use]
    pub fn is_adaptive(&self) -> bool {
        let bridged = self.model.interface.as_ref().is_some_and(|interface| !interface.surrogates.is_empty());
        let known = bridged || self.refusals.is_some();
        known && self.stages.iter().any(|stage| stage.backwards > 0)
    }
}

/// The audited model as it was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// Name to show: the file name, or a title given by the caller.
    pub name: String,
    /// Lower-case hexadecimal SHA-256 of the file.
    pub sha256: String,
    /// The same of the other files that hold its weights, one after the other by name; `None` where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights_sha256: Option<String>,
    /// What was attacked and what decided; `None` in records of versions that did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<ModelInterface>,
}

/// How a model was read as a classifier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelInterface {
    /// The input that was attacked.
    pub input: Port,
    /// The inputs of the file that were attacked together, in the order of the values of a sample; empty where one takes them all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Port>,
    /// The inputs that were held at what the data say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<Port>,
    /// The output that decided.
    pub output: Port,
    /// Names of the outputs that nobody looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_outputs: Vec<String>,
    /// What the output is: `logits`, `softmax` or `sigmoid`; of the last two, the losses used the values before it.
    pub ending: String,
    /// What the output means, where that is no classification.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskKind>,
    /// Score from which on the class is 1, where the output is one score and no row of logits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// The defence that the file says it has in front of it, such as `bits:3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defence: Option<String>,
    /// Names of the nodes of a defence that gradients went straight through.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub surrogates: Vec<String>,
    /// Sizes of one sample of the input, where the file leaves some free and they were taken from the user or the data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<Vec<usize>>,
}

/// An input or output of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// Its element type, such as `f32`.
    pub dtype: String,
    /// Its shape, such as `[B, 3, 32, 32]`.
    pub shape: String,
}

/// The labelled samples as they were read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataInfo {
    /// Lower-case hexadecimal SHA-256 of samples and labels as they were read.
    pub sha256: String,
    /// Number of samples audited.
    pub n: usize,
    /// Shape of one sample as the attacks see it, without the batch.
    pub shape: Vec<usize>,
    /// Numbers of the samples in the data, ascending and counted from 0; empty where they are the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<usize>,
}

/// The changes that were allowed: those of at most `eps` that stay inside the box.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Allowed {
    /// Radius, in input-scale units. Where the nearest examples were looked for at any distance, that of the farthest corner of the box.
    pub eps: f64,
    /// Smallest and largest allowed value of every input element.
    #[serde(rename = "box")]
    pub input_box: [f64; 2],
    /// Class that every sample is to be turned into; `None` if any wrong class counts.
    pub target: Option<usize>,
    /// Rules of the features, whose units eps and distances are then given in; the box is the smallest that holds all their ranges.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<Features>,
    /// What the attacks might see of the model: less than was asked for where it has no gradient. `None` in records of versions that did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub knowledge: Option<Knowledge>,
}

/// What may be done to the features of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Features {
    /// One per feature, in the order of the values of a sample.
    pub columns: Vec<Feature>,
    /// Features of which exactly one is 1 and the others are 0, by their numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub one_hot: Vec<Vec<usize>>,
}

/// What may be done to one feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Feature {
    /// Name in the header of the data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Smallest value that a change may lead to.
    pub min: f32,
    /// Largest value that a change may lead to.
    pub max: f32,
    /// The change that counts as 1 in distances.
    pub unit: f64,
    /// True where changes lead to whole numbers.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub integer: bool,
    /// Values that changes may lead to; empty for any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<f32>,
    /// Directions in which it may be changed.
    pub change: ChangeRule,
    /// Values that are not changed where they stand, and that no change leads to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keep: Vec<f32>,
}

/// What evaluated the model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuntimeInfo {
    /// Runtime that ran, such as `onnxruntime`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Device, such as `cpu`.
    pub device: String,
    /// Threads inside the runtime.
    pub threads: usize,
    /// Samples per call.
    pub batch: usize,
}

/// What searches that looked at everything show, of the model as it was read.
///
/// This is no certificate: what was read is compared with the file on samples and on both sides of edges, and ties that rounding decides are put
/// to the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exhaustive {
    /// Samples that survived whose [`none_within`](crate::SampleRecord::none_within) is at least the radius: there is no example within it.
    pub none_exists: usize,
    /// Where the nearest examples were looked for: broken samples whose [`none_within`](crate::SampleRecord::none_within) is at least
    /// [`NEAREST`](Self::NEAREST) of the distance of their example, so that no example is nearer than that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nearest: Option<usize>,
}

/// What a model that may refuse does with the samples of a run: right and accepted, refused, wrong and accepted, which sum to all samples.
///
/// Refused samples count as correct everywhere else in the summary: nobody is fooled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refusals {
    /// Name of the output by which it refuses.
    pub suspicion: String,
    /// Largest suspicion that is accepted.
    pub threshold: f64,
    /// Without any attack.
    pub clean: [usize; 3],
    /// After all attacks. A sample that is refused without any attack and that no attack made wrong and accepted is still refused.
    pub attacked: [usize; 3],
}

impl Exhaustive {
    /// Share of its distance within which no example may lie for an example to count as the nearest.
    pub const NEAREST: f64 = 0.99;
}

/// What sound bounds show of all samples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Certificates {
    /// Samples that no allowed change breaks, in real arithmetic and in that of f32.
    pub count: usize,
    /// `count` of all `n` samples: a lower bound on robustness, whatever the attack.
    pub rate: Rate,
    /// Seconds for which a proof of each sample was looked for at most.
    pub limit: u64,
    /// Wall-clock time of all samples.
    pub seconds: f64,
}

/// A proportion of all `n` samples with its exact two-sided binomial interval (Clopper and Pearson, 1934).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// Observed proportion, in `[0, 1]`.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// Probability with which such an interval covers the truth, such as 0.95.
    pub confidence: f64,
}

/// What one attack of the cascade did to the samples that were still standing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Name of the attack.
    pub name: String,
    /// Samples that it was run on.
    pub attacked: usize,
    /// Samples that it broke, as confirmed by the referee, and none before it.
    pub broken: usize,
    /// Samples for which it found a nearer example than those before it, the broken included, where the nearest was looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub improved: Option<usize>,
    /// Forward passes, one per sample and call.
    pub forwards: u64,
    /// Backward passes, one per sample and call.
    pub backwards: u64,
    /// Wall-clock time.
    pub seconds: f64,
    /// Of this, time during which the model was running.
    #[serde(default)]
    pub model_seconds: f64,
    /// Forward passes that the reference implementation of the attack would have made on the same samples; `None` where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference_forwards: Option<u64>,
    /// The same for backward passes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference_backwards: Option<u64>,
}

/// Counts for one label of a model that gives several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelCounts {
    /// Number of the label.
    pub label: usize,
    /// Samples that it applies to.
    pub applies: usize,
    /// Samples on which the model has it right, before any attack.
    pub right: usize,
    /// Broken samples whose example has it wrong.
    pub turned: usize,
}

/// How the samples of one class fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassCounts {
    /// Class id.
    pub class: usize,
    /// Samples with this label.
    pub n: usize,
    /// Of these, correct before any attack.
    pub clean_correct: usize,
    /// Of these, correct under every attack tried.
    pub survived: usize,
}

/// Robust accuracy at one radius, from adversarial examples found at the audit's own radius.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Radius, in input-scale units.
    pub eps: f64,
    /// Samples for which no example of at most this size is known.
    pub survived: usize,
    /// `survived` of all `n` samples; below the audit's own radius only an upper bound.
    pub robust_accuracy: Rate,
}

/// How many samples stand after so many queries on each.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct QueryPoint {
    /// Forwards plus backwards on a sample, over all stages, the clean pass left out.
    pub queries: u64,
    /// Samples that are classified right and took more to break, or were not broken.
    pub survived: usize,
    /// `survived` of all `n` samples.
    pub robust_accuracy: Rate,
}

/// The machine that ran the audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Operating system, such as `linux`.
    pub os: String,
    /// Architecture, such as `x86_64`.
    pub arch: String,
    /// Model name of the processor, as the system reports it.
    pub cpu: String,
    /// Logical processors that the process may use.
    pub cores: usize,
}
