//! Projection onto the inputs that differ from the clean one in at most eps elements and lie in the box.

use crate::{
    InputBox,
    kernel::{clamp, sums, threshold},
    rounding::{clip, room},
};

/// By how much the squared distance from `z` falls when the element may change.
#[inline(always)]
fn gain(x: f32, z: f32, bounds: InputBox) -> f64 {
    let clipped = clamp(z, bounds.lo(), bounds.hi());
    let (whole, rest) = (f64::from(z) - f64::from(x), f64::from(z) - f64::from(clipped));
    // whole^2 - rest^2, which would cancel where z is far away.
    ((f64::from(clipped) - f64::from(x)) * (whole + rest)).max(0.0)
}

/// Moves `z` to the nearest point that differs from `x` in at most `eps` elements and lies in the box; of equal gains the first count.
pub(crate) fn project(x: &[f32], z: &mut [f32], eps: f64, bounds: InputBox) {
    // As far as any finite element, so that gains stay comparable.
    z.iter_mut().filter(|z| !z.is_finite()).for_each(|z| *z = clamp(*z, bounds.lo(), bounds.hi()));
    let [changed] = sums(x, z, |x, z| [f64::from(u8::from(gain(x, z, bounds) > 0.0))]);
    if changed > eps {
        let threshold = threshold(x, z, eps, |x, z| gain(x, z, bounds), |_, _| 1.0);
        let [above] = sums(x, z, |x, z| [f64::from(u8::from(gain(x, z, bounds) > threshold))]);
        let mut ties = eps - above;
        for (z, &x) in z.iter_mut().zip(x) {
            let gain = gain(x, *z, bounds);
            if gain == threshold && gain > 0.0 && ties >= 1.0 {
                ties -= 1.0;
            } else if gain <= threshold {
                *z = x;
            }
        }
    }
    clip(z, bounds);
}

/// Largest value of `<a, y - x>` over all allowed `y`: the eps largest single gains.
pub(crate) fn support(x: &[f32], a: &[f32], eps: f64, bounds: InputBox) -> f64 {
    let mut gains: Vec<f64> = x.iter().zip(a).map(|(&x, &a)| f64::from(a).abs() * room(x, f64::from(a), bounds)).collect();
    gains.sort_by(|a, b| b.total_cmp(a));
    // An infinite radius takes them all.
    gains.into_iter().take(eps.min(x.len() as f64) as usize).sum()
}
