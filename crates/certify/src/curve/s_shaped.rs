//! Sigmoid, Tanh and their like: convex left of the origin, concave right of it. And the gates x times one of them, which bend three times.
//!
//! # Source
//! Zhang et al., NeurIPS 2018, and Shi et al., "Neural Network Verification with Branch-and-Bound for General Nonlinearities", TACAS 2025, for the lines; the slope
//! here is the one whose line is highest in the middle of the interval.

use super::{Bend, Curve};

const S: [(f64, Bend); 2] = [(0.0, Bend::Up), (f64::INFINITY, Bend::Down)];

/// Twice the square root of pi, inverted, times 4.
const ERF_SLOPE: f64 = std::f64::consts::FRAC_2_SQRT_PI;

fn logistic(x: f64) -> f64 {
    if x >= 0.0 { 1.0 / (1.0 + (-x).exp()) } else { x.exp() / (1.0 + x.exp()) }
}

fn logistic_slope(x: f64) -> f64 {
    let e = (-x.abs()).exp();
    e / ((1.0 + e) * (1.0 + e))
}

/// 1 / (1 + exp(-x))
#[derive(Debug)]
pub(crate) struct Sigmoid;

impl Curve for Sigmoid {
    fn name(&self) -> Option<&'static str> {
        Some("Sigmoid")
    }

    fn value(&self, x: f64) -> f64 {
        logistic(x)
    }

    fn slope(&self, x: f64) -> f64 {
        logistic_slope(x)
    }

    fn pieces(&self) -> &[(f64, Bend)] {
        &S
    }

    fn range(&self) -> (f64, f64) {
        (0.0, 1.0)
    }
}

#[derive(Debug)]
pub(crate) struct Tanh;

impl Curve for Tanh {
    fn value(&self, x: f64) -> f64 {
        x.tanh()
    }

    fn slope(&self, x: f64) -> f64 {
        4.0 * logistic_slope(2.0 * x)
    }

    fn pieces(&self) -> &[(f64, Bend)] {
        &S
    }

    fn range(&self) -> (f64, f64) {
        (-1.0, 1.0)
    }
}

#[derive(Debug)]
pub(crate) struct Erf;

impl Curve for Erf {
    fn value(&self, x: f64) -> f64 {
        libm::erf(x)
    }

    fn slope(&self, x: f64) -> f64 {
        ERF_SLOPE * (-x * x).exp()
    }

    fn pieces(&self) -> &[(f64, Bend)] {
        &S
    }

    fn range(&self) -> (f64, f64) {
        (-1.0, 1.0)
    }
}

#[derive(Debug)]
pub(crate) struct Arctan;

impl Curve for Arctan {
    fn value(&self, x: f64) -> f64 {
        x.atan()
    }

    fn slope(&self, x: f64) -> f64 {
        1.0 / (1.0 + x * x)
    }

    fn pieces(&self) -> &[(f64, Bend)] {
        &S
    }

    fn range(&self) -> (f64, f64) {
        (-1.571, 1.571)
    }
}

/// x / (1 + |x|)
#[derive(Debug)]
pub(crate) struct Softsign;

impl Curve for Softsign {
    fn value(&self, x: f64) -> f64 {
        x / (1.0 + x.abs())
    }

    fn slope(&self, x: f64) -> f64 {
        1.0 / ((1.0 + x.abs()) * (1.0 + x.abs()))
    }

    fn pieces(&self) -> &[(f64, Bend)] {
        &S
    }

    fn range(&self) -> (f64, f64) {
        (-1.0, 1.0)
    }
}

/// x times the normal distribution function, or its approximation with tanh.
#[derive(Debug)]
pub(crate) struct Gelu {
    tanh: bool,
    pieces: [(f64, Bend); 3],
}

/// Constants of the approximation with tanh.
const CUBIC: f64 = 0.044_715;
const ROOT: f64 = 0.797_884_560_802_865_4;

impl Gelu {
    pub(crate) fn new(tanh: bool) -> Self {
        let bend = if tanh { root(Self::tanh_bend, 1.2, 1.7) } else { std::f64::consts::SQRT_2 };
        Self { tanh, pieces: gate(bend) }
    }

    /// Second derivative of the approximation.
    fn tanh_bend(x: f64) -> f64 {
        let v = ROOT * (x + CUBIC * x * x * x);
        let (t, v1, v2) = (v.tanh(), ROOT * (1.0 + 3.0 * CUBIC * x * x), 6.0 * ROOT * CUBIC * x);
        let s = 1.0 - t * t;
        s * v1 + 0.5 * x * (s * v2 - 2.0 * t * s * v1 * v1)
    }
}

impl Curve for Gelu {
    fn value(&self, x: f64) -> f64 {
        if self.tanh {
            x * logistic(2.0 * ROOT * (x + CUBIC * x * x * x))
        } else {
            0.5 * x * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
        }
    }

    fn slope(&self, x: f64) -> f64 {
        if self.tanh {
            let v = 2.0 * ROOT * (x + CUBIC * x * x * x);
            logistic(v) + x * logistic_slope(v) * 2.0 * ROOT * (1.0 + 3.0 * CUBIC * x * x)
        } else {
            let density = 0.5 * ERF_SLOPE * std::f64::consts::FRAC_1_SQRT_2 * (-0.5 * x * x).exp();
            0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2) + x * density
        }
    }

    fn pieces(&self) -> &[(f64, Bend)] {
        &self.pieces
    }

    fn range(&self) -> (f64, f64) {
        (-0.171, f64::INFINITY)
    }
}

/// x times its sigmoid.
#[derive(Debug)]
pub(crate) struct Silu {
    pieces: [(f64, Bend); 3],
}

impl Silu {
    pub(crate) fn new() -> Self {
        // f'' = s (1 - s) (2 + x (1 - 2 s)).
        Self { pieces: gate(root(|x| 2.0 + x * (1.0 - 2.0 * logistic(x)), 2.0, 3.0)) }
    }
}

impl Curve for Silu {
    fn value(&self, x: f64) -> f64 {
        x * logistic(x)
    }

    fn slope(&self, x: f64) -> f64 {
        logistic(x) + x * logistic_slope(x)
    }

    fn pieces(&self) -> &[(f64, Bend)] {
        &self.pieces
    }

    fn range(&self) -> (f64, f64) {
        (-0.2785, f64::INFINITY)
    }
}

fn gate(bend: f64) -> [(f64, Bend); 3] {
    [(-bend, Bend::Down), (bend, Bend::Up), (f64::INFINITY, Bend::Down)]
}

/// Where a falling function crosses zero.
fn root(f: impl Fn(f64) -> f64, mut a: f64, mut b: f64) -> f64 {
    for _ in 0..80 {
        let x = 0.5 * (a + b);
        if f(x) > 0.0 { a = x } else { b = x }
    }
    0.5 * (a + b)
}
