//! What the attacks share that see verdicts only: a first adversarial point, and the edge between it and the clean input.
//!
//! All points are inside the input box.

mod bisection;
mod opening;

use brinell_threat::{InputBox, clamp};

pub(crate) use bisection::Bisection;
pub(crate) use opening::{Opened, Opening};

use crate::Start;

/// Writes `from + scale * direction`, cut off at the box.
pub(crate) fn shifted(from: &[f32], direction: &[f32], scale: f64, bounds: InputBox, out: &mut [f32]) {
    for ((out, &from), &direction) in out.iter_mut().zip(from).zip(direction) {
        *out = clamp((f64::from(from) + scale * f64::from(direction)) as f32, bounds.lo(), bounds.hi());
    }
}

/// Inner product of `v` with `to - from`, in f64.
pub(crate) fn inner(v: &[f32], to: &[f32], from: &[f32]) -> f64 {
    v.iter().zip(to).zip(from).map(|((v, to), from)| f64::from(*v) * (f64::from(*to) - f64::from(*from))).sum()
}

/// Scales to Euclidean length 1; leaves zero as it is.
pub(crate) fn normalise(direction: &mut [f32]) {
    let length = crate::step::finite_length(direction);
    if length > 0.0 {
        direction.iter_mut().for_each(|v| *v = (f64::from(*v) / length) as f32);
    }
}

/// Distances below this part of the box's width are those of rounding: there is nothing left to gain.
pub(crate) const NOTHING_LEFT: f64 = 1e-6;

/// The clean input inside the box, where all searches end.
pub(crate) fn clean_inside(start: &Start<'_>) -> Box<[f32]> {
    let bounds = start.ball.bounds;
    start.x.iter().map(|&v| clamp(v, bounds.lo(), bounds.hi())).collect()
}
