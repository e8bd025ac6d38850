//! Boxes of inputs around a clean one, cut by the tests of trees.

use brinell_threat::{Ball, Change, Feature, Norm, Values};

/// Share by which a box may seem to be further away than it is, as sums and quotients round.
const WIDER: f64 = 1.0 + 1e-12;

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
    /// What a change of each feature may lead to, whatever the radius.
    allowed: Vec<(f32, f32)>,
    /// Whether each feature may stay as it is: without rules not outside the input box.
    may_stay: Vec<bool>,
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
        let allowed: Vec<(f32, f32)> = x.iter().zip(&rules).map(|(&x, rule)| rule.reach(x, f64::INFINITY)).collect();
        let may_stay: Vec<bool> = x.iter().map(|&x| ball.features.is_some() || ball.bounds.contains(x)).collect();
        // Where a value may not stay, the nearest of the input box takes its place.
        let clamped = |x: f32| x.max(ball.bounds.lo()).min(ball.bounds.hi());
        let start: Vec<f32> = x.iter().zip(&may_stay).map(|(&x, &stays)| if stays { x } else { clamped(x) }).collect();
        let near = start.iter().zip(x).zip(&rules).map(|((&v, &x), rule)| (v, change(x, v, rule.unit))).collect();
        // A clean value outside its range may stay; the interval is widened to hold it.
        let lo = allowed.iter().zip(&start).map(|(allowed, start)| allowed.0.min(*start)).collect();
        let hi = allowed.iter().zip(&start).map(|(allowed, start)| allowed.1.max(*start)).collect();
        let mut space =
            Self { norm: ball.norm, near, lo, hi, allowed, may_stay, x: x.to_vec(), rules, groups, group_of, trail: Vec::new() };
        space.narrow(ball.eps);
        space
    }

    /// Narrows the radius of an Linf box, to a little more than that: which points lie within it is for [`Ball::distance`] to say, whose
    /// quotients round otherwise.
    pub(super) fn narrow(&mut self, eps: f64) {
        if self.norm != Norm::Linf || !eps.is_finite() {
            return;
        }
        for index in 0..self.x.len() {
            let (Some(&x), Some(rule), Some(near)) = (self.x.get(index), self.rules.get(index), self.near.get(index)) else { continue };
            let (lo, hi) = rule.reach(x, eps * WIDER);
            if let (Some(old_lo), Some(old_hi)) = (self.lo.get_mut(index), self.hi.get_mut(index)) {
                (*old_lo, *old_hi) = (old_lo.max(lo).min(near.0), old_hi.min(hi).max(near.0));
            }
        }
    }

    /// Returns a distance that no allowed input is beyond.
    pub(super) fn farthest(&self) -> f64 {
        let ends = self.allowed.iter().zip(&self.x).zip(&self.rules);
        let far = ends.map(|((&(lo, hi), &x), rule)| change(x, lo, rule.unit).max(change(x, hi, rule.unit)));
        self.norm_of(far)
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

    /// True where the clean input has no value for a feature: it gets none.
    pub(super) fn is_missing(&self, feature: usize) -> bool {
        self.x.get(feature).is_some_and(|x| x.is_nan())
    }

    /// The interval of a feature.
    pub(super) fn interval(&self, feature: usize) -> (f32, f32) {
        (self.lo.get(feature).copied().unwrap_or(0.0), self.hi.get(feature).copied().unwrap_or(0.0))
    }

    /// Cuts a feature of the box to an interval; false where no allowed value is left, or a group can have no 1.
    pub(super) fn cut(&mut self, feature: usize, (from, to): (f32, f32)) -> bool {
        let (Some(&lo), Some(&hi), Some(&near)) = (self.lo.get(feature), self.hi.get(feature), self.near.get(feature)) else {
            return false;
        };
        if self.is_missing(feature) {
            return true;
        }
        let (new_lo, new_hi) = (lo.max(from), hi.min(to));
        if (new_lo, new_hi) == (lo, hi) {
            return true;
        }
        let (Some(&x), Some(rule), Some(allowed)) = (self.x.get(feature), self.rules.get(feature), self.allowed.get(feature)) else {
            return false;
        };
        let kept = new_lo <= x && x <= new_hi && self.may_stay.get(feature) == Some(&true);
        // What a change may not lead to lies in the interval only between a clean value outside its range and that.
        let (least, most) = (new_lo.max(allowed.0), new_hi.min(allowed.1));
        let nearest =
            if kept { Some(x) } else { Some(()).filter(|()| least <= most).and_then(|()| rule.nearest(f64::from(x), least, most)) };
        let Some(nearest) = nearest.filter(|_| new_lo <= new_hi) else { return false };
        self.trail.push((feature, lo, hi, near));
        let change = change(x, nearest, rule.unit);
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
            let within = self.lo.get(index).is_some_and(|lo| *lo <= value) && self.hi.get(index).is_some_and(|hi| value <= *hi);
            within || (value.is_nan() && self.is_missing(index))
        };
        let clean = |index: usize| self.x.get(index).copied().unwrap_or(0.0);
        if group.iter().all(|&index| holds(index, clean(index))) {
            return Some(group.iter().map(|&index| clean(index)).collect());
        }
        let with_one = |winner: usize| group.iter().map(move |&index| (index, if index == winner { 1.0 } else { 0.0 }));
        let allowed = |&winner: &usize| with_one(winner).all(|(index, value)| holds(index, value));
        let unit = |index: usize| self.rules.get(index).map_or(1.0, |rule| rule.unit);
        let cost = |winner: usize| self.norm_of(with_one(winner).map(|(index, value)| change(clean(index), value, unit(index))));
        let winner = group.iter().copied().filter(allowed).min_by(|a, b| cost(*a).total_cmp(&cost(*b)))?;
        Some(with_one(winner).map(|(_, value)| value).collect())
    }

    /// A distance that no allowed input of the box falls below; groups count by what each of their features alone needs.
    pub(super) fn distance(&self) -> f64 {
        self.norm_of(self.near.iter().map(|(_, change)| *change))
    }

    /// True where some allowed input of the box may be that near.
    pub(super) fn is_within(&self, radius: f64) -> bool {
        self.distance() <= radius * WIDER
    }

    fn norm_of(&self, changes: impl Iterator<Item = f64>) -> f64 {
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

/// A change in units; what is missing stays so.
fn change(from: f32, to: f32, unit: f64) -> f64 {
    if from.is_nan() {
        return 0.0;
    }
    (f64::from(to) - f64::from(from)).abs() / unit
}
