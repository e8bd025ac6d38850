//! Powers with a constant exponent, and HardSwish.

use super::{Bend, Curve};

/// x to a constant power. A power that is not whole is defined right of 0 alone.
#[derive(Debug)]
pub(crate) struct Power {
    exponent: f64,
    pieces: [(f64, Bend); 2],
}

impl Power {
    pub(crate) fn new(exponent: f64) -> Self {
        let right = if (0.0..=1.0).contains(&exponent) { Bend::Down } else { Bend::Up };
        let is_odd = exponent.rem_euclid(2.0) == 1.0;
        let left = if is_odd { Bend::Down } else { Bend::Up };
        Self { exponent, pieces: [(0.0, left), (f64::INFINITY, right)] }
    }

    fn is_whole(&self) -> bool {
        self.exponent.fract() == 0.0
    }
}

impl Curve for Power {
    fn value(&self, x: f64) -> f64 {
        if self.exponent == 2.0 { x * x } else { x.powf(self.exponent) }
    }

    fn slope(&self, x: f64) -> f64 {
        if self.exponent == 2.0 { 2.0 * x } else { self.exponent * x.powf(self.exponent - 1.0) }
    }

    fn pieces(&self) -> &[(f64, Bend)] {
        &self.pieces
    }

    fn covers(&self, l: f64, u: f64) -> bool {
        match (self.is_whole(), self.exponent >= 0.0) {
            (true, true) => true,
            (true, false) => l > 0.0 || u < 0.0,
            (false, _) => l > 0.0,
        }
    }

    fn range(&self) -> (f64, f64) {
        let signed = self.is_whole() && self.exponent.rem_euclid(2.0) == 1.0;
        if signed { (f64::NEG_INFINITY, f64::INFINITY) } else { (0.0, f64::INFINITY) }
    }
}

/// x times HardSigmoid with ONNX's constants: 0 left of -3, x right of 3, a parabola between.
#[derive(Debug)]
pub(crate) struct HardSwish;

impl Curve for HardSwish {
    fn value(&self, x: f64) -> f64 {
        x * (x / 6.0 + 0.5).clamp(0.0, 1.0)
    }

    fn slope(&self, x: f64) -> f64 {
        if x <= -3.0 {
            0.0
        } else if x >= 3.0 {
            1.0
        } else {
            x / 3.0 + 0.5
        }
    }

    fn pieces(&self) -> &[(f64, Bend)] {
        const PIECES: [(f64, Bend); 3] = [(-3.0, Bend::Straight), (3.0, Bend::Up), (f64::INFINITY, Bend::Straight)];
        &PIECES
    }

    fn range(&self) -> (f64, f64) {
        (-0.376, f64::INFINITY)
    }
}
