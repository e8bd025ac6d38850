//! A diverse ensemble: the picture padded by five rates at once.

use super::axis::Resample;
use super::join::{Piece, Rule, Usual};
use super::view::{Dice, View, unit};

/// Sizes that the copies are padded to, relative to the picture's own.
const RATES: [f64; 5] = [1.14, 1.27, 1.4, 1.53, 1.66];

/// `dem` in the registry.
///
/// As `di` with p = 1, once for each of five rates; the step is the whole radius.
///
/// # Source
/// Zou et al., "Improving the Transferability of Adversarial Examples with Resized-Diverse-Inputs, Diversity-Ensemble and Region Fitting", ECCV 2020; rates and step as in
/// TransferAttack. The original averages logits and takes the loss of the mean; here gradients of the log-odds are averaged, none of which fades where the model is sure.
pub(crate) static RULE: Rule<()> = Rule {
    name: "dem",
    about: "transfer: the image at five sizes at once, with steps of the whole radius",
    default: || (),
    make: |()| {
        Piece::picture(|planes, _| Box::new(Dem { resample: Resample::new(planes) })).usually(Usual { step: Some(1.0), ..Usual::NONE })
    },
};

struct Dem {
    resample: Resample,
}

impl View for Dem {
    fn copies(&self) -> u32 {
        RATES.len() as u32
    }

    fn draw(&mut self, dice: &Dice, copy: u32) {
        let mut rng = dice.of("dem");
        self.resample.pad(RATES.get(copy as usize).copied().unwrap_or(1.0), || unit(&mut rng));
    }

    fn apply(&mut self, x: &[f32], u: &mut [f32]) {
        self.resample.apply(x, u);
    }

    fn adjoint(&mut self, g: &[f32], out: &mut [f32]) {
        self.resample.adjoint(g, out);
    }
}
