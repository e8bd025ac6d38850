//! The picture with noise in its spectrum.

use super::join::{Piece, Rule};
use super::view::{Dice, View, unit};
use crate::picture::{Planes, Waves};
use crate::settings::{COUNT, SWITCH, UNIT, settings};

settings! {
    /// Parameters of the spectrum's noise.
    pub(crate) struct SsaConfig {
        /// Number of random draws per point.
        copies: u32 = 20, COUNT, paper "20";
        /// Largest relative change of a frequency coefficient.
        rho: f64 = 0.5, UNIT, paper "0.5";
        /// Whether gradients are computed through the transform, or used as they are at the transformed image.
        pull: bool = false, SWITCH, paper "false";
    }
}

/// `ssa` in the registry.
///
/// Normal noise of deviation eps is added, and every coefficient of the cosine transform multiplied by a number between 1 - rho and 1 + rho.
///
/// # Source
/// Long et al., "Frequency Domain Model Augmentation for Adversarial Attack", ECCV 2022, algorithm 1; its code takes the gradient at the transformed picture as it is.
pub(crate) static RULE: Rule<SsaConfig> = Rule {
    name: "ssa",
    about: "transfer: the image with noise in its frequency spectrum",
    default: || SsaConfig::DEFAULT,
    make: |config| Piece::picture(move |planes, start| Box::new(Ssa::new(&config, planes, start.ball.eps as f32))),
};

/// Memory: 2 d floats, two channels, and the square of each side.
struct Ssa {
    config: SsaConfig,
    eps: f32,
    planes: Planes,
    down: Waves,
    across: Waves,
    noise: Box<[f32]>,
    mask: Box<[f32]>,
    /// One channel twice, for the two halves of a transform.
    halves: [Box<[f32]>; 2],
}

impl Ssa {
    fn new(config: &SsaConfig, planes: Planes, eps: f32) -> Self {
        let zeros = |n: usize| vec![0.0; n].into_boxed_slice();
        let (d, n) = (planes.channels * planes.pixels(), planes.pixels());
        let (down, across) = (Waves::new(planes.rows), Waves::new(planes.columns));
        let halves = [zeros(n), zeros(n)];
        Self { config: config.clone(), eps, planes, down, across, noise: zeros(d), mask: zeros(d), halves }
    }

    /// Multiplies the spectrum of each channel of `from` by the mask. The transform is orthonormal, so that this map is its own transpose.
    fn weigh(&mut self, from: &[f32], noisy: bool, to: &mut [f32]) {
        let (planes, columns, n) = (self.planes, self.planes.columns, self.planes.pixels());
        let [a, b] = &mut self.halves;
        for channel in 0..planes.channels {
            for pixel in 0..n {
                let at = planes.at(channel, pixel / columns, pixel % columns);
                a[pixel] = from[at] + if noisy { self.noise[at] } else { 0.0 };
            }
            // Columns of the picture, then rows, to the spectrum.
            b.fill(0.0);
            for (row, wave) in b.chunks_exact_mut(columns).zip(self.down.rows()) {
                for (&weight, line) in wave.iter().zip(a.chunks_exact(columns)) {
                    row.iter_mut().zip(line).for_each(|(b, a)| *b += weight * a);
                }
            }
            for (spectrum, line) in a.chunks_exact_mut(columns).zip(b.chunks_exact(columns)) {
                for (cell, wave) in spectrum.iter_mut().zip(self.across.rows()) {
                    *cell = line.iter().zip(wave).map(|(v, w)| v * w).sum();
                }
            }
            a.iter_mut().zip(&self.mask[channel * n..(channel + 1) * n]).for_each(|(a, mask)| *a *= mask);
            // And back.
            b.fill(0.0);
            for (line, spectrum) in b.chunks_exact_mut(columns).zip(a.chunks_exact(columns)) {
                for (&weight, wave) in spectrum.iter().zip(self.across.rows()) {
                    line.iter_mut().zip(wave).for_each(|(b, w)| *b += weight * w);
                }
            }
            a.fill(0.0);
            for (line, wave) in b.chunks_exact(columns).zip(self.down.rows()) {
                for (row, &weight) in a.chunks_exact_mut(columns).zip(wave) {
                    row.iter_mut().zip(line).for_each(|(a, b)| *a += weight * b);
                }
            }
            for pixel in 0..n {
                to[planes.at(channel, pixel / columns, pixel % columns)] = a[pixel];
            }
        }
    }
}

impl View for Ssa {
    fn copies(&self) -> u32 {
        self.config.copies
    }

    fn draw(&mut self, dice: &Dice, _copy: u32) {
        let mut rng = dice.of("ssa");
        brinell_threat::fill_normal(&mut rng, &mut self.noise);
        self.noise.iter_mut().for_each(|v| *v *= self.eps);
        let rho = self.config.rho;
        self.mask.iter_mut().for_each(|v| *v = (1.0 - rho + 2.0 * rho * unit(&mut rng)) as f32);
    }

    fn apply(&mut self, x: &[f32], u: &mut [f32]) {
        self.weigh(x, true, u);
    }

    fn adjoint(&mut self, g: &[f32], out: &mut [f32]) {
        if self.config.pull { self.weigh(g, false, out) } else { out.copy_from_slice(g) }
    }
}
