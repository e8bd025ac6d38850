//! A sample in units of its features, so that attacks that know one box and one radius work on any table.

use std::sync::Arc;

use crate::{Ball, Features, InputBox, Norm, Values};

/// The neighbourhood of one clean input `x`: a point `u` has the element (v - lo) / unit where the feature has the value v.
///
/// Attacks move in `u`, where all features have one box and one measure; [`Frame::realise`] returns the input that a point stands for, which keeps
/// every rule.
#[derive(Debug, Clone)]
pub struct Frame {
    features: Arc<Features>,
    norm: Norm,
    /// Radius that realised points keep to; infinite where the attack may leave the ball.
    eps: f64,
    x: Box<[f32]>,
    u: Box<[f32]>,
    reach: Box<[(f32, f32)]>,
    ball: Ball,
}

impl Frame {
    /// Builds the frame of `ball` around `x`; realised points keep to the radius unless `beyond`.
    pub(crate) fn new(features: &Arc<Features>, ball: &Ball, x: &[f32], beyond: bool) -> Self {
        let eps = if beyond { f64::INFINITY } else { ball.eps };
        let per_feature = if ball.norm == Norm::L0 { f64::INFINITY } else { eps };
        let width = features.widths().fold(0.0, f64::max) as f32;
        let bounds = InputBox::new(0.0, width.max(f32::MIN_POSITIVE)).unwrap_or(InputBox::UNIT);
        let mut frame = Self {
            features: Arc::clone(features),
            norm: ball.norm,
            eps,
            x: x.into(),
            u: Box::default(),
            reach: x.iter().zip(features.list()).map(|(&x, feature)| feature.reach(x, per_feature)).collect(),
            ball: Ball { norm: ball.norm, eps: ball.eps, bounds, features: None },
        };
        frame.u = frame.units(x).into();
        frame
    }

    /// The clean input in units.
    pub fn centre(&self) -> &[f32] {
        &self.u
    }

    /// The ball in units, without rules.
    pub fn ball(&self) -> &Ball {
        &self.ball
    }

    /// A point in units, inside the box; what is missing stands at its lower end.
    pub fn units(&self, x: &[f32]) -> Vec<f32> {
        let (lo, hi) = (self.ball.bounds.lo(), self.ball.bounds.hi());
        let unit = |(&x, feature): (&f32, &crate::Feature)| ((f64::from(x) - f64::from(feature.lo)) / feature.unit) as f32;
        x.iter().zip(self.features.list()).map(unit).map(|u| if u.is_nan() { lo } else { u.clamp(lo, hi) }).collect()
    }

    /// Writes into `x` the input that `u` stands for.
    ///
    /// # Guarantees
    /// It keeps every rule of the features, and is in the ball in f64 where `u` is in its own, unless the frame may leave the ball. An element of
    /// `u` that is that of the centre becomes the clean value, bit for bit. Values are the nearest allowed ones, in L1 and L2 the nearest
    /// towards the clean input where that is needed to stay inside.
    pub fn realise(&self, u: &[f32], x: &mut [f32]) {
        self.snap(u, x, false);
        if self.eps.is_finite() && self.features.distance(self.norm, &self.x, x) > self.eps {
            self.snap(u, x, true);
            self.pull_in(x);
        }
    }

    /// Turns a gradient in inputs into one in units: 0 where nothing may be changed.
    pub fn pull_back(&self, gradient: &[f32], out: &mut Vec<f32>) {
        out.clear();
        let rows = gradient.iter().zip(self.features.list()).zip(&self.reach);
        out.extend(rows.map(|((&g, feature), (lo, hi))| if lo < hi { (f64::from(g) * feature.unit) as f32 } else { 0.0 }));
    }

    fn snap(&self, u: &[f32], x: &mut [f32], inwards: bool) {
        let rows = u.iter().zip(&self.u).zip(&self.x).zip(&self.reach).zip(self.features.list());
        for (out, ((((&u, &centre), &clean), &(lo, hi)), feature)) in x.iter_mut().zip(rows) {
            *out = clean;
            if u.to_bits() == centre.to_bits() || u.is_nan() || clean.is_nan() {
                continue;
            }
            // The step is added to the clean value, whose own place in units is rounded.
            let v = f64::from(clean) + (f64::from(u) - f64::from(centre)) * feature.unit;
            let (lo, hi) = match (inwards && feature.values != Values::Real, v < f64::from(clean)) {
                (false, _) => (lo, hi),
                (true, true) => (lo.max(ceil(v)), clean),
                (true, false) => (clean, hi.min(floor(v))),
            };
            *out = feature.nearest(v, lo, hi).unwrap_or(clean);
        }
        for group in self.features.one_hot() {
            self.snap_group(group, u, x, inwards);
        }
    }

    /// Gives the 1 of a group to the feature that `u` moved nearest to it; the group stays as it is where the ball does not allow that.
    fn snap_group(&self, group: &[usize], u: &[f32], x: &mut [f32], inwards: bool) {
        let value = |index: usize| {
            let (u, centre, clean) = (u.get(index)?, self.u.get(index)?, self.x.get(index)?);
            Some(f64::from(*clean) + (f64::from(*u) - f64::from(*centre)) * self.features.list().get(index)?.unit)
        };
        let was = |index: usize| self.x.get(index).is_some_and(|&v| v == 1.0);
        let ranked = |a: &usize, b: &usize| {
            let (left, right) = (value(*a).unwrap_or(f64::MIN), value(*b).unwrap_or(f64::MIN));
            left.total_cmp(&right).then(was(*a).cmp(&was(*b)))
        };
        let Some(winner) = group.iter().copied().max_by(ranked) else { return };
        let wanted = |index: usize| if index == winner { 1.0 } else { 0.0 };
        let fits = |&index: &usize| {
            let (Some(&clean), Some(&(lo, hi))) = (self.x.get(index), self.reach.get(index)) else { return false };
            clean == wanted(index) || (lo..=hi).contains(&wanted(index))
        };
        let may = !inwards && group.iter().all(fits);
        for &index in group {
            if let (Some(out), Some(&clean)) = (x.get_mut(index), self.x.get(index)) {
                *out = if may { wanted(index) } else { clean };
            }
        }
    }

    /// Shortens the changes of real features until the distance in f64 is at most eps, which rounding to f32 may have broken.
    fn pull_in(&self, x: &mut [f32]) {
        let mut hair = 1.0 / f64::from(1 << 22);
        while self.features.distance(self.norm, &self.x, x) > self.eps {
            let distance = self.features.distance(self.norm, &self.x, x);
            let shrink = if hair < 1.0 { self.eps / distance * (1.0 - hair) } else { 0.0 };
            for ((v, &clean), feature) in x.iter_mut().zip(&self.x).zip(self.features.list()) {
                if feature.values == Values::Real {
                    *v = (f64::from(clean) + (f64::from(*v) - f64::from(clean)) * shrink) as f32;
                } else if hair >= 1.0 {
                    *v = clean;
                }
            }
            if hair >= 1.0 {
                return;
            }
            hair *= 2.0;
        }
    }
}

/// The smallest f32 not below `v`.
fn ceil(v: f64) -> f32 {
    let near = v as f32;
    if f64::from(near) < v { near.next_up() } else { near }
}

/// The largest f32 not above `v`.
fn floor(v: f64) -> f32 {
    let near = v as f32;
    if f64::from(near) > v { near.next_down() } else { near }
}
