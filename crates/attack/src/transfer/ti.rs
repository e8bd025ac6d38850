//! Gradients smoothed, as if the picture were looked at shifted.

use super::join::{Part, Piece, Rule};
use crate::picture::Planes;
use crate::settings::{COUNT, settings};

settings! {
    /// Parameters of the smoothing.
    pub(crate) struct TiConfig {
        /// Side of the kernel in pixels; even numbers become odd.
        kernel: Option<u32> = None, COUNT, unset "1/16 of the shorter side; 1 below 64 pixels", paper "15 at 299 pixels";
    }
}

/// `ti` in the registry.
///
/// The gradient of a step is convolved with a Gaussian of three standard deviations each way, channel by channel, with zeros outside.
///
/// # Source
/// Dong et al., "Evading Defenses to Transferable Adversarial Examples by Translation-Invariant Attacks", CVPR 2019, section 3.3.
pub(crate) static RULE: Rule<TiConfig> = Rule {
    name: "ti",
    about: "transfer: gradients smoothed with a Gaussian, which approximates shifted images",
    default: || TiConfig::DEFAULT,
    make: |config| Piece::new(Part::Smooth(config)).of_pictures(),
};

/// Sides below which a picture is too small to be smoothed by default.
const SMALL: usize = 64;

/// The smoothing of gradients of one shape. Memory: one channel.
pub(super) struct Smooth {
    planes: Planes,
    kernel: Box<[f32]>,
    half_way: Box<[f32]>,
}

impl Smooth {
    pub(super) fn new(config: &TiConfig, planes: Planes) -> Self {
        let side = planes.rows.min(planes.columns);
        let by_size = if side < SMALL { 1 } else { side / 16 };
        let size = config.kernel.map_or(by_size, |kernel| kernel as usize) | 1;
        let at = |i: usize| if size == 1 { 0.0 } else { -3.0 + 6.0 * i as f64 / (size - 1) as f64 };
        let weights: Vec<f64> = (0..size).map(|i| (-0.5 * at(i).powi(2)).exp()).collect();
        let sum: f64 = weights.iter().sum();
        let kernel = weights.iter().map(|w| (w / sum) as f32).collect();
        Self { planes, kernel, half_way: vec![0.0; planes.pixels()].into() }
    }

    pub(super) fn apply(&mut self, g: &mut [f32]) {
        let (planes, half) = (self.planes, self.kernel.len() / 2);
        if half == 0 {
            return;
        }
        for channel in 0..planes.channels {
            for row in 0..planes.rows {
                for column in 0..planes.columns {
                    let window = column.saturating_sub(half)..(column + half + 1).min(planes.columns);
                    let value = window.map(|c| self.kernel[c + half - column] * g[planes.at(channel, row, c)]).sum();
                    self.half_way[row * planes.columns + column] = value;
                }
            }
            for row in 0..planes.rows {
                for column in 0..planes.columns {
                    let window = row.saturating_sub(half)..(row + half + 1).min(planes.rows);
                    let value = window.map(|r| self.kernel[r + half - row] * self.half_way[r * planes.columns + column]).sum();
                    g[planes.at(channel, row, column)] = value;
                }
            }
        }
    }
}
