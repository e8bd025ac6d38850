use brinell_threat::Norm;

use crate::error::CertifyError;
use crate::matrix::Matrix;
use crate::rounding::{TINY, down, gamma};

/// The allowed inputs: a box, or the part of it that lies in a ball.
#[derive(Debug, Clone, PartialEq)]
pub struct Region {
    lo: Vec<f64>,
    hi: Vec<f64>,
    ball: Option<Round>,
}

/// A ball that is no box.
#[derive(Debug, Clone, PartialEq)]
struct Round {
    norm: Norm,
    centre: Vec<f64>,
    eps: f64,
}

impl Region {
    /// All points between `lo` and `hi`.
    ///
    /// # Errors
    /// [`CertifyError::Length`], and [`CertifyError::Interval`] where an interval is empty or not finite.
    pub fn between(lo: Vec<f64>, hi: Vec<f64>) -> Result<Self, CertifyError> {
        if lo.len() != hi.len() {
            return Err(CertifyError::Length { what: "the upper end", expected: lo.len(), found: hi.len() });
        }
        match lo.iter().zip(&hi).position(|(lo, hi)| !(lo.is_finite() && hi.is_finite() && lo <= hi)) {
            Some(index) => Err(CertifyError::Interval { index, lo: lo[index], hi: hi[index] }),
            None => Ok(Self { lo, hi, ball: None }),
        }
    }

    /// The points of a ball around `x` that lie between `lo` and `hi`. The radius is taken as it is, without allowance for rounding.
    ///
    /// # Errors
    /// As [`Region::between`]; [`CertifyError::Radius`], and [`CertifyError::Norm`] for L0.
    pub fn ball(norm: Norm, x: &[f64], eps: f64, lo: &[f64], hi: &[f64]) -> Result<Self, CertifyError> {
        if !(eps >= 0.0 && eps.is_finite()) {
            return Err(CertifyError::Radius { eps });
        }
        if lo.len() != x.len() || hi.len() != x.len() {
            return Err(CertifyError::Length { what: "the box", expected: x.len(), found: lo.len().max(hi.len()) });
        }
        if norm == Norm::L0 {
            return Err(CertifyError::Norm { norm });
        }
        let low = x.iter().zip(lo).map(|(x, lo)| down(x - eps).max(*lo)).collect();
        let high = x.iter().zip(hi).map(|(x, hi)| crate::rounding::up(x + eps).min(*hi)).collect();
        let mut region = Self::between(low, high)?;
        region.ball = (norm != Norm::Linf).then(|| Round { norm, centre: x.to_vec(), eps });
        Ok(region)
    }

    /// No limit beyond the boxes of the domains.
    pub(crate) fn anything() -> Self {
        Self { lo: Vec::new(), hi: Vec::new(), ball: None }
    }

    /// Returns the number of elements of an input.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lo.len()
    }

    /// Returns true for inputs without elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lo.is_empty()
    }

    /// Returns the smallest box around all points.
    #[must_use]
    pub fn hull(&self) -> (&[f64], &[f64]) {
        (&self.lo, &self.hi)
    }

    /// Returns true where the region is a box.
    #[must_use]
    pub fn is_box(&self) -> bool {
        self.ball.is_none()
    }

    /// The part of the region inside another box, for each domain a column.
    pub(crate) fn least(&self, a: &Matrix, c: &[f64], error: &[f64], domain: &[u32], lo: &Matrix, hi: &Matrix) -> Vec<f64> {
        let mut sums = vec![0.0; a.cols];
        let mut sizes = vec![0.0; a.cols];
        let one_each = a.cols == lo.cols && domain.iter().enumerate().all(|(col, &d)| col == d as usize);
        for i in 0..a.n {
            let (l, u) = (lo.row(i), hi.row(i));
            let mut add = |col: usize, a: f64, l: f64, u: f64| {
                sums[col] += a.max(0.0) * l + a.min(0.0) * u;
                sizes[col] += a.abs() * u.max(-l);
            };
            if one_each {
                for (col, &a) in a.row(i).iter().enumerate() {
                    add(col, a, l[col], u[col]);
                }
            } else {
                for (col, &a) in a.row(i).iter().enumerate() {
                    add(col, a, l[domain[col] as usize], u[domain[col] as usize]);
                }
            }
        }
        let margin = gamma(a.n);
        (0..a.cols)
            .map(|col| {
                let mut least = sums[col] + c[col];
                if let Some(ball) = &self.ball {
                    let d = domain[col] as usize;
                    least = least.max(ball.least(&a.take(col), &lo.take(d), &hi.take(d)) + c[col]);
                }
                let bound = down(least - 1.001 * (error[col] + margin * (sizes[col] + c[col].abs())) - TINY);
                if bound.is_nan() { f64::NEG_INFINITY } else { bound }
            })
            .collect()
    }

    /// For each function the point of its domain at which it is least, or nearly so.
    pub(crate) fn attaining(&self, a: &Matrix, domain: &[u32], lo: &Matrix, hi: &Matrix) -> Matrix {
        let mut x = Matrix::zeros(a.n, a.cols);
        for (col, &d) in domain.iter().enumerate() {
            let d = d as usize;
            if let Some(ball) = &self.ball {
                let point = ball.argmin(&a.take(col), &lo.take(d), &hi.take(d));
                point.into_iter().enumerate().for_each(|(i, p)| x.row_mut(i)[col] = p);
            } else {
                for i in 0..a.n {
                    x.data[i * a.cols + col] = if a.at(i, col) >= 0.0 { lo.at(i, d) } else { hi.at(i, d) };
                }
            }
        }
        x
    }
}

