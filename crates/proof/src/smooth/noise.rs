//! The noises of smoothing: draws, and what a share of votes certifies.

use std::str::FromStr;

use brinell_attack::rng;
use brinell_stats::normal;
use brinell_threat::Norm;
use rand::Rng;
use serde::{Deserialize, Serialize};

/// How noise is distributed, independently for every value of a sample.
///
/// | Noise | Norm | Radius that a share p of the votes certifies, with standard deviation s |
/// |---|---|---|
/// | `gaussian` | l2 | s Φ⁻¹(p) |
/// | `gaussian` | linf | s Φ⁻¹(p) / √d, for samples of d values |
/// | `uniform` | l1 | 2 b (p - 1/2), where b = √3 s: draws lie in -b..b |
/// | `laplace` | l1 | -b ln(2 (1 - p)), where b = s / √2 |
///
/// # Source
/// Gaussian: Cohen, Rosenfeld & Kolter, "Certified adversarial robustness via randomized smoothing", ICML 2019, theorem 1. Uniform and Laplace: Yang, Duan, Hu, Salman, Razenshteyn & Li,
/// "Randomized smoothing of all shapes and sizes", ICML 2020, table 1; Teng, Lee & Yuan, "L1 adversarial robustness certificates: a randomized smoothing approach", 2020.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the table says it")]
pub enum Noise {
    Gaussian,
    Uniform,
    Laplace,
}

impl Noise {
    /// Returns the noise that certifies most in a norm; `None` for a norm that has none.
    #[must_use]
    pub fn of(norm: Norm) -> Option<Self> {
        match norm {
            Norm::L2 | Norm::Linf => Some(Self::Gaussian),
            Norm::L1 => Some(Self::Uniform),
            Norm::L0 => None,
        }
    }

    /// True where the noise certifies radii in this norm.
    #[must_use]
    pub fn certifies(self, norm: Norm) -> bool {
        match self {
            Self::Gaussian => matches!(norm, Norm::L2 | Norm::Linf),
            Self::Uniform | Self::Laplace => norm == Norm::L1,
        }
    }

    /// Returns the name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gaussian => "gaussian",
            Self::Uniform => "uniform",
            Self::Laplace => "laplace",
        }
    }
}

impl FromStr for Noise {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = [Self::Gaussian, Self::Uniform, Self::Laplace];
        known
            .into_iter()
            .find(|noise| noise.name() == text)
            .ok_or_else(|| format!("unknown noise `{text}`; known are gaussian, uniform and laplace"))
    }
}

/// A noise with its size, for samples of `d` values and radii in a norm.
#[derive(Debug, Clone, Copy)]
pub(super) struct Smoothing {
    pub(super) noise: Noise,
    /// Standard deviation, in units of the input.
    pub(super) sigma: f64,
    pub(super) norm: Norm,
    pub(super) d: usize,
}

/// Noisy values are multiples of the largest power of two below this share of the standard deviation.
const FINE: f64 = 1.0 / 256.0;

impl Smoothing {
    /// The scale b of noises that have one.
    fn scale(&self) -> f64 {
        match self.noise {
            Noise::Gaussian => self.sigma,
            Noise::Uniform => 3f64.sqrt() * self.sigma,
            Noise::Laplace => self.sigma / 2f64.sqrt(),
        }
    }

    /// Returns a radius that a share of votes certifies, whatever the normal distribution is off by; negative below one half.
    pub(super) fn radius(&self, share: f64) -> f64 {
        let (b, share) = (self.scale(), share - normal::ERROR);
        match self.noise {
            Noise::Gaussian if self.norm == Norm::Linf => b * normal::quantile(share) / (self.d.max(1) as f64).sqrt(),
            Noise::Gaussian => b * normal::quantile(share),
            Noise::Uniform => 2.0 * b * (share - 0.5),
            Noise::Laplace => -b * (2.0 * (1.0 - share)).ln(),
        }
    }

