//! Runs a recipe on many samples: continuous batching, restarts, counting, budgets, early stop.
//!
//! Two groups of samples take turns: while the model evaluates one, the states of the other are updated. A slot is
//! refilled as soon as its sample is decided, so that the batch stays full until the data set is used up. What an attack does
//! depends on (seed, sample, attack, restart) and on the model's answers alone, never on its neighbours in the batch.
//!
//! # Shapes
//! B batch, d elements of one sample, Z values that the model gives for it, F inputs of a loss that is part of the graph.

mod group;
mod item;
mod nearest;
mod trace;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use brinell_engine::{Answer, Ensemble, OracleError};
use brinell_task::Loss;
use brinell_threat::{Ball, Grid};

use crate::Recipe;
use group::Group;
pub use item::{Found, Item, Pose, Queries, Verdict};
pub use trace::LATE_STEPS;

/// What the driver asks for values and gradients.
pub trait Model: Send {
    /// Says which samples of the data the rows of the next call belong to; a model that answers from the input alone need not know.
    fn about(&mut self, _samples: &mut dyn Iterator<Item = usize>) {}

    /// Writes the values `[B, Z]` at `x` `[B, d]` into `answer`.
    ///
    /// # Errors
    /// Where the model cannot be run.
    fn values(&mut self, x: &[f32], answer: &mut Answer) -> Result<(), OracleError>;

    /// Writes values `[B, Z]`, loss `[B]` and gradient [B, d] into `answer`; `feeds` `[B, F, Z]` is what the loss is fed.
    ///
    /// # Errors
    /// Where the model cannot be run or differentiated.
    fn fused(&mut self, loss: Loss, x: &[f32], feeds: &[f32], answer: &mut Answer) -> Result<(), OracleError>;

    /// Writes values `[B, Z]`, their sums weighted with `w` `[B, Z]`, and the gradients [B, d] of these sums into `answer`.
    ///
    /// # Errors
    /// Where the model cannot be run or differentiated.
    fn pull(&mut self, x: &[f32], w: &[f32], answer: &mut Answer) -> Result<(), OracleError>;
}

impl Model for brinell_engine::Oracle {
    fn about(&mut self, samples: &mut dyn Iterator<Item = usize>) {
        Self::about(self, samples);
    }

    fn values(&mut self, x: &[f32], answer: &mut Answer) -> Result<(), OracleError> {
        Self::values(self, x, answer)
    }

    fn fused(&mut self, loss: Loss, x: &[f32], feeds: &[f32], answer: &mut Answer) -> Result<(), OracleError> {
        Self::fused(self, loss, x, feeds, answer)
    }

    fn pull(&mut self, x: &[f32], w: &[f32], answer: &mut Answer) -> Result<(), OracleError> {
        Self::pull(self, x, w, answer)
    }
}

/// Which adversarial example is wanted of each sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// The first one that the court confirms: the attack stops there.
    First,
    /// The one with the largest margin; attacks run to their end.
    Strongest,
    /// The one nearest to the clean input; attacks run to their end, and the court judges at the end of the stage.
    Nearest,
}

/// How a stage is driven.
#[derive(Debug, Clone, Copy)]
pub struct DriverSettings<'a> {
    /// What the model's values mean, and what is wanted.
    pub pose: Pose<'a>,
    /// Largest number of samples in one call of the model.
    pub batch: usize,
    /// Shape of one sample, for attacks that look at pictures; empty where it is not known.
    pub shape: &'a [usize],
    /// The model's trees, for attacks that read them.
    pub trees: Option<&'a Arc<Ensemble>>,
    /// Seed of the audit.
    pub seed: u64,
    /// Forwards plus backwards that one sample may cost; `None` for no limit.
    pub max_queries: Option<u64>,
    /// Which example is wanted, and so when an attack may stop.
    pub aim: Aim,
    /// The only points that the model can be fed, where it takes whole numbers: each point that an attack asks about is moved there.
    pub grid: Option<&'a Grid>,
    /// Threads that update the attacks while the model runs.
    pub pool: &'a rayon::ThreadPool,
    /// Checked between calls; once true, the driver returns early with what is decided so far.
    pub stop: &'a AtomicBool,
}

