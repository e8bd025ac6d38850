//! How the losses of a sample's gradient runs rose, in constant memory.

/// Steps at the end of a run over which a trace looks for a rise.
pub const LATE_STEPS: usize = 10;

/// The running maximum of the losses of the run in hand, and the rise of the best run so far.
#[derive(Debug, Clone)]
pub(super) struct Trace {
    /// Loss at the first point of the run; `None` before it is known.
    first: Option<f32>,
    /// Running maximum after each of the last steps: a ring, the oldest at `next`.
    hull: [f32; LATE_STEPS],
    next: usize,
    top: f32,
    /// Largest loss of the earlier runs that rose, and how late that run rose.
    best: Option<(f32, f64)>,
}

impl Trace {
    pub(super) fn new() -> Self {
        Self { first: None, hull: [0.0; LATE_STEPS], next: 0, top: f32::NEG_INFINITY, best: None }
    }

    /// Takes the loss at the next point of a run; what is not finite tells nothing.
    pub(super) fn push(&mut self, loss: f32) {
        if !loss.is_finite() {
            return;
        }
        if self.first.is_none() {
            (self.first, self.hull, self.next, self.top) = (Some(loss), [loss; LATE_STEPS], 0, loss);
            return;
        }
        if let Some(place) = self.hull.get_mut(self.next) {
            *place = self.top;
        }
        self.next = (self.next + 1) % LATE_STEPS;
        self.top = self.top.max(loss);
    }

    /// Ends a run.
    pub(super) fn end_run(&mut self) {
        self.best = self.best_so_far();
        self.first = None;
    }

    /// Returns the share of its whole rise that the run with the largest loss made in its last [`LATE_STEPS`] steps.
    ///
    /// # Guarantees
    /// In `[0, 1]`; 1 for a run of no more steps than that. `None` where no run's loss ever rose above that of its first point.
    ///
    /// # Source
    /// Pintor et al., "Indicators of Attack Failure: Debugging and Improving Optimization of Adversarial Examples", NeurIPS 2022:
    /// the indicator of incomplete optimisation, on the monotone hull of the loss scaled to `[0, 1]`.
    pub(super) fn late_gain(&self) -> Option<f64> {
        self.best_so_far().map(|(_, gain)| gain)
    }

    fn best_so_far(&self) -> Option<(f32, f64)> {
        let current = self.first.and_then(|first| {
            let before = self.hull.get(self.next).copied().unwrap_or(first);
            let rise = f64::from(self.top) - f64::from(first);
            (rise > 0.0).then(|| (self.top, (f64::from(self.top) - f64::from(before)) / rise))
        });
        match (self.best, current) {
            (Some(best), Some(current)) => Some(if current.0 > best.0 { current } else { best }),
            (best, current) => best.or(current),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(runs: &[&[f32]]) -> Option<f64> {
        let mut trace = Trace::new();
        for run in runs {
            run.iter().for_each(|&loss| trace.push(loss));
            trace.end_run();
        }
        trace.late_gain()
    }

    #[test]
    fn a_run_that_has_settled_rose_early() {
        let settled: Vec<f32> = (0..30).map(|step| (step as f32).min(10.0)).collect();
        assert_eq!(trace(&[&settled]), Some(0.0));
        let climbing: Vec<f32> = (0..=20).map(|step| step as f32).collect();
        assert_eq!(trace(&[&climbing]), Some(0.5));
    }

    #[test]
    fn falls_do_not_count_and_the_last_loss_need_not_be_the_best() {
        let mut losses: Vec<f32> = (0..=20).map(|step| step as f32).collect();
        losses.extend([3.0; 10]);
        assert_eq!(trace(&[&losses]), Some(0.0));
    }

    #[test]
    fn short_runs_have_not_settled() {
        assert_eq!(trace(&[&[1.0, 2.0]]), Some(1.0));
        let ten_steps: Vec<f32> = (0..=10).map(|step| (step as f32).min(1.0)).collect();
        assert_eq!(trace(&[&ten_steps]), Some(1.0));
        let eleven_steps: Vec<f32> = (0..=11).map(|step| (step as f32).min(1.0)).collect();
        assert_eq!(trace(&[&eleven_steps]), Some(0.0));
    }

    #[test]
    fn a_loss_that_never_rises_has_no_gain() {
        assert_eq!(trace(&[&[0.0; 30], &[5.0, 4.0, 3.0]]), None);
        assert_eq!(trace(&[&[f32::NAN, f32::INFINITY]]), None);
        assert_eq!(trace(&[]), None);
    }

    #[test]
    fn the_run_that_got_furthest_counts() {
        let settled: Vec<f32> = (0..30).map(|step| (step as f32).min(10.0)).collect();
        let lower_and_climbing: Vec<f32> = (0..=20).map(|step| step as f32 / 4.0).collect();
        assert_eq!(trace(&[&settled, &lower_and_climbing]), Some(0.0));
        assert_eq!(trace(&[&lower_and_climbing, &settled]), Some(0.0));
    }
}
