//! Numbers in single precision by their order.

use crate::tensor::single;

/// Returns the largest number in single precision that is below `v`.
pub(super) fn below(v: f64) -> f32 {
    let near = single(v);
    if f64::from(near) < v { near } else { near.next_down() }
}

/// Place of a number among all of single precision; both zeros stand at 0.
fn place(v: f32) -> i64 {
    let size = i64::from(v.to_bits() & 0x7fff_ffff);
    if v.is_sign_negative() { -size } else { size }
}

/// The number at a place.
fn number(place: i64) -> f32 {
    let size = f32::from_bits(u32::try_from(place.unsigned_abs()).unwrap_or(0x7fff_ffff));
    if place < 0 { -size } else { size }
}

/// Returns the largest number from `lo` to `hi` for which `holds` is true, where it is true up to some number and false after it.
pub(super) fn last(lo: f32, hi: f32, holds: impl Fn(f32) -> bool) -> Option<f32> {
    if !holds(lo) {
        return None;
    }
    let (mut yes, mut no) = (place(lo), place(hi) + 1);
    while no - yes > 1 {
        let middle = i64::midpoint(yes, no);
        if holds(number(middle)) { yes = middle } else { no = middle }
    }
    Some(number(yes))
}

/// Returns the smallest number from `lo` to `hi` for which `holds` is true, where it is false up to some number and true after it.
pub(super) fn first(lo: f32, hi: f32, holds: impl Fn(f32) -> bool) -> Option<f32> {
    last(-hi, -lo, |v| holds(-v)).map(|v| -v)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bisection_ends_at_the_very_number() {
        for edge in [0.1f32, -3.5, 0.0, f32::MIN_POSITIVE, -1e-45, 1e30, f32::MAX, f32::MIN] {
            assert_eq!(last(f32::MIN, f32::MAX, |v| v <= edge), Some(edge));
            assert_eq!(first(f32::MIN, f32::MAX, |v| v >= edge), Some(edge));
        }
        assert_eq!(last(0.0, 1.0, |v| v < 0.5), Some(0.5f32.next_down()));
        assert_eq!((last(0.0, 1.0, |v| v < 0.0), first(0.0, 1.0, |v| v > 1.0)), (None, None));
        assert_eq!((last(-1.0, 1.0, |_| true), first(-1.0, 1.0, |_| true)), (Some(1.0), Some(-1.0)));
    }

    #[test]
    fn the_number_below_a_threshold_is_smaller() {
        assert_eq!(below(0.5), 0.5f32.next_down());
        assert!(f64::from(below(0.1)) < 0.1 && f64::from(below(0.1).next_up()) >= 0.1);
    }
}
