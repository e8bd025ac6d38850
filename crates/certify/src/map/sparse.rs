use super::{Map, largest};
use crate::matrix::{Matrix, axpy};

/// A matrix of which each row has few entries: average pooling, sums and means, running sums, interpolation.
#[derive(Debug)]
pub(crate) struct Sparse {
    /// Where the entries of each row begin; one more at the end.
    starts: Vec<usize>,
    columns: Vec<u32>,
    values: Vec<f64>,
    terms: usize,
}

impl Sparse {
    /// `rows`: for each output the inputs that it takes, with their factors.
    pub(crate) fn new(rows: Vec<Vec<(u32, f64)>>, inputs: usize) -> Self {
        let mut sparse = Self { starts: vec![0], columns: Vec::new(), values: Vec::new(), terms: 0 };
        let mut uses = vec![0_usize; inputs];
        for row in rows {
            sparse.terms = sparse.terms.max(row.len());
            for (column, value) in row {
                uses[column as usize] += 1;
                sparse.columns.push(column);
                sparse.values.push(value);
            }
            sparse.starts.push(sparse.columns.len());
        }
        sparse.terms = sparse.terms.max(uses.into_iter().max().unwrap_or(0));
        sparse
    }

    fn entries(&self, row: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let range = self.starts[row]..self.starts[row + 1];
        self.columns[range.clone()].iter().zip(&self.values[range]).map(|(&column, &value)| (column as usize, value))
    }
}

impl Map for Sparse {
    fn outputs(&self) -> usize {
        self.starts.len() - 1
    }

    fn apply(&self, x: &Matrix, y: &mut Matrix) {
        for row in 0..self.outputs() {
            self.entries(row).for_each(|(column, value)| axpy(value, x.row(column), y.row_mut(row)));
        }
    }

    fn apply_magnitude(&self, x: &Matrix, y: &mut Matrix) {
        for row in 0..self.outputs() {
            self.entries(row).for_each(|(column, value)| axpy(value.abs(), x.row(column), y.row_mut(row)));
        }
    }

    fn apply_transposed(&self, a: &Matrix, x: &mut Matrix) {
        for row in 0..self.outputs() {
            self.entries(row).for_each(|(column, value)| axpy(value, a.row(row), x.row_mut(column)));
        }
    }

    fn terms(&self) -> usize {
        self.terms
    }

    fn largest(&self) -> f64 {
        largest(&self.values)
    }
}