    /// Returns a share of votes that certifies a radius; 1 where none does.
    pub(super) fn share(&self, radius: f64) -> f64 {
        let b = self.scale();
        let share = match self.noise {
            Noise::Gaussian if self.norm == Norm::Linf => normal::probability(radius * (self.d.max(1) as f64).sqrt() / b),
            Noise::Gaussian => normal::probability(radius / b),
            Noise::Uniform => (0.5 + radius / (2.0 * b)).min(1.0),
            Noise::Laplace => 1.0 - (-radius / b).exp() / 2.0,
        };
        (share + normal::ERROR).min(1.0)
    }

    /// Writes `x` plus draw number `draw` into `out`.
    ///
    /// # Guarantees
    /// The sum is formed in f64 and rounded to a grid that does not depend on `x`: which points can come out does not tell where they come from. What is smoothed, and what a certificate
    /// is about, is the model behind this rounding. The draw depends on seed, sample and number alone.
    pub(super) fn draw(&self, x: &[f32], seed: u64, sample: usize, draw: u32, out: &mut [f32]) {
        let mut rng = rng::keyed("smooth", seed, sample as u64, draw);
        let step = (self.sigma * FINE).log2().floor().exp2();
        let b = self.scale();
        let mut spare = None;
        for (out, &x) in out.iter_mut().zip(x) {
            let noise = match self.noise {
                // Box and Muller, two at a time.
                Noise::Gaussian => spare.take().unwrap_or_else(|| {
                    let (radius, angle) = ((-2.0 * open_unit(&mut rng).ln()).sqrt(), std::f64::consts::TAU * open_unit(&mut rng));
                    spare = Some(radius * angle.sin());
                    radius * angle.cos()
                }),
                Noise::Uniform => 2.0 * open_unit(&mut rng) - 1.0,
                Noise::Laplace => {
                    let size = -open_unit(&mut rng).ln();
                    if rng.next_u32() & 1 == 0 { size } else { -size }
                }
            };
            let sum = f64::from(x) + b * noise;
            *out = ((sum / step).round_ties_even() * step) as f32;
        }
    }
}

/// A draw uniform in (0, 1].
fn open_unit(rng: &mut impl Rng) -> f64 {
    ((rng.next_u64() >> 11) + 1) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Smoothing> {
        [(Noise::Gaussian, Norm::L2), (Noise::Gaussian, Norm::Linf), (Noise::Uniform, Norm::L1), (Noise::Laplace, Norm::L1)]
            .map(|(noise, norm)| Smoothing { noise, sigma: 0.25, norm, d: 16 })
            .to_vec()
    }

    #[test]
    fn shares_and_radii_are_inverse() {
        for smoothing in all() {
            for share in [0.5, 0.6, 0.9, 0.99] {
                assert!((smoothing.share(smoothing.radius(share)) - share).abs() < 1e-8, "{smoothing:?} {share}");
            }
            assert!(smoothing.radius(0.5).abs() < 1e-8 && smoothing.radius(0.4) < 0.0);
        }
        // sigma .25: Φ⁻¹(.9332) = 1.5 (Cohen et al.).
        let gaussian = all()[0];
        assert!((gaussian.radius(0.933_192_798_731_141_9) - 0.375).abs() < 1e-8);
    }

    #[test]
    fn draws_have_their_standard_deviation_and_are_the_same_again() {
        for smoothing in all() {
            let x = vec![0.3f32; 4096];
            let (mut out, mut again) = (vec![0.0; 4096], vec![0.0; 4096]);
            smoothing.draw(&x, 1, 2, 3, &mut out);
            smoothing.draw(&x, 1, 2, 3, &mut again);
            assert_eq!(out, again);
            let spread = (out.iter().map(|v| f64::from(v - 0.3).powi(2)).sum::<f64>() / 4096.0).sqrt();
            assert!((spread - 0.25).abs() < 0.02, "{smoothing:?}: {spread}");
            smoothing.draw(&x, 1, 2, 4, &mut again);
            assert_ne!(out, again);
            // Every value is on the grid, whatever x is.
            assert!(out.iter().all(|v| (v * 1024.0 * 2.0).fract() == 0.0), "{smoothing:?}");
        }
    }
}
