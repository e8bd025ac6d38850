//! The nearest point of the box on a plane: what an attack on a linear model would do.
//!
//! `x` is where the movement begins, `w` the normal of the plane, both `[d]`. Elements of `w` that are not finite count as 0.

use crate::{InputBox, Norm, kernel::sums, rounding::room};

/// More passes than any multiplier has been seen to need: each either meets a further side of the box or ends.
const MAX_PASSES: usize = 128;

/// Writes into `y` the point of the box nearest to `x` in the norm with `<w, y - x>` at least `gain`, and returns whether there is one; where the box
/// is too small for it, `y` is the corner with the largest `<w, y - x>`. A gain of 0 or less is there already: `y` is `x`.
///
/// For L0 every element that changes goes as far as the box allows, since its distance does not count.
///
/// # Guarantees
/// `y` is in the box if `x` is. Exact up to the rounding of `y` to f32, which may miss the gain by as much. No memory is allocated.
///
/// # Source
/// Croce & Hein, "Minimally distorted adversarial examples with a fast adaptive boundary attack", ICML 2020, Eq. (5), which sorts the places where
/// elements meet the box; the multiplier found here is the same.
pub fn nearest_beyond_plane(norm: Norm, bounds: InputBox, x: &[f32], w: &[f32], gain: f64, y: &mut [f32]) -> bool {
    let slope = |w: f32| if w.is_finite() { f64::from(w) } else { 0.0 };
    let [most] = sums(x, w, |x, w| [slope(w).abs() * room(x, slope(w), bounds)]);
    let reached = most >= gain;
    if gain <= 0.0 || gain.is_nan() {
        y.copy_from_slice(x);
        return gain <= 0.0;
    }
    match norm {
        Norm::Linf => {
            let far = multiplier(gain, most, |t| {
                sums(x, w, |x, w| {
                    let (slope, room) = (slope(w).abs(), room(x, slope(w), bounds));
                    if t < room { [slope * t, slope] } else { [slope * room, 0.0] }
                })
            });
            go(x, w, y, bounds, |w, room| if w == 0.0 { 0.0 } else { room.min(far) });
        }
        Norm::L2 => {
            let t = multiplier(gain, most, |t| {
                sums(x, w, |x, w| {
                    let (slope, room) = (slope(w).abs(), room(x, slope(w), bounds));
                    if t * slope < room { [slope * slope * t, slope * slope] } else { [slope * room, 0.0] }
                })
            });
            go(x, w, y, bounds, |w, room| if w == 0.0 { 0.0 } else { room.min(t * w.abs()) });
        }
        Norm::L1 => {
            let threshold = largest(gain, |w, _| w.abs(), x, w, bounds);
            let mut left = gain - above(threshold, |w, _| w.abs(), x, w, bounds);
            go(x, w, y, bounds, |w, room| match w.abs() {
                size if size > threshold => room,
                size if size == threshold && left > 0.0 => {
                    let spent = room.min(left / size);
                    left -= spent * size;
                    spent
                }
                _ => 0.0,
            });
        }
        Norm::L0 => {
            let threshold = largest(gain, |w, room| w.abs() * room, x, w, bounds);
            let mut left = gain - above(threshold, |w, room| w.abs() * room, x, w, bounds);
            go(x, w, y, bounds, |w, room| match w.abs() * room {
                size if size > threshold => room,
                size if size == threshold && left > 0.0 => {
                    left -= size;
                    room
                }
                _ => 0.0,
            });
        }
    }
    reached
}

/// Moves every element by `step(w, room)` towards the sign of `w`.
fn go(x: &[f32], w: &[f32], y: &mut [f32], bounds: InputBox, mut step: impl FnMut(f64, f64) -> f64) {
    for ((y, &x), &w) in y.iter_mut().zip(x).zip(w) {
        let slope = if w.is_finite() { f64::from(w) } else { 0.0 };
        let moved = step(slope, room(x, slope, bounds));
        let target = if slope < 0.0 { f64::from(x) - moved } else { f64::from(x) + moved };
        // Rounding to f32 goes to the nearest, which may lie a hair outside the box.
        *y = if moved > 0.0 { crate::kernel::clamp(target as f32, bounds.lo(), bounds.hi()) } else { x };
    }
}

/// The smallest t with `total(t) = gain`, where `total` gives a sum that rises with t along straight pieces, ever more slowly, and its slope.
/// Newton's steps on such a sum come from below and never pass the root; where `gain` is above `most`, all elements go to the box.
fn multiplier(gain: f64, most: f64, total: impl Fn(f64) -> [f64; 2]) -> f64 {
    if gain >= most {
        return f64::INFINITY;
    }
    let mut t = 0.0;
    for _ in 0..MAX_PASSES {
        let [sum, slope] = total(t);
        let next = t + (gain - sum) / slope;
        if next <= t * (1.0 + 1e-15) || !next.is_finite() {
            break;
        }
        t = next;
    }
    t
}

/// What elements with a `size` above the threshold gain by going as far as the box allows.
fn above(threshold: f64, size: impl Fn(f64, f64) -> f64, x: &[f32], w: &[f32], bounds: InputBox) -> f64 {
    let [sum] = sums(x, w, |x, w| {
        let slope = if w.is_finite() { f64::from(w) } else { 0.0 };
        let room = room(x, slope, bounds);
        [if size(slope, room) > threshold { slope.abs() * room } else { 0.0 }]
    });
    sum
}

/// The smallest size of which the elements with a larger one gain at most `gain`: found bit by bit, since bits of floats that are not negative
/// are in the order of their values.
fn largest(gain: f64, size: impl Fn(f64, f64) -> f64 + Copy, x: &[f32], w: &[f32], bounds: InputBox) -> f64 {
    let (mut low, mut high) = (0u64, f64::INFINITY.to_bits());
    while low < high {
        let middle = low + (high - low) / 2;
        if above(f64::from_bits(middle), size, x, w, bounds) <= gain { high = middle } else { low = middle + 1 }
    }
    f64::from_bits(low)
}
