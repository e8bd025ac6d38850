//! The picture with a little of others mixed in.

use super::join::{Piece, Rule};
use super::si::halved;
use super::view::{Dice, View, below};
use crate::settings::{COUNT, TIMES, settings};

settings! {
    /// Parameters of the mixing.
    pub(crate) struct AdmixConfig {
        /// Share of the other image that is added.
        eta: f64 = 0.2, TIMES, paper "0.2";
        /// Number of other images per step.
        mixes: u32 = 3, COUNT, paper "3";
        /// Number of scales per mixture.
        copies: u32 = 5, COUNT, paper "5";
    }
}

/// `admix` in the registry.
///
/// Copies `(x + eta x') / 2^i`, with clean inputs x' of other classes, drawn for every step.
///
/// # Source
/// Wang et al., "Admix: Enhancing the Transferability of Adversarial Attacks", ICCV 2021, algorithm 1. TransferAttack draws x' from the batch, where it may be x itself.
pub(crate) static RULE: Rule<AdmixConfig> = Rule {
    name: "admix",
    about: "transfer: the input mixed with a little of other images, times 1, 1/2, 1/4, ..",
    default: || AdmixConfig::DEFAULT,
    make: |config| {
        Piece::view(move |start| {
            // Alone, an input is mixed with itself.
            let others = start.guide.filter(|guide| !guide.is_empty()).unwrap_or(start.x);
            Box::new(Admix { config: config.clone(), others: others.into(), other: 0, scale: 1.0 })
        })
        .with_others()
    },
};

/// Memory: the other inputs.
struct Admix {
    config: AdmixConfig,
    others: Box<[f32]>,
    /// Number of the one that is mixed in.
    other: usize,
    scale: f32,
}

impl View for Admix {
    fn copies(&self) -> u32 {
        self.config.mixes.saturating_mul(self.config.copies)
    }

    fn draw(&mut self, dice: &Dice, copy: u32) {
        self.scale = halved(copy % self.config.copies);
        // The same others, in the same order, for all scales and points of a step.
        let mut rng = dice.of_step("admix");
        let mix = copy / self.config.copies;
        (0..=mix).for_each(|_| self.other = below(&mut rng, usize::MAX));
    }

    fn apply(&mut self, x: &[f32], u: &mut [f32]) {
        let n = (self.others.len() / x.len().max(1)).max(1);
        let from = self.other % n * x.len();
        let other = self.others.get(from..from + x.len()).unwrap_or(x);
        let eta = self.config.eta as f32;
        u.iter_mut().zip(x).zip(other).for_each(|((u, x), other)| *u = self.scale * (x + eta * other));
    }

    fn adjoint(&mut self, g: &[f32], out: &mut [f32]) {
        out.iter_mut().zip(g).for_each(|(out, g)| *out = self.scale * g);
    }
}
