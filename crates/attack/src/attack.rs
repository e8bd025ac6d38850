//! The contract between an attack, written for one sample, and the driver that batches, counts and judges.

use std::sync::Arc;

use brinell_engine::Ensemble;
use brinell_record::Knowledge;
use brinell_task::{Objective, Rivals};
use brinell_threat::{Ball, Norm};

use crate::{driver::Queries, reference::Spent};

/// What an attack needs to know about the point it asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Whether the goal is reached, and nothing else: one forward.
    Verdict,
    /// How far it is exceeded, the loss, and rivals: one forward.
    Values,
    /// The gradient of the loss too: one forward and one backward, and another forward where the loss is not part of the graph.
    Gradient,
}

/// What the model said about the point that was asked for.
#[derive(Debug, Clone, Copy)]
pub struct Reply<'a> {
    /// True where the point is an example.
    pub reached: bool,
    /// How far the goal is exceeded, positive where it is reached; minus infinity where a value is not finite.
    pub margin: f64,
    /// Size of the values that the margin compares: what their rounding is relative to.
    pub scale: f64,
    /// The recipe's objective at the point; attacks maximise it.
    pub loss: f32,
    /// Gradient of the loss at the point; empty unless [`Need::Gradient`] was asked for.
    pub gradient: &'a [f32],
    /// The rivals at the point.
    pub rivals: Rivals<'a>,
}

impl Reply<'_> {
    /// Nothing but that the goal is missed: what is left out where only the verdict was asked for.
    pub const UNTOLD: Self =
        Self { reached: false, margin: f64::NAN, scale: f64::NAN, loss: f32::NAN, gradient: &[], rivals: Rivals::NONE };
}

/// Whether the attack wants to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// There is another point to ask for.
    Continue,
    /// The run has used its steps.
    Done,
}

/// One run of one attack on one sample.
///
/// `ask` and `tell` alternate until `tell` returns [`Next::Done`]. An attack knows nothing of batches, threads, budgets or
/// what the outputs mean: the driver counts queries, keeps the best example and may stop a run at any time.
pub trait Attack: Send {
    /// Writes the next point into `x` (as long as the clean input) and says what is needed about it.
    ///
    /// # Guarantees
    /// The point is finite and inside the input box, whatever the model has answered before. It is inside the ball too, unless the attack
    /// looks for the smallest change or comes in from a larger ball: the driver takes no point outside the ball for a success. Points whose
    /// gradients alone matter, as of the rules that are combined with `+`, may lie outside of both.
    fn ask(&mut self, x: &mut [f32]) -> Need;

    /// Returns the rival that the loss at the point last asked for refers to, where the attack chooses one of its own.
    fn rival(&self) -> Option<usize> {
        None
    }

    /// Returns a radius within which the attack has shown that there is no example, where it can: of what it has read of the model, and of points
    /// that the model was asked about as the attack gave them.
    fn none_within(&self) -> Option<f64> {
        None
    }

    /// Takes the answer about the point last asked for.
    fn tell(&mut self, reply: &Reply<'_>) -> Next;
}

/// What one run starts from.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    /// Clean input, flattened.
    pub x: &'a [f32],
    /// Shape of the clean input without the batch, such as `[3, 32, 32]`; empty where it is not known.
    pub shape: &'a [usize],
    /// Allowed inputs around `x`.
    pub ball: &'a Ball,
    /// How far the goal is exceeded at the clean input, known without a query; NaN for attacks that may see verdicts only.
    pub clean: f64,
    /// The rivals at the clean input, known without a query; without margins for attacks that may see verdicts only.
    pub rivals: Rivals<'a>,
    /// The nearest adversarial example known so far.
    pub found: Option<&'a [f32]>,
    /// Inputs of the data, one after the other, about which the model may answer what the attack wants; starts for attacks that see verdicts only, and
    /// what [`Recipe::takes_others`] mixes in.
    pub guide: Option<&'a [f32]>,
    /// The model's trees, where it is made of them and the attack reads them.
    pub trees: Option<&'a Arc<Ensemble>>,
    /// Seed of the audit.
    pub seed: u64,
    /// Number of the sample in the data set.
    pub sample: u64,
    /// Number of the run, from 0.
    pub run: u32,
}

impl<'a> Start<'a> {
    /// Returns the first run on sample 0 under seed 0, with nothing known about the sample.
    #[must_use]
    pub fn new(x: &'a [f32], ball: &'a Ball) -> Self {
        Self {
            x,
            shape: &[],
            ball,
            clean: f64::NAN,
            rivals: Rivals::NONE,
            found: None,
            guide: None,
            trees: None,
            seed: 0,
            sample: 0,
            run: 0,
        }
    }
}

/// A configured attack: it makes the state machine for one sample.
pub trait Recipe: Send + Sync {
    /// Name on the command line and in records, such as `apgd-ce`.
    fn name(&self) -> &str;

    /// Norms that the attack can work in.
    fn norms(&self) -> &'static [Norm];

    /// What the attack must see of the model.
    fn knowledge(&self) -> Knowledge;

    /// True for attacks that look for the smallest change: they leave the ball and go on after a success.
    fn seeks_minimum(&self) -> bool {
        false
    }

    /// True for attacks that read the trees of the model ([`Start::trees`]) instead of gradients. They meet the rules of features themselves; all
    /// others are moved in units of the features, and the rules are kept for them.
    fn reads_trees(&self) -> bool {
        false
    }

    /// True for attacks part of which means nothing where inputs are no pictures.
    fn of_pictures(&self) -> bool {
        false
    }

    /// True for attacks that see gradients and other inputs of the data ([`Start::guide`]).
    fn takes_others(&self) -> bool {
        false
    }

    /// True for attacks whose last point is what they have to show, on other models too; of others it is the best one.
    fn ends_where_it_points(&self) -> bool {
        false
    }

    /// True for attacks that may ask for gradients.
    fn needs_gradient(&self) -> bool {
        self.knowledge() == Knowledge::White && !self.reads_trees()
    }

    /// What is to be maximised: the margin, unless the attack follows something else.
    fn objective(&self) -> Objective {
        Objective::Margin
    }

    /// Number of runs per sample with so many rivals, at least 1: restarts, for each rival where the attack tries several.
    fn runs(&self, _rivals: usize) -> u32 {
        1
    }

    /// Number of updates of the input in one run, at least 1.
    fn steps(&self) -> u32;

    /// Begins one run.
    fn start(&self, start: &Start<'_>) -> Box<dyn Attack>;

    /// Returns what the reference implementation would have spent on a sample, where there is one that does the same.
    fn reference(&self, _spent: &Spent) -> Option<Queries> {
        None
    }

    /// All parameters in a form that can be given back on the command line, for the record.
    fn describe(&self) -> String;
}
