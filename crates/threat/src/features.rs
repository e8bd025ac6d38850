//! What may be done to each feature of a table, and how much a change of it counts.

use std::collections::BTreeSet;

use crate::{Norm, ThreatError, Violation};

/// Values that a feature may take.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Any number of its range.
    Real,
    /// Whole numbers.
    Whole,
    /// These numbers, in ascending order.
    OneOf(Vec<f32>),
}

/// Directions in which a feature may be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Up and down.
    Any,
    /// Up only.
    Increase,
    /// Down only.
    Decrease,
    /// Not at all.
    None,
}

/// What may be done to one feature.
#[derive(Debug, Clone, PartialEq)]
pub struct Feature {
    /// Smallest value that a change may lead to.
    pub lo: f32,
    /// Largest value that a change may lead to.
    pub hi: f32,
    /// The change that counts as 1 in distances; positive and finite.
    pub unit: f64,
    /// Values that a change may lead to.
    pub values: Values,
    /// Directions in which it may be changed.
    pub change: Change,
    /// Values that are not changed where they stand, and that no change leads to.
    pub keep: Vec<f32>,
}

/// What may be done to the features of a sample, in their order.
///
/// A value that stays as it is in the clean input breaks no rule. One that is missing there, which is NaN, always stays. Distances are those of the changes, each divided by the unit of its feature.
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    list: Vec<Feature>,
    /// Features of which exactly one is 1 and the others are 0.
    one_hot: Vec<Vec<usize>>,
}

impl Feature {
    /// Width of the range in units.
    pub fn width(&self) -> f64 {
        (f64::from(self.hi) - f64::from(self.lo)) / self.unit
    }

    /// Smallest and largest value that `x` may be changed to, by at most `eps` units; `x` itself where it must not be changed or is missing.
    pub fn reach(&self, x: f32, eps: f64) -> (f32, f32) {
        if self.change == Change::None || self.keep.contains(&x) || x.is_nan() {
            return (x, x);
        }
        let (mut lo, mut hi) = if eps.is_finite() { around(x, eps * self.unit) } else { (f32::MIN, f32::MAX) };
        lo = lo.max(self.lo);
        hi = hi.min(self.hi);
        match self.change {
            Change::Increase => lo = lo.max(x),
            Change::Decrease => hi = hi.min(x),
            Change::Any | Change::None => {}
        }
        if lo <= hi { (lo, hi) } else { (x, x) }
    }

    /// The nearest to `v` of the allowed values from `lo` to `hi`, where there is one.
    pub fn nearest(&self, v: f64, lo: f32, hi: f32) -> Option<f32> {
        let inside = v.clamp(f64::from(lo), f64::from(hi));
        match &self.values {
            Values::Real => self.beside(inside, lo, hi, f32::next_down, f32::next_up, (inside as f32).clamp(lo, hi)),
            Values::Whole => {
                let (least, most) = (f64::from(lo).ceil(), f64::from(hi).floor());
                let nearest = (least <= most).then(|| inside.round().clamp(least, most) as f32)?;
                self.beside(inside, least as f32, most as f32, |value| value - 1.0, |value| value + 1.0, nearest)
            }
            Values::OneOf(list) => {
                let allowed = list.iter().copied().filter(|value| (lo..=hi).contains(value) && !self.keep.contains(value));
                allowed.min_by(|a, b| (f64::from(*a) - v).abs().total_cmp(&(f64::from(*b) - v).abs()))
            }
        }
    }

    /// Returns `start`, or the nearest to `v` of the values on its two sides that no rule keeps.
    fn beside(&self, v: f64, lo: f32, hi: f32, down: fn(f32) -> f32, up: fn(f32) -> f32, start: f32) -> Option<f32> {
        let free = |step: fn(f32) -> f32| {
            let mut value = start;
            // At most one step for each value that is kept.
            for _ in 0..=self.keep.len() {
                if !self.keep.contains(&value) {
                    return (lo..=hi).contains(&value).then_some(value);
                }
                value = step(value);
            }
            None
        };
        let far = |value: &f32| (f64::from(*value) - v).abs();
        [free(down), free(up)].into_iter().flatten().min_by(|a, b| far(a).total_cmp(&far(b)))
    }

    fn allows(&self, x: f32, v: f32) -> Result<(), &'static str> {
        if v.to_bits() == x.to_bits() || v == x {
            return Ok(());
        }
        if self.keep.contains(&x) {
            return Err("this value is listed in `keep` and must not change");
        }
        if x.is_nan() {
            return Err("a missing value must stay missing");
        }
        if self.keep.contains(&v) {
            return Err("values in `keep` must not result from a change");
        }
        match self.change {
            Change::None => return Err("it must not be changed"),
            Change::Increase if v < x => return Err("it may only be increased"),
            Change::Decrease if v > x => return Err("it may only be decreased"),
            _ => {}
        }
        match &self.values {
            _ if !(self.lo..=self.hi).contains(&v) => Err("it is outside its range"),
            Values::Whole if v.fract() != 0.0 => Err("it must be a whole number"),
            Values::OneOf(list) if !list.contains(&v) => Err("it is not one of the allowed values"),
            _ => Ok(()),
        }
    }
}

