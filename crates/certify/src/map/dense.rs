use super::{Map, largest};
use crate::matrix::{Matrix, multiply};

/// A matrix that is applied to `blocks` vectors, one after the other: Gemm, and MatMul with a constant on the right.
#[derive(Debug)]
pub(crate) struct Dense {
    /// [outputs, inputs] of a block.
    w: Vec<f64>,
    magnitude: Vec<f64>,
    rows: usize,
    cols: usize,
    blocks: usize,
}

impl Dense {
    /// `w` [rows, cols], row-major.
    pub(crate) fn new(w: Vec<f64>, rows: usize, cols: usize, blocks: usize) -> Self {
        let magnitude = w.iter().map(|w| w.abs()).collect();
        Self { w, magnitude, rows, cols, blocks }
    }

    fn times(&self, w: &[f64], x: &Matrix, y: &mut Matrix) {
        let (step_x, step_y) = (self.cols * x.cols, self.rows * x.cols);
        for block in 0..self.blocks {
            let y = &mut y.data[block * step_y..(block + 1) * step_y];
            multiply((self.rows, self.cols, x.cols), w, false, &x.data[block * step_x..(block + 1) * step_x], y);
        }
    }
}

impl Map for Dense {
    fn outputs(&self) -> usize {
        self.rows * self.blocks
    }

    fn apply(&self, x: &Matrix, y: &mut Matrix) {
        self.times(&self.w, x, y);
    }

    fn apply_magnitude(&self, x: &Matrix, y: &mut Matrix) {
        self.times(&self.magnitude, x, y);
    }

    fn apply_transposed(&self, a: &Matrix, x: &mut Matrix) {
        let (step_x, step_a) = (self.cols * a.cols, self.rows * a.cols);
        for block in 0..self.blocks {
            let x = &mut x.data[block * step_x..(block + 1) * step_x];
            multiply((self.cols, self.rows, a.cols), &self.w, true, &a.data[block * step_a..(block + 1) * step_a], x);
        }
    }

    fn rows(&self, picks: &[(usize, f64)], x: &mut Matrix) {
        let cols = picks.len();
        for (c, &(i, sign)) in picks.iter().enumerate() {
            let (block, row) = (i / self.rows, i % self.rows);
            let w = &self.w[row * self.cols..(row + 1) * self.cols];
            for (at, w) in w.iter().enumerate() {
                x.data[(block * self.cols + at) * cols + c] += sign * w;
            }
        }
    }

    fn terms(&self) -> usize {
        self.rows.max(self.cols)
    }

    fn largest(&self) -> f64 {
        largest(&self.w)
    }
}
