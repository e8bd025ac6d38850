use super::{Map, largest};
use crate::matrix::{Matrix, multiply};

/// MatMul with a constant matrix on the left: every column of a variable matrix is multiplied with it, in `blocks` matrices one after the other.
#[derive(Debug)]
pub(crate) struct Left {
    w: Vec<f64>,
    magnitude: Vec<f64>,
    rows: usize,
    cols: usize,
    /// Columns of the variable matrix.
    width: usize,
    blocks: usize,
}

impl Left {
    /// `w` [rows, cols]; the variable is [blocks, cols, width].
    pub(crate) fn new(w: Vec<f64>, rows: usize, cols: usize, width: usize, blocks: usize) -> Self {
        let magnitude = w.iter().map(|w| w.abs()).collect();
        Self { w, magnitude, rows, cols, width, blocks }
    }

    fn times(&self, w: &[f64], transposed: bool, x: &Matrix, y: &mut Matrix) {
        let (rows, cols) = if transposed { (self.cols, self.rows) } else { (self.rows, self.cols) };
        let n = self.width * x.cols;
        for block in 0..self.blocks {
            let y = &mut y.data[block * rows * n..(block + 1) * rows * n];
            multiply((rows, cols, n), w, transposed, &x.data[block * cols * n..(block + 1) * cols * n], y);
        }
    }
}

impl Map for Left {
    fn outputs(&self) -> usize {
        self.rows * self.width * self.blocks
    }

    fn apply(&self, x: &Matrix, y: &mut Matrix) {
        self.times(&self.w, false, x, y);
    }

    fn apply_magnitude(&self, x: &Matrix, y: &mut Matrix) {
        self.times(&self.magnitude, false, x, y);
    }

    fn apply_transposed(&self, a: &Matrix, x: &mut Matrix) {
        self.times(&self.w, true, a, x);
    }

    fn terms(&self) -> usize {
        self.rows.max(self.cols)
    }

    fn largest(&self) -> f64 {
        largest(&self.w)
    }
}