/// Smallest and largest f32 that differ from `x` by at most `reach` in f64.
fn around(x: f32, reach: f64) -> (f32, f32) {
    let wide = f64::from(x);
    let (mut lo, mut hi) = ((wide - reach) as f32, (wide + reach) as f32);
    if wide - f64::from(lo) > reach {
        lo = lo.next_up();
    }
    if f64::from(hi) - wide > reach {
        hi = hi.next_down();
    }
    (lo, hi)
}

impl Features {
    /// Builds the rules for samples of `list.len()` features.
    ///
    /// # Errors
    /// `BadFeature` names the first feature whose range, unit or values are none, and the first group of fewer than two features or whose features
    /// cannot all be 0 and 1, or that shares one with another.
    pub fn new(list: Vec<Feature>, one_hot: Vec<Vec<usize>>) -> Result<Self, ThreatError> {
        let bad = |index: usize, reason: &'static str| Err(ThreatError::BadFeature { index, reason });
        for (index, feature) in list.iter().enumerate() {
            if !(feature.lo.is_finite() && feature.hi.is_finite() && feature.lo <= feature.hi) {
                return bad(index, "its range must have two finite ends in ascending order");
            }
            if !(feature.unit.is_finite() && feature.unit > 0.0) {
                return bad(index, "its unit must be a finite number above 0");
            }
            if !feature.keep.iter().all(|v| v.is_finite()) {
                return bad(index, "the values in `keep` must be finite numbers");
            }
            if let Values::OneOf(values) = &feature.values
                && (values.is_empty() || !values.iter().all(|v| v.is_finite()) || !values.is_sorted())
            {
                return bad(index, "its values must be finite numbers in ascending order");
            }
        }
        let mut taken = BTreeSet::new();
        for group in &one_hot {
            let first = group.first().copied().unwrap_or(0);
            if group.len() < 2 {
                return bad(first, "a one-hot group needs at least two features");
            }
            for &index in group {
                if !taken.insert(index) {
                    return bad(index, "it is in two one-hot groups");
                }
                if list.get(index).is_none_or(|feature| feature.lo > 0.0 || feature.hi < 1.0) {
                    return bad(index, "as part of a one-hot group it must be allowed to be 0 and 1");
                }
            }
        }
        Ok(Self { list, one_hot })
    }

    /// Returns the rules of the features in their order.
    pub fn list(&self) -> &[Feature] {
        &self.list
    }

    /// Returns the groups of features of which exactly one is 1.
    pub fn one_hot(&self) -> &[Vec<usize>] {
        &self.one_hot
    }

    /// Returns true where the rules leave every number of every range: no step within the ball is taken back.
    #[must_use]
    pub fn leave_all(&self) -> bool {
        let free = |feature: &Feature| feature.change == Change::Any && matches!(feature.values, Values::Real) && feature.keep.is_empty();
        self.one_hot.is_empty() && self.list.iter().all(free)
    }

    /// Returns the widths of all ranges in units, 0 for features that may not be changed.
    pub fn widths(&self) -> impl Iterator<Item = f64> {
        self.list.iter().map(|feature| if feature.change == Change::None { 0.0 } else { feature.width() })
    }

    /// Distance of two points in units, in f64; NaN if an element is NaN in one of them alone.
    pub fn distance(&self, norm: Norm, x: &[f32], x_adv: &[f32]) -> f64 {
        let change = |x: f32, v: f32| if x.is_nan() && v.is_nan() { 0.0 } else { (f64::from(v) - f64::from(x)).abs() };
        let changes = x.iter().zip(x_adv).zip(&self.list).map(|((&x, &v), feature)| change(x, v) / feature.unit);
        match norm {
            Norm::Linf => changes.fold(0.0, |most: f64, d| if d > most || d.is_nan() { d } else { most }),
            Norm::L2 => changes.map(|d| d * d).sum::<f64>().sqrt(),
            Norm::L1 => changes.sum(),
            Norm::L0 => changes.map(|d| f64::from(u8::from(d != 0.0))).sum(),
        }
    }

    /// Judges whether every value of `x_adv` may take the place of that of `x`.
    ///
    /// # Errors
    /// `Violation::Feature` names the first that may not.
    pub fn allows(&self, x: &[f32], x_adv: &[f32]) -> Result<(), Violation> {
        for (index, ((&from, &value), feature)) in x.iter().zip(x_adv).zip(&self.list).enumerate() {
            feature.allows(from, value).map_err(|reason| Violation::Feature { index, value, reason })?;
        }
        for group in &self.one_hot {
            let values = |of: &[f32]| -> Vec<f32> { group.iter().filter_map(|&index| of.get(index).copied()).collect() };
            let now = values(x_adv);
            let ones = now.iter().filter(|&&v| v == 1.0).count();
            let zeros = now.iter().filter(|&&v| v == 0.0).count();
            if now != values(x) && (ones != 1 || zeros + 1 != group.len()) {
                let index = group.first().copied().unwrap_or(0);
                let value = x_adv.get(index).copied().unwrap_or(f32::NAN);
                return Err(Violation::Feature { index, value, reason: "exactly one feature of its one-hot group must be 1" });
            }
        }
        Ok(())
    }
}
