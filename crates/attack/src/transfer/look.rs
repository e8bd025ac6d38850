//! At which points a step looks, and what it makes of the gradients there.

use rand_chacha::ChaCha8Rng;

use super::view::Dice;
use crate::step::finite;

/// Where a step stands.
pub(crate) struct At<'a> {
    /// The iterate.
    pub(crate) x: &'a [f32],
    /// Where the gradient is taken: the iterate, or ahead of it along the momentum.
    pub(crate) ahead: &'a [f32],
    /// Radius of the ball.
    pub(crate) eps: f32,
    /// Length of a step.
    pub(crate) step: f32,
    /// True for the last step.
    pub(crate) last: bool,
    pub(crate) dice: Dice,
}

/// A rule that looks at several points in one step.
pub(crate) trait Look: Send {
    /// Writes the next point.
    fn point(&mut self, at: &At<'_>, point: &mut [f32]);

    /// Takes the gradient there; true once `gradient` is what the step follows.
    fn take(&mut self, at: &At<'_>, gradient: &mut [f32]) -> bool;

    /// Takes the momentum, and returns the length of the step in each value relative to the usual one, where these differ.
    fn lengths(&mut self, _momentum: &[f32]) -> Option<&[f32]> {
        None
    }
}

/// The rule without a rule: the gradient at one point.
pub(crate) struct Plain;

impl Look for Plain {
    fn point(&mut self, at: &At<'_>, point: &mut [f32]) {
        point.copy_from_slice(at.ahead);
    }

    fn take(&mut self, _at: &At<'_>, _gradient: &mut [f32]) -> bool {
        true
    }
}

/// Writes a point drawn uniformly from the cube of this half side around `x`.
pub(crate) fn around(x: &[f32], half: f32, rng: &mut ChaCha8Rng, point: &mut [f32]) {
    brinell_threat::fill_uniform(rng, point);
    point.iter_mut().zip(x).for_each(|(v, x)| *v = x + half * *v);
}

/// Mean of the absolute values of the finite entries; `None` where nothing can be divided by it.
pub(crate) fn mean_size(g: &[f32]) -> Option<f32> {
    let sum: f64 = g.iter().map(|&g| f64::from(finite(g).abs())).sum();
    let mean = sum / g.len().max(1) as f64;
    (mean > 0.0).then_some(mean as f32).filter(|mean| *mean > 0.0 && (1.0 / mean).is_finite())
}