impl Round {
    /// A lower bound of `a x` on the part of the ball inside a box.
    fn least(&self, a: &[f64], lo: &[f64], hi: &[f64]) -> f64 {
        match self.norm {
            Norm::L1 => self.least_l1(a, lo, hi),
            _ => self.least_l2(a, lo, hi),
        }
    }

    /// For any price t >= 0 of the squared distance, the least value of a x + t (|x - centre|^2 - eps^2) on the box is a lower bound, coordinate by
    /// coordinate in closed form. The best price is looked for by bisection on the distance.
    fn least_l2(&self, a: &[f64], lo: &[f64], hi: &[f64]) -> f64 {
        let point = |t: f64, i: usize| (self.centre[i] - a[i] / (2.0 * t)).clamp(lo[i], hi[i].max(lo[i]));
        let distance = |t: f64| (0..a.len()).map(|i| (point(t, i) - self.centre[i]).powi(2)).sum::<f64>();
        let bound = |t: f64| {
            let (mut sum, mut size) = (-t * self.eps * self.eps, t * self.eps * self.eps);
            for i in 0..a.len() {
                let x = if t > 0.0 {
                    point(t, i)
                } else if a[i] >= 0.0 {
                    lo[i]
                } else {
                    hi[i]
                };
                let off = x - self.centre[i];
                sum += a[i] * x + t * off * off;
                // The coordinate's least value is off by the square of the rounding of its place; counted with the products.
                size += (a[i] * x).abs() + t * off * off + (a[i] * self.centre[i]).abs();
            }
            sum - 4.0 * gamma(a.len()) * size
        };
        let norm = a.iter().map(|a| a * a).sum::<f64>().sqrt();
        if norm == 0.0 || self.eps == 0.0 {
            let centre: f64 = a.iter().zip(&self.centre).map(|(a, x)| a * x).sum();
            let size: f64 = a.iter().zip(&self.centre).map(|(a, x)| (a * x).abs()).sum();
            return if self.eps == 0.0 { centre - gamma(a.len()) * size } else { -TINY };
        }
        // The price of the ball alone; the box only lowers it.
        let (mut below, mut above) = (norm / (2.0 * self.eps) * 1e-6, norm / (2.0 * self.eps));
        for _ in 0..40 {
            let t = (below * above).sqrt();
            if distance(t) > self.eps * self.eps { below = t } else { above = t }
        }
        bound(above).max(bound(norm / (2.0 * self.eps))).max(bound(0.0))
    }

    /// The largest gain buys whole coordinates, dearest first, until the radius is spent.
    fn least_l1(&self, a: &[f64], lo: &[f64], hi: &[f64]) -> f64 {
        let x = self.spent(a, lo, hi);
        let (mut sum, mut size) = (0.0, 0.0);
        for i in 0..a.len() {
            sum += a[i] * x[i];
            size += (a[i] * x[i]).abs() + a[i].abs() * self.centre[i].abs() + a[i].abs() * self.eps;
        }
        sum - 4.0 * gamma(a.len()) * size
    }

    fn spent(&self, a: &[f64], lo: &[f64], hi: &[f64]) -> Vec<f64> {
        let mut order: Vec<usize> = (0..a.len()).collect();
        order.sort_by(|&i, &j| a[j].abs().total_cmp(&a[i].abs()));
        // A box that does not hold the centre costs at least the way to it.
        let mut x: Vec<f64> = (0..a.len()).map(|i| self.centre[i].clamp(lo[i], hi[i].max(lo[i]))).collect();
        let mut left = self.eps - x.iter().zip(&self.centre).map(|(x, c)| (x - c).abs()).sum::<f64>();
        left = left.max(0.0);
        for i in order {
            let room = if a[i] > 0.0 { x[i] - lo[i] } else { hi[i] - x[i] };
            let step = room.min(left);
            x[i] -= a[i].signum() * step;
            left -= step;
        }
        x
    }

    fn argmin(&self, a: &[f64], lo: &[f64], hi: &[f64]) -> Vec<f64> {
        if self.norm == Norm::L1 {
            return self.spent(a, lo, hi);
        }
        let norm = a.iter().map(|a| a * a).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
        (0..a.len()).map(|i| (self.centre[i] - a[i] / norm * self.eps).clamp(lo[i], hi[i])).collect()
    }
}
