//! Linear functions below and above what a nonlinear layer computes, valid on the intervals that they were made for, and how functions of the result
//! become functions of the inputs with their help.

use crate::affine::Sums;
use crate::matrix::Matrix;
use crate::rounding::gamma;

/// Lines of all elements of a layer, in all domains ([elements, domains] each).
#[derive(Debug, Clone)]
pub(crate) enum Relaxation {
    /// One input: each element lies between two lines of the element that it is computed from.
    Lines(Lines),
    /// Products of two inputs, element by element: each lies between two planes.
    Planes(Box<Planes>),
    /// The largest of a group of elements.
    Largest(Largest),
}

/// `slope x + offset`, from below and from above.
#[derive(Debug, Clone)]
pub(crate) struct Lines {
    pub(crate) lower_slope: Matrix,
    pub(crate) lower_offset: Matrix,
    pub(crate) upper_slope: Matrix,
    pub(crate) upper_offset: Matrix,
    /// Bounds of the magnitudes of all terms; 0 where the element is its input or 0.
    pub(crate) magnitude: Matrix,
}

/// `a x + b y + offset`, from below and from above.
#[derive(Debug, Clone)]
pub(crate) struct Planes {
    /// The elements of both inputs that each product is of.
    pub(crate) pairs: std::sync::Arc<Vec<(u32, u32)>>,
    pub(crate) lower: [Matrix; 3],
    pub(crate) upper: [Matrix; 3],
    pub(crate) magnitude: Matrix,
}

/// The largest element of a group lies above one of them, and below the same one or a constant.
#[derive(Debug, Clone)]
pub(crate) struct Largest {
    /// The element below, [elements, domains].
    pub(crate) lower: Vec<u32>,
    /// True where it is the largest everywhere.
    pub(crate) is_exact: Vec<bool>,
    /// The constant above, where it is not.
    pub(crate) constant: Matrix,
}

/// Slopes of the lower lines that are not those of the relaxation, one for each function.
#[derive(Debug, Clone, Default)]
pub(crate) struct Slopes {
    /// Position in `values` of each element; `u32::MAX` where it has none.
    pub(crate) index: std::sync::Arc<Vec<u32>>,
    /// [positions, functions]
    pub(crate) values: Option<Matrix>,
}

impl Slopes {
    pub(crate) fn row(&self, i: usize) -> Option<&[f64]> {
        let at = *self.index.get(i)?;
        if at == u32::MAX { None } else { self.values.as_ref().map(|values| values.row(at as usize)) }
    }
}

/// True for an upper slope that leaves the lower one open: the element is undecided.
pub(crate) fn is_open(upper_slope: f64) -> bool {
    upper_slope > 0.0 && upper_slope < 1.0
}

impl Relaxation {
    /// Takes lower bounds `a` y back to lower bounds in the inputs: adds to `into`, to the constants and to their errors.
    pub(crate) fn backward(&self, a: &Matrix, domain: &[u32], slopes: Option<&Slopes>, sums: &mut Sums<'_>, into: &mut [Matrix]) {
        match self {
            Self::Lines(lines) => lines.backward(a, domain, slopes, sums, &mut into[0]),
            Self::Planes(planes) => planes.backward(a, domain, sums, into),
            Self::Largest(largest) => largest.backward(a, domain, sums, &mut into[0]),
        }
    }

    /// What the layer becomes when each function takes the lines that its coefficients `a` chose, at points `x`, one for each function.
    pub(crate) fn forward(&self, a: &Matrix, domain: &[u32], slopes: Option<&Slopes>, x: &[&Matrix]) -> Matrix {
        let mut y = Matrix::zeros(a.n, a.cols);
        for i in 0..a.n {
            let own = slopes.and_then(|slopes| slopes.row(i));
            for col in 0..a.cols {
                let d = domain[col] as usize;
                let below = a.at(i, col) >= 0.0;
                y.data[i * a.cols + col] = match self {
                    Self::Lines(lines) => {
                        let at = i * lines.upper_slope.cols + d;
                        let upper = lines.upper_slope.data[at];
                        let (slope, offset) = match own {
                            Some(own) if below && is_open(upper) => (own[col], 0.0),
                            _ if below => (lines.lower_slope.data[at], lines.lower_offset.data[at]),
                            _ => (upper, lines.upper_offset.data[at]),
                        };
                        slope * x[0].at(i, col) + offset
                    }
                    Self::Planes(planes) => {
                        let [p, q, r] = if below { &planes.lower } else { &planes.upper };
                        let (j, k) = planes.pairs[i];
                        p.at(i, d) * x[0].at(j as usize, col) + q.at(i, d) * x[1].at(k as usize, col) + r.at(i, d)
                    }
                    Self::Largest(largest) => {
                        let at = i * largest.constant.cols + d;
                        if below || largest.is_exact[at] { x[0].at(largest.lower[at] as usize, col) } else { largest.constant.data[at] }
                    }
                };
            }
        }
        y
    }
}

