use super::{Curve, Threshold, line_above, line_below};
use crate::bounds::Bounds;
use crate::matrix::Matrix;
use crate::nonlinear::Nonlinear;
use crate::relaxation::{Lines, Relaxation};
use crate::rounding::{down, up};

/// Which whole number a step stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rounding {
    Floor,
    Ceil,
    /// To the nearest, the even one of two.
    Nearest,
    /// The sign: -1, 0 or 1.
    Sign,
}

/// `clamp(round(x / scale) + zero, lo, hi)` for each element: Floor, Ceil, Round, Sign and QuantizeLinear.
///
/// It lies between two clipped lines. A step that an end of an interval is nearer to than rounding can tell is taken as either.
#[derive(Debug)]
pub(crate) struct Staircase {
    pub(crate) rounding: Rounding,
    /// One for each element; positive.
    pub(crate) scales: Vec<f64>,
    pub(crate) zeros: Vec<f64>,
    pub(crate) lo: f64,
    pub(crate) hi: f64,
}

impl Staircase {
    fn value(&self, i: usize, x: f64) -> f64 {
        let x = x / self.scales[i];
        let step = match self.rounding {
            Rounding::Floor => x.floor(),
            Rounding::Ceil => x.ceil(),
            Rounding::Nearest => x.round_ties_even(),
            Rounding::Sign => return if x == 0.0 { 0.0 } else { x.signum() },
        };
        (step + self.zeros[i]).clamp(self.lo, self.hi)
    }

    /// Least and largest value on [l, u]: the function does not fall. The deployed model may divide in f32.
    fn ends(&self, i: usize, l: f64, u: f64) -> (f64, f64) {
        let slip = |x: f64| x.abs() * 4.0 * f64::from(f32::EPSILON) + f64::from(f32::MIN_POSITIVE);
        if self.rounding == Rounding::Sign {
            return (self.value(i, l), self.value(i, u));
        }
        (self.value(i, l - slip(l)), self.value(i, u + slip(u)))
    }

    /// How far above and below the line x / scale + zero the steps reach.
    fn reach(&self) -> (f64, f64) {
        match self.rounding {
            Rounding::Floor => (1.0, 0.0),
            Rounding::Ceil => (0.0, 1.0),
            Rounding::Nearest | Rounding::Sign => (0.5, 0.5),
        }
    }
}

impl Nonlinear for Staircase {
    fn outputs(&self) -> usize {
        self.scales.len()
    }

    fn eval(&self, x: &[&Matrix]) -> Matrix {
        let cols = x[0].cols;
        let data = x[0].data.iter().enumerate().map(|(at, &x)| self.value(at / cols.max(1), x)).collect();
        Matrix { n: x[0].n, cols, data }
    }

    fn interval(&self, x: &[&Bounds]) -> Bounds {
        let domains = x[0].domains();
        let mut y = Bounds::zeros(self.outputs(), domains);
        for at in 0..y.lo.data.len() {
            (y.lo.data[at], y.hi.data[at]) = self.ends(at / domains.max(1), x[0].lo.data[at], x[0].hi.data[at]);
        }
        y
    }

    fn relax(&self, x: &[&Bounds]) -> Relaxation {
        let domains = x[0].domains();
        let mut lines = Lines::zeros(self.outputs(), domains);
        let (below, above) = self.reach();
        for at in 0..lines.magnitude.data.len() {
            let i = at / domains.max(1);
            let (l, u) = (x[0].lo.data[at], x[0].hi.data[at]);
            let (low, high) = self.ends(i, l, u);
            let (mut lower, mut upper) = ((0.0, low), (0.0, high));
            if low < high && self.rounding != Rounding::Sign && l.is_finite() && u.is_finite() && l < u {
                let (scale, middle) = (self.scales[i], 0.5 * l + 0.5 * u);
                let slip = 4.0 * f64::from(f32::EPSILON) * (u.max(-l) / scale) + f64::from(f32::MIN_POSITIVE);
                let line = |reach: f64| Threshold::new(1.0 / scale, self.zeros[i] + reach, self.lo, self.hi);
                let better = |(slope, offset): (f64, f64), flat: f64, side: f64| side * (slope * middle + offset) > side * flat;
                let under = line(-below - slip);
                lower = line_below(&under as &dyn Curve, l, u).filter(|line| better(*line, low, 1.0)).unwrap_or(lower);
                let over = line(above + slip);
                upper = line_above(&over as &dyn Curve, l, u).filter(|line| better(*line, high, -1.0)).unwrap_or(upper);
            }
            (lines.lower_slope.data[at], lines.lower_offset.data[at]) = (lower.0, down(lower.1));
            (lines.upper_slope.data[at], lines.upper_offset.data[at]) = (upper.0, up(upper.1));
            lines.magnitude.data[at] = (lower.0.abs().max(upper.0.abs())) * u.max(-l) + lower.1.abs().max(upper.1.abs());
        }
        Relaxation::Lines(lines)
    }

    fn wants(&self, _: usize, x: &Bounds) -> Vec<bool> {
        let domains = x.domains().max(1);
        let stepped = |(at, (&l, &u)): (usize, (&f64, &f64))| {
            let (low, high) = self.ends(at / domains, l, u);
            low < high
        };
        x.lo.data.iter().zip(&x.hi.data).enumerate().map(stepped).collect()
    }

    fn rounding(&self, _: &[&Bounds], _: &[&Matrix]) -> Option<Matrix> {
        // An error of any size may cross a step.
        None
    }
}
