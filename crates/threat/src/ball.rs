//! The set of allowed inputs around one clean input.

use std::sync::Arc;

use crate::{
    Eps, Features, Frame, InputBox, Norm, Region, ThreatError,
    kernel::{clamp, distance_count, distance_max, distance_sq, distance_sum},
    l0, l1, l2,
    region::interval,
};

/// Allowance of [`Ball::contains`], relative to eps: a distance of `eps * (1 + ROUNDING_ALLOWANCE)` still counts as inside.
///
/// Points of this program need none for Linf; it is there for adversarial examples of other programs, which round `x + eps` to f32.
pub const ROUNDING_ALLOWANCE: f64 = 1e-6;

/// A norm ball of radius `eps` around any `x`, intersected with the input box, or with the rules of the features of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Ball {
    /// How distance is measured.
    pub norm: Norm,
    /// Radius in model-input units, for L0 in elements; not negative, infinite where the box alone is the limit.
    pub eps: f64,
    /// Range of every input element; with features the smallest box that holds all of theirs.
    pub bounds: InputBox,
    /// Rules of each feature, and the units in which its changes are measured; attacks meet them through [`Frame`] alone.
    pub features: Option<Arc<Features>>,
}

/// Why a point is not an allowed input.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// The two points have different numbers of elements.
    #[error("the point has {found} elements, but the clean input has {expected}")]
    Length {
        /// Elements of the clean input.
        expected: usize,
        /// Elements of the point.
        found: usize,
    },
    /// An element is NaN or infinite.
    #[error("element {index} is {value}, not a finite number")]
    NotFinite {
        /// Number of the element.
        index: usize,
        /// Its value.
        value: f32,
    },
    /// An element is outside the input box.
    #[error("element {index} is {value}, outside the input range [{}, {}]", bounds.lo(), bounds.hi())]
    OutsideBox {
        /// Number of the element.
        index: usize,
        /// Its value.
        value: f32,
        /// The box.
        bounds: InputBox,
    },
    /// A feature has a value that it may not be given.
    #[error("feature {index} is {value}: {reason}")]
    Feature {
        /// Number of the feature.
        index: usize,
        /// Its value.
        value: f32,
        /// The rule that it breaks.
        reason: &'static str,
    },
    /// The point is too far from the clean input.
    #[error("the {norm} distance is {distance}, larger than eps {eps}")]
    OutsideBall {
        /// How distance is measured.
        norm: Norm,
        /// Distance in f64.
        distance: f64,
        /// Radius.
        eps: f64,
    },
}

impl Ball {
    /// Builds a ball.
    pub fn new(norm: Norm, eps: &Eps, bounds: InputBox) -> Self {
        Self { norm, eps: eps.value(), bounds, features: None }
    }

    /// Builds a ball without a radius: every input of the box is allowed, and distances are still measured.
    pub fn unlimited(norm: Norm, bounds: InputBox) -> Self {
        Self { norm, eps: f64::INFINITY, bounds, features: None }
    }

    /// Checks that the radius is not larger than the box itself, which is nearly always a mistake in units.
    ///
    /// # Errors
    /// `EpsBeyondBox` when eps exceeds the norm of the box's diagonal for inputs of `elements` elements; `NotACount` for a radius
    /// of L0 that is not whole.
    pub fn check_size(&self, elements: usize) -> Result<(), ThreatError> {
        if self.norm == Norm::L0 && self.eps.fract() != 0.0 {
            return Err(ThreatError::NotACount { eps: self.eps });
        }
        let diameter = self.diameter(elements);
        if self.features.is_some() && self.eps > diameter {
            return Err(ThreatError::EpsBeyondFeatures { norm: self.norm, eps: self.eps, diameter });
        }
        if self.eps <= diameter {
            Ok(())
        } else {
            Err(ThreatError::EpsBeyondBox { norm: self.norm, eps: self.eps, diameter, lo: self.bounds.lo(), hi: self.bounds.hi() })
        }
    }

    /// Largest distance of two points of the box, for inputs of `elements` elements.
    pub fn diameter(&self, elements: usize) -> f64 {
        if let Some(features) = &self.features {
            let widths = features.widths();
            return match self.norm {
                Norm::Linf => widths.fold(0.0, f64::max),
                Norm::L2 => widths.map(|width| width * width).sum::<f64>().sqrt(),
                Norm::L1 => widths.sum(),
                Norm::L0 => widths.filter(|width| *width > 0.0).count() as f64,
            };
        }
        match self.norm {
            Norm::Linf => self.bounds.width(),
            Norm::L2 => self.bounds.width() * (elements as f64).sqrt(),
            Norm::L1 => self.bounds.width() * elements as f64,
            Norm::L0 => elements as f64,
        }
    }

