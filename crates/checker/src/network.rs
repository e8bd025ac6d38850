use crate::number::{Interval, Sum, middle};

/// A network as a list of layers. Value 0 is the input, value `i + 1` what layer `i` computes.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) layers: Vec<Layer>,
    /// Number of elements of each value.
    pub(crate) lens: Vec<usize>,
    pub(crate) output: usize,
    /// True for values that a layer reads which is not linear.
    pub(crate) is_inner: Vec<bool>,
    /// True where a constant is made of others, other than by moving elements.
    pub(crate) has_computed_constants: bool,
}

#[derive(Debug)]
pub(crate) struct Layer {
    /// Number of the node in the graph.
    pub(crate) node: usize,
    /// The values it reads, each once.
    pub(crate) inputs: Vec<usize>,
    pub(crate) kind: Kind,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Affine(Affine),
    /// x where it is positive, else `leak` x.
    Relu {
        leak: f64,
    },
    /// The largest of each group of elements of the only input.
    Largest {
        groups: Vec<Vec<u32>>,
    },
}

/// Sums of products with constants, row by row.
///
/// Elements are numbered through all inputs, one input after the other.
#[derive(Debug, Default)]
pub(crate) struct Affine {
    /// Where each input begins.
    pub(crate) offsets: Vec<usize>,
    /// Where the terms of each row begin, and where the last ones end.
    starts: Vec<usize>,
    elements: Vec<u32>,
    weights: Vec<f64>,
    /// How far weights are off, in units of roundoff.
    pub(crate) slack: f64,
    pub(crate) bias: Vec<Interval>,
    /// The magnitudes of the constants that make up each bias.
    pub(crate) sizes: Vec<f64>,
    /// Operations in f32, beyond one for each term and one for the bias.
    pub(crate) extra: usize,
}

impl Affine {
    pub(crate) fn new(offsets: Vec<usize>, extra: usize) -> Self {
        Self { offsets, extra, starts: vec![0], ..Self::default() }
    }

    /// Adds a term to the row that is being written.
    pub(crate) fn term(&mut self, element: usize, weight: Interval) {
        if weight.is_point(0.0) {
            return;
        }
        let (weight, slack) = middle(weight);
        self.slack = self.slack.max(slack);
        self.elements.push(element as u32);
        self.weights.push(weight);
    }

    /// Ends the row that is being written.
    pub(crate) fn end(&mut self, bias: Interval, size: f64) {
        self.starts.push(self.elements.len());
        self.bias.push(bias);
        self.sizes.push(size);
    }

    pub(crate) fn rows(&self) -> usize {
        self.bias.len()
    }

    pub(crate) fn terms(&self) -> usize {
        self.elements.len()
    }

    pub(crate) fn row(&self, i: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let range = self.starts[i]..self.starts[i + 1];
        self.elements[range.clone()].iter().map(|&element| element as usize).zip(self.weights[range].iter().copied())
    }

    /// The input that an element belongs to, and its number there.
    pub(crate) fn place(&self, element: usize) -> (usize, usize) {
        let input = if self.offsets.len() == 1 { 0 } else { self.offsets.partition_point(|&offset| offset <= element) - 1 };
        (input, element - self.offsets[input])
    }

    /// True where nothing is rounded: the row is one element, or its negative, or a constant.
    pub(crate) fn is_exact(&self, i: usize) -> bool {
        let mut row = self.row(i);
        match row.next() {
            None => true,
            Some((_, weight)) => weight.abs() == 1.0 && self.slack == 0.0 && self.sizes[i] == 0.0 && row.next().is_none(),
        }
    }

    /// Intervals of all rows.
    pub(crate) fn interval(&self, inputs: &[&[Interval]]) -> Vec<Interval> {
        let of_row = |i: usize| {
            if self.is_exact(i) {
                return self.row(i).next().map_or(self.bias[i], |(element, weight)| {
                    let (input, at) = self.place(element);
                    if weight > 0.0 { inputs[input][at] } else { -inputs[input][at] }
                });
            }
            let (mut lowest, mut highest) = (Sum::default(), Sum::default());
            lowest.add(1.0, self.bias[i].lo, 0.0);
            highest.add(1.0, self.bias[i].hi, 0.0);
            for (element, weight) in self.row(i) {
                let (input, at) = self.place(element);
                let x = inputs[input][at];
                let (first, second) = if weight >= 0.0 { (x.lo, x.hi) } else { (x.hi, x.lo) };
                lowest.add(weight, first, self.slack);
                highest.add(weight, second, self.slack);
            }
            Interval { lo: lowest.lowest(), hi: highest.highest() }
        };
        (0..self.rows()).map(of_row).collect()
    }
}
