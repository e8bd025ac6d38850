//! Functions of one number, applied to every element: one file for each family.
//!
//! A curve says where its bend changes; everything else follows. For any slope s, [`offsets`] encloses the range of f(x) - s x on an interval,
//! which makes every slope a sound line, however it was found; [`line_below`] then looks for the slope whose line is highest in the middle.

mod elementwise;
mod linear_pieces;
mod polynomial;
mod s_shaped;
mod smooth;
mod staircase;

pub(crate) use elementwise::Elementwise;
pub(crate) use linear_pieces::{Abs, HardSigmoid, Threshold};
pub(crate) use polynomial::{HardSwish, Power};
pub(crate) use s_shaped::{Arctan, Erf, Gelu, Sigmoid, Silu, Softsign, Tanh};
pub(crate) use smooth::{Elu, Exp, Log, Reciprocal, RootReciprocal, Softplus, Sqrt};
pub(crate) use staircase::{Rounding, Staircase};

use crate::rounding::{library_down, library_up, up};

/// How far a computed derivative may be off, relative to its terms.
const SLOPE_ERROR: f64 = 1024.0 * f64::EPSILON;

/// How a stretch of a curve bends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bend {
    /// Convex.
    Up,
    /// Concave.
    Down,
    Straight,
}

/// A continuous function whose bend changes at few places.
pub(crate) trait Curve: Send + Sync + std::fmt::Debug {
    /// The value, with the accuracy of the mathematical library.
    fn value(&self, x: f64) -> f64;
    /// A derivative; at a kink that of either side.
    fn slope(&self, x: f64) -> f64;
    /// Stretches from left to right: where each ends, and how it bends. The last one ends at infinity.
    fn pieces(&self) -> &[(f64, Bend)];
    /// True where the function is defined and continuous on all of [l, u].
    fn covers(&self, _l: f64, _u: f64) -> bool {
        true
    }
    /// Its name, where larger patterns contain it.
    fn name(&self) -> Option<&'static str> {
        None
    }
    /// Bounds of the function wherever it is defined.
    fn range(&self) -> (f64, f64) {
        (f64::NEG_INFINITY, f64::INFINITY)
    }
    /// The largest slope in magnitude on an interval, for the propagation of errors.
    fn steepest(&self, l: f64, u: f64) -> f64 {
        steepest(self, l, u)
    }
}

fn steepest<C: Curve + ?Sized>(curve: &C, l: f64, u: f64) -> f64 {
    let (low, high) = slope_range(curve, l, u);
    up(low.abs().max(high.abs()))
}

/// The pieces of an interval: from, to, bend.
fn stretches<C: Curve + ?Sized>(curve: &C, l: f64, u: f64) -> impl Iterator<Item = (f64, f64, Bend)> + '_ {
    let mut from = f64::NEG_INFINITY;
    curve.pieces().iter().filter_map(move |&(end, bend)| {
        let (p, q) = (from.max(l), end.min(u));
        from = end;
        (p < q).then_some((p, q, bend))
    })
}

/// The range of the slopes on an interval: they are extreme where the bend changes, and at the ends.
fn slope_range<C: Curve + ?Sized>(curve: &C, l: f64, u: f64) -> (f64, f64) {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for (p, q, bend) in stretches(curve, l, u) {
        // Just inside, since a kink has two slopes.
        let inside = (q - p) * 1e-9;
        for x in if bend == Bend::Straight { [0.5 * p + 0.5 * q; 2] } else { [p + inside, q - inside] } {
            let slope = curve.slope(x);
            (low, high) = (low.min(slope), high.max(slope));
        }
    }
    if low > high { (curve.slope(l), curve.slope(l)) } else { (low, high) }
}

