//! Arithmetic whose results hold in the real numbers.

use std::ops::{Add, Mul, Neg, Sub};

/// Unit roundoff of f64, and a little more.
const UNIT: f64 = 1.01 * f64::EPSILON / 2.0;

/// More than what up to 2^40 products lose below the smallest normal number.
const TINY: f64 = 1e-300;

/// All numbers between two; every operation moves both ends outward.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Interval {
    pub(crate) lo: f64,
    pub(crate) hi: f64,
}

impl Interval {
    pub(crate) const ZERO: Self = Self { lo: 0.0, hi: 0.0 };
    pub(crate) const EVERYTHING: Self = Self { lo: f64::NEG_INFINITY, hi: f64::INFINITY };

    pub(crate) fn point(x: f64) -> Self {
        Self { lo: x, hi: x }
    }

    pub(crate) fn is_point(self, x: f64) -> bool {
        self.lo == x && self.hi == x
    }

    pub(crate) fn is_finite(self) -> bool {
        self.lo.is_finite() && self.hi.is_finite()
    }

    /// The largest magnitude in it.
    pub(crate) fn magnitude(self) -> f64 {
        self.hi.abs().max(self.lo.abs())
    }

    /// What both hold; the first where rounding leaves nothing.
    pub(crate) fn meet(self, other: Self) -> Self {
        let (lo, hi) = (self.lo.max(other.lo), self.hi.min(other.hi));
        if lo <= hi { Self { lo, hi } } else { self }
    }

    /// One over it; everything where it holds 0.
    pub(crate) fn inverse(self) -> Self {
        if self.lo <= 0.0 && self.hi >= 0.0 {
            return Self::EVERYTHING;
        }
        if self.is_point(1.0) { self } else { Self { lo: (1.0 / self.hi).next_down(), hi: (1.0 / self.lo).next_up() } }
    }

    /// The square root; everything where it holds negative numbers.
    pub(crate) fn root(self) -> Self {
        if self.lo < 0.0 { Self::EVERYTHING } else { Self { lo: self.lo.sqrt().next_down(), hi: self.hi.sqrt().next_up() } }
    }
}

impl Add for Interval {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        if other.is_point(0.0) {
            return self;
        }
        if self.is_point(0.0) { other } else { Self { lo: (self.lo + other.lo).next_down(), hi: (self.hi + other.hi).next_up() } }
    }
}

impl Neg for Interval {
    type Output = Self;
    fn neg(self) -> Self {
        Self { lo: -self.hi, hi: -self.lo }
    }
}

impl Sub for Interval {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for Interval {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        if self.is_point(0.0) || other.is_point(1.0) {
            return self;
        }
        if other.is_point(0.0) || self.is_point(1.0) {
            return other;
        }
        let products = [self.lo * other.lo, self.lo * other.hi, self.hi * other.lo, self.hi * other.hi];
        if products.iter().any(|p| p.is_nan()) {
            return Self::EVERYTHING;
        }
        let (lo, hi) = products.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), &p| (lo.min(p), hi.max(p)));
        Self { lo: lo.next_down(), hi: hi.next_up() }
    }
}

/// A sum of products, with what bounds its rounding error: the magnitudes of all products and of all partial sums.
///
/// # Source
/// N. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed., section 3.3, "Running Error Analysis".
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sum {
    pub(crate) value: f64,
    pub(crate) error: f64,
}

impl Sum {
    /// Adds `a b`, where `a` is known up to `slack` units of roundoff.
    #[inline]
    pub(crate) fn add(&mut self, a: f64, b: f64, slack: f64) {
        let product = a * b;
        self.value += product;
        self.error += (1.0 + slack) * product.abs() + self.value.abs();
    }

    /// The real sum is nowhere below this.
    pub(crate) fn lowest(self) -> f64 {
        let lowest = (self.value - radius(self.error)).next_down();
        if lowest.is_nan() { f64::NEG_INFINITY } else { lowest }
    }

    /// The real sum is nowhere above this.
    pub(crate) fn highest(self) -> f64 {
        let highest = (self.value + radius(self.error)).next_up();
        if highest.is_nan() { f64::INFINITY } else { highest }
    }
}

/// How far a sum is off, given the magnitudes that were added up with it.
#[inline]
pub(crate) fn radius(error: f64) -> f64 {
    UNIT * error + TINY
}

/// The error in units of roundoff of an interval that is replaced by a number inside it.
pub(crate) fn middle(x: Interval) -> (f64, f64) {
    if x.lo == x.hi {
        return (x.lo, 0.0);
    }
    let middle = 0.5 * x.lo + 0.5 * x.hi;
    let reach = (x.hi - middle).max(middle - x.lo).next_up();
    (middle, if middle == 0.0 { f64::INFINITY } else { 1.01 * (reach / middle.abs()) / (f64::EPSILON / 2.0) })
}

/// A bound of a sum of numbers that are not negative, from its value in f64; for fewer than 2^40 of them.
pub(crate) fn above(sum: f64) -> f64 {
    sum * 1.001 + TINY
}

/// The relative error of `n` operations in f32.
pub(crate) fn of_f32(n: usize) -> f64 {
    let nu = n as f64 * f64::from(f32::EPSILON) / 2.0;
    if nu < 0.5 { 1.001 * nu / (1.0 - nu) } else { f64::INFINITY }
}
