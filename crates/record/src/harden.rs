//! What a training run asks, does step by step, and ends with.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::question::words::words;
use crate::{Comparison, Question, Rate};

/// Value of [`HardenSummary::schema`] that this crate writes and reads.
pub const HARDEN_SCHEMA: &str = "brinell.harden/1";

/// How a model is trained against attacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Method {
    /// Cross-entropy on what projected gradient descent finds, mixed with that of clean samples.
    #[default]
    Pgd,
    /// Cross-entropy of clean samples, and how far predictions move under attack.
    Trades,
    /// As `Trades`, with more weight on samples that are wrong.
    Mart,
    /// One step from a random point with noise beyond the radius.
    Fast,
    /// One step from a random point of the ball.
    FgsmRs,
}

words!(Method, "method", Pgd = "pgd", Trades = "trades", Mart = "mart", Fast = "fast" | "n-fgsm", FgsmRs = "fgsm-rs");

impl Method {
    /// Returns true for methods whose attack takes a single step: they can collapse.
    #[must_use]
    pub fn is_single_step(self) -> bool {
        matches!(self, Self::Fast | Self::FgsmRs)
    }
}

/// What moves the weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Optimizer {
    /// Stochastic gradient descent with momentum.
    #[default]
    Sgd,
    /// Adam with weight decay apart from the gradient.
    Adam,
}

words!(Optimizer, "optimizer", Sgd = "sgd", Adam = "adam");

/// How training goes, with everything decided.
///
/// | Name | Default | Meaning |
/// |---|---|---|
/// | `method` | `pgd` | what is minimised |
/// | `clean_weight` | 0.5 | share of the clean loss in `pgd`, `fast` and `fgsm-rs`, in [0, 1] |
/// | `beta` | 6; 5 for `mart` | weight of the divergence in `trades` and `mart` |
/// | `awp` | 0 | size of the adversarial perturbation of weights, relative to each tensor's norm |
/// | `steps` | 7 | steps of the attack in training |
/// | `step_size` | 2.5 / steps | length of such a step, in radii |
/// | `optimizer` | `sgd` | |
/// | `lr` | by the model | largest learning rate |
/// | `momentum` | 0.9 | |
/// | `weight_decay` | 5e-4 | |
/// | `clip` | 1 | largest norm of the gradient of all weights together |
/// | `batch` | 128 | samples in one step |
/// | `lane` | 32 | samples whose gradients are computed together; the sum over lanes has a fixed order |
/// | `epochs` | 5, or what the time allows | passes over the training samples |
/// | `label_smoothing` | 0 | share of the label that goes to all classes alike |
/// | `ema` | 0 | decay of the mean of weights that is judged and kept; 0 keeps the last weights |
/// | `crop` | 0; 4 for images of 32 pixels or more | pixels of zeros around an image from which a piece of its size is cut |
/// | `flip` | false | images are mirrored half of the time |
/// | `noise` | 0 | deviation of normal noise on every sample, for a model that will be smoothed |
/// | `seed` | 0 | |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the table says it")]
pub struct Recipe {
    pub method: Method,
    pub clean_weight: f64,
    pub beta: f64,
    pub awp: f64,
    pub steps: usize,
    pub step_size: f64,
    pub optimizer: Optimizer,
    pub lr: f64,
    pub momentum: f64,
    pub weight_decay: f64,
    pub clip: f64,
    pub batch: usize,
    pub lane: usize,
    pub epochs: usize,
    pub label_smoothing: f64,
    pub ema: f64,
    pub crop: usize,
    pub flip: bool,
    pub noise: f64,
    pub seed: u64,
}

/// A tensor of the file, and whether it is trained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TensorPlan {
    /// Its name in the file.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Why it stays as it is; `None` where it is trained.
    pub kept: Option<String>,
}

/// What decides the result of a training run: `run.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HardenIdentity {
    /// Always [`HARDEN_SCHEMA`].
    pub schema: String,
    /// Model, training samples and threat.
    pub question: Question,
    /// How training goes.
    pub recipe: Recipe,
    /// Digests, versions and sizes, by name.
    pub facts: BTreeMap<String, String>,
    /// Every tensor of the file that holds numbers.
    pub tensors: Vec<TensorPlan>,
}

