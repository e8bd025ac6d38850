//! What the gradient attacks share: gradients without poison, and lengths.

use brinell_threat::Norm;

/// Copies a gradient, with zeros in place of NaN and infinities, which would otherwise spread through the iterate.
pub(crate) fn copy_finite(from: &[f32], to: &mut [f32]) {
    for (to, &from) in to.iter_mut().zip(from) {
        *to = finite(from);
    }
}

/// The value itself, or zero where it is NaN or infinite.
#[inline(always)]
pub(crate) fn finite(v: f32) -> f32 {
    if v.abs() < f32::INFINITY { v } else { 0.0 }
}

/// -1, 0 or 1; zero for both zeros, unlike `f32::signum`.
#[inline(always)]
pub(crate) fn sign(v: f32) -> f32 {
    f32::from(i8::from(v > 0.0) - i8::from(v < 0.0))
}

/// Euclidean length in f64 of the finite entries, kept in eight lanes so that it is a vector loop.
pub(crate) fn finite_length(a: &[f32]) -> f64 {
    let (blocks, rest) = a.as_chunks::<8>();
    let mut lanes = [0.0f64; 8];
    for block in blocks {
        for (lane, &v) in lanes.iter_mut().zip(block) {
            *lane += f64::from(finite(v)) * f64::from(finite(v));
        }
    }
    let tail: f64 = rest.iter().map(|&v| f64::from(finite(v)).powi(2)).sum();
    (lanes.iter().sum::<f64>() + tail).sqrt()
}

/// Length of the finite entries in the norm dual to `norm`: by how much a linear function with this gradient rises within distance 1. For L0 it is the
/// largest entry, since one element may change.
pub(crate) fn dual_length(norm: Norm, a: &[f32]) -> f64 {
    match norm {
        Norm::Linf => a.iter().map(|&v| f64::from(finite(v).abs())).sum(),
        Norm::L2 => finite_length(a),
        Norm::L1 | Norm::L0 => a.iter().fold(0.0, |most, &v| f64::from(finite(v).abs()).max(most)),
    }
}
