//! Boxes of inputs around a clean one, cut by the tests of trees.

use brinell_threat::{Ball, Change, Feature, Norm, Values};

/// Interval of every feature, in which some allowed value lies, and what has been cut since.
///
/// Distances are those of the ball, in f64: the nearest allowed input of the box to the clean one.
pub(super) struct Space {
    norm: Norm,
    x: Vec<f32>,
    rules: Vec<Feature>,
    groups: Vec<Vec<usize>>,
    /// Group of each feature.
    group_of: Vec<Option<usize>>,
    lo: Vec<f32>,
    hi: Vec<f32>,
    /// Nearest allowed value of each feature, groups left out, and its change in units.
    near: Vec<(f32, f64)>,
    /// Features cut, with what they were before.
    trail: Vec<(usize, f32, f32, (f32, f64))>,
}

impl Space {
    /// The inputs of `ball` around `x`; for norms other than Linf the radius is left to the caller.
    pub(super) fn new(ball: &Ball, x: &[f32]) -> Self {
        let plain =
            Feature { lo: ball.bounds.lo(), hi: ball.bounds.hi(), unit: 1.0, values: Values::Real, change: Change::Any, keep: Vec::new() };
        let (rules, groups) = match &ball.features {
            Some(features) => (features.list().to_vec(), features.one_hot().to_vec()),
            None => (vec![plain; x.len()], Vec::new()),
        };
        let mut group_of = vec![None; x.len()];
        for (number, group) in groups.iter().enumerate() {
            group.iter().for_each(|&index| {
                if let Some(slot) = group_of.get_mut(index) {
                    *slot = Some(number);
                }
            });
        }
        let eps = if ball.norm == Norm::Linf { ball.eps } else { f64::INFINITY };
        let reach: Vec<(f32, f32)> = x.iter().zip(&rules).map(|(&x, rule)| rule.reach(x, eps)).collect();
        Self {
            norm: ball.norm,
            near: x.iter().map(|&x| (x, 0.0)).collect(),
            lo: reach.iter().map(|reach| reach.0.min(reach.1)).collect(),
            hi: reach.iter().map(|reach| reach.1).collect(),
            x: x.to_vec(),
            rules,
            groups,
            group_of,
            trail: Vec::new(),
        }
        .with_clean_values()
    }

    /// A clean value outside its range may stay; the interval is widened to hold it.
    fn with_clean_values(mut self) -> Self {
        for ((&x, lo), hi) in self.x.iter().zip(&mut self.lo).zip(&mut self.hi) {
            *lo = lo.min(x);
            *hi = hi.max(x);
        }
        self
    }

    /// Narrows the radius of an Linf box.
    pub(super) fn narrow(&mut self, eps: f64) {
        if self.norm != Norm::Linf {
            return;
        }
        for index in 0..self.x.len() {
            let (Some(&x), Some(rule)) = (self.x.get(index), self.rules.get(index)) else { continue };
            let (lo, hi) = rule.reach(x, eps);
            if let (Some(old_lo), Some(old_hi)) = (self.lo.get_mut(index), self.hi.get_mut(index)) {
                (*old_lo, *old_hi) = (old_lo.max(lo).min(x), old_hi.min(hi).max(x));
            }
        }
    }

    /// Marks a place to return to.
    pub(super) fn mark(&self) -> usize {
        self.trail.len()
    }

    /// Undoes what was cut since the mark.
    pub(super) fn undo(&mut self, mark: usize) {
        while self.trail.len() > mark {
            let Some((index, lo, hi, near)) = self.trail.pop() else { return };
            if let (Some(old_lo), Some(old_hi), Some(old)) = (self.lo.get_mut(index), self.hi.get_mut(index), self.near.get_mut(index)) {
                (*old_lo, *old_hi, *old) = (lo, hi, near);
            }
        }
    }

