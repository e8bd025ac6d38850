//! Fitting a patch to images under random conditions.

use std::sync::atomic::{AtomicBool, Ordering};

use brinell_attack::driver::Model;
use brinell_attack::rng::keyed;
use brinell_data::Dataset;
use brinell_engine::Answer;
use brinell_record::Scale;
use brinell_task::Loss;
use rand_chacha::rand_core::Rng;

use super::PatchSettings;
use super::place::{Cut, Place};
use crate::TransferError;
use crate::sources::Sources;

/// Values that a printer has no ink for are left out.
const PRINTED: [f64; 2] = [0.05, 0.95];
/// Log-odds of success from which on an image counts no more.
const CAP: f32 = 12.0;
/// Weight of the total variation of neighbouring pixels.
const SMOOTH: f64 = 1e-4;
/// Decay of Adam's means.
const BETAS: [f64; 2] = [0.9, 0.999];

/// A patch as free numbers: its values are `0.5 + 0.45 tanh`.
struct Free {
    values: Vec<f64>,
    means: [Vec<f64>; 2],
    step: i32,
}

impl Free {
    fn new(d: usize, seed: u64) -> Self {
        let mut rng = keyed("patch start", seed, 0, 0);
        // Near grey, where no value is held fast.
        Self { values: (0..d).map(|_| 0.1 * (uniform(&mut rng) - 0.5)).collect(), means: [vec![0.0; d], vec![0.0; d]], step: 0 }
    }

    fn patch(&self) -> Vec<f32> {
        let [lo, hi] = PRINTED;
        self.values.iter().map(|v| (f64::midpoint(lo, hi) + (hi - lo) / 2.0 * v.tanh()) as f32).collect()
    }

    /// One step of Adam along the gradient by the patch: upwards.
    fn climb(&mut self, gradient: &[f64], rate: f64) {
        self.step += 1;
        let half = (PRINTED[1] - PRINTED[0]) / 2.0;
        let [first, second] = &mut self.means;
        let corrected = BETAS.map(|beta| 1.0 - beta.powi(self.step));
        for (((v, g), m), s) in self.values.iter_mut().zip(gradient).zip(first).zip(second) {
            let g = g * half * (1.0 - v.tanh().powi(2));
            *m = BETAS[0] * *m + (1.0 - BETAS[0]) * g;
            *s = BETAS[1] * *s + (1.0 - BETAS[1]) * g * g;
            *v += rate * (*m / corrected[0]) / ((*s / corrected[1]).sqrt() + 1e-12);
        }
    }
}

/// Uniform in [0, 1).
pub(super) fn uniform(rng: &mut impl Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// A condition that hangs on the seed, the step and the view alone.
fn draw(settings: &PatchSettings, seed: u64, step: u32, view: usize) -> Place {
    let mut rng = keyed("patch view", seed, view as u64, step);
    let mut within = |lo: f64, hi: f64| lo + (hi - lo) * uniform(&mut rng);
    Place {
        down: within(0.0, 1.0),
        across: within(0.0, 1.0),
        scale: within(1.0 - settings.scale, 1.0 + settings.scale),
        angle: within(-settings.angle, settings.angle),
        brightness: within(-settings.brightness, settings.brightness),
        contrast: within(0.8, 1.2),
    }
}

/// How a fit runs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Course {
    pub(super) seed: u64,
    /// Most images of one call.
    pub(super) largest: usize,
    /// True where the labels that the models know are the class to reach, and not those of the images.
    pub(super) towards: bool,
}

/// Fits a patch to the images `fit`, on all models together, under conditions drawn anew at each step.
///
/// # Source
/// T. B. Brown et al., "Adversarial patch", 2017: expectation over transformations; log-odds in place of the logarithm of a probability, Adam on free numbers behind tanh, and total variation.
pub(super) fn fitted(
    settings: &PatchSettings,
    models: &mut Sources<'_>,
    data: &Dataset,
    fit: &[usize],
    cut: &Cut,
    Course { seed, largest, towards }: Course,
    stop: &AtomicBool,
) -> Result<Vec<f32>, TransferError> {
    let d = data.sample_len();
    let mut free = Free::new(cut.len(), seed);
    let sign = if towards { -1.0 } else { 1.0 };
    let mut answer = Answer::default();
    for step in 0..settings.steps {
        let patch = free.patch();
        let mut sum = vec![0.0f64; cut.len()];
        let chosen: Vec<(usize, Place)> = (0..settings.views)
            .map(|view| {
                let mut rng = keyed("patch image", seed, view as u64, step);
                let sample = fit.get((rng.next_u64() % fit.len().max(1) as u64) as usize).copied().unwrap_or(0);
                (sample, draw(settings, seed, step, view))
            })
            .collect();
        for chunk in chosen.chunks(largest.max(1)) {
            if stop.load(Ordering::Relaxed) {
                return Err(TransferError::Interrupted);
            }
            let mut x = vec![0.0; d * chunk.len()];
            for (x, (sample, place)) in x.chunks_exact_mut(d.max(1)).zip(chunk) {
                data.sample(*sample, Scale::Unit, x);
                cut.apply(&patch, place, x);
            }
            models.about(&mut chunk.iter().map(|(sample, _)| *sample));
            models.fused(Loss::LogOdds, &x, &[], &mut answer)?;
            for (((_, place), g), loss) in chunk.iter().zip(answer.gradient.chunks_exact(d.max(1))).zip(&answer.loss) {
                if (if towards { -*loss } else { *loss }) < CAP {
                    cut.adjoint(&patch, place, g, &mut sum);
                }
            }
        }
        let mean = sum.iter().map(|g| g.abs()).sum::<f64>() / sum.len().max(1) as f64;
        if mean > 0.0 && mean.is_finite() {
            let rough = variation(&patch, cut.side);
            let gradient: Vec<f64> = sum.iter().zip(&rough).map(|(g, v)| sign * g / mean - SMOOTH * v).collect();
            free.climb(&gradient, settings.rate);
        }
    }
    Ok(free.patch())
}

/// The derivative of the sum of absolute differences of neighbouring pixels.
fn variation(patch: &[f32], side: usize) -> Vec<f64> {
    let mut slope = vec![0.0; patch.len()];
    let mut pair = |a: usize, b: usize| {
        let sign = f64::from((patch[a] - patch[b]).partial_cmp(&0.0).map_or(0i8, |order| order as i8));
        slope[a] += sign;
        slope[b] -= sign;
    };
    for at in 0..patch.len() {
        let (row, column) = (at / side % side, at % side);
        if column + 1 < side {
            pair(at, at + 1);
        }
        if row + 1 < side {
            pair(at, at + side);
        }
    }
    slope
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_where_a_printer_has_ink() {
        let mut free = Free::new(6, 0);
        for _ in 0..2000 {
            free.climb(&[1.0, -1.0, 1e6, -1e-6, 0.0, 0.5], 0.1);
        }
        let patch = free.patch();
        assert!(patch.iter().all(|v| (0.05..=0.95).contains(v)), "{patch:?}");
        assert!(patch[0] > 0.94 && patch[1] < 0.06 && patch[2] > 0.94);
    }

    #[test]
    fn variation_pulls_neighbours_together() {
        assert_eq!(variation(&[0.1, 0.9, 0.1, 0.1], 2), [-1.0, 2.0, 0.0, -1.0]);
    }
}