/// One step of training: a line of `steps.jsonl`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepLine {
    /// Number of the step, counted from 0.
    pub step: usize,
    /// Its epoch, counted from 1.
    pub epoch: usize,
    /// Learning rate.
    pub lr: f64,
    /// Radius of the attack.
    pub eps: f64,
    /// Mean loss of the batch.
    #[serde(with = "crate::float")]
    pub loss: f64,
    /// Share of the attacked samples of the batch that are classified correctly.
    pub attacked: f64,
    /// Norm of the gradient before it was clipped.
    #[serde(with = "crate::float")]
    pub gradient: f64,
    /// Seconds that the step took.
    pub seconds: f64,
}

/// One epoch of training: a line of `epochs.jsonl`. Epoch 0 is the original model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochLine {
    /// Number of the epoch.
    pub epoch: usize,
    /// Steps taken so far.
    pub steps: usize,
    /// Mean loss over the epoch; of epoch 0 that of the first batch.
    #[serde(with = "crate::float")]
    pub loss: f64,
    /// Validation samples classified correctly.
    pub clean: usize,
    /// Of these, samples that survive the attack of the epoch's check.
    pub robust: usize,
    /// Validation samples.
    pub n: usize,
    /// Seconds since training began.
    pub seconds: f64,
}

/// Something went wrong in training, and what was done about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Step at which it was seen.
    pub step: usize,
    /// What happened, and what was done, in words.
    pub what: String,
}

/// How a training run ended: `summary.json` of its folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HardenSummary {
    /// Always [`HARDEN_SCHEMA`].
    pub schema: String,
    /// What was gained and what was lost, on test samples.
    pub headline: String,
    /// What decided the result.
    pub identity: HardenIdentity,
    /// The file that was written.
    pub output: String,
    /// Its SHA-256.
    pub output_sha256: String,
    /// Byte ranges of the original files that differ, by file; what was added behind the end of the model is not among them.
    pub ranges: Vec<(String, usize, usize)>,
    /// All epochs.
    pub epochs: Vec<EpochLine>,
    /// The epoch that was kept.
    pub chosen: usize,
    /// What went wrong on the way.
    pub incidents: Vec<Incident>,
    /// Remarks on samples and files.
    pub notes: Vec<String>,
    /// Clean accuracy lost on validation samples, in points.
    pub clean_loss: f64,
    /// The most that it may be.
    pub max_clean_loss: f64,
    /// Seconds of training.
    pub seconds: f64,
    /// The hardened model (B) beside the one that it was made of (A), on test samples.
    pub comparison: Comparison,
    /// Clean and robust accuracy of both on test samples: parent, then child.
    pub accuracy: [[Rate; 2]; 2],
    /// Accuracy of both under other norms and radii.
    pub elsewhere: Vec<Elsewhere>,
}

/// Survival under another threat than the one that was trained for, on test samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Elsewhere {
    /// Norm.
    pub norm: String,
    /// Radius.
    pub eps: f64,
    /// Samples that survive: parent, then child.
    pub survived: [usize; 2],
    /// Samples.
    pub n: usize,
}

/// Value of [`HardenCurve::schema`] that this crate writes and reads.
pub const HARDEN_CURVE_SCHEMA: &str = "brinell.harden-curve/1";

/// Gain and price over the clean weight: `curve.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HardenCurve {
    /// Always [`HARDEN_CURVE_SCHEMA`].
    pub schema: String,
    /// Version of Brinell that judged the models.
    pub brinell_version: String,
    /// When the last of them was judged (RFC 3339).
    pub created: String,
    /// The clean weight whose model was written where the user asked.
    pub written: f64,
    /// Its gain and price; `None` where no epoch was more robust than the model as it came.
    pub headline: Option<String>,
    /// Clean accuracy of the model as it came, on test samples.
    pub clean: Rate,
    /// Its robust accuracy.
    pub robust: Rate,
    /// Test samples.
    pub n: usize,
    /// By clean weight, ascending.
    pub points: Vec<WeightPoint>,
}

/// One clean weight of a curve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WeightPoint {
    /// Share of the clean loss.
    pub clean_weight: f64,
    /// Folder of the training run, in that of the curve.
    pub folder: String,
    /// Clean accuracy of the hardened model on test samples.
    pub clean: Option<Rate>,
    /// Its robust accuracy.
    pub robust: Option<Rate>,
    /// Why there is no model.
    pub note: Option<String>,
}
