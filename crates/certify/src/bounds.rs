use crate::matrix::Matrix;

/// An interval for every element of a value, in every domain (one domain a column).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bounds {
    pub(crate) lo: Matrix,
    pub(crate) hi: Matrix,
}

impl Bounds {
    pub(crate) fn zeros(n: usize, domains: usize) -> Self {
        Self { lo: Matrix::zeros(n, domains), hi: Matrix::zeros(n, domains) }
    }

    pub(crate) fn domains(&self) -> usize {
        self.lo.cols
    }

    pub(crate) fn len(&self) -> usize {
        self.lo.n
    }

    /// The larger magnitude of both ends.
    pub(crate) fn magnitude(&self) -> Matrix {
        let data = self.lo.data.iter().zip(&self.hi.data).map(|(lo, hi)| hi.max(-lo)).collect();
        Matrix { n: self.lo.n, cols: self.lo.cols, data }
    }

    /// Repeats the only domain.
    pub(crate) fn repeat(&self, domains: usize) -> Self {
        Self { lo: self.lo.repeat(domains), hi: self.hi.repeat(domains) }
    }

    /// Takes the tighter end of each interval. Both are sound, so what remains is; where rounding crosses the ends, the own interval stays.
    pub(crate) fn tighten(&mut self, i: usize, domain: usize, lo: f64, hi: f64) {
        let at = i * self.domains() + domain;
        let (new_lo, new_hi) = (self.lo.data[at].max(lo), self.hi.data[at].min(hi));
        if new_lo <= new_hi {
            self.lo.data[at] = new_lo;
            self.hi.data[at] = new_hi;
        }
    }
}
