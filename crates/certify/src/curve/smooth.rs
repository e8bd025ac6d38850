//! Exp, Log, Reciprocal, Sqrt and their like, which bend one way where they are defined.

use super::{Bend, Curve};

const CONVEX: [(f64, Bend); 1] = [(f64::INFINITY, Bend::Up)];
const CONCAVE: [(f64, Bend); 1] = [(f64::INFINITY, Bend::Down)];

#[derive(Debug)]
pub(crate) struct Exp;

impl Curve for Exp {
    fn value(&self, x: f64) -> f64 {
        x.exp()
    }

    fn slope(&self, x: f64) -> f64 {
        x.exp()
    }

    fn pieces(&self) -> &[(f64, Bend)] {
        &CONVEX
    }

    fn range(&self) -> (f64, f64) {
        (0.0, f64::INFINITY)
    }
}

#[derive(Debug)]
pub(crate) struct Log;

impl Curve for Log {
    fn value(&self, x: f64) -> f64 {
        x.ln()
    }

    fn slope(&self, x: f64) -> f64 {
        1.0 / x
    }

    fn pieces(&self) -> &[(f64, Bend)] {
        &CONCAVE
    }

    fn covers(&self, l: f64, _: f64) -> bool {
        l > 0.0
    }
}

/// 1 / x on either side of 0.
#[derive(Debug)]
pub(crate) struct Reciprocal;

impl Curve for Reciprocal {
    fn value(&self, x: f64) -> f64 {
        1.0 / x
    }

    fn slope(&self, x: f64) -> f64 {
        -1.0 / (x * x)
    }

    fn pieces(&self) -> &[(f64, Bend)] {
        const PIECES: [(f64, Bend); 2] = [(0.0, Bend::Down), (f64::INFINITY, Bend::Up)];
        &PIECES
    }

    fn covers(&self, l: f64, u: f64) -> bool {
        l > 0.0 || u < 0.0
    }
}

#[derive(Debug)]
pub(crate) struct Sqrt;

impl Curve for Sqrt {
    fn name(&self) -> Option<&'static str> {
        Some("Sqrt")
    }

    fn value(&self, x: f64) -> f64 {
        x.sqrt()
    }

    fn slope(&self, x: f64) -> f64 {
        0.5 / x.sqrt()
    }

    fn pieces(&self) -> &[(f64, Bend)] {
        &CONCAVE
    }

    fn covers(&self, l: f64, _: f64) -> bool {
        l > 0.0
    }

    fn range(&self) -> (f64, f64) {
        (0.0, f64::INFINITY)
    }
}

/// 1 / sqrt(x)
#[derive(Debug)]
pub(crate) struct RootReciprocal;

impl Curve for RootReciprocal {
    fn value(&self, x: f64) -> f64 {
        1.0 / x.sqrt()
    }

    fn slope(&self, x: f64) -> f64 {
        -0.5 / (x * x.sqrt())
    }

    fn pieces(&self) -> &[(f64, Bend)] {
        &CONVEX
    }

    fn covers(&self, l: f64, _: f64) -> bool {
        l > 0.0
    }

    fn range(&self) -> (f64, f64) {
        (0.0, f64::INFINITY)
    }
}

/// log(1 + exp(x))
#[derive(Debug)]
pub(crate) struct Softplus;

impl Curve for Softplus {
    fn value(&self, x: f64) -> f64 {
        x.max(0.0) + (-x.abs()).exp().ln_1p()
    }

    fn slope(&self, x: f64) -> f64 {
        let e = (-x.abs()).exp();
        if x >= 0.0 { 1.0 / (1.0 + e) } else { e / (1.0 + e) }
    }

    fn pieces(&self) -> &[(f64, Bend)] {
        &CONVEX
    }

    fn range(&self) -> (f64, f64) {
        (0.0, f64::INFINITY)
    }
}

/// `gain` x right of 0, and `gain * alpha * (exp(x / width) - 1)` left of it: Elu, Selu and Celu, with positive constants.
#[derive(Debug)]
pub(crate) struct Elu {
    pub(crate) alpha: f64,
    pub(crate) width: f64,
    pub(crate) gain: f64,
}

impl Curve for Elu {
    fn value(&self, x: f64) -> f64 {
        self.gain * if x >= 0.0 { x } else { self.alpha * (x / self.width).exp_m1() }
    }

    fn slope(&self, x: f64) -> f64 {
        self.gain * if x >= 0.0 { 1.0 } else { self.alpha / self.width * (x / self.width).exp() }
    }

    fn pieces(&self) -> &[(f64, Bend)] {
        const PIECES: [(f64, Bend); 2] = [(0.0, Bend::Up), (f64::INFINITY, Bend::Straight)];
        &PIECES
    }
}
