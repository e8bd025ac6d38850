use crate::bounds::Bounds;
use crate::matrix::Matrix;
use crate::nonlinear::Nonlinear;
use crate::relaxation::{Lines, Relaxation};
use crate::rounding::{down, up};

/// Relu and LeakyRelu: x where x is positive, else `leak` x.
///
/// # Source
/// Zhang et al., "Efficient Neural Network Robustness Certification with General Activation Functions", NeurIPS 2018: the upper line joins the ends, the lower
/// one goes through the origin, with slope 1 where the interval reaches further up than down, else `leak`.
#[derive(Debug)]
pub(crate) struct Relu {
    n: usize,
    leak: f64,
}

impl Relu {
    /// `leak` in [0, 1).
    pub(crate) fn new(n: usize, leak: f64) -> Self {
        Self { n, leak }
    }

    fn value(&self, x: f64) -> f64 {
        if x >= 0.0 { x } else { self.leak * x }
    }
}

impl Nonlinear for Relu {
    fn outputs(&self) -> usize {
        self.n
    }

    fn eval(&self, x: &[&Matrix]) -> Matrix {
        x[0].map(|x| self.value(x))
    }

    fn interval(&self, x: &[&Bounds]) -> Bounds {
        if self.leak == 0.0 {
            return Bounds { lo: x[0].lo.map(|x| x.max(0.0)), hi: x[0].hi.map(|x| x.max(0.0)) };
        }
        let low = |x: f64| if x >= 0.0 { x } else { down(self.leak * x) };
        let high = |x: f64| if x >= 0.0 { x } else { up(self.leak * x) };
        Bounds { lo: x[0].lo.map(low), hi: x[0].hi.map(high) }
    }

    fn relax(&self, x: &[&Bounds]) -> Relaxation {
        let domains = x[0].domains();
        let mut lines = Lines::zeros(self.n, domains);
        for (at, (&l, &u)) in x[0].lo.data.iter().zip(&x[0].hi.data).enumerate() {
            let largest = u.max(-l);
            let (lower, upper, offset, magnitude) = if l >= 0.0 {
                (1.0, 1.0, 0.0, 0.0)
            } else if u <= 0.0 {
                (self.leak, self.leak, 0.0, if self.leak == 0.0 { 0.0 } else { largest })
            } else {
                let width = u - l;
                let upper = (u - self.leak * l) / width;
                let offset = (self.leak - 1.0) * l * (u / width);
                (if u > -l { 1.0 } else { self.leak }, upper, offset, largest + offset.abs())
            };
            lines.lower_slope.data[at] = lower;
            lines.upper_slope.data[at] = upper;
            lines.upper_offset.data[at] = offset;
            lines.magnitude.data[at] = magnitude;
        }
        Relaxation::Lines(lines)
    }

    fn wants(&self, _: usize, x: &Bounds) -> Vec<bool> {
        x.lo.data.iter().zip(&x.hi.data).map(|(l, u)| *l < 0.0 && *u > 0.0).collect()
    }

    fn slopes(&self) -> Option<(f64, f64)> {
        Some((self.leak, 1.0))
    }

    fn splits_at_zero(&self) -> bool {
        true
    }

    fn rounding(&self, x: &[&Bounds], error: &[&Matrix]) -> Option<Matrix> {
        if self.leak == 0.0 {
            return Some(error[0].clone());
        }
        let largest = x[0].lo.data.iter().zip(&x[0].hi.data).map(|(l, u)| u.max(-l));
        let data = error[0].data.iter().zip(largest).map(|(e, m)| e + (m + e) * f64::from(f32::EPSILON)).collect();
        Some(Matrix { n: self.n, cols: error[0].cols, data })
    }
}
