//! The picture at several brightnesses.

use super::join::{Piece, Rule};
use super::view::{Dice, View};
use crate::settings::{COUNT, settings};

settings! {
    /// Parameters of the scales.
    pub(crate) struct SiConfig {
        /// Number of scales per point.
        copies: u32 = 5, COUNT, paper "5";
    }
}

/// `si` in the registry.
///
/// Copies `x / 2^i`, i = 0, 1, ..
///
/// # Source
/// Lin et al., "Nesterov Accelerated Gradient and Scale Invariance for Adversarial Attacks", ICLR 2020, equation 9.
pub(crate) static RULE: Rule<SiConfig> = Rule {
    name: "si",
    about: "transfer: the input times 1, 1/2, 1/4, ..",
    default: || SiConfig::DEFAULT,
    make: |config| Piece::view(move |_| Box::new(Si { copies: config.copies, scale: 1.0 })),
};

struct Si {
    copies: u32,
    scale: f32,
}

impl View for Si {
    fn copies(&self) -> u32 {
        self.copies
    }

    fn draw(&mut self, _dice: &Dice, copy: u32) {
        self.scale = halved(copy);
    }

    fn apply(&mut self, x: &[f32], u: &mut [f32]) {
        u.iter_mut().zip(x).for_each(|(u, x)| *u = self.scale * x);
    }

    fn adjoint(&mut self, g: &[f32], out: &mut [f32]) {
        out.iter_mut().zip(g).for_each(|(out, g)| *out = self.scale * g);
    }
}

/// One half to this power.
pub(super) fn halved(times: u32) -> f32 {
    0.5f32.powi(i32::try_from(times).unwrap_or(i32::MAX))
}
