//! Attacks that see less must not find more.

use super::super::setup::Run;
use crate::flags::{BLACK_BOX_STRONGER, Kind};

impl Run<'_> {
    /// Returns the stages that asked for gradients.
    pub(crate) fn gradient_stages(&self) -> impl Iterator<Item = usize> {
        self.book.tallies.iter().enumerate().filter(|(_, tally)| tally.queries.backwards > 0).map(|(stage, _)| stage)
    }

    /// Compares stages without a single gradient with the stages with gradients before them.
    pub(crate) fn flag_black_box_stages(&mut self) {
        let (mut white, mut black, mut gained) = (Vec::new(), Vec::new(), 0);
        for (tally, stage) in self.book.tallies.iter().zip(self.book.stages.iter()).filter(|(tally, _)| tally.attacked > 0) {
            if tally.queries.backwards > 0 {
                white.push(stage.recipe.name());
            } else if !white.is_empty() {
                black.push(stage.recipe.name());
                gained += tally.broken;
            }
        }
        if !black.is_empty() {
            let (white, black) = (white.join(", "), black.join(", "));
            self.measure_black_box(gained, self.book.states.len(), || {
                format!(
                    "{black} broke {gained} samples that {white} had left standing, with less to go by: gradients mislead on this model, and \
                     more may fall; attack it without gradients for longer, or with attacks made for it"
                )
            });
        }
    }

    /// Notes that attacks without gradients broke `gained` of `n` samples that those with gradients had left standing.
    pub(crate) fn measure_black_box(&mut self, gained: usize, n: usize, message: impl FnOnce() -> String) {
        let points = |count: usize| 100.0 * count as f64 / n as f64;
        // A single sample may be chance.
        let Kind { threshold, .. } = BLACK_BOX_STRONGER;
        self.flags.measure_against(&BLACK_BOX_STRONGER, points(gained), threshold.max(points(1)), message);
    }
}
