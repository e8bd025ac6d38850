//! A ball around one clean input, with everything precomputed that a step of an attack needs.

use crate::{Ball, InputBox, Norm, kernel::clamp, l0, l1, l2};

/// The allowed inputs around one clean input.
#[derive(Debug, Clone)]
pub enum Region {
    /// A box, since both the ball and the input box are.
    Linf(LinfRegion),
    /// A Euclidean ball cut by the input box.
    L2(CentredRegion),
    /// An L1 ball cut by the input box.
    L1(CentredRegion),
    /// Inputs of the box that differ in at most eps elements.
    L0(CentredRegion),
}

/// Allowed interval of every element. Memory: 2 d floats.
#[derive(Debug, Clone)]
pub struct LinfRegion {
    lo: Box<[f32]>,
    hi: Box<[f32]>,
}

/// Centre, radius and box. Memory: d floats.
#[derive(Debug, Clone)]
pub struct CentredRegion {
    x: Box<[f32]>,
    eps: f64,
    bounds: InputBox,
}

/// Smallest and largest f32 that differ from `x` by at most `eps` in f64 and lie in the box; where there is none, the box wins.
pub(crate) fn interval(x: f32, eps: f64, bounds: InputBox) -> (f32, f32) {
    let wide = f64::from(x);
    let (mut lo, mut hi) = ((wide - eps) as f32, (wide + eps) as f32);
    // Rounding to f32 goes to the nearest, which is outside half of the time; its inner neighbour never is.
    if wide - f64::from(lo) > eps {
        lo = lo.next_up();
    }
    if f64::from(hi) - wide > eps {
        hi = hi.next_down();
    }
    let inside = |v: f32| clamp(v, bounds.lo(), bounds.hi());
    (inside(lo), inside(hi))
}

impl Region {
    /// Precomputes the region of `ball` around `x`.
    pub fn new(ball: &Ball, x: &[f32]) -> Self {
        match ball.norm {
            Norm::Linf => {
                let pairs = x.iter().map(|&x| interval(x, ball.eps, ball.bounds));
                let (lo, hi): (Vec<f32>, Vec<f32>) = pairs.unzip();
                Region::Linf(LinfRegion { lo: lo.into(), hi: hi.into() })
            }
            Norm::L2 => Region::L2(CentredRegion::new(ball, x)),
            Norm::L1 => Region::L1(CentredRegion::new(ball, x)),
            Norm::L0 => Region::L0(CentredRegion::new(ball, x)),
        }
    }

    /// Number of elements of an input.
    pub fn len(&self) -> usize {
        match self {
            Region::Linf(region) => region.lo.len(),
            Region::L2(region) | Region::L1(region) | Region::L0(region) => region.x.len(),
        }
    }

    /// True for inputs without elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Moves `z` to the nearest point of the region in the Euclidean sense; of equally near ones, which L0 has, to that with
    /// the first elements changed.
    ///
    /// # Guarantees
    /// The result is in the box exactly and in the ball in f64 without slack, if the clean input is in the box; a point of the region
    /// comes back unchanged, bit for bit. Exact up to the rounding of the result to f32. NaN elements of `z` become a bound.
    pub fn project(&self, z: &mut [f32]) {
        match self {
            Region::Linf(region) => region.project(z),
            Region::L2(region) => l2::project(&region.x, z, region.eps, region.bounds),
            Region::L1(region) => l1::project(&region.x, z, region.eps, region.bounds),
            Region::L0(region) => l0::project(&region.x, z, region.eps, region.bounds),
        }
    }

    /// Moves `z` into the region in the form that APGD's reference implementation uses: for L2 rescale, then clip.
    ///
    /// # Guarantees
    /// As [`Region::project`], except that for L2 the result is not the nearest point where the box is active.
    pub fn project_reference(&self, z: &mut [f32]) {
        match self {
            Region::L2(region) => l2::rescale(&region.x, z, region.eps, region.bounds),
            _ => self.project(z),
        }
    }
}

impl LinfRegion {
    /// Smallest allowed value of every element.
    pub fn lo(&self) -> &[f32] {
        &self.lo
    }

    /// Largest allowed value of every element.
    pub fn hi(&self) -> &[f32] {
        &self.hi
    }

    /// Clamps every element to its interval.
    pub fn project(&self, z: &mut [f32]) {
        for ((z, &lo), &hi) in z.iter_mut().zip(&self.lo).zip(&self.hi) {
            *z = clamp(*z, lo, hi);
        }
    }
}

impl CentredRegion {
    fn new(ball: &Ball, x: &[f32]) -> Self {
        Self { x: x.into(), eps: ball.eps, bounds: ball.bounds }
    }

    /// The clean input.
    pub fn centre(&self) -> &[f32] {
        &self.x
    }

    /// Radius.
    pub fn eps(&self) -> f64 {
        self.eps
    }

    /// Changes the radius.
    pub fn set_eps(&mut self, eps: f64) {
        self.eps = eps;
    }

    /// The input box.
    pub fn bounds(&self) -> InputBox {
        self.bounds
    }
}
