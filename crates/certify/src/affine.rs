use crate::bounds::Bounds;
use crate::map::Map;
use crate::matrix::Matrix;
use crate::rounding::{TINY, gamma};

/// A sum of linear maps of values, and a constant.
#[derive(Debug)]
pub(crate) struct Affine {
    parts: Vec<Box<dyn Map>>,
    bias: Vec<f64>,
    /// The sum of the magnitudes of what each constant is made of: where these cancel, what is rounded is larger than the constant.
    constants: Vec<f64>,
    /// Relative rounding error of one element.
    gamma: f64,
}

impl Affine {
    pub(crate) fn new(maps: Vec<Box<dyn Map>>, bias: Vec<f64>) -> Self {
        let terms: usize = maps.iter().map(|map| map.terms()).sum();
        let gamma = gamma(terms + maps.len() + 1);
        let constants = bias.iter().map(|b| b.abs()).collect();
        Self { parts: maps, bias, constants, gamma }
    }

    pub(crate) fn outputs(&self) -> usize {
        self.bias.len()
    }

    /// Adds to the constant what is made of terms with these magnitudes in sum.
    pub(crate) fn shift(&mut self, shift: &[f64], magnitudes: &[f64]) {
        self.bias.iter_mut().zip(shift).for_each(|(b, s)| *b += s);
        self.constants.iter_mut().zip(magnitudes).for_each(|(c, m)| *c += m);
    }

    pub(crate) fn bias(&self) -> &[f64] {
        &self.bias
    }

    /// True where every coefficient is finite.
    pub(crate) fn is_finite(&self) -> bool {
        self.bias.iter().all(|b| b.is_finite()) && self.parts.iter().all(|part| part.largest().is_finite())
    }

    /// True where every element is one element of an input or a constant, so that nothing is rounded.
    pub(crate) fn is_exact(&self) -> bool {
        self.parts.iter().all(|part| part.is_selection())
    }

    pub(crate) fn eval(&self, x: &[&Matrix]) -> Matrix {
        let mut y = self.constant(x.first().map_or(1, |x| x.cols));
        self.parts.iter().zip(x).for_each(|(part, x)| part.apply(x, &mut y));
        y
    }

    /// |L| x, without the constant.
    pub(crate) fn magnitudes(&self, x: &[&Matrix]) -> Matrix {
        let mut y = Matrix::zeros(self.outputs(), x.first().map_or(1, |x| x.cols));
        self.parts.iter().zip(x).for_each(|(part, x)| part.apply_magnitude(x, &mut y));
        y
    }

    /// The sum of the magnitudes of the terms of each element, at most; nothing where no rounding happens.
    pub(crate) fn sizes(&self, x: &[&Bounds]) -> Option<Matrix> {
        if self.is_exact() {
            return None;
        }
        let largest: Vec<Matrix> = x.iter().map(|x| x.magnitude()).collect();
        let mut sizes = self.magnitudes(&largest.iter().collect::<Vec<_>>());
        for (i, constant) in self.constants.iter().enumerate() {
            sizes.row_mut(i).iter_mut().for_each(|s| *s += constant + TINY);
        }
        Some(sizes)
    }

    pub(crate) fn interval(&self, x: &[&Bounds], sizes: Option<&Matrix>) -> Bounds {
        let domains = x.first().map_or(1, |x| x.domains());
        if self.is_exact() {
            let side = |side: &dyn Fn(&Bounds) -> &Matrix| {
                let mut y = self.constant(domains);
                self.parts.iter().zip(x).for_each(|(part, x)| part.apply(side(x), &mut y));
                y
            };
            return Bounds { lo: side(&|x| &x.lo), hi: side(&|x| &x.hi) };
        }
        let mut middle = self.constant(domains);
        let mut radius = Matrix::zeros(self.outputs(), domains);
        for (part, x) in self.parts.iter().zip(x) {
            let pairs = || x.lo.data.iter().zip(&x.hi.data);
            let of = |data| Matrix { n: x.len(), cols: domains, data };
            part.apply(&of(pairs().map(|(lo, hi)| 0.5 * lo + 0.5 * hi).collect()), &mut middle);
            part.apply_magnitude(&of(pairs().map(|(lo, hi)| 0.5 * hi - 0.5 * lo).collect()), &mut radius);
        }
        for (at, (m, r)) in middle.data.iter_mut().zip(&mut radius.data).enumerate() {
            // Both sums have terms of at most this magnitude, and so have the roundings of middle and radius themselves.
            let error = sizes.map_or(f64::INFINITY, |sizes| 2.1 * self.gamma * sizes.data[at]);
            let (centre, reach) = (*m, *r + error);
            (*m, *r) = (centre - reach, centre + reach);
        }
        Bounds { lo: middle, hi: radius }
    }

