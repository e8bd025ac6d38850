//! How far floating-point sums may be off, and the margins that make bounds hold all the same.
//!
//! Every bound of this crate is computed in f64 and then moved outward by a bound of its rounding error. A sum of n products, in any order and
//! with or without fused operations, differs from the exact one by at most gamma(n) times the sum of the products' magnitudes.
//!
//! # Source
//! N. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed., section 3.1.

/// Unit roundoff of f64.
pub(crate) const UNIT: f64 = f64::EPSILON / 2.0;

/// Covers what products lose below the smallest normal number, with sums of up to 2^60 terms.
pub(crate) const TINY: f64 = 1e-285;

/// Returns a bound of the relative error of a sum of `n` products, with room for a few operations more and for the rounding of the bound itself.
pub(crate) fn gamma(n: usize) -> f64 {
    let nu = (n as f64 + 16.0) * UNIT;
    1.01 * nu / (1.0 - nu)
}

/// The next number below, and a little more: for results of a few correctly rounded operations.
pub(crate) fn down(x: f64) -> f64 {
    x - x.abs() * (8.0 * UNIT) - TINY
}

/// The counterpart of [`down`].
pub(crate) fn up(x: f64) -> f64 {
    x + x.abs() * (8.0 * UNIT) + TINY
}

/// As [`down`], for results of functions of the mathematical library, which may be off by some units in the last place.
pub(crate) fn library_down(x: f64) -> f64 {
    x - x.abs() * (64.0 * UNIT) - TINY
}

/// The counterpart of [`library_down`].
pub(crate) fn library_up(x: f64) -> f64 {
    x + x.abs() * (64.0 * UNIT) + TINY
}
