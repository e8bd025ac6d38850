//! Random points.

use rand::Rng;

use crate::{Ball, Norm, kernel::length_sq};

/// Fills `out` with draws uniform in [-1, 1), multiples of 2^-23; one `u32` each.
pub fn fill_uniform(rng: &mut impl Rng, out: &mut [f32]) {
    for v in out {
        // 24 random bits are an integer below 2^24, which f32 holds exactly.
        *v = (rng.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0;
    }
}

/// Fills `out` with standard normal draws; two `u32` each.
///
/// # Source
/// Box and Muller, "A note on the generation of random normal deviates", 1958, in f64.
pub fn fill_normal(rng: &mut impl Rng, out: &mut [f32]) {
    for pair in out.chunks_mut(2) {
        let (u, v) = (open_unit(rng), open_unit(rng));
        let radius = (-2.0 * u.ln()).sqrt();
        let (sin, cos) = (std::f64::consts::TAU * v).sin_cos();
        for (slot, value) in pair.iter_mut().zip([radius * cos, radius * sin]) {
            *slot = value as f32;
        }
    }
}

/// Fills `out` with standard Laplace draws and returns the sum of their absolute values.
fn fill_laplace(rng: &mut impl Rng, out: &mut [f32]) -> f64 {
    let mut sum = 0.0;
    for v in out {
        let size = -open_unit(rng).ln();
        *v = if rng.next_u32() & 1 == 0 { size } else { -size } as f32;
        sum += size;
    }
    sum
}

/// A draw uniform in (0, 1].
fn open_unit(rng: &mut impl Rng) -> f64 {
    ((rng.next_u64() >> 11) + 1) as f64 / (1u64 << 53) as f64
}

impl Ball {
    /// Writes into `out` a point drawn uniformly from the ball around `x`, then moved to the nearest allowed input.
    ///
    /// # Guarantees
    /// As [`crate::Region::project`]. Uniform in the ball; where the box cuts the ball, its edge gets what was outside. For L0 the
    /// elements are drawn, and their values uniformly from the box. The ball must have a finite radius.
    pub fn sample_uniform(&self, x: &[f32], rng: &mut impl Rng, out: &mut [f32]) {
        if let Some(frame) = self.frame(x, false) {
            let mut u = vec![0.0; x.len()];
            frame.ball().sample_uniform(frame.centre(), rng, &mut u);
            return frame.realise(&u, out);
        }
        let scale = match self.norm {
            Norm::Linf => {
                fill_uniform(rng, out);
                self.eps
            }
            Norm::L2 => {
                fill_normal(rng, out);
                // A normal draw has a uniform direction; the d-th root makes the radius that of a uniform draw.
                self.eps * open_unit(rng).powf(1.0 / out.len().max(1) as f64) / length_sq(out).sqrt().max(f64::MIN_POSITIVE)
            }
            Norm::L1 => {
                // Laplace draws have a uniform direction in the L1 sense.
                let sum = fill_laplace(rng, out);
                self.eps * open_unit(rng).powf(1.0 / out.len().max(1) as f64) / sum.max(f64::MIN_POSITIVE)
            }
            Norm::L0 => return self.sample_sparse(x, rng, out),
        };
        for (v, &x) in out.iter_mut().zip(x) {
            *v = (f64::from(x) + scale * f64::from(*v)) as f32;
        }
        self.project(x, out);
    }
    /// Changes eps elements, each set of them equally likely, to uniform values of the box.
    fn sample_sparse(&self, x: &[f32], rng: &mut impl Rng, out: &mut [f32]) {
        out.copy_from_slice(x);
        // Eps is a whole number of at most the number of elements.
        let mut left = (self.eps.min(out.len() as f64)) as usize;
        let n = out.len();
        for (index, v) in out.iter_mut().enumerate() {
            if open_unit(rng) * (n - index) as f64 <= left as f64 {
                *v = (f64::from(self.bounds.lo()) + self.bounds.width() * open_unit(rng)) as f32;
                left -= 1;
            }
        }
        self.project(x, out);
    }
}