    /// Takes functions of the result back to functions of the inputs: adds to `into`, to the constants and to their errors.
    pub(crate) fn backward(&self, a: &Matrix, domain: &[u32], sizes: Option<&Matrix>, sums: &mut Sums<'_>, into: &mut [Matrix]) {
        for (i, &bias) in self.bias.iter().enumerate().filter(|(_, bias)| **bias != 0.0) {
            a.row(i).iter().zip(&mut *sums.c).for_each(|(a, c)| *c += a * bias);
        }
        if let Some(sizes) = sizes {
            for i in 0..a.n {
                let size = sizes.row(i);
                for ((e, a), &d) in sums.error.iter_mut().zip(a.row(i)).zip(domain) {
                    *e += self.gamma * a.abs() * size[d as usize];
                }
            }
        }
        self.parts.iter().zip(into).for_each(|(part, into)| part.apply_transposed(a, into));
    }

    /// As [`Affine::backward`], for functions that are plus or minus one element each.
    pub(crate) fn backward_units(
        &self,
        picks: &[(usize, f64)],
        domain: &[u32],
        sizes: Option<&Matrix>,
        sums: &mut Sums<'_>,
        into: &mut [Matrix],
    ) {
        for (c, &(i, sign)) in picks.iter().enumerate() {
            sums.c[c] += sign * self.bias[i];
            sums.error[c] += sizes.map_or(0.0, |sizes| self.gamma * sizes.at(i, domain[c] as usize));
        }
        self.parts.iter().zip(into).for_each(|(part, into)| part.rows(picks, into));
    }

    /// A bound of how far the result is off in f32 arithmetic, where the inputs are off by `error`.
    pub(crate) fn rounding(&self, x: &[&Bounds], error: &[&Matrix]) -> Matrix {
        let mut off = self.magnitudes(error);
        if self.is_exact() {
            return off;
        }
        let terms = self.parts.iter().map(|part| part.terms()).sum::<usize>() + self.parts.len() + 1;
        let unit = f64::from(f32::EPSILON) / 2.0;
        // Factors that are made of constants, such as those of a normalisation, are rounded a few times themselves.
        let roundings = (terms as f64 + 8.0) * unit;
        let relative = 1.01 * roundings / (1.0 - roundings);
        let reach: Vec<Matrix> = x
            .iter()
            .zip(error)
            .map(|(x, e)| {
                let mut reach = x.magnitude();
                reach.data.iter_mut().zip(&e.data).for_each(|(r, e)| *r += e);
                reach
            })
            .collect();
        let sizes = self.magnitudes(&reach.iter().collect::<Vec<_>>());
        for (i, constant) in self.constants.iter().enumerate() {
            let size = sizes.row(i);
            off.row_mut(i)
                .iter_mut()
                .zip(size)
                .for_each(|(o, s)| *o = 1.000_001 * *o + relative * (s + constant) + f64::from(f32::MIN_POSITIVE));
        }
        off
    }

    fn constant(&self, cols: usize) -> Matrix {
        let mut data = Vec::with_capacity(self.bias.len() * cols);
        self.bias.iter().for_each(|&b| data.extend(std::iter::repeat_n(b, cols)));
        Matrix { n: self.bias.len(), cols, data }
    }
}

/// What backward passes add up beside the coefficients, for each function.
pub(crate) struct Sums<'a> {
    /// Constants.
    pub(crate) c: &'a mut [f64],
    /// Bounds of the rounding errors so far.
    pub(crate) error: &'a mut [f64],
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::Scale;

    #[test]
    fn constants_that_cancel_are_rounded_at_their_own_size() {
        let mut affine = Affine::new(vec![Box::new(Scale::uniform(1, 1.0))], vec![1e6]);
        affine.shift(&[-1e6], &[1e6]);
        let bounds = Bounds { lo: Matrix::zeros(1, 1), hi: Matrix::column(vec![1.0]) };
        let off = affine.rounding(&[&bounds], &[&Matrix::zeros(1, 1)]).data[0];
        let x = std::hint::black_box(0.03f32);
        let deployed = (x + 1e6) - 1e6;
        assert!(f64::from((deployed - x).abs()) <= off && f64::from((deployed - x).abs()) > 0.02, "{deployed} {off}");
        assert!(affine.sizes(&[&bounds]).unwrap().data[0] >= 2e6);
    }
}
