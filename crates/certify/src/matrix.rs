//! Dense matrices, element by column: element `i` of column `c` lies at `i * cols + c`.
//!
//! The elements are those of one value of the network; the columns are domains (in forward passes) or linear functions (in backward passes). What
//! works on one element therefore works on a contiguous row of columns, whatever the shape of the value.

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2};

/// `n` elements by `cols` columns.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Matrix {
    pub(crate) n: usize,
    pub(crate) cols: usize,
    pub(crate) data: Vec<f64>,
}

impl Matrix {
    pub(crate) fn zeros(n: usize, cols: usize) -> Self {
        Self { n, cols, data: vec![0.0; n * cols] }
    }

    /// One column.
    pub(crate) fn column(data: Vec<f64>) -> Self {
        Self { n: data.len(), cols: 1, data }
    }

    pub(crate) fn row(&self, i: usize) -> &[f64] {
        &self.data[i * self.cols..(i + 1) * self.cols]
    }

    pub(crate) fn row_mut(&mut self, i: usize) -> &mut [f64] {
        &mut self.data[i * self.cols..(i + 1) * self.cols]
    }

    pub(crate) fn at(&self, i: usize, col: usize) -> f64 {
        self.data[i * self.cols + col]
    }

    /// Returns one column.
    pub(crate) fn take(&self, col: usize) -> Vec<f64> {
        self.data.iter().skip(col).step_by(self.cols.max(1)).copied().collect()
    }

    /// Repeats the only column.
    pub(crate) fn repeat(&self, cols: usize) -> Self {
        Self { n: self.n, cols, data: self.data.iter().flat_map(|&x| std::iter::repeat_n(x, cols)).collect() }
    }

    /// Some columns, in that order.
    pub(crate) fn gather(&self, columns: &[usize]) -> Self {
        let data = (0..self.n).flat_map(|i| columns.iter().map(move |&col| self.at(i, col))).collect();
        Self { n: self.n, cols: columns.len(), data }
    }

    pub(crate) fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        Self { n: self.n, cols: self.cols, data: self.data.iter().map(|&x| f(x)).collect() }
    }
}

/// Adds `a b` to `c`: `a` is m by k (stored k by m where `transposed`), `b` is k by n, all row-major.
pub(crate) fn multiply(sizes: (usize, usize, usize), a: &[f64], transposed: bool, b: &[f64], c: &mut [f64]) {
    let (m, k, n) = sizes;
    if m == 0 || k == 0 || n == 0 {
        return;
    }
    if n == 1 && !transposed {
        for (row, c) in a[..m * k].chunks_exact(k).zip(&mut c[..m]) {
            *c += dot(row, &b[..k]);
        }
        return;
    }
    let stored = if transposed { (k, m) } else { (m, k) };
    let views = (
        ArrayView2::from_shape(stored, &a[..m * k]),
        ArrayView2::from_shape((k, n), &b[..k * n]),
        ArrayViewMut2::from_shape((m, n), &mut c[..m * n]),
    );
    let (Ok(a), Ok(b), Ok(mut c)) = views else { unreachable!("the slices have these sizes") };
    let a = if transposed { a.reversed_axes() } else { a };
    general_mat_mul(1.0, &a, &b, 1.0, &mut c);
}

/// Inner product with eight independent sums.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (a8, b8) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = a8.remainder().iter().zip(b8.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a8.zip(b8) {
        for i in 0..8 {
            sums[i] += a[i] * b[i];
        }
    }
    sums.iter().sum::<f64>() + rest
}

/// Adds `factor * x` to `y`.
pub(crate) fn axpy(factor: f64, x: &[f64], y: &mut [f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += factor * x;
    }
}