    /// Distance of two points in the ball's norm, computed in f64; NaN if an element is NaN.
    pub fn distance(&self, x: &[f32], x_adv: &[f32]) -> f64 {
        if let Some(features) = &self.features {
            return features.distance(self.norm, x, x_adv);
        }
        match self.norm {
            Norm::Linf => distance_max(x, x_adv),
            Norm::L2 => distance_sq(x, x_adv).sqrt(),
            Norm::L1 => distance_sum(x, x_adv),
            Norm::L0 => distance_count(x, x_adv),
        }
    }

    /// Range of one element.
    pub fn range(&self, index: usize) -> (f32, f32) {
        let feature = self.features.as_ref().and_then(|features| features.list().get(index));
        feature.map_or((self.bounds.lo(), self.bounds.hi()), |feature| (feature.lo, feature.hi))
    }

    /// True where a clean input may hold the value in that place: it is in the range, or one that a rule keeps as it is, or missing in a table.
    pub fn expects(&self, index: usize, value: f32) -> bool {
        let (lo, hi) = self.range(index);
        let feature = self.features.as_ref().and_then(|features| features.list().get(index));
        (lo..=hi).contains(&value) || feature.is_some_and(|feature| feature.keep.contains(&value) || value.is_nan())
    }

    /// The neighbourhood of `x` in units of the features, where there are some; its points keep to the radius unless `beyond`.
    pub fn frame(&self, x: &[f32], beyond: bool) -> Option<Frame> {
        self.features.as_ref().map(|features| Frame::new(features, self, x, beyond))
    }

    /// Judges whether `x_adv` is an allowed input: finite, inside the box exactly (with features: by their rules), inside the ball with [`ROUNDING_ALLOWANCE`].
    ///
    /// # Errors
    /// The first [`Violation`] in that order.
    pub fn contains(&self, x: &[f32], x_adv: &[f32]) -> Result<(), Violation> {
        if x.len() != x_adv.len() {
            return Err(Violation::Length { expected: x.len(), found: x_adv.len() });
        }
        // What is missing in a table stays missing.
        let stays = |index: usize, v: f32| self.features.is_some() && v.is_nan() && x.get(index).is_some_and(|x| x.is_nan());
        if let Some((index, &value)) = x_adv.iter().enumerate().find(|&(index, &v)| !v.is_finite() && !stays(index, v)) {
            return Err(Violation::NotFinite { index, value });
        }
        if let Some(features) = &self.features {
            features.allows(x, x_adv)?;
        } else if let Some((index, &value)) = x_adv.iter().enumerate().find(|&(_, &v)| !self.bounds.contains(v)) {
            return Err(Violation::OutsideBox { index, value, bounds: self.bounds });
        }
        let distance = self.distance(x, x_adv);
        if distance <= self.eps * (1.0 + ROUNDING_ALLOWANCE) {
            Ok(())
        } else {
            Err(Violation::OutsideBall { norm: self.norm, distance, eps: self.eps })
        }
    }

    /// Precomputes the region around `x`, without regard to features; use this where many points are projected.
    pub fn around(&self, x: &[f32]) -> Region {
        Region::new(self, x)
    }

    /// Moves `z` to the nearest allowed input; see [`Region::project`]. Without features no memory is allocated, so that the radius may
    /// change at every step; with them the result keeps their rules, but need not be the nearest point that does.
    pub fn project(&self, x: &[f32], z: &mut [f32]) {
        if let Some(frame) = self.frame(x, false) {
            let mut u = frame.units(z);
            frame.ball().project(frame.centre(), &mut u);
            return frame.realise(&u, z);
        }
        match self.norm {
            Norm::Linf => x.iter().zip(z).for_each(|(&x, z)| {
                let (lo, hi) = interval(x, self.eps, self.bounds);
                *z = clamp(*z, lo, hi);
            }),
            Norm::L2 => l2::project(x, z, self.eps, self.bounds),
            Norm::L1 => l1::project(x, z, self.eps, self.bounds),
            Norm::L0 => l0::project(x, z, self.eps, self.bounds),
        }
    }

    /// Moves `z` inside in the form of APGD's reference; see [`Region::project_reference`].
    pub fn project_reference(&self, x: &[f32], z: &mut [f32]) {
        self.around(x).project_reference(z);
    }

    /// Largest value of `<a, y - x>` over all allowed `y`, features left out, in f64: how much a linear function can gain.
    ///
    /// # Guarantees
    /// Exact up to f64 rounding (relative 1e-12), if `x` is in the box. This is the closed form of an attack on a linear model.
    pub fn support(&self, x: &[f32], a: &[f32]) -> f64 {
        match self.norm {
            Norm::L2 => l2::support(x, a, self.eps, self.bounds),
            Norm::L1 => l1::support(x, a, self.eps, self.bounds),
            Norm::L0 => l0::support(x, a, self.eps, self.bounds),
            Norm::Linf => {
                let gain = |(&x, &a): (&f32, &f32)| {
                    let bound = if a < 0.0 { self.bounds.lo() } else { self.bounds.hi() };
                    let room = (f64::from(bound) - f64::from(x)).abs();
                    f64::from(a).abs() * room.min(self.eps)
                };
                x.iter().zip(a).map(gain).sum()
            }
        }
    }
}
