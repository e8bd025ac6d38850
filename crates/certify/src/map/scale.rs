use super::{Map, largest};
use crate::matrix::{Matrix, axpy};

/// A factor for every element: Mul and Div by constants, BatchNormalization, Neg, and Add of two variables.
#[derive(Debug)]
pub(crate) struct Scale {
    factors: Vec<f64>,
}

impl Scale {
    pub(crate) fn new(factors: Vec<f64>) -> Self {
        Self { factors }
    }

    pub(crate) fn uniform(n: usize, factor: f64) -> Self {
        Self { factors: vec![factor; n] }
    }
}

impl Map for Scale {
    fn outputs(&self) -> usize {
        self.factors.len()
    }

    fn apply(&self, x: &Matrix, y: &mut Matrix) {
        for (i, &factor) in self.factors.iter().enumerate() {
            axpy(factor, x.row(i), y.row_mut(i));
        }
    }

    fn apply_magnitude(&self, x: &Matrix, y: &mut Matrix) {
        for (i, &factor) in self.factors.iter().enumerate() {
            axpy(factor.abs(), x.row(i), y.row_mut(i));
        }
    }

    fn apply_transposed(&self, a: &Matrix, x: &mut Matrix) {
        self.apply(a, x);
    }

    fn rows(&self, picks: &[(usize, f64)], x: &mut Matrix) {
        for (c, &(i, sign)) in picks.iter().enumerate() {
            x.row_mut(i)[c] += sign * self.factors[i];
        }
    }

    fn terms(&self) -> usize {
        1
    }

    fn largest(&self) -> f64 {
        largest(&self.factors)
    }
}
