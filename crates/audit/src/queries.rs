//! How many queries breaking takes.

use brinell_record::QueryPoint;

use super::setup::Run;
use brinell_stats as stats;

/// Most points of the curve.
const POINTS: usize = 120;

impl Run<'_> {
    /// Returns how many samples stand after how many forwards plus backwards on each, the clean pass left out; empty where attacks go on after
    /// their first success, and where nothing was attacked.
    pub(super) fn queries_curve(&self) -> Vec<QueryPoint> {
        if self.book.nearest || self.question.effort.keep_going {
            return Vec::new();
        }
        let spent = |state: &super::state::State| (state.queries.forwards + state.queries.backwards).saturating_sub(1);
        let most = self.book.states.iter().map(spent).max().unwrap_or(0);
        if most == 0 {
            return Vec::new();
        }
        let correct = self.book.states.iter().filter(|state| state.correct()).count();
        let mut broken: Vec<u64> = self.book.states.iter().filter(|state| state.broken()).map(spent).collect();
        broken.sort_unstable();
        let n = self.book.states.len();
        let point = |queries, survived| QueryPoint { queries, survived, robust_accuracy: stats::rate(survived, n) };
        let mut points = vec![point(0, correct)];
        let stride = broken.len().div_ceil(POINTS).max(1);
        for (rank, &queries) in broken.iter().enumerate() {
            let last_of_its_kind = broken.get(rank + 1) != Some(&queries);
            let chosen = (rank + 1) % stride == 0 || rank + 1 == broken.len();
            if last_of_its_kind && (chosen || stride == 1) {
                points.push(point(queries, correct - rank - 1));
            }
        }
        if points.last().is_some_and(|last| last.queries < most) {
            points.push(point(most, correct - broken.len()));
        }
        points
    }
}
