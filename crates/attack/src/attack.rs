//! The contract between an attack, written for one sample, and the driver that batches, counts and judges.

use brinell_threat::Ball;

use crate::Loss;

/// What an attack needs to know about the point it asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Logits only: one forward.
    Logits,
    /// Logits, loss and the gradient of the loss: one forward and one backward.
    Gradient,
}

/// What the model said about the point that was asked for.
#[derive(Debug, Clone, Copy)]
pub struct Reply<'a> {
    /// Logits, one per class.
    pub logits: &'a [f32],
    /// The recipe's loss at the point; attacks maximise it.
    pub loss: f32,
    /// Gradient of the loss at the point; empty unless [`Need::Gradient`] was asked for.
    pub gradient: &'a [f32],
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
/// success: the driver counts queries, keeps the latest misclassified point and may stop a run at any time.
pub trait Attack: Send {
    /// Writes the next point into `x` (as long as the clean input) and says what is needed about it.
    ///
    /// # Guarantees
    /// The point is finite, inside the input box and inside the ball, whatever the model has answered before.
    fn ask(&mut self, x: &mut [f32]) -> Need;

    /// Takes the answer about the point last asked for.
    fn tell(&mut self, reply: &Reply<'_>) -> Next;
}

/// What one run starts from.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    /// Clean input, flattened.
    pub x: &'a [f32],
    /// Allowed inputs around `x`.
    pub ball: &'a Ball,
    /// True class.
    pub label: usize,
    /// Class to be reached, in a targeted attack.
    pub target: Option<usize>,
    /// Seed of the audit.
    pub seed: u64,
    /// Number of the sample in the data set.
    pub sample: u64,
    /// Number of the restart, from 0.
    pub restart: u32,
}

/// A configured attack: it makes the state machine for one sample.
pub trait Recipe: Send + Sync {
    /// Name on the command line and in records, such as `apgd-ce`.
    fn name(&self) -> &str;

    /// The loss to be maximised for a model with this many classes.
    fn loss(&self, targeted: bool, classes: usize) -> Loss;

    /// Number of runs per sample, at least 1.
    fn restarts(&self) -> u32;

    /// Number of updates of the input in one run, at least 1.
    fn steps(&self) -> u32;

    /// Begins one run.
    fn start(&self, start: &Start<'_>) -> Box<dyn Attack>;

    /// All parameters in a form that can be given back on the command line, for the record.
    fn describe(&self) -> String;
}
