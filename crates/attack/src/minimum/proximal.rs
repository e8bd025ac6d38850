//! Proximal operators: the point that trades nearness to `v` against a norm, `argmin 1/2 |y - v|^2 + weight * norm(y)`.

use brinell_threat::Norm;

/// More passes than the threshold of Linf has been seen to need.
const MAX_PASSES: usize = 64;

/// Applies the operator in place to the changes `point - x` in units of `width`. For L0 it is that of the sum of |y|^(2/3), which stands in for the count.
pub(super) fn shrink(norm: Norm, x: &[f32], point: &mut [f32], width: f32, weight: f32) {
    let change = |v: f32, x: f32| (v - x) / width;
    match norm {
        Norm::L1 => point.iter_mut().zip(x).for_each(|(v, &x)| *v = x + width * soft(change(*v, x), weight)),
        Norm::L0 => point.iter_mut().zip(x).for_each(|(v, &x)| *v = x + width * two_thirds(change(*v, x), weight)),
        Norm::L2 => {
            let length = point.iter().zip(x).map(|(&v, &x)| f64::from(change(v, x)).powi(2)).sum::<f64>().sqrt();
            let keep = if length > 0.0 { (1.0 - f64::from(weight) / length).max(0.0) as f32 } else { 0.0 };
            point.iter_mut().zip(x).for_each(|(v, &x)| *v = x + keep * (*v - x));
        }
        Norm::Linf => {
            let limit = width * top(x, point, width, weight);
            point.iter_mut().zip(x).for_each(|(v, &x)| *v = x + (*v - x).clamp(-limit, limit));
        }
    }
}

/// The change of one element in L1.
pub(super) fn soft(v: f32, weight: f32) -> f32 {
    (v.abs() - weight).max(0.0).copysign(v)
}

/// The height at which changes are cut off in Linf, so that together they lose `weight`. Their sum above a height falls along straight pieces, ever more slowly,
/// so that Newton's steps from 0 rise to the root.
fn top(x: &[f32], point: &[f32], width: f32, weight: f32) -> f32 {
    let mut height = 0.0f64;
    for _ in 0..MAX_PASSES {
        let (mut above, mut count) = (0.0f64, 0.0f64);
        for (&v, &x) in point.iter().zip(x) {
            let left = f64::from(((v - x) / width).abs()) - height;
            above += left.max(0.0);
            count += f64::from(u8::from(left > 0.0));
        }
        let next = height + (above - f64::from(weight)) / count;
        if next.is_nan() || next <= height * (1.0 + 1e-9) {
            break;
        }
        height = next;
    }
    height as f32
}

/// The change of one element for the sum of |y|^(2/3).
///
/// # Source
/// Cao, Sun and Xu, "Fast image deconvolution using closed-form thresholding formulas of Lq (q = 1/2, 2/3) regularization", 2013, Eq. (10), whose
/// weight is twice ours.
fn two_thirds(v: f32, weight: f32) -> f32 {
    let (size, weight) = (f64::from(v.abs()), 2.0 * f64::from(weight));
    if weight <= 0.0 {
        return v;
    }
    if size <= 2.0 / 3.0 * (3.0 * weight.powi(3)).powf(0.25) {
        return 0.0;
    }
    let angle = (27.0 * size * size / 16.0 * weight.powf(-1.5)).acosh();
    let a = 2.0 / 3f64.sqrt() * weight.powf(0.25) * (angle / 3.0).cosh().sqrt();
    let root = 0.5 * (a + (2.0 * size / a - a * a).max(0.0).sqrt());
    (root.powi(3) as f32).copysign(v)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objective(norm: Norm, y: &[f32], v: &[f32], weight: f32) -> f64 {
        let sizes = y.iter().map(|y| f64::from(y.abs()));
        let size: f64 = match norm {
            Norm::Linf => sizes.fold(0.0, f64::max),
            Norm::L2 => sizes.map(|s| s * s).sum::<f64>().sqrt(),
            Norm::L1 => sizes.sum(),
            Norm::L0 => sizes.map(|s| s.powf(2.0 / 3.0)).sum(),
        };
        let near: f64 = y.iter().zip(v).map(|(y, v)| (f64::from(*y) - f64::from(*v)).powi(2)).sum();
        0.5 * near + f64::from(weight) * size
    }

    #[test]
    fn no_other_point_is_better() {
        let v = [0.9f32, -0.45, 0.05, 0.3, 0.0, -0.31];
        for norm in Norm::ALL {
            for weight in [1e-3, 0.05, 0.2, 0.7, 3.0] {
                let mut y = v;
                shrink(norm, &[0.0; 6], &mut y, 1.0, weight);
                let found = objective(norm, &y, &v, weight);
                let mut other = y;
                for k in 0..v.len() {
                    for step in -400..=400 {
                        other[k] = y[k] + step as f32 / 400.0;
                        assert!(objective(norm, &other, &v, weight) >= found - 1e-6, "{norm} {weight} {k} {step}: {y:?}");
                    }
                    other[k] = y[k];
                }
                // Along rays, which single elements do not try.
                for share in [0.0, 0.5, 0.9, 0.99, 1.01, 1.1] {
                    let scaled = y.map(|y| share * y);
                    let cut = v.map(|v| v.clamp(-share, share));
                    assert!(objective(norm, &scaled, &v, weight) >= found - 1e-6 && objective(norm, &cut, &v, weight) >= found - 1e-6);
                }
            }
        }
    }

    #[test]
    fn changes_are_in_widths_of_the_box() {
        let x = [10.0f32, 20.0];
        for norm in Norm::ALL {
            let (mut wide, mut unit) = ([10.0 + 255.0 * 0.5, 20.0 - 255.0 * 0.25], [0.5f32, -0.25]);
            shrink(norm, &x, &mut wide, 255.0, 0.1);
            shrink(norm, &[0.0; 2], &mut unit, 1.0, 0.1);
            assert!((wide[0] - x[0] - 255.0 * unit[0]).abs() < 1e-3 && (wide[1] - x[1] - 255.0 * unit[1]).abs() < 1e-3, "{norm}");
        }
    }
}
