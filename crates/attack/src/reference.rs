//! What the reference implementation, auto-attack, would have spent where an attack of ours spent less.

use brinell_threat::Norm;

use crate::driver::Queries;

/// One sample's way through an attack.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spent {
    /// Norm of the ball.
    pub norm: Norm,
    /// True where one class was to be reached.
    pub targeted: bool,
    /// Number of classes K.
    pub classes: usize,
    /// Runs that were begun: all of them where the sample survived.
    pub runs: u32,
    /// Queries that it cost.
    pub queries: Queries,
}

impl Spent {
    /// What the reference spends that asks this much in a run, and in the stage for the predictions before and after.
    ///
    /// A run is not ended early there, so that a sample broken in its first step costs as much as one that survives the run.
    pub(crate) fn reference(&self, forwards: u64, backwards: u64) -> Option<Queries> {
        let runs = u64::from(self.runs);
        Some(Queries { forwards: runs * forwards + 2, backwards: runs * backwards })
    }
}