/// Why a stage ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DriverError<E: std::error::Error + 'static> {
    /// The model failed.
    #[error("{0}")]
    Oracle(#[from] OracleError),
    /// A callback failed.
    #[error("{0}")]
    Callback(E),
    /// `stop` became true.
    #[error("interrupted")]
    Interrupted,
}

/// What a court says of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ruling {
    /// It is an example.
    Confirmed,
    /// It is none, by as little as rounding explains.
    Refused,
    /// It is none, and what the model answered the driver about it is not what it answers about it alone.
    Astray,
}

/// Decides about candidates and takes results: the driver's side of the protocol.
pub trait Court: Send {
    /// Error of the callbacks.
    type Error: std::error::Error + Send + 'static;

    /// Judges a point that the driver believes to be adversarial, since the model answered `values` `[Z]` about it; these are empty where they are not at
    /// hand any more.
    ///
    /// # Errors
    /// Where the judgement itself fails.
    fn judge(&mut self, item: &Item, x_adv: &[f32], values: &[f32]) -> Result<Ruling, Self::Error>;

    /// Takes the verdict on one sample.
    ///
    /// # Errors
    /// Where it cannot be kept.
    fn decided(&mut self, item: &Item, verdict: Verdict) -> Result<(), Self::Error>;
}

/// Seconds that stages spent inside the model and overall.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Timing {
    /// Wall time of the whole stage.
    pub total: f64,
    /// Wall time during which the model was running.
    pub model: f64,
}

/// Runs `recipe` on every item until each has what [`DriverSettings::aim`] wants or has used all its runs.
///
/// # Guarantees
/// `court.decided` is called exactly once per item, in no particular order; an example in a verdict lies in the ball and was confirmed by
/// `court.judge`. With [`Aim::Nearest`] it is nearer than the one that the item came with.
///
/// `timing` grows by the time spent, whatever the result.
///
/// # Errors
/// [`DriverError::Oracle`] where the model fails, [`DriverError::Callback`] where `court` does,
/// [`DriverError::Interrupted`] where `settings.stop` was set.
pub fn run<C: Court>(
    model: &mut dyn Model,
    recipe: &dyn Recipe,
    ball: &Ball,
    items: &mut (dyn Iterator<Item = Item> + Send),
    court: &mut C,
    settings: &DriverSettings<'_>,
    timing: &mut Timing,
) -> Result<(), DriverError<C::Error>> {
    let start = std::time::Instant::now();
    let Pose { task, wanted } = settings.pose;
    let (objective, width) = (recipe.objective(), task.width());
    let head = task.head(objective, wanted);
    let context = group::Context {
        recipe,
        pose: settings.pose,
        objective,
        head,
        // Weights of a linear loss are one row; a loss of the graph has as many as it has inputs.
        fed: head.feeds().len() * width,
        width,
        runs: recipe.runs(task.count(wanted)),
        ball,
        shape: settings.shape,
        trees: settings.trees,
        seed: settings.seed,
        max_queries: settings.max_queries,
        aim: settings.aim,
        grid: settings.grid,
    };
    // On a thread of the pool: a thread from outside would have to wake one for every call of the model.
    let result = settings.pool.install(|| take_turns(model, &context, items, court, settings, &mut timing.model));
    timing.total += start.elapsed().as_secs_f64();
    result
}

fn take_turns<C: Court>(
    model: &mut dyn Model,
    context: &group::Context<'_>,
    items: &mut dyn Iterator<Item = Item>,
    court: &mut C,
    settings: &DriverSettings<'_>,
    model_seconds: &mut f64,
) -> Result<(), DriverError<C::Error>> {
    let (mut active, mut resting) = (Group::default(), Group::default());
    active.refill(context, items, settings.batch);
    resting.refill(context, items, settings.batch);
    while !active.is_empty() {
        if settings.stop.load(Ordering::Relaxed) {
            return Err(DriverError::Interrupted);
        }
        let mut evaluated = Ok(0.0);
        rayon::join(|| evaluated = active.evaluate(model, context), || resting.update(context));
        *model_seconds += evaluated?;
        resting.settle(context, court)?;
        resting.refill(context, items, settings.batch);
        if resting.len() + active.len() <= settings.batch {
            // The tail: one larger batch costs the model less than two small ones.
            active.update(context);
            active.settle(context, court)?;
            active.refill(context, items, settings.batch);
            active.absorb(&mut resting);
        } else {
            std::mem::swap(&mut active, &mut resting);
        }
    }
    Ok(())
}
