//! What an attack may go for one by one: other classes, other identities.

use crate::{Posed, Row, Task};

/// One way to reach a goal that is a goal by itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rival {
    /// What the task knows it by, the same at every point.
    pub id: usize,
    /// How far it is ahead of what it has to beat; its derivative by the values is the slope of [`Objective::Plane`](crate::Objective::Plane).
    pub margin: f64,
}

/// Value number `value` is larger than value number `over`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lead {
    /// The larger one.
    pub value: usize,
    /// The smaller one.
    pub over: usize,
}

/// What an attack may learn of rivals at one point. It computes only what is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Rivals<'a> {
    known: Option<(&'a dyn Task, &'a Row, Posed<'a>)>,
}

impl<'a> Rivals<'a> {
    /// No rivals: an attack that sees verdicts only is told this.
    pub const NONE: Self = Self { known: None };

    /// Returns the rivals at a point where the model's values are `z`; empty where these are not known.
    #[must_use]
    pub fn at(task: &'a dyn Task, z: &'a Row, posed: Posed<'a>) -> Self {
        Self { known: Some((task, z, posed)) }
    }

    /// Returns how many there are, at any point.
    #[must_use]
    pub fn count(&self) -> usize {
        self.known.map_or(0, |(task, _, posed)| task.count(posed.wanted))
    }

    /// Returns the first `n` by falling margin; in the order of the task where margins are not known.
    #[must_use]
    pub fn ranked(&self, n: usize) -> Vec<Rival> {
        let mut rivals = Vec::new();
        if let Some((task, z, posed)) = self.known {
            task.rivals(z, posed, &mut rivals);
        }
        rivals.truncate(n);
        rivals
    }

    /// Returns the margin of one rival; NaN where it is not known.
    #[must_use]
    pub fn margin(&self, id: usize) -> f64 {
        self.known.map_or(f64::NAN, |(task, z, posed)| task.rival(z, posed, id))
    }

    /// Returns the rival with the largest margin.
    #[must_use]
    pub fn leader(&self) -> Option<usize> {
        self.known.and_then(|(task, z, posed)| task.leader(z, posed))
    }

    /// Returns the rival that the goal itself names, where it does.
    #[must_use]
    pub fn named(&self) -> Option<usize> {
        self.known.and_then(|(task, _, posed)| task.named(posed.wanted))
    }

    /// Returns what together makes an example, one list of leads for each way there is; nothing where the task's goals are not made of such.
    #[must_use]
    pub fn ways(&self) -> Vec<Vec<Lead>> {
        self.known.map_or_else(Vec::new, |(task, _, posed)| task.ways(posed))
    }
}
