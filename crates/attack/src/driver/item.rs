use super::Ruling;
use brinell_task::{Posed, Task, Truth, Wanted};

/// What is asked of every sample of a stage, whatever is right about it.
#[derive(Debug, Clone, Copy)]
pub struct Pose<'a> {
    /// What the model's values mean.
    pub task: &'a dyn Task,
    /// What attacks want.
    pub wanted: &'a Wanted,
}

impl<'a> Pose<'a> {
    /// Returns what is asked of a sample of which this is right.
    #[must_use]
    pub fn of(&self, truth: &'a Truth) -> Posed<'a> {
        Posed { truth, wanted: self.wanted }
    }
}

/// One sample to be attacked.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Number of the sample in the data set.
    pub sample: u64,
    /// Clean input `[d]`.
    pub x: Vec<f32>,
    /// What is right about it.
    pub truth: Truth,
    /// Values of the clean input `[Z]`.
    pub values: Vec<f32>,
    /// The nearest adversarial example known so far `[d]`.
    pub found: Option<Vec<f32>>,
    /// Inputs of the data about which the model may answer what the attack wants, one after the other `[n, d]`.
    pub guide: Option<Vec<f32>>,
}

/// Queries spent on one sample.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Queries {
    /// Forward passes.
    pub forwards: u64,
    /// Backward passes.
    pub backwards: u64,
}

impl std::ops::AddAssign for Queries {
    fn add_assign(&mut self, other: Self) {
        self.forwards += other.forwards;
        self.backwards += other.backwards;
    }
}

/// An adversarial example that the court confirmed.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The adversarial input `[d]`.
    pub x_adv: Vec<f32>,
    /// The run that found it.
    pub run: u32,
}

/// What a stage found out about one sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The adversarial example, where there is one.
    pub found: Option<Found>,
    /// Queries spent by this stage.
    pub queries: Queries,
    /// Largest [`Task::margin`] over all queries inside the ball: how near the attack came, positive where it succeeded.
    pub margin: f64,
    /// Candidates that the court did not confirm.
    pub rejected: u32,
    /// Of these, the ones about which the model said something else when it was asked alone ([`Ruling::Astray`](super::Ruling)).
    pub astray: u32,
    /// Gradients that were zero in every element, among those asked for at the first point of a run.
    pub zero_gradients: u32,
    /// Queries whose values or gradient held NaN or infinity.
    pub non_finite: u32,
    /// True where the query limit ended the attack.
    pub exhausted: bool,
    /// Of the run that got furthest, the share of its rise in loss that came in its last [`LATE_STEPS`](super::LATE_STEPS) steps;
    /// `None` where no run's loss rose, and without gradients.
    pub late_gain: Option<f64>,
    /// The largest radius within which a run has shown that there is no example ([`Attack::none_within`](crate::Attack::none_within)); `None` where
    /// a point that it asked about was moved, or refused as an example by the court.
    pub none_within: Option<f64>,
}

impl Verdict {
    /// Counts what a court says of a candidate; true where it is confirmed.
    pub(super) fn hears(&mut self, ruling: Ruling) -> bool {
        self.rejected += u32::from(ruling != Ruling::Confirmed);
        self.astray += u32::from(ruling == Ruling::Astray);
        ruling == Ruling::Confirmed
    }
}