    /// Which sides of a test the box reaches: at most `value`, above it.
    pub(super) fn sides(&self, feature: usize, value: f32) -> (bool, bool) {
        let (lo, hi) = (self.lo.get(feature).copied().unwrap_or(0.0), self.hi.get(feature).copied().unwrap_or(0.0));
        (lo <= value, hi > value)
    }

    /// Cuts the box to one side of a test; false where no allowed value is left, or a group can have no 1.
    pub(super) fn cut(&mut self, feature: usize, value: f32, at_most: bool) -> bool {
        let (Some(&lo), Some(&hi), Some(&near)) = (self.lo.get(feature), self.hi.get(feature), self.near.get(feature)) else { return true };
        let (new_lo, new_hi) = if at_most { (lo, hi.min(value)) } else { (lo.max(value.next_up()), hi) };
        if (new_lo, new_hi) == (lo, hi) {
            return true;
        }
        let (Some(&x), Some(rule)) = (self.x.get(feature), self.rules.get(feature)) else { return false };
        let kept = new_lo <= x && x <= new_hi;
        let nearest = if kept { Some(x) } else { rule.nearest(f64::from(x), new_lo, new_hi) };
        let Some(nearest) = nearest.filter(|_| new_lo <= new_hi) else { return false };
        self.trail.push((feature, lo, hi, near));
        let change = (f64::from(nearest) - f64::from(x)).abs() / rule.unit;
        if let (Some(old_lo), Some(old_hi), Some(old)) = (self.lo.get_mut(feature), self.hi.get_mut(feature), self.near.get_mut(feature)) {
            (*old_lo, *old_hi, *old) = (new_lo, new_hi, (nearest, change));
        }
        match self.group_of.get(feature).copied().flatten() {
            Some(group) => self.groups.get(group).is_none_or(|group| self.settled(group).is_some()),
            None => true,
        }
    }

    /// The nearest values of a group: as they are, or the 1 moved to where it changes least.
    fn settled(&self, group: &[usize]) -> Option<Vec<f32>> {
        let holds = |index: usize, value: f32| {
            self.lo.get(index).is_some_and(|lo| *lo <= value) && self.hi.get(index).is_some_and(|hi| value <= *hi)
        };
        let clean = |index: usize| self.x.get(index).copied().unwrap_or(0.0);
        if group.iter().all(|&index| holds(index, clean(index))) {
            return Some(group.iter().map(|&index| clean(index)).collect());
        }
        let with_one = |winner: usize| group.iter().map(move |&index| (index, if index == winner { 1.0 } else { 0.0 }));
        let allowed = |&winner: &usize| with_one(winner).all(|(index, value)| holds(index, value));
        let cost = |winner: usize| -> f64 {
            with_one(winner)
                .map(|(index, value)| {
                    (f64::from(value) - f64::from(clean(index))).abs() / self.rules.get(index).map_or(1.0, |rule| rule.unit)
                })
                .sum()
        };
        let winner = group.iter().copied().filter(allowed).min_by(|a, b| cost(*a).total_cmp(&cost(*b)))?;
        Some(with_one(winner).map(|(_, value)| value).collect())
    }

    /// A distance that no allowed input of the box falls below; groups count by what each of their features alone needs.
    pub(super) fn distance(&self) -> f64 {
        let changes = self.near.iter().map(|(_, change)| *change);
        match self.norm {
            Norm::Linf => changes.fold(0.0, f64::max),
            Norm::L2 => changes.map(|d| d * d).sum::<f64>().sqrt(),
            Norm::L1 => changes.sum(),
            Norm::L0 => changes.filter(|d| *d > 0.0).count() as f64,
        }
    }

    /// The nearest allowed input of the box.
    pub(super) fn nearest(&self) -> Option<Vec<f32>> {
        let mut point: Vec<f32> = self.near.iter().map(|(value, _)| *value).collect();
        for group in &self.groups {
            for (&index, value) in group.iter().zip(self.settled(group)?) {
                if let Some(slot) = point.get_mut(index) {
                    *slot = value;
                }
            }
        }
        Some(point)
    }
}
