//! Running one attack on some samples of a case.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use brinell_attack::driver::{self, Aim, Court, DriverError, DriverSettings, Item, Ruling, Timing, Verdict};
use brinell_attack::{Recipe, is_picture};
use brinell_engine::Oracle;
use brinell_task::{Posed, Task, Truth, Wanted};
use brinell_threat::Ball;

use crate::case::truth;
use crate::{Case, Opinion, Referee, SubjectError};

/// One attack, and how it is run.
pub struct Stage<'a> {
    /// The attack.
    pub recipe: &'a dyn Recipe,
    /// The allowed changes, where they are others than those of the case.
    pub ball: Option<&'a Ball>,
    /// Which example is wanted of each sample.
    pub aim: Aim,
    /// Seed of all random numbers.
    pub seed: u64,
    /// Forwards plus backwards that one sample may cost; `None` for no limit.
    pub max_queries: Option<u64>,
    /// Threads that update the attacks while the model runs.
    pub pool: &'a rayon::ThreadPool,
    /// Checked between calls; once true, the stage ends with [`SubjectError::Interrupted`].
    pub stop: &'a AtomicBool,
}

/// One sample to be attacked, and what is known of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pose {
    /// Number of the sample in the data.
    pub sample: usize,
    /// Values that the task reads, at the clean input `[K]`.
    pub values: Vec<f32>,
    /// The nearest adversarial example known so far `[d]`.
    pub found: Option<Vec<f32>>,
    /// Inputs of the data that the model may give a class the attack wants, one after the other `[n, d]`.
    pub guide: Option<Vec<f32>>,
}

/// What becomes of one sample.
#[derive(Debug)]
pub struct Target<'a> {
    /// Number of the sample in the data.
    pub sample: usize,
    /// What is right about it.
    pub truth: &'a Truth,
    /// The clean input.
    pub x: &'a [f32],
}

/// Takes the results of a stage.
pub trait StageObserver: Send {
    /// What can go wrong in keeping them.
    type Error: std::error::Error + From<SubjectError> + Send + 'static;

    /// Takes the verdict on a sample, and what the original file says of the example in it.
    ///
    /// # Errors
    /// Where it cannot be kept.
    fn decided(&mut self, target: &Target<'_>, verdict: Verdict, opinion: Option<Opinion>) -> Result<(), Self::Error>;
}

/// Runs an attack on samples of a case; each example that it finds is judged by the referee on the original file.
///
/// # Guarantees
/// `observer` hears of each sample once, in no particular order. What is found out about a sample hangs on seed, sample and attack alone.
/// `timing` grows by the time spent, whatever the result.
///
/// # Errors
/// [`SubjectError::Oracle`] where the model fails, [`SubjectError::Interrupted`] where `stop` became true, [`SubjectError::NoTruth`] where the data do not say
/// what is right about a sample, and those of the observer.
pub fn drive<O: StageObserver>(
    case: &mut Case,
    oracle: &mut Oracle,
    stage: &Stage<'_>,
    poses: &mut (dyn Iterator<Item = Pose> + Send),
    observer: &mut O,
    timing: &mut Timing,
) -> Result<(), O::Error> {
    let (task, wanted) = (case.task(), case.wanted());
    if stage.recipe.of_pictures() && !is_picture(&case.data.shape) {
        let (attack, shape) = (stage.recipe.name().to_owned(), case.data.shape.clone());
        return Err(SubjectError::NoPicture { attack, shape }.into());
    }
    if stage.recipe.needs_gradient() {
        oracle.prepare(task.head(stage.recipe.objective(), &wanted)).map_err(SubjectError::from)?;
    } else {
        oracle.prepare_forward().map_err(SubjectError::from)?;
    }
    let far = case.far();
    let Case { data, scale, preprocess, ball, grid, referee, trees, batch, references, .. } = case;
    let (ball, data) = (stage.ball.unwrap_or(ball), Arc::clone(data));
    let mut unknown = None;
    // The items end at a sample of which nobody knows what is right, and the error is returned once the driver has come back.
    let mut items = poses.map_while(|pose| {
        let Some(truth) = truth(&data, references, pose.sample) else {
            unknown = Some(pose.sample);
            return None;
        };
        let mut x = vec![0.0; data.sample_len()];
        data.sample(pose.sample, *scale, &mut x);
        Some(Item { sample: pose.sample as u64, x, truth, values: pose.values, found: pose.found, guide: pose.guide })
    });
    let settings = DriverSettings {
        pose: driver::Pose { task: task.as_ref(), wanted: &wanted },
        trees: trees.as_ref().filter(|_| stage.recipe.reads_trees()),
        batch: *batch,
        shape: &data.shape,
        seed: stage.seed,
        max_queries: stage.max_queries,
        aim: stage.aim,
        grid: grid.as_ref(),
        pool: stage.pool,
        stop: stage.stop,
    };
    let mut bench = Bench { referee, preprocess, ball, task: task.as_ref(), wanted: &wanted, observer, far, judged: BTreeMap::new() };
    driver::run(oracle, stage.recipe, ball, &mut items, &mut bench, &settings, timing).map_err(|error| match error {
        DriverError::Oracle(error) => SubjectError::from(error).into(),
        DriverError::Callback(error) => error,
        _ => SubjectError::Interrupted.into(),
    })?;
    unknown.map_or(Ok(()), |sample| Err(SubjectError::NoTruth { sample }.into()))
}

/// Referee and observer as the driver's court.
struct Bench<'b, O> {
    referee: &'b mut Referee,
    preprocess: &'b brinell_engine::Preprocess,
    ball: &'b Ball,
    wanted: &'b Wanted,
    observer: &'b mut O,
    task: &'b dyn Task,
    /// Differences of answers beyond it are no rounding.
    far: f32,
    /// What the original file said of the newest confirmed candidate of each sample under attack.
    judged: BTreeMap<u64, Opinion>,
}

impl<O: StageObserver> Court for Bench<'_, O> {
    type Error = O::Error;

    fn judge(&mut self, item: &Item, x_adv: &[f32], values: &[f32]) -> Result<Ruling, O::Error> {
        let posed = Posed { truth: &item.truth, wanted: self.wanted };
        let judgement = self.referee.judge(self.preprocess, self.ball, posed, number(item), &item.x, x_adv).map_err(SubjectError::from)?;
        Ok(if judgement.adversarial {
            self.judged.insert(item.sample, judgement.opinion);
            Ruling::Confirmed
        } else if judgement.opinion.contradicts(values, self.task, self.far) {
            Ruling::Astray
        } else {
            Ruling::Refused
        })
    }

    fn decided(&mut self, item: &Item, verdict: Verdict) -> Result<(), O::Error> {
        let opinion = self.judged.remove(&item.sample);
        self.observer.decided(&Target { sample: number(item), truth: &item.truth, x: &item.x }, verdict, opinion)
    }
}

fn number(item: &Item) -> usize {
    usize::try_from(item.sample).unwrap_or(usize::MAX)
}
