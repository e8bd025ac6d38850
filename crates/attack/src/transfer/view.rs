//! What a point goes through before the model sees it.

use rand_chacha::{ChaCha8Rng, rand_core::Rng};

use crate::rng::drawn;

/// A transformation of points, drawn anew for every copy.
///
/// # Guarantees
/// With the same draw `apply` is affine in `x` but where it clips, and `adjoint` is the transpose of its linear part: `<A x - A 0, v> = <x, A* v>`, with
/// zeros where it clipped. Rules that leave the transpose out say so in a setting.
pub(crate) trait View: Send {
    /// Copies of a point that the rule looks at, each with a draw of its own; at least 1.
    fn copies(&self) -> u32;

    /// Draws the transformation of copy number `copy` of the point.
    fn draw(&mut self, dice: &Dice, copy: u32);

    /// Writes the transformed `x` into `u`.
    fn apply(&mut self, x: &[f32], u: &mut [f32]);

    /// Writes the gradient at `x` into `out`, given the gradient `g` at the transformed point. `x` is the point last transformed.
    fn adjoint(&mut self, g: &[f32], out: &mut [f32]);

    /// True where the transformation itself follows a gradient before it counts: the model is asked once more.
    fn learns(&self) -> bool {
        false
    }

    /// Changes the transformation, given the gradient of the cross-entropy at the transformed `x`.
    fn learn(&mut self, _x: &[f32], _g: &[f32]) {}
}

/// Where random numbers come from: a rule, a sample, a step and a copy say which they are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dice {
    pub(crate) seed: u64,
    pub(crate) sample: u64,
    pub(crate) step: u32,
    /// Number of the point within the step, of all copies of all points.
    pub(crate) copy: u32,
}

impl Dice {
    /// The generator of the rule called `name`.
    pub(crate) fn of(&self, name: &str) -> ChaCha8Rng {
        drawn(name, self.seed, self.sample, self.step, self.copy)
    }

    /// The generator that all copies of a step share.
    pub(crate) fn of_step(&self, name: &str) -> ChaCha8Rng {
        drawn(name, self.seed, self.sample, self.step, 0)
    }
}

/// A draw uniform in [0, 1).
pub(crate) fn unit(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// A draw uniform among `0..n`.
pub(crate) fn below(rng: &mut ChaCha8Rng, n: usize) -> usize {
    ((unit(rng) * n as f64) as usize).min(n.saturating_sub(1))
}
