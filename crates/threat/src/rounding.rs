//! What the projections share: the box, and the last hair after rounding to f32.

use crate::{InputBox, kernel::clamp};

/// Room to the side of the box towards which `d` points; zero where `x` is already outside.
#[inline(always)]
pub(crate) fn room(x: f32, d: f64, bounds: InputBox) -> f64 {
    let (up, down) = (f64::from(bounds.hi()) - f64::from(x), f64::from(x) - f64::from(bounds.lo()));
    let room = if d < 0.0 { down } else { up };
    if room > 0.0 { room } else { 0.0 }
}

/// Clamps every element to the box.
pub(crate) fn clip(z: &mut [f32], bounds: InputBox) {
    let (lo, hi) = (bounds.lo(), bounds.hi());
    for z in z {
        *z = clamp(*z, lo, hi);
    }
}

/// Pulls `z` towards `x` by hairs until the distance in f64 is at most `eps`, which rounding to f32 may have broken.
pub(crate) fn settle(x: &[f32], z: &mut [f32], eps: f64, bounds: InputBox, distance: impl Fn(&[f32], &[f32]) -> f64) {
    let (lo, hi) = (bounds.lo(), bounds.hi());
    let mut hair = 1.0 / f64::from(1 << 24);
    loop {
        let length = distance(x, z);
        if length <= eps {
            return;
        }
        // A hair of 1 is `x` itself, where the loop ends; it is reached only where eps is below the resolution of f32 around `x`.
        let shrink = if hair < 1.0 { (eps / length * (1.0 - hair)) as f32 } else { 0.0 };
        for (z, &x) in z.iter_mut().zip(x) {
            *z = clamp(x + (*z - x) * shrink, lo, hi);
        }
        if hair >= 1.0 {
            return;
        }
        hair *= 2.0;
    }
}
