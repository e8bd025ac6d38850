//! Linear maps, one file each. A map knows how to apply itself, its absolute value and its transpose to all columns at once; intervals, backward passes
//! and rounding errors of all of them follow from that (`affine.rs`).

mod conv;
mod dense;
mod left;
mod pick;
mod scale;
mod sparse;

pub(crate) use conv::{Conv, Window};
pub(crate) use dense::Dense;
pub(crate) use left::Left;
pub(crate) use pick::{NOTHING, Pick};
pub(crate) use scale::Scale;
pub(crate) use sparse::Sparse;

use crate::matrix::Matrix;

/// A linear map from the elements of one value to those of another.
///
/// # Shapes
/// `x` [inputs, columns], `y` and `a` [outputs, columns].
pub(crate) trait Map: Send + Sync + std::fmt::Debug {
    fn outputs(&self) -> usize;
    /// Adds L x to `y`.
    fn apply(&self, x: &Matrix, y: &mut Matrix);
    /// Adds |L| x to `y`.
    fn apply_magnitude(&self, x: &Matrix, y: &mut Matrix);
    /// Adds L^T a to `x`.
    fn apply_transposed(&self, a: &Matrix, x: &mut Matrix);
    /// Adds `sign` times row `i` of L to column `c` of `x`, for the c-th pair of (i, sign).
    fn rows(&self, picks: &[(usize, f64)], x: &mut Matrix) {
        let mut a = Matrix::zeros(self.outputs(), picks.len());
        for (c, &(i, sign)) in picks.iter().enumerate() {
            a.row_mut(i)[c] = sign;
        }
        self.apply_transposed(&a, x);
    }
    /// True where each result is an input or 0.
    fn is_selection(&self) -> bool {
        false
    }
    /// Most terms that one element of a result is summed of, in either direction.
    fn terms(&self) -> usize;
    /// The largest magnitude of a coefficient; NaN where one is not finite.
    fn largest(&self) -> f64;
}

/// The largest magnitude; NaN where a number is not finite.
pub(crate) fn largest(numbers: &[f64]) -> f64 {
    numbers.iter().fold(0.0, |most: f64, x| if x.is_finite() && !most.is_nan() { most.max(x.abs()) } else { f64::NAN })
}
