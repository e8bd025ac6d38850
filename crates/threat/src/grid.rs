//! Points that a model of whole numbers can be fed.

use crate::{Ball, InputBox, Norm, clamp};

/// The points `offset + step * k` with whole k, element by element.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    offset: Vec<f32>,
    step: Vec<f32>,
    inner: usize,
}

impl Grid {
    /// Builds a grid. `offset` and `step` have one entry for all elements, one for each channel, or none, which means 0 and 1; `inner` is the number of
    /// elements that follow each other in a channel. Steps are above 0.
    #[must_use]
    pub fn new(offset: &[f32], step: &[f32], inner: usize) -> Self {
        Self { offset: offset.to_vec(), step: step.to_vec(), inner: inner.max(1) }
    }

    /// Returns the smallest step.
    #[must_use]
    pub fn finest(&self) -> f32 {
        self.step.iter().copied().reduce(f32::min).unwrap_or(1.0)
    }

    /// Returns the largest value of k, and the smallest, that the box allows in any element.
    #[must_use]
    pub fn span(&self, bounds: InputBox) -> (f64, f64) {
        let channels = self.offset.len().max(self.step.len()).max(1);
        let ends = (0..channels).flat_map(|channel| {
            let (offset, step) = self.at(channel * self.inner);
            [bounds.lo(), bounds.hi()].map(|end| (f64::from(end) - f64::from(offset)) / f64::from(step))
        });
        ends.fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), k| (lo.min(k), hi.max(k)))
    }

    /// Moves a point to the nearest of the grid in the box. Where it lay in the ball around `x` and the nearest does not, elements are brought back
    /// towards `x`, those first whose rounding took them furthest away from it. Elements that are those of `x` stay.
    ///
    /// # Guarantees
    /// A point of the ball stays in the ball where some point of the grid between it and `x` is in the ball: always where `x` is on the grid.
    pub fn snap(&self, ball: &Ball, x: &[f32], point: &mut [f32]) {
        let before = ball.contains(x, point).is_ok().then(|| point.to_vec());
        self.each(x, point, |offset, step, _, value| nearest(offset, step, value, ball.bounds));
        let Some(before) = before.filter(|_| ball.contains(x, point).is_err()) else { return };
        if ball.norm == Norm::Linf {
            let eps = ball.eps;
            self.each(
                x,
                point,
                |offset, step, x, value| {
                    if (f64::from(value) - f64::from(x)).abs() > eps { back(offset, step, x, value) } else { value }
                },
            );
            return;
        }
        let overshoot = |i: usize, value: f32| {
            let (x, before) = (x.get(i).copied().unwrap_or(value), before.get(i).copied().unwrap_or(value));
            f64::from((value - x).abs()) - f64::from((before - x).abs())
        };
        let mut away: Vec<(usize, f64)> =
            point.iter().enumerate().map(|(i, &value)| (i, overshoot(i, value))).filter(|(_, by)| *by > 0.0).collect();
        away.sort_by(|a, b| b.1.total_cmp(&a.1));
        let power = |value: f32, x: f32| {
            let by = (f64::from(value) - f64::from(x)).abs();
            if ball.norm == Norm::L2 { by * by } else { by }
        };
        let mut total: f64 = point.iter().zip(x).map(|(&value, &x)| power(value, x)).sum();
        let limit = if ball.norm == Norm::L2 { ball.eps * ball.eps } else { ball.eps };
        for (i, _) in away {
            if total <= limit {
                break;
            }
            let (offset, step) = self.at(i);
            if let (Some(value), Some(&x)) = (point.get_mut(i), x.get(i)) {
                total -= power(*value, x);
                *value = back(offset, step, x, *value);
                total += power(*value, x);
            }
        }
    }

    /// Moves a point to the grid such that no element is further from `x` than before.
    pub fn shorten(&self, bounds: InputBox, x: &[f32], point: &mut [f32]) {
        self.each(x, point, |offset, step, x, value| {
            let on = nearest(offset, step, value, bounds);
            if (on - x).abs() > (value - x).abs() { back(offset, step, x, on) } else { on }
        });
    }

    fn each(&self, x: &[f32], point: &mut [f32], change: impl Fn(f32, f32, f32, f32) -> f32) {
        for (i, (value, &x)) in point.iter_mut().zip(x).enumerate() {
            if value.to_bits() != x.to_bits() && value.is_finite() {
                let (offset, step) = self.at(i);
                *value = change(offset, step, x, *value);
            }
        }
    }

    /// Returns offset and step of an element.
    fn at(&self, i: usize) -> (f32, f32) {
        let pick = |values: &[f32], none: f32| match values {
            [] => none,
            many => many.get(i / self.inner % many.len()).copied().unwrap_or(none),
        };
        (pick(&self.offset, 0.0), pick(&self.step, 1.0))
    }
}

