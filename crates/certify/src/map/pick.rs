use super::Map;
use crate::matrix::{Matrix, axpy};

/// Stands for an output that takes nothing.
pub(crate) const NOTHING: u32 = u32::MAX;

/// Each output is one input, or nothing: Transpose, Slice, Split, Gather, Pad, Expand, Tile, Concat, and their like.
#[derive(Debug)]
pub(crate) struct Pick {
    from: Vec<u32>,
    most: usize,
}

impl Pick {
    /// Output `i` is input `from[i]`; [`NOTHING`] stands for zero.
    pub(crate) fn new(from: Vec<u32>, inputs: usize) -> Self {
        let mut uses = vec![0_usize; inputs];
        for &i in from.iter().filter(|&&i| i != NOTHING) {
            uses[i as usize] += 1;
        }
        let most = uses.into_iter().max().unwrap_or(0);
        Self { from, most }
    }

    fn pairs(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.from.iter().enumerate().filter(|(_, i)| **i != NOTHING).map(|(out, &i)| (out, i as usize))
    }
}

impl Map for Pick {
    fn outputs(&self) -> usize {
        self.from.len()
    }

    fn apply(&self, x: &Matrix, y: &mut Matrix) {
        for (out, i) in self.pairs() {
            axpy(1.0, x.row(i), y.row_mut(out));
        }
    }

    fn apply_magnitude(&self, x: &Matrix, y: &mut Matrix) {
        self.apply(x, y);
    }

    fn apply_transposed(&self, a: &Matrix, x: &mut Matrix) {
        for (out, i) in self.pairs() {
            axpy(1.0, a.row(out), x.row_mut(i));
        }
    }

    fn rows(&self, picks: &[(usize, f64)], x: &mut Matrix) {
        for (c, &(i, sign)) in picks.iter().enumerate() {
            if self.from[i] != NOTHING {
                x.row_mut(self.from[i] as usize)[c] += sign;
            }
        }
    }

    fn is_selection(&self) -> bool {
        true
    }

    fn terms(&self) -> usize {
        self.most
    }

    fn largest(&self) -> f64 {
        1.0
    }
}
