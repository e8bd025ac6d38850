//! What a user asks of training, and how gaps are filled.

use std::path::PathBuf;

use brinell_engine::QueryGraph;
use brinell_graph::Op;
use brinell_record::{Method, Optimizer, Population, Question, Recipe};

use crate::HardenError;
use crate::samples::Image;

/// Settings of training, as far as they are said.
///
/// | Name | Default | Meaning |
/// |---|---|---|
/// | `question` | | model, training samples, threat, seed, and what executes the model |
/// | `validation`, `test` | split off the training samples | samples that choose the epoch, and samples that judge |
/// | `only`, `freeze` | none | names of tensors, in which `*` stands for anything |
/// | `max_clean_loss` | 5 | most points of clean accuracy that may be lost on validation samples |
/// | `budget` | none | seconds of training |
/// | `suite` | `fast` | attacks that judge parent and child at the end |
/// | the others | | as in [`Recipe`] |
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the table says it")]
pub struct Ask {
    pub question: Question,
    pub validation: Option<Population>,
    pub test: Option<Population>,
    pub only: Vec<String>,
    pub freeze: Vec<String>,
    pub max_clean_loss: f64,
    pub budget: Option<f64>,
    pub suite: String,
    pub method: Method,
    pub clean_weight: Option<f64>,
    pub beta: Option<f64>,
    pub awp: f64,
    pub steps: Option<usize>,
    pub step_size: Option<f64>,
    pub optimizer: Option<Optimizer>,
    pub lr: Option<f64>,
    pub weight_decay: Option<f64>,
    pub batch: usize,
    pub epochs: Option<usize>,
    pub label_smoothing: f64,
    pub ema: Option<f64>,
    pub crop: Option<usize>,
    pub flip: bool,
    pub noise: f64,
}

impl Default for Ask {
    fn default() -> Self {
        Self {
            question: Question::default(),
            validation: None,
            test: None,
            only: Vec::new(),
            freeze: Vec::new(),
            max_clean_loss: 5.0,
            budget: None,
            suite: "fast".to_owned(),
            method: Method::Pgd,
            clean_weight: None,
            beta: None,
            awp: 0.0,
            steps: None,
            step_size: None,
            optimizer: None,
            lr: None,
            weight_decay: None,
            batch: 128,
            epochs: None,
            label_smoothing: 0.0,
            ema: None,
            crop: None,
            flip: false,
            noise: 0.0,
        }
    }
}

/// Where training leaves its files.
#[derive(Debug, Clone, Default)]
pub struct Job {
    /// Folder of the run.
    pub folder: PathBuf,
    /// The hardened model.
    pub output: PathBuf,
    /// Go on with the run in the folder.
    pub resume: bool,
    /// Folder of the audit of the model as it came, where several runs share it; else `parent` in the folder of the run.
    pub parent: Option<PathBuf>,
    /// The command line, for the record.
    pub command: String,
}

/// Epochs where nothing is said.
const EPOCHS: usize = 5;
/// Most epochs that a budget is filled with.
const MOST_EPOCHS: usize = 100;
/// Steps from which on the mean of weights is kept.
const AVERAGED: usize = 5000;
const DECAY: f64 = 0.999;
/// Numbers from which on a network counts as large.
const LARGE: usize = 1_000_000;
/// Share of the clean loss where nothing is said.
pub(crate) const CLEAN_WEIGHT: f64 = 0.5;
const PIECE: usize = 32;
/// Side of an image from which on pieces are cut.
const CROPPED: usize = 32;

