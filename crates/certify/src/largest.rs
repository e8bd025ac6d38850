use crate::bounds::Bounds;
use crate::matrix::Matrix;
use crate::nonlinear::Nonlinear;
use crate::relaxation::{Largest, Relaxation};

/// The largest of each group of elements: max pooling, ReduceMax, Max of several values. Minima are these with signs turned.
///
/// # Source
/// `auto_LiRPA`, `operators/pooling.py`: below lies the element with the largest lower bound; above a constant, unless one element is the largest everywhere.
#[derive(Debug)]
pub(crate) struct LargestOf {
    groups: Vec<Vec<u32>>,
}

impl LargestOf {
    /// No group is empty.
    pub(crate) fn new(groups: Vec<Vec<u32>>) -> Self {
        Self { groups }
    }

    /// The candidate below, and whether it is the largest everywhere.
    fn candidate(group: &[u32], x: &Bounds, domain: usize) -> (u32, bool) {
        let lo = |i: u32| x.lo.at(i as usize, domain);
        let best = group.iter().copied().fold(group[0], |best, i| if lo(i) > lo(best) { i } else { best });
        let exact = group.iter().all(|&i| i == best || x.hi.at(i as usize, domain) <= lo(best));
        (best, exact)
    }
}

impl Nonlinear for LargestOf {
    fn outputs(&self) -> usize {
        self.groups.len()
    }

    fn eval(&self, x: &[&Matrix]) -> Matrix {
        self.over(x[0])
    }

    fn interval(&self, x: &[&Bounds]) -> Bounds {
        Bounds { lo: self.over(&x[0].lo), hi: self.over(&x[0].hi) }
    }

    fn relax(&self, x: &[&Bounds]) -> Relaxation {
        let domains = x[0].domains();
        let (mut lower, mut is_exact) = (Vec::new(), Vec::new());
        for group in &self.groups {
            for domain in 0..domains {
                let (best, exact) = Self::candidate(group, x[0], domain);
                lower.push(best);
                is_exact.push(exact);
            }
        }
        Relaxation::Largest(Largest { lower, is_exact, constant: self.over(&x[0].hi) })
    }

    fn wants(&self, _: usize, x: &Bounds) -> Vec<bool> {
        let domains = x.domains();
        let mut wants = vec![false; x.len() * domains];
        for group in &self.groups {
            for domain in 0..domains {
                let (best, exact) = Self::candidate(group, x, domain);
                let floor = x.lo.at(best as usize, domain);
                // An element below the largest lower bound never counts.
                for &i in group.iter().filter(|&&i| !exact && x.hi.at(i as usize, domain) >= floor) {
                    wants[i as usize * domains + domain] = true;
                }
            }
        }
        wants
    }

    fn rounding(&self, _: &[&Bounds], error: &[&Matrix]) -> Option<Matrix> {
        Some(self.over(error[0]))
    }
}

impl LargestOf {
    fn over(&self, x: &Matrix) -> Matrix {
        let mut y = Matrix { n: self.groups.len(), cols: x.cols, data: vec![f64::NEG_INFINITY; self.groups.len() * x.cols] };
        for (out, group) in self.groups.iter().enumerate() {
            for &i in group {
                for (y, x) in y.row_mut(out).iter_mut().zip(x.row(i as usize)) {
                    *y = if x.is_nan() { f64::NAN } else { y.max(*x) };
                }
            }
        }
        y
    }
}
