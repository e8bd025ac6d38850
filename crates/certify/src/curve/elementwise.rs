use super::{Bend, Curve, interval, line_above, line_below, stretches};
use crate::bounds::Bounds;
use crate::matrix::Matrix;
use crate::nonlinear::Nonlinear;
use crate::relaxation::{Lines, Relaxation};
use crate::rounding::up;

/// A curve applied to every element.
#[derive(Debug)]
pub(crate) struct Elementwise {
    n: usize,
    curve: Box<dyn Curve>,
}

impl Elementwise {
    pub(crate) fn new(n: usize, curve: Box<dyn Curve>) -> Self {
        Self { n, curve }
    }

    /// Lines for one interval; not numbers where there are none.
    fn lines(&self, l: f64, u: f64) -> [(f64, f64); 2] {
        let curve = self.curve.as_ref();
        if !(l.is_finite() && u.is_finite() && curve.covers(l, u)) {
            // What is known wherever the function is defined.
            let (low, high) = interval(curve, l, u);
            return [(0.0, low), (0.0, high)];
        }
        let flat = || interval(curve, l, u);
        [line_below(curve, l, u).unwrap_or_else(|| (0.0, flat().0)), line_above(curve, l, u).unwrap_or_else(|| (0.0, flat().1))]
    }
}

impl Nonlinear for Elementwise {
    fn outputs(&self) -> usize {
        self.n
    }

    fn eval(&self, x: &[&Matrix]) -> Matrix {
        x[0].map(|x| self.curve.value(x))
    }

    fn interval(&self, x: &[&Bounds]) -> Bounds {
        let mut y = Bounds::zeros(self.n, x[0].domains());
        for at in 0..y.lo.data.len() {
            (y.lo.data[at], y.hi.data[at]) = interval(self.curve.as_ref(), x[0].lo.data[at], x[0].hi.data[at]);
        }
        y
    }

    fn relax(&self, x: &[&Bounds]) -> Relaxation {
        let mut lines = Lines::zeros(self.n, x[0].domains());
        for at in 0..lines.magnitude.data.len() {
            let (l, u) = (x[0].lo.data[at], x[0].hi.data[at]);
            let [lower, upper] = self.lines(l, u);
            (lines.lower_slope.data[at], lines.lower_offset.data[at]) = lower;
            (lines.upper_slope.data[at], lines.upper_offset.data[at]) = upper;
            let steepest = lower.0.abs().max(upper.0.abs());
            // A slope of 0 times an infinite end is 0 here.
            let sloped = if steepest == 0.0 { 0.0 } else { steepest * u.max(-l) };
            lines.magnitude.data[at] = sloped + lower.1.abs().max(upper.1.abs());
        }
        Relaxation::Lines(lines)
    }

    fn wants(&self, _: usize, x: &Bounds) -> Vec<bool> {
        let bent = |l: f64, u: f64| {
            let mut stretches = stretches(self.curve.as_ref(), l, u);
            match (stretches.next(), stretches.next()) {
                (Some((.., bend)), None) => bend != Bend::Straight,
                (None, _) => false,
                _ => true,
            }
        };
        x.lo.data.iter().zip(&x.hi.data).map(|(&l, &u)| bent(l, u)).collect()
    }

    fn curve_name(&self) -> Option<&'static str> {
        self.curve.name()
    }

    fn rounding(&self, x: &[&Bounds], error: &[&Matrix]) -> Option<Matrix> {
        let mut y = Matrix::zeros(self.n, error[0].cols);
        for (at, y) in y.data.iter_mut().enumerate() {
            let e = error[0].data[at];
            let (l, u) = (x[0].lo.data[at] - e, x[0].hi.data[at] + e);
            let (low, high) = interval(self.curve.as_ref(), l, u);
            if !(low.is_finite() && high.is_finite()) {
                return None;
            }
            // Functions of runtimes are off by some units in the last place, and approximations by more.
            *y =
                up(self.curve.steepest(l, u) * e
                    + 32.0 * f64::from(f32::EPSILON) * (low.abs().max(high.abs()) + f64::from(f32::MIN_POSITIVE)));
        }
        Some(y)
    }
}