impl Ask {
    /// Checks what is said and fills the gaps by the model; the number of epochs stays 0 where time decides.
    ///
    /// # Errors
    /// [`HardenError::Setting`].
    pub(crate) fn recipe(&self, query: &QueryGraph, parameters: usize, image: Option<Image>) -> Result<Recipe, HardenError> {
        let share = |setting, value: f64| {
            if (0.0..=1.0).contains(&value) { Ok(value) } else { Err(wrong(setting, value, "a number from 0 to 1 is needed")) }
        };
        let positive = |setting, value: f64| {
            if value > 0.0 && value.is_finite() { Ok(value) } else { Err(wrong(setting, value, "a number above 0 is needed")) }
        };
        let single = self.method.is_single_step();
        let steps = if single { 1 } else { self.steps.unwrap_or(7) };
        if steps == 0 || (single && self.steps.is_some_and(|steps| steps != 1)) {
            return Err(wrong("steps", self.steps.unwrap_or(0), "at least 1 is needed, and exactly 1 for a method of one step"));
        }
        let size = match self.method {
            Method::Fast => 1.0,
            Method::FgsmRs => 1.25,
            _ => 2.5 / steps as f64,
        };
        let known = |op: &dyn Fn(&Op) -> bool| query.graph.nodes().iter().any(|node| op(&node.op));
        let normalised =
            known(&|op| matches!(op, Op::BatchNormalization { .. } | Op::LayerNormalization { .. } | Op::InstanceNormalization { .. }));
        let attends = known(&|op| matches!(op, Op::Softmax { .. })) && known(&|op| matches!(op, Op::MatMul)) && normalised;
        let optimizer = self.optimizer.unwrap_or(if attends { Optimizer::Adam } else { Optimizer::Sgd });
        let lr = match (optimizer, normalised || parameters >= LARGE) {
            (Optimizer::Adam, _) if attends => 5e-5,
            (Optimizer::Adam, _) => 1e-3,
            (Optimizer::Sgd, true) => 0.01,
            (Optimizer::Sgd, false) => 0.05,
        };
        if self.method == Method::Mart && self.label_smoothing > 0.0 {
            return Err(wrong("label smoothing", self.label_smoothing, "mart does not work with label smoothing"));
        }
        if self.batch < 2 {
            return Err(wrong("batch", self.batch, "at least 2 is needed"));
        }
        if self.epochs == Some(0) {
            return Err(wrong("epochs", 0, "at least 1 is needed"));
        }
        if !(self.noise >= 0.0 && self.noise.is_finite()) {
            return Err(wrong("noise", self.noise, "a number of at least 0 is needed"));
        }
        let large_image = image.is_some_and(|image| image.rows.min(image.columns) >= CROPPED);
        if image.is_none() && (self.flip || self.crop.is_some_and(|crop| crop > 0)) {
            return Err(wrong("crop or flip", "on", "crop and flip need images with rows and columns"));
        }
        Ok(Recipe {
            method: self.method,
            clean_weight: share("clean weight", self.clean_weight.unwrap_or(CLEAN_WEIGHT))?,
            beta: positive("beta", self.beta.unwrap_or(if self.method == Method::Mart { 5.0 } else { 6.0 }))?,
            awp: share("awp", self.awp)?,
            steps,
            step_size: positive("step size", self.step_size.unwrap_or(size))?,
            optimizer,
            lr: positive("learning rate", self.lr.unwrap_or(lr))?,
            momentum: 0.9,
            weight_decay: share("weight decay", self.weight_decay.unwrap_or(5e-4))?,
            clip: 1.0,
            batch: self.batch,
            lane: PIECE,
            epochs: self.epochs.unwrap_or(if self.budget.is_some() { 0 } else { EPOCHS }),
            label_smoothing: share("label smoothing", self.label_smoothing)?,
            ema: share("ema", self.ema.unwrap_or(0.0))?,
            crop: self.crop.unwrap_or(if large_image { 4 } else { 0 }),
            flip: self.flip,
            noise: self.noise,
            seed: self.question.effort.seed,
        })
    }

    /// Decides what hangs on the number of steps: epochs by the time that one takes, and whether the mean of the weights is kept.
    ///
    /// # Errors
    /// [`HardenError::Budget`] where not even one epoch fits.
    pub(crate) fn decide(&self, recipe: &mut Recipe, per_epoch: usize, epoch_seconds: Option<f64>) -> Result<(), HardenError> {
        if let (0, Some(budget), Some(epoch)) = (recipe.epochs, self.budget, epoch_seconds) {
            let fit = (budget / epoch.max(1e-3)).floor();
            if fit < 1.0 {
                return Err(HardenError::Budget { epoch, budget });
            }
            recipe.epochs = (fit as usize).min(MOST_EPOCHS);
        }
        if self.ema.is_none() && recipe.epochs * per_epoch >= AVERAGED {
            recipe.ema = DECAY;
        }
        Ok(())
    }
}

pub(crate) fn wrong(setting: &'static str, value: impl ToString, range: &'static str) -> HardenError {
    HardenError::Setting { setting, value: value.to_string(), range }
}
