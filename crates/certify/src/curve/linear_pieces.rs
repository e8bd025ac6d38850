//! Abs, Clip and HardSigmoid: straight between few kinks.

use super::{Bend, Curve};

const ONE_KINK: [(f64, Bend); 2] = [(0.0, Bend::Straight), (f64::INFINITY, Bend::Straight)];

#[derive(Debug)]
pub(crate) struct Abs;

impl Curve for Abs {
    fn value(&self, x: f64) -> f64 {
        x.abs()
    }

    fn slope(&self, x: f64) -> f64 {
        x.signum()
    }

    fn pieces(&self) -> &[(f64, Bend)] {
        &ONE_KINK
    }

    fn range(&self) -> (f64, f64) {
        (0.0, f64::INFINITY)
    }
}

/// `min(max(factor x + shift, lo), hi)` with a positive factor: Clip and HardSigmoid.
#[derive(Debug)]
pub(crate) struct Threshold {
    factor: f64,
    shift: f64,
    lo: f64,
    hi: f64,
    pieces: [(f64, Bend); 3],
}

/// HardSigmoid is a threshold at 0 and 1.
pub(crate) struct HardSigmoid;

impl HardSigmoid {
    /// `max(0, min(1, alpha x + beta))`
    pub(crate) fn curve(alpha: f64, beta: f64) -> Threshold {
        Threshold::new(alpha, beta, 0.0, 1.0)
    }
}

impl Threshold {
    pub(crate) fn new(factor: f64, shift: f64, lo: f64, hi: f64) -> Self {
        let kink = |y: f64| (y - shift) / factor;
        Self { factor, shift, lo, hi, pieces: [(kink(lo), Bend::Straight), (kink(hi), Bend::Straight), (f64::INFINITY, Bend::Straight)] }
    }
}

impl Curve for Threshold {
    fn value(&self, x: f64) -> f64 {
        (self.factor * x + self.shift).max(self.lo).min(self.hi)
    }

    fn slope(&self, x: f64) -> f64 {
        if x > self.pieces[0].0 && x < self.pieces[1].0 { self.factor } else { 0.0 }
    }

    fn pieces(&self) -> &[(f64, Bend)] {
        &self.pieces
    }

    fn range(&self) -> (f64, f64) {
        (self.lo, self.hi)
    }
}