impl Lines {
    fn backward(&self, a: &Matrix, domain: &[u32], slopes: Option<&Slopes>, sums: &mut Sums<'_>, into: &mut Matrix) {
        let (cols, domains) = (a.cols, self.lower_slope.cols);
        let margin = gamma(a.n);
        let one_each = cols == domains && domain.iter().enumerate().all(|(col, &d)| col == d as usize);
        for i in 0..a.n {
            let row = a.row(i);
            if row.iter().all(|a| *a == 0.0) {
                continue;
            }
            let at = i * domains..(i + 1) * domains;
            let (ls, lo) = (&self.lower_slope.data[at.clone()], &self.lower_offset.data[at.clone()]);
            let (us, uo) = (&self.upper_slope.data[at.clone()], &self.upper_offset.data[at.clone()]);
            let magnitude = &self.magnitude.data[at];
            let out = into.row_mut(i);
            if let Some(own) = slopes.and_then(|slopes| slopes.row(i)) {
                for col in 0..cols {
                    let d = domain[col] as usize;
                    let (p, q) = (row[col].max(0.0), row[col].min(0.0));
                    let (slope, offset) = if is_open(us[d]) { (own[col], 0.0) } else { (ls[d], lo[d]) };
                    out[col] += p * slope + q * us[d];
                    sums.c[col] += p * offset + q * uo[d];
                    sums.error[col] += margin * (p - q) * magnitude[d];
                }
            } else if one_each {
                for col in 0..cols {
                    let (p, q) = (row[col].max(0.0), row[col].min(0.0));
                    out[col] += p * ls[col] + q * us[col];
                    sums.c[col] += p * lo[col] + q * uo[col];
                    sums.error[col] += margin * (p - q) * magnitude[col];
                }
            } else {
                let mut begin = 0;
                while begin < cols {
                    let d = domain[begin];
                    let end = begin + domain[begin..].iter().take_while(|other| **other == d).count();
                    let d = d as usize;
                    let (ls, lo, us, uo, m) = (ls[d], lo[d], us[d], uo[d], margin * magnitude[d]);
                    let c = &mut sums.c[begin..end];
                    let e = &mut sums.error[begin..end];
                    for (((a, out), c), e) in row[begin..end].iter().zip(&mut out[begin..end]).zip(c).zip(e) {
                        let (p, q) = (a.max(0.0), a.min(0.0));
                        *out += p * ls + q * us;
                        *c += p * lo + q * uo;
                        *e += (p - q) * m;
                    }
                    begin = end;
                }
            }
        }
    }
}

impl Planes {
    fn backward(&self, a: &Matrix, domain: &[u32], sums: &mut Sums<'_>, into: &mut [Matrix]) {
        let margin = gamma(a.n);
        let (first, second) = into.split_at_mut(1);
        for (i, &(j, k)) in self.pairs.iter().enumerate() {
            for (col, &a) in a.row(i).iter().enumerate() {
                if a == 0.0 {
                    continue;
                }
                let d = domain[col] as usize;
                let [p, q, r] = if a >= 0.0 { &self.lower } else { &self.upper };
                first[0].row_mut(j as usize)[col] += a * p.at(i, d);
                second[0].row_mut(k as usize)[col] += a * q.at(i, d);
                sums.c[col] += a * r.at(i, d);
                sums.error[col] += margin * a.abs() * self.magnitude.at(i, d);
            }
        }
    }
}

impl Largest {
    fn backward(&self, a: &Matrix, domain: &[u32], sums: &mut Sums<'_>, into: &mut Matrix) {
        let (domains, margin) = (self.constant.cols, gamma(a.n));
        for i in 0..a.n {
            for (col, &a) in a.row(i).iter().enumerate() {
                let at = i * domains + domain[col] as usize;
                if a >= 0.0 || self.is_exact[at] {
                    into.row_mut(self.lower[at] as usize)[col] += a;
                } else {
                    sums.c[col] += a * self.constant.data[at];
                    sums.error[col] -= margin * a * self.constant.data[at].abs();
                }
            }
        }
    }
}

impl Lines {
    pub(crate) fn zeros(n: usize, domains: usize) -> Self {
        let zeros = || Matrix::zeros(n, domains);
        Self { lower_slope: zeros(), lower_offset: zeros(), upper_slope: zeros(), upper_offset: zeros(), magnitude: zeros() }
    }
}

impl Lines {
    /// The same lines, every matrix through `f`.
    pub(crate) fn map(&self, f: impl Fn(&Matrix) -> Matrix) -> Self {
        Self {
            lower_slope: f(&self.lower_slope),
            lower_offset: f(&self.lower_offset),
            upper_slope: f(&self.upper_slope),
            upper_offset: f(&self.upper_offset),
            magnitude: f(&self.magnitude),
        }
    }

    /// Makes an element a multiple of its input in one domain.
    pub(crate) fn fix(&mut self, i: usize, domain: usize, slope: f64) {
        let at = i * self.lower_slope.cols + domain;
        self.lower_slope.data[at] = slope;
        self.upper_slope.data[at] = slope;
        self.lower_offset.data[at] = 0.0;
        self.upper_offset.data[at] = 0.0;
        if slope == 0.0 || slope == 1.0 {
            self.magnitude.data[at] = 0.0;
        }
    }
}
