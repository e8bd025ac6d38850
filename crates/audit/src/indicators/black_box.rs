//! Attacks that see less must not find more.

use brinell_stats::{CONFIDENCE, clopper_pearson};

use crate::flags::{BLACK_BOX_NEAR, BLACK_BOX_STRONGER};
use crate::setup::Run;

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
                format!("{black} (attacks without gradients) broke {gained} samples that had survived {white}")
            });
        }
    }

    /// Notes that attacks without gradients broke `gained` of `n` samples that had survived those with gradients. It blocks where an exact test
    /// says that gradients hide more than two points; a smaller share is a note.
    pub(crate) fn measure_black_box(&mut self, gained: usize, n: usize, message: impl FnOnce() -> String) {
        let hidden = hidden(gained, n);
        if gained > 0 && hidden <= BLACK_BOX_STRONGER.threshold {
            self.flags.raise(&BLACK_BOX_NEAR, message());
            self.flags.measure(&BLACK_BOX_STRONGER, hidden, String::new);
        } else {
            self.flags.measure(&BLACK_BOX_STRONGER, hidden, || {
                format!("{}: the model's gradients mislead attacks, so other attacks may break more samples", message())
            });
        }
    }
}

/// Percentage points of all inputs that gradients hide at least, by the lower end of the exact interval.
fn hidden(gained: usize, n: usize) -> f64 {
    100.0 * clopper_pearson(gained as u64, n as u64, CONFIDENCE).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_samples_that_chance_may_have_chosen_do_not_block() {
        for (gained, n, blocks) in
            [(0, 200, false), (1, 16, false), (2, 200, false), (8, 200, false), (10, 200, true), (3, 16, true), (40, 1000, true)]
        {
            assert_eq!(hidden(gained, n) > BLACK_BOX_STRONGER.threshold, blocks, "{gained} of {n}: {}", hidden(gained, n));
        }
    }
}
