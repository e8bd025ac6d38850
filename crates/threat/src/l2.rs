//! Projections onto a Euclidean ball intersected with the input box.
//!
//! `x` is the centre, `z` the point to be moved, both `[d]`. All results satisfy the box exactly and the ball in f64 without slack,
//! provided that `x` is in the box; where it is not, the box wins.

use crate::{
    InputBox,
    kernel::{clamp, distance_sq, sums},
    rounding::{clip, room, settle},
};

/// More passes than any projection has been seen to need; see [`stretch`].
const MAX_PASSES: usize = 64;

/// Largest `t <= limit` for which `clip(x + t d)` is at most `eps` away from `x`.
///
/// The squared distance is `stopped + t^2 free`, where `free` sums d_i^2 over the elements that have not met the box and `stopped` sums
/// the squared room of those that have. Starting from a `t` that is too small, `t <- sqrt((eps^2 - stopped) / free)` rises to the root and is
/// there as soon as no further element stops: a few passes find what bisection on the multiplier of the ball's constraint, `1/t - 1`,
/// approaches. Every `t` on the way is small enough, so that the cap on the number of passes costs at most nearness.
fn stretch(x: &[f32], towards: &[f32], d: impl Fn(f32, f32) -> f64 + Copy, eps: f64, limit: f64, bounds: InputBox) -> f64 {
    let [all] = sums(x, towards, |x, z| [d(x, z) * d(x, z)]);
    let mut t = eps / all.sqrt();
    for _ in 0..MAX_PASSES {
        if t.is_nan() || t >= limit {
            return limit;
        }
        let [free, stopped] = sums(x, towards, |x, z| {
            let d = d(x, z);
            let room = room(x, d, bounds);
            // Selected, not branched on.
            if t * d.abs() < room { [d * d, 0.0] } else { [0.0, room * room] }
        });
        if free <= 0.0 {
            return limit;
        }
        let next = ((eps * eps - stopped).max(0.0) / free).sqrt();
        // Rises in the last bits of f64 are rounding, not elements.
        if next <= t * (1.0 + 1e-14) {
            return t;
        }
        t = next;
    }
    t
}

/// Moves `z` to the nearest point of ball and box.
pub(crate) fn project(x: &[f32], z: &mut [f32], eps: f64, bounds: InputBox) {
    if distance_sq(x, z).sqrt() > eps {
        let t = stretch(x, z, |x, z| f64::from(z) - f64::from(x), eps, 1.0, bounds);
        for (z, &x) in z.iter_mut().zip(x) {
            *z = (f64::from(x) + t * (f64::from(*z) - f64::from(x))) as f32;
        }
    }
    clip(z, bounds);
    settle(x, z, eps, bounds, |x, z| distance_sq(x, z).sqrt());
}

/// Moves `z` into the ball along the ray from `x`, then clips it to the box: inside both, but not the nearest point.
pub(crate) fn rescale(x: &[f32], z: &mut [f32], eps: f64, bounds: InputBox) {
    let length = distance_sq(x, z).sqrt();
    if length > eps {
        let shrink = (eps / (length + 1e-12)) as f32;
        let (lo, hi) = (bounds.lo(), bounds.hi());
        for (z, &x) in z.iter_mut().zip(x) {
            *z = clamp(x + (*z - x) * shrink, lo, hi);
        }
    } else {
        clip(z, bounds);
    }
    settle(x, z, eps, bounds, |x, z| distance_sq(x, z).sqrt());
}

/// Largest value of `<a, y - x>` over all `y` in ball and box.
pub(crate) fn support(x: &[f32], a: &[f32], eps: f64, bounds: InputBox) -> f64 {
    let t = stretch(x, a, |_, a| f64::from(a), eps, f64::INFINITY, bounds);
    let [sum] = sums(x, a, |x, a| {
        let a = f64::from(a);
        let (far, room) = (t * a.abs(), room(x, a, bounds));
        // An infinite `t` says that the box alone decides; it makes `far` NaN where `a` is zero.
        [a.abs() * if far < room { far } else { room }]
    });
    sum
}
