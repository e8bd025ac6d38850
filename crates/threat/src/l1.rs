//! Projection onto an L1 ball intersected with the input box.
//!
//! `x` is the centre, `z` the point to be moved, both `[d]`; the result satisfies the box exactly and the ball in f64 without slack,
//! provided that `x` is in the box; where it is not, the box wins.

use crate::{
    InputBox,
    kernel::{distance_sum, sums},
    rounding::{clip, room, settle},
};

/// More passes than any projection has been seen to need: each halves the interval or lands on a root.
const MAX_PASSES: usize = 128;

/// Change of one element once `threshold` is taken off its size, and whether the threshold still matters to it.
#[inline(always)]
fn shrunk(d: f64, room: f64, threshold: f64) -> (f64, f64) {
    let left = d.abs() - threshold;
    if left >= room {
        (room, 0.0)
    } else if left > 0.0 {
        (left, 1.0)
    } else {
        (0.0, 0.0)
    }
}

/// Moves `z` to the nearest point of ball and box.
///
/// The nearest point changes each element by `min(room, max(|d| - t, 0))` with one threshold t for all; the sum of these changes falls
/// with t along straight pieces. Newton's step is exact on a piece, and an interval that holds the root keeps it from straying.
///
/// # Source
/// Croce & Hein, "Mind the box: l1-APGD for sparse adversarial attacks on image classifiers", ICML 2021, Proposition 2.1, which sorts the
/// 2 d ends of the pieces; the root is the same.
pub(crate) fn project(x: &[f32], z: &mut [f32], eps: f64, bounds: InputBox) {
    let change = |x: f32, z: f32, t: f64| {
        let d = f64::from(z) - f64::from(x);
        shrunk(d, room(x, d, bounds), t)
    };
    let total = |z: &[f32], t: f64| {
        sums(x, z, |x, z| {
            let (moved, free) = change(x, z, t);
            [moved, free]
        })
    };
    // Infinite elements would make every sum infinite; clipped to the box they are moved as far as they can be.
    z.iter_mut().filter(|z| !z.is_finite()).for_each(|z| *z = crate::kernel::clamp(*z, bounds.lo(), bounds.hi()));
    let [sum, _] = total(z, 0.0);
    if sum > eps {
        let mut low = 0.0;
        let mut high = x.iter().zip(&*z).fold(0.0f64, |most, (&x, &z)| most.max((f64::from(z) - f64::from(x)).abs()));
        let mut t = 0.0;
        for _ in 0..MAX_PASSES {
            let [sum, free] = total(z, t);
            if sum > eps {
                low = t
            } else {
                high = t
            }
            let newton = t + (sum - eps) / free;
            let next = if newton > low && newton < high { newton } else { f64::midpoint(low, high) };
            if next <= low || next >= high || (next - t).abs() <= 1e-15 * t {
                break;
            }
            t = next;
        }
        for (z, &x) in z.iter_mut().zip(x) {
            let (moved, _) = change(x, *z, t);
            *z = if *z < x { f64::from(x) - moved } else { f64::from(x) + moved } as f32;
        }
    }
    clip(z, bounds);
    settle(x, z, eps, bounds, distance_sum);
}

/// Largest value of `<a, y - x>` over all `y` in ball and box: the radius is spent on the largest `|a|` first, each up to its room.
pub(crate) fn support(x: &[f32], a: &[f32], eps: f64, bounds: InputBox) -> f64 {
    let mut pairs: Vec<(f64, f64)> = x.iter().zip(a).map(|(&x, &a)| (f64::from(a).abs(), room(x, f64::from(a), bounds))).collect();
    pairs.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let mut left = eps;
    let gain = |(a, room): (f64, f64)| {
        let spent = room.min(left);
        left -= spent;
        a * spent
    };
    pairs.into_iter().map(gain).sum()
}
