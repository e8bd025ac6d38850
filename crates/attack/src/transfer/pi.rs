//! Patch-wise steps: what an amplified step loses at the ball's edge goes to the neighbours.

use super::join::{Part, Piece, Rule, Usual};
use crate::picture::Planes;
use crate::settings::{TIMES, settings};
use crate::step::sign;

settings! {
    /// Parameters of patch-wise steps.
    pub(crate) struct PiConfig {
        /// Factor by which steps are longer than usual.
        beta: f64 = 10.0, TIMES, paper "10";
        /// Step size for neighbouring pixels, relative to eps.
        gamma: f64 = 1.0, TIMES, paper "16/255 for every eps";
    }
}

/// `pi` in the registry.
///
/// `a <- a + beta step sign m`, `c = max(|a| - eps, 0) sign a`, `P = gamma sign(W * c)`, `a <- a + P`, `x <- project(x + beta step sign m + P)`; W is the mean of
/// the eight neighbours.
///
/// # Source
/// Gao et al., "Patch-wise Attack for Fooling Deep Neural Network", ECCV 2020, algorithm 1. Their gamma is 16/255 for every eps; ours grows with it.
pub(crate) static RULE: Rule<PiConfig> = Rule {
    name: "pi",
    about: "transfer: larger steps; what the radius cuts off is passed on to neighbouring pixels",
    default: || PiConfig::DEFAULT,
    make: |config| Piece::new(Part::Project(config)).of_pictures().usually(Usual { momentum: Some(0.0), ..Usual::NONE }),
};

/// Rounding of a sum of eight, relative to eps.
const REST: f32 = 1e-4;

/// The excess of one sample. Memory: 2 d floats.
pub(super) struct Excess {
    config: PiConfig,
    planes: Option<Planes>,
    amplified: Box<[f32]>,
    moved: Box<[f32]>,
}

impl Excess {
    pub(super) fn new(config: &PiConfig, planes: Option<Planes>, d: usize) -> Self {
        let zeros = || vec![0.0; d].into_boxed_slice();
        Self { config: config.clone(), planes, amplified: zeros(), moved: zeros() }
    }

    /// Returns by how much each value moves, before projection.
    pub(super) fn step(&mut self, momentum: &[f32], step: f32, eps: f32) -> &[f32] {
        let (step, gamma) = (self.config.beta as f32 * step, self.config.gamma as f32 * eps);
        for ((a, moved), &m) in self.amplified.iter_mut().zip(&mut self.moved).zip(momentum) {
            *moved = step * sign(m);
            *a += *moved;
        }
        if let Some(planes) = self.planes {
            let excess = |channel: usize, row: usize, column: usize| {
                let a = self.amplified[planes.at(channel, row, column)];
                (a.abs() - eps).max(0.0) * sign(a)
            };
            for channel in 0..planes.channels {
                for row in 0..planes.rows {
                    for column in 0..planes.columns {
                        let mut around = 0.0;
                        for r in row.saturating_sub(1)..(row + 2).min(planes.rows) {
                            for c in column.saturating_sub(1)..(column + 2).min(planes.columns) {
                                around += if (r, c) == (row, column) { 0.0 } else { excess(channel, r, c) };
                            }
                        }
                        // What is left of a sum that should be zero has no sign.
                        let projected = if around.abs() > REST * eps { gamma * sign(around) } else { 0.0 };
                        self.moved[planes.at(channel, row, column)] += projected;
                    }
                }
            }
            for ((a, &moved), &m) in self.amplified.iter_mut().zip(&self.moved).zip(momentum) {
                *a += moved - step * sign(m);
            }
        }
        &self.moved
    }
}
