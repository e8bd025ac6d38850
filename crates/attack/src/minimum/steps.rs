//! Counting the points of a run.

use crate::Need;

/// How many points of a run were asked about, of how many.
#[derive(Debug, Clone, Copy)]
pub(super) struct Steps {
    done: u32,
    all: u32,
}

impl Steps {
    pub(super) fn new(all: u32) -> Self {
        Self { done: 0, all }
    }

    /// Points whose answers were taken.
    pub(super) fn done(self) -> u32 {
        self.done
    }

    /// What is needed of the next point: no gradient of the last, since nothing follows it.
    pub(super) fn need(self) -> Need {
        if self.done + 1 == self.all { Need::Values } else { Need::Gradient }
    }

    /// Takes an answer; false where it was the last.
    pub(super) fn take(&mut self) -> bool {
        self.done += 1;
        self.done < self.all
    }

    /// Falls from 1 to 0 along half a cosine.
    pub(super) fn falling(self) -> f64 {
        0.5 * (1.0 + (std::f64::consts::PI * f64::from(self.done) / f64::from(self.all.max(1))).cos())
    }

    /// Whether a search that has found nothing should go on elsewhere: half of the steps are over, or the gradient is zero.
    pub(super) fn stuck(self, flat: bool) -> bool {
        flat || 2 * self.done >= self.all
    }
}
