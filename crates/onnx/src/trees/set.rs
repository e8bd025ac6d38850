//! Sets of numbers in single precision as closed intervals, ascending and apart.

/// An ascending row of closed intervals between which some number lies.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Set(Vec<(f32, f32)>);

impl Set {
    /// Returns the union of intervals in any order.
    pub(super) fn of(mut parts: Vec<(f32, f32)>) -> Self {
        parts.retain(|(lo, hi)| lo <= hi);
        parts.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut all: Vec<(f32, f32)> = Vec::with_capacity(parts.len());
        for (lo, hi) in parts {
            match all.last_mut() {
                Some(before) if lo <= before.1.next_up() => before.1 = before.1.max(hi),
                _ => all.push((lo, hi)),
            }
        }
        Self(all)
    }

    /// Returns what both have.
    pub(super) fn and(&self, other: &Self) -> Self {
        let both = |&(lo, hi): &(f32, f32)| other.0.iter().map(move |&(a, b)| (lo.max(a), hi.min(b)));
        Self::of(self.0.iter().flat_map(both).collect())
    }

    /// Returns what one of both has.
    pub(super) fn or(&self, other: &Self) -> Self {
        Self::of(self.0.iter().chain(&other.0).copied().collect())
    }

    /// Returns the numbers from `lo` to `hi` that are not in it.
    pub(super) fn complement(&self, lo: f32, hi: f32) -> Self {
        let mut rest = Vec::with_capacity(self.0.len() + 1);
        let mut from = lo;
        for &(a, b) in &self.0 {
            if a > from {
                rest.push((from, a.next_down().min(hi)));
            }
            from = from.max(b.next_up());
        }
        if from <= hi {
            rest.push((from, hi));
        }
        Self::of(rest)
    }

    /// The intervals.
    pub(super) fn intervals(&self) -> &[(f32, f32)] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_become_one_and_complements_have_the_rest() {
        let set = Set::of(vec![(2.0, 3.0), (0.0, 1.0), (1.0f32.next_up(), 1.5), (5.0, 4.0)]);
        assert_eq!(set.intervals(), [(0.0, 1.5), (2.0, 3.0)]);
        let rest = set.complement(-1.0, 3.0);
        assert_eq!(rest.intervals(), [(-1.0, 0.0f32.next_down()), (1.5f32.next_up(), 2.0f32.next_down())]);
        assert_eq!(set.and(&rest).intervals(), []);
        assert_eq!(set.or(&rest).intervals(), [(-1.0, 3.0)]);
        assert_eq!(Set::default().complement(0.0, 1.0).intervals(), [(0.0, 1.0)]);
        assert_eq!(set.and(&Set::of(vec![(1.0, 2.0)])).intervals(), [(1.0, 1.5), (2.0, 2.0)]);
    }
}
