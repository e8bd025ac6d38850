//! Input diversity: the picture at random sizes and places.

use super::axis::Resample;
use super::join::{Piece, Rule};
use super::view::{Dice, View, unit};
use crate::settings::{RATE, UNIT, settings};

settings! {
    /// Parameters of the diversity.
    pub(crate) struct DiConfig {
        /// Probability that the image is changed.
        p: f64 = 0.5, UNIT, paper "0.5; 0.7 with a target";
        /// Size to which the image is padded, relative to its own size.
        rate: f64 = 1.1, RATE, paper "1.1";
    }
}

/// `di` in the registry.
///
/// With probability p the picture is resized to a random size from its own to `rate` times that, padded with zeros to the latter at a random place, and resized back; all
/// bilinear, with half-pixel centres.
///
/// # Source
/// Xie et al., "Improving Transferability of Adversarial Examples with Input Diversity", CVPR 2019, section 3.3; sizes as in TransferAttack.
pub(crate) static RULE: Rule<DiConfig> = Rule {
    name: "di",
    about: "transfer: the image at random sizes and positions",
    default: || DiConfig::DEFAULT,
    make: |config| Piece::picture(move |planes, _| Box::new(Di { config: config.clone(), resample: Resample::new(planes) })),
};

struct Di {
    config: DiConfig,
    resample: Resample,
}

impl View for Di {
    fn copies(&self) -> u32 {
        1
    }

    fn draw(&mut self, dice: &Dice, _copy: u32) {
        let mut rng = dice.of("di");
        if unit(&mut rng) < self.config.p {
            self.resample.pad(self.config.rate, || unit(&mut rng));
        } else {
            self.resample.leave();
        }
    }

    fn apply(&mut self, x: &[f32], u: &mut [f32]) {
        self.resample.apply(x, u);
    }

    fn adjoint(&mut self, g: &[f32], out: &mut [f32]) {
        self.resample.adjoint(g, out);
    }
}