fn nearest(offset: f32, step: f32, value: f32, bounds: InputBox) -> f32 {
    let k = ((value - offset) / step).round_ties_even();
    let on = |k: f32| offset + step * k;
    let inside = if on(k) > bounds.hi() {
        on(k - 1.0)
    } else if on(k) < bounds.lo() {
        on(k + 1.0)
    } else {
        on(k)
    };
    clamp(inside, bounds.lo(), bounds.hi())
}

/// Moves a value of the grid one step towards `x`; to `x` itself where that is nearer than a step.
fn back(offset: f32, step: f32, x: f32, value: f32) -> f32 {
    if (value - x).abs() <= step {
        return x;
    }
    let k = ((value - offset) / step).round_ties_even() - (value - x).signum();
    offset + step * k
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BYTES: Grid = Grid { offset: Vec::new(), step: Vec::new(), inner: 1 };

    fn ball(norm: Norm, eps: f64) -> Ball {
        Ball { norm, eps, bounds: InputBox::BYTE, features: None }
    }

    fn snapped(norm: Norm, eps: f64, x: &[f32], point: &[f32]) -> Vec<f32> {
        let mut point = point.to_vec();
        BYTES.snap(&ball(norm, eps), x, &mut point);
        point
    }

    #[test]
    fn a_point_becomes_the_nearest_whole_one_in_the_ball() {
        assert_eq!(snapped(Norm::Linf, 8.0, &[100.0, 3.0], &[104.4, 2.5]), [104.0, 2.0]);
        // 107.5 lies in the ball and 108, the nearest even number, does not.
        assert_eq!(snapped(Norm::Linf, 7.5, &[100.0], &[107.5]), [107.0]);
        // (2.6, 2.6) has the norm 3.68; (3, 3) has 4.24, (3, 2) has 3.61.
        let l2 = snapped(Norm::L2, 3.7, &[0.0, 0.0], &[2.6, 2.6]);
        assert_eq!(l2.iter().sum::<f32>(), 5.0);
        assert_eq!(snapped(Norm::L0, 1.0, &[0.5, 7.0], &[0.5, 9.2]), [0.5, 9.0]);
        // Points outside the ball are asked about where they are.
        assert_eq!(snapped(Norm::Linf, 1.0, &[100.0], &[150.3]), [150.0]);
    }

    #[test]
    fn a_grid_follows_the_preprocessing() {
        // Whole numbers v = (x - 0.5) / 0.25: x is 0.5, 0.75, ...
        let grid = Grid::new(&[0.5], &[0.25], 1);
        let mut point = [0.6, 0.99];
        grid.snap(&Ball { norm: Norm::Linf, eps: 1.0, bounds: InputBox::UNIT, features: None }, &[0.5, 0.5], &mut point);
        assert_eq!(point, [0.5, 1.0]);
        assert_eq!((grid.finest(), grid.span(InputBox::UNIT)), (0.25, (-2.0, 2.0)));
    }

    proptest! {
        #[test]
        fn what_lay_in_the_ball_stays_there_and_is_whole(
            pairs in prop::collection::vec((0u8..=255, -20.0f32..20.0), 1..40), eps in 0.5f64..60.0, which in 0usize..4,
        ) {
            let norm = [Norm::Linf, Norm::L2, Norm::L1, Norm::L0][which];
            let ball = ball(norm, eps.floor().max(1.0) + if norm == Norm::L0 { 0.0 } else { eps.fract() });
            let x: Vec<f32> = pairs.iter().map(|(x, _)| f32::from(*x)).collect();
            let mut point: Vec<f32> = pairs.iter().map(|(x, by)| f32::from(*x) + by).collect();
            ball.project(&x, &mut point);
            prop_assume!(ball.contains(&x, &point).is_ok());
            let mut short = point.clone();
            BYTES.snap(&ball, &x, &mut point);
            BYTES.shorten(ball.bounds, &x, &mut short);
            for point in [&point, &short] {
                prop_assert!(point.iter().all(|v| v.fract() == 0.0));
                prop_assert!(ball.contains(&x, point).is_ok(), "{:?}", ball.contains(&x, point));
            }
        }
    }
}
