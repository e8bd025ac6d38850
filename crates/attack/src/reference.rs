//! What the reference implementation, auto-attack, would have spent where an attack of ours spent less.

use brinell_threat::Norm;

use crate::{Recipe, driver::Queries};

/// One sample's way through an attack.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spent {
    /// Norm of the ball.
    pub norm: Norm,
    /// Number of values of one sample, Z: the reference asks for the gradients of all of them where ours asks for those of a few rivals.
    pub width: usize,
    /// Runs that were begun: all of them where the sample survived.
    pub runs: u32,
    /// Queries that it cost.
    pub queries: Queries,
}

impl Spent {
    /// A sample that survives all runs of an attack which asks about one point in each step.
    #[must_use]
    pub fn by_survivor(recipe: &dyn Recipe, norm: Norm, rivals: usize, width: usize) -> Self {
        let runs = recipe.runs(rivals);
        let points = u64::from(runs) * (u64::from(recipe.steps()) + 1);
        Self { norm, width, runs, queries: Queries { forwards: points, backwards: 0 } }
    }

    /// What the reference spends that asks this much in a run, and in the stage for the predictions before and after.
    ///
    /// A run is not ended early there, so that a sample broken in its first step costs as much as one that survives the run.
    pub(crate) fn reference(&self, forwards: u64, backwards: u64) -> Option<Queries> {
        let runs = u64::from(self.runs);
        Some(Queries { forwards: runs * forwards + 2, backwards: runs * backwards })
    }
}
