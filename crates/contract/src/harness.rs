//! Runs one attack on one problem, or on several copies of it, through the driver.

use std::convert::Infallible;
use std::sync::atomic::AtomicBool;

use brinell_engine::OracleError;
use brinell_task::{Classify, Head, Task, Truth, Wanted};
use brinell_threat::Ball;

use crate::problem::Problem;
use brinell_attack::driver::{self, Aim, Court, DriverError, DriverSettings, Item, Model, Pose, Ruling, Timing, Verdict};
use brinell_attack::{AttackError, Recipe};

/// Forwards plus backwards after which an attack that does not end by itself is ended.
const MAX_QUERIES: u64 = 60_000;

/// Opens a net on whatever is to compute it: [`Net`](crate::Net) itself, or a runtime.
pub type Open<'a> = dyn FnMut(&Problem, Head) -> Result<Box<dyn Model>, OracleError> + 'a;

/// How the driver is set for one run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Way {
    pub(crate) aim: Aim,
    pub(crate) eps: f64,
    pub(crate) target: Option<usize>,
    pub(crate) batch: usize,
    pub(crate) copies: u64,
    pub(crate) reversed: bool,
}

impl Way {
    /// The first example within `eps`, one sample at a time.
    pub(crate) fn within(eps: f64) -> Self {
        Self { aim: Aim::First, eps, target: None, batch: 1, copies: 1, reversed: false }
    }

    /// The nearest example, wherever it is.
    pub(crate) fn nearest() -> Self {
        Self { aim: Aim::Nearest, ..Self::within(f64::INFINITY) }
    }
}

/// A thread pool for the driver, and nothing else: a run depends on nothing that is kept here.
#[derive(Debug)]
pub struct Harness {
    pool: rayon::ThreadPool,
}

/// Why a case could not be run at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HarnessError {
    /// The model cannot be opened or asked.
    #[error("the model of the case `{case}` cannot be run")]
    Model {
        /// Name of the case.
        case: String,
        /// Why.
        source: Box<OracleError>,
    },
    /// The attack cannot be configured.
    #[error("{0}")]
    Attack(#[from] AttackError),
    /// The driver stopped although nobody asked it to.
    #[error("the attack on the case `{case}` did not end")]
    Driver {
        /// Name of the case.
        case: String,
        /// Why.
        source: Box<DriverError<Infallible>>,
    },
    /// Threads cannot be started.
    #[error("cannot start threads")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

impl Harness {
    /// Starts `threads` threads.
    ///
    /// # Errors
    /// [`HarnessError::Threads`].
    pub fn new(threads: usize) -> Result<Self, HarnessError> {
        Ok(Self { pool: rayon::ThreadPoolBuilder::new().num_threads(threads).build()? })
    }

    /// Returns the verdicts on samples 0, 1, .. of copies of one problem.
    pub(crate) fn run(
        &self,
        open: &mut Open<'_>,
        recipe: &dyn Recipe,
        problem: &Problem,
        norm: brinell_threat::Norm,
        way: Way,
    ) -> Result<Vec<Verdict>, HarnessError> {
        let failed = |source| HarnessError::Model { case: problem.name.clone(), source: Box::new(source) };
        let (task, wanted) = (Classify::new(problem.net.n_classes()), Wanted::class(way.target));
        let mut model = open(problem, task.head(recipe.objective(), &wanted)).map_err(failed)?;
        let ball = Ball { norm, eps: way.eps, bounds: Problem::BOUNDS, features: None };
        let mut samples: Vec<u64> = (0..way.copies).collect();
        if way.reversed {
            samples.reverse();
        }
        let logits: Vec<f32> = problem.net.logits(&problem.x).iter().map(|&z| z as f32).collect();
        let guide = problem.guide(way.target);
        let item = |sample| Item {
            sample,
            x: problem.x.clone(),
            truth: Truth::Class(problem.label),
            values: logits.clone(),
            found: None,
            guide: guide.clone(),
        };
        let mut items = samples.into_iter().map(item);
        let stop = AtomicBool::new(false);
        let settings = DriverSettings {
            pose: Pose { task: &task, wanted: &wanted },
            trees: None,
            shape: &problem.shape,
            batch: way.batch,
            seed: 3,
            max_queries: Some(MAX_QUERIES),
            aim: way.aim,
            grid: None,
            pool: &self.pool,
            stop: &stop,
        };
        let mut court = Exact { problem, ball: ball.clone(), target: way.target, verdicts: Vec::new() };
        driver::run(model.as_mut(), recipe, &ball, &mut items, &mut court, &settings, &mut Timing::default()).map_err(
            |error| match error {
                DriverError::Oracle(error) => failed(error),
                DriverError::Callback(never) => match never {},
                other => HarnessError::Driver { case: problem.name.clone(), source: Box::new(other) },
            },
        )?;
        court.verdicts.sort_by_key(|(sample, _)| *sample);
        Ok(court.verdicts.into_iter().map(|(_, verdict)| verdict).collect())
    }
}

/// Judges by the net itself, in f64.
struct Exact<'a> {
    problem: &'a Problem,
    ball: Ball,
    target: Option<usize>,
    verdicts: Vec<(u64, Verdict)>,
}

impl Court for Exact<'_> {
    type Error = std::convert::Infallible;

    fn judge(&mut self, item: &Item, x_adv: &[f32], _: &[f32]) -> Result<Ruling, Self::Error> {
        let is_example = self.ball.contains(&item.x, x_adv).is_ok() && self.problem.margin(x_adv, self.target) > 0.0;
        Ok(if is_example { Ruling::Confirmed } else { Ruling::Refused })
    }

    fn decided(&mut self, item: &Item, verdict: Verdict) -> Result<(), Self::Error> {
        self.verdicts.push((item.sample, verdict));
        Ok(())
    }
}
