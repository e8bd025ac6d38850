use crate::bounds::Bounds;
use crate::matrix::Matrix;
use crate::relaxation::Relaxation;

/// A layer that is not linear.
///
/// # Shapes
/// All matrices are [elements, domains].
pub(crate) trait Nonlinear: Send + Sync + std::fmt::Debug {
    fn outputs(&self) -> usize;
    /// The values at points.
    fn eval(&self, x: &[&Matrix]) -> Matrix;
    /// Intervals that hold every value for inputs in the given ones.
    fn interval(&self, x: &[&Bounds]) -> Bounds;
    /// Linear bounds that hold for inputs in the given intervals.
    fn relax(&self, x: &[&Bounds]) -> Relaxation;
    /// Says for each element of input `k`, in each domain, whether tighter intervals would make the relaxation tighter.
    fn wants(&self, k: usize, x: &Bounds) -> Vec<bool>;
    /// The range of slopes through the origin that are valid below an undecided element, where there is more than one.
    fn slopes(&self) -> Option<(f64, f64)> {
        None
    }
    /// The name of the curve that is applied, where it is one that larger patterns contain.
    fn curve_name(&self) -> Option<&'static str> {
        None
    }
    /// True where an element that is undecided can be decided by splitting its input at zero.
    fn splits_at_zero(&self) -> bool {
        false
    }
    /// A bound of how far the result is off if the inputs are off by `error`, and if the layer computes in f32; `None` where none is known.
    fn rounding(&self, x: &[&Bounds], error: &[&Matrix]) -> Option<Matrix>;
}
