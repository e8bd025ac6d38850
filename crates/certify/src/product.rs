use std::sync::Arc;

use crate::bounds::Bounds;
use crate::matrix::Matrix;
use crate::nonlinear::Nonlinear;
use crate::relaxation::{Planes, Relaxation};
use crate::rounding::{down, up};

/// Products of pairs of elements, one of each of two inputs: Mul of two variables, and MatMul of two before its sums.
///
/// # Source
/// `McCormick`, "Computability of global solutions to factorable nonconvex programs", Mathematical Programming 10, 1976.
#[derive(Debug)]
pub(crate) struct Product {
    pairs: Arc<Vec<(u32, u32)>>,
}

impl Product {
    pub(crate) fn new(pairs: Vec<(u32, u32)>) -> Self {
        Self { pairs: Arc::new(pairs) }
    }
}

impl Nonlinear for Product {
    fn outputs(&self) -> usize {
        self.pairs.len()
    }

    fn eval(&self, x: &[&Matrix]) -> Matrix {
        let mut y = Matrix::zeros(self.pairs.len(), x[0].cols);
        for (out, &(i, j)) in self.pairs.iter().enumerate() {
            for ((y, a), b) in y.row_mut(out).iter_mut().zip(x[0].row(i as usize)).zip(x[1].row(j as usize)) {
                *y = a * b;
            }
        }
        y
    }

    fn interval(&self, x: &[&Bounds]) -> Bounds {
        let domains = x[0].domains();
        let mut y = Bounds::zeros(self.pairs.len(), domains);
        for (out, &(i, j)) in self.pairs.iter().enumerate() {
            for d in 0..domains {
                let a = [x[0].lo.at(i as usize, d), x[0].hi.at(i as usize, d)];
                let b = [x[1].lo.at(j as usize, d), x[1].hi.at(j as usize, d)];
                let all = [a[0] * b[0], a[0] * b[1], a[1] * b[0], a[1] * b[1]];
                let at = out * domains + d;
                if all.iter().any(|p| p.is_nan()) {
                    (y.lo.data[at], y.hi.data[at]) = (f64::NEG_INFINITY, f64::INFINITY);
                } else {
                    y.lo.data[at] = down(all.into_iter().fold(f64::INFINITY, f64::min));
                    y.hi.data[at] = up(all.into_iter().fold(f64::NEG_INFINITY, f64::max));
                }
            }
        }
        y
    }

    fn relax(&self, x: &[&Bounds]) -> Relaxation {
        let (n, domains) = (self.pairs.len(), x[0].domains());
        let three = || [Matrix::zeros(n, domains), Matrix::zeros(n, domains), Matrix::zeros(n, domains)];
        let mut planes = Planes { pairs: Arc::clone(&self.pairs), lower: three(), upper: three(), magnitude: Matrix::zeros(n, domains) };
        for (out, &(i, j)) in self.pairs.iter().enumerate() {
            for d in 0..domains {
                let (lx, ux) = (x[0].lo.at(i as usize, d), x[0].hi.at(i as usize, d));
                let (ly, uy) = (x[1].lo.at(j as usize, d), x[1].hi.at(j as usize, d));
                let at = out * domains + d;
                // (x - lx)(y - ly) >= 0 and (x - lx)(uy - y) >= 0.
                for (matrix, value) in planes.lower.iter_mut().zip([ly, lx, -lx * ly]) {
                    matrix.data[at] = value;
                }
                for (matrix, value) in planes.upper.iter_mut().zip([uy, lx, -lx * uy]) {
                    matrix.data[at] = value;
                }
                planes.magnitude.data[at] = 3.0 * ux.max(-lx) * uy.max(-ly);
            }
        }
        Relaxation::Planes(Box::new(planes))
    }

    fn wants(&self, k: usize, x: &Bounds) -> Vec<bool> {
        let domains = x.domains();
        let mut wants = vec![false; x.len() * domains];
        for &(i, j) in self.pairs.iter() {
            let i = if k == 0 { i } else { j } as usize;
            for d in 0..domains {
                wants[i * domains + d] = x.lo.at(i, d) < x.hi.at(i, d);
            }
        }
        wants
    }

    fn rounding(&self, x: &[&Bounds], error: &[&Matrix]) -> Option<Matrix> {
        let mut y = Matrix::zeros(self.pairs.len(), error[0].cols);
        let largest = |x: &Bounds, i: u32| x.hi.at(i as usize, 0).max(-x.lo.at(i as usize, 0));
        for (out, &(i, j)) in self.pairs.iter().enumerate() {
            let (a, b) = (largest(x[0], i), largest(x[1], j));
            let (ea, eb) = (error[0].at(i as usize, 0), error[1].at(j as usize, 0));
            y.data[out] = up(ea * (b + eb) + a * eb + (a + ea) * (b + eb) * f64::from(f32::EPSILON));
        }
        Some(y)
    }
}