/// Encloses the values of f(x) - slope x for x in [l, u], which must lie in the function's domain.
///
/// # Guarantees
/// Sound, whatever the slope: on a stretch where the difference is convex its least value is bounded from a tangent, which lies below everywhere.
pub(crate) fn offsets<C: Curve + ?Sized>(curve: &C, slope: f64, l: f64, u: f64) -> (f64, f64) {
    let difference = |x: f64| {
        let (value, line) = (curve.value(x), slope * x);
        let error = up(library_up(value.abs()) - value.abs()) + 4.0 * f64::EPSILON * (value.abs() + line.abs());
        (value - line - error, value - line + error)
    };
    let (mut low, mut high) = difference(l);
    let (low_u, high_u) = difference(u);
    (low, high) = (low.min(low_u), high.max(high_u));
    for (p, q, bend) in stretches(curve, l, u) {
        for x in [p, q] {
            let (a, b) = difference(x);
            (low, high) = (low.min(a), high.max(b));
        }
        if bend == Bend::Straight {
            continue;
        }
        let sign = if bend == Bend::Up { 1.0 } else { -1.0 };
        let rest = |x: f64| sign * (curve.slope(x) - slope);
        // The derivative of the difference grows along the stretch, up to the sign.
        if rest(p) >= 0.0 || rest(q) <= 0.0 {
            // Monotone up to the accuracy of the derivative: what it may miss is at most that slope along the stretch.
            let missed = SLOPE_ERROR * (1.0 + slope.abs() + curve.slope(p).abs() + curve.slope(q).abs()) * (q - p);
            (low, high) = if bend == Bend::Up { (low - missed, high) } else { (low, high + missed) };
            continue;
        }
        let (mut a, mut b) = (p, q);
        for _ in 0..60 {
            let x = 0.5 * (a + b);
            if rest(x) > 0.0 {
                b = x
            } else {
                a = x
            }
            if b - a <= 1e-9 * (q - p).min(1.0) {
                break;
            }
        }
        let x = 0.5 * (a + b);
        let accuracy = SLOPE_ERROR * (1.0 + slope.abs() + curve.slope(x).abs());
        // Beyond [a, b] the difference rises by the bisection's own signs; within, a tangent bounds it.
        let missed = (rest(x).abs() + accuracy) * (b - a) + accuracy * (q - p);
        let (below, above) = difference(x);
        if bend == Bend::Up {
            low = low.min(below - missed);
        } else {
            high = high.max(above + missed);
        }
    }
    (low, high)
}

/// A line below the curve on [l, u] that is about as high as possible in the middle; `None` where the numbers do not allow one.
///
/// # Guarantees
/// Sound: slope and offset are what [`offsets`] encloses.
pub(crate) fn line_below<C: Curve + ?Sized>(curve: &C, l: f64, u: f64) -> Option<(f64, f64)> {
    line(curve, l, u, 1.0)
}

/// The counterpart of [`line_below`].
pub(crate) fn line_above<C: Curve + ?Sized>(curve: &C, l: f64, u: f64) -> Option<(f64, f64)> {
    line(curve, l, u, -1.0)
}

/// `side` 1 below, -1 above.
fn line<C: Curve + ?Sized>(curve: &C, l: f64, u: f64, side: f64) -> Option<(f64, f64)> {
    let offset = |slope: f64| {
        let (low, high) = offsets(curve, slope, l, u);
        if side > 0.0 { low } else { high }
    };
    let middle = 0.5 * l + 0.5 * u;
    let chord = (curve.value(u) - curve.value(l)) / (u - l);
    let bends: Vec<Bend> = stretches(curve, l, u).map(|(.., bend)| bend).collect();
    let hugging = if side > 0.0 { Bend::Up } else { Bend::Down };
    let slope = if !chord.is_finite() || u - l < 1e-9 * (1.0 + l.abs().max(u.abs())) {
        // Of a point the tangent, which gradients are made of.
        curve.slope(middle)
    } else if bends.iter().all(|bend| *bend == hugging) && bends.len() == 1 {
        curve.slope(middle)
    } else if bends.iter().all(|bend| *bend != hugging) && (bends.len() == 1) {
        chord
    } else {
        highest(|slope| side * (slope * middle + offset(slope)), slope_range(curve, l, u))
    };
    let offset = offset(slope);
    (slope.is_finite() && offset.is_finite()).then_some((slope, offset))
}

/// Golden-section search for the maximum of a concave function.
fn highest(f: impl Fn(f64) -> f64, (mut a, mut b): (f64, f64)) -> f64 {
    let golden = 0.618_033_988_749_895;
    let (mut x, mut y) = (b - golden * (b - a), a + golden * (b - a));
    let (mut fx, mut fy) = (f(x), f(y));
    for _ in 0..40 {
        if fx >= fy {
            (b, y, fy) = (y, x, fx);
            x = b - golden * (b - a);
            fx = f(x);
        } else {
            (a, x, fx) = (x, y, fy);
            y = a + golden * (b - a);
            fy = f(y);
        }
        if b - a <= 1e-10 * (1.0 + a.abs().max(b.abs())) {
            break;
        }
    }
    // The ends are often best: a chord that touches an end.
    [0.5 * (a + b), x, y]
        .into_iter()
        .fold((f64::NEG_INFINITY, 0.0), |best, s| {
            let v = f(s);
            if v > best.0 { (v, s) } else { best }
        })
        .1
}

/// Encloses the values on [l, u]; everything where the function is not defined there.
pub(crate) fn interval<C: Curve + ?Sized>(curve: &C, l: f64, u: f64) -> (f64, f64) {
    let (least, most) = curve.range();
    if l.is_nan() || u.is_nan() || !curve.covers(l, u) {
        return (f64::NEG_INFINITY, f64::INFINITY);
    }
    if !l.is_finite() || !u.is_finite() {
        return (least, most);
    }
    let (low, high) = offsets(curve, 0.0, l, u);
    (library_down(low).max(least), library_up(high).min(most))
}
