//! When APGD halves its step.

/// Counts rises of the loss and decides at checkpoints, which come in shrinking periods: 22 % of all updates, then 3 % less each time,
/// but not below 6 %. For 100 updates these are after 22, 41, 57, 70, 80, 87, 93 and 99.
#[derive(Debug, Clone)]
pub(crate) struct Checkpoints {
    period: u32,
    shrink: u32,
    floor: u32,
    since: u32,
    rises: u32,
    rho: f64,
    previous: f32,
    best_at_last: f32,
    halved_at_last: bool,
}

fn share(steps: u32, share: f64) -> u32 {
    // Truncated as in the reference; steps is far below 2^53.
    ((share * f64::from(steps)) as u32).max(1)
}

impl Checkpoints {
    /// `before_first` is what the first update's loss is compared with; `best` is the loss of the start.
    pub(crate) fn new(steps: u32, rho: f64, before_first: f32, best: f32) -> Self {
        Self {
            period: share(steps, 0.22),
            shrink: share(steps, 0.03),
            floor: share(steps, 0.06),
            since: 0,
            rises: 0,
            rho,
            previous: before_first,
            best_at_last: best,
            // So that the second rule, which needs a period of comparison, cannot fire at the first checkpoint.
            halved_at_last: true,
        }
    }

    /// Takes the loss after an update and the best so far; true if this is a checkpoint and the step is to be halved.
    pub(crate) fn halve(&mut self, loss: f32, best: f32) -> bool {
        self.rises += u32::from(loss > self.previous);
        self.previous = loss;
        self.since += 1;
        if self.since < self.period {
            return false;
        }
        let few_rises = f64::from(self.rises) <= self.rho * f64::from(self.period);
        let stuck = !self.halved_at_last && self.best_at_last >= best;
        self.halved_at_last = few_rises || stuck;
        self.best_at_last = best;
        self.period = self.period.saturating_sub(self.shrink).max(self.floor);
        self.since = 0;
        self.rises = 0;
        self.halved_at_last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of the updates after which the step is halved.
    fn halvings(steps: u32, losses: impl Fn(u32) -> f32) -> Vec<u32> {
        let mut best = losses(0);
        let mut checkpoints = Checkpoints::new(steps, 0.75, best, best);
        let halve = |k: &u32| {
            best = best.max(losses(*k));
            checkpoints.halve(losses(*k), best)
        };
        (1..=steps).filter(halve).collect()
    }

    #[test]
    fn checkpoints_come_where_the_paper_has_them() {
        assert_eq!(halvings(100, |_| 0.0), [22, 41, 57, 70, 80, 87, 93, 99]);
        assert_eq!(halvings(1, |_| 0.0), [1]);
        assert_eq!(halvings(10, |_| 0.0), [2, 3, 4, 5, 6, 7, 8, 9, 10]);
    }

    #[test]
    fn a_rising_loss_never_halves() {
        assert!(halvings(100, |k| k as f32).is_empty());
    }

    #[test]
    fn rises_without_a_better_best_halve_at_every_other_checkpoint_at_least() {
        // Rises in 4 of 5 updates, yet the best is the start: the first rule never fires, the second when it has not just fired.
        let saw = |k: u32| if k == 0 { 100.0 } else { (k % 5) as f32 };
        let halved = halvings(100, saw);
        assert!(!halved.contains(&22) && halved.contains(&41), "{halved:?}");
    }

    #[test]
    fn losses_that_are_no_numbers_count_as_no_rise() {
        assert_eq!(halvings(100, |_| f32::NEG_INFINITY).len(), 8);
    }

    #[test]
    fn the_reference_misses_a_first_rise_below_zero() {
        // Negative losses, as those of DLR before success: 17 rises in the first 22 updates, the first of them among these.
        let losses = |k: u32| if k <= 17 { -100.0 + k as f32 } else { -90.0 };
        let first_checkpoint = |before_first: f32| {
            let mut checkpoints = Checkpoints::new(100, 0.75, before_first, losses(0));
            (1..=22).fold(false, |_, k| checkpoints.halve(losses(k), -83.0))
        };
        assert!(!first_checkpoint(losses(0)));
        assert!(first_checkpoint(0.0));
    }
}
