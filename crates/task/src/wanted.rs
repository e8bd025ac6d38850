//! What an attack wants of a sample.

use crate::Truth;

/// What an attack wants of a unit, or of the whole answer.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Goal {
    /// Anything but the truth: another class, another label, a number too far away, another decision about a pair.
    Break,
    /// One particular answer.
    Become(Truth),
}

/// How many units the goal is wanted of.
///
/// With the margins of the units, what is wanted has a margin of its own: the largest for any, the least for all, that of the last unit needed for
/// a share. So goals of many units need no attacks of their own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Quantifier {
    /// At least one.
    Any,
    /// Every one.
    All,
    /// At least this share of them, and one at least.
    Share(f64),
}

impl Quantifier {
    /// Returns the unit whose margin is that of all together, and the margin; `None` where there are no units.
    ///
    /// # Guarantees
    /// The margin is positive exactly where as many units as wanted have a positive margin. Of equal margins the first counts; NaN is the least.
    #[must_use]
    pub fn attained(self, margins: impl Iterator<Item = f64>) -> Option<(usize, f64)> {
        let known = margins.map(|margin| if margin.is_nan() { f64::NEG_INFINITY } else { margin }).enumerate();
        let least = |a: (usize, f64), b: (usize, f64)| if b.1 < a.1 { b } else { a };
        let largest = |a: (usize, f64), b: (usize, f64)| if b.1 > a.1 { b } else { a };
        match self {
            Self::Any => known.reduce(largest),
            Self::All => known.reduce(least),
            Self::Share(share) => {
                let mut all: Vec<(usize, f64)> = known.collect();
                let needed = ((share * all.len() as f64).ceil() as usize).clamp(1, all.len().max(1));
                // Stable, so that of equal margins the first comes first.
                all.sort_by(|(_, a), (_, b)| b.total_cmp(a));
                all.get(needed - 1).copied()
            }
        }
    }
}

/// What an attack wants of one sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// Of a unit.
    pub goal: Goal,
    /// Of how many.
    pub of: Quantifier,
}

impl Wanted {
    /// Anything but the truth, of any unit.
    pub const BREAK: Self = Self { goal: Goal::Break, of: Quantifier::Any };

    /// Returns the wish for one particular answer, in full.
    #[must_use]
    pub fn answer(truth: Truth) -> Self {
        Self { goal: Goal::Become(truth), of: Quantifier::All }
    }

    /// Returns the wish for one class, or for any wrong one where there is none.
    #[must_use]
    pub fn class(target: Option<usize>) -> Self {
        target.map_or(Self::BREAK, |class| Self::answer(Truth::Class(class)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(quantifier: Quantifier, margins: &[f64]) -> Option<(usize, f64)> {
        quantifier.attained(margins.iter().copied())
    }

    #[test]
    fn any_is_the_largest_all_the_least_and_a_share_between() {
        let margins = [-1.0, 3.0, 0.5, 3.0];
        assert_eq!(of(Quantifier::Any, &margins), Some((1, 3.0)));
        assert_eq!(of(Quantifier::All, &margins), Some((0, -1.0)));
        for (share, expected) in
            [(0.0, (1, 3.0)), (0.25, (1, 3.0)), (0.26, (3, 3.0)), (0.75, (2, 0.5)), (0.76, (0, -1.0)), (1.0, (0, -1.0))]
        {
            assert_eq!(of(Quantifier::Share(share), &margins), Some(expected), "{share}");
        }
        for quantifier in [Quantifier::Any, Quantifier::All, Quantifier::Share(0.5)] {
            assert_eq!(of(quantifier, &[]), None);
        }
    }

    #[test]
    fn the_margin_is_positive_exactly_where_enough_units_are() {
        for n in 1..6usize {
            for set in 0..1usize << n {
                let margins: Vec<f64> =
                    (0..n).map(|unit| if set >> unit & 1 == 1 { 1.0 + unit as f64 } else { -1.0 - unit as f64 }).collect();
                let positive = margins.iter().filter(|margin| **margin > 0.0).count();
                for share in [0.2, 0.5, 0.9] {
                    let enough = positive as f64 >= (share * n as f64).ceil();
                    assert_eq!(
                        of(Quantifier::Share(share), &margins).is_some_and(|(_, margin)| margin > 0.0),
                        enough,
                        "{share} of {margins:?}"
                    );
                }
                assert_eq!(of(Quantifier::Any, &margins).is_some_and(|(_, margin)| margin > 0.0), positive > 0);
                assert_eq!(of(Quantifier::All, &margins).is_some_and(|(_, margin)| margin > 0.0), positive == n);
            }
        }
    }

    #[test]
    fn what_is_not_a_number_is_never_reached() {
        assert_eq!(of(Quantifier::Any, &[f64::NAN]), Some((0, f64::NEG_INFINITY)));
        assert_eq!(of(Quantifier::All, &[1.0, f64::NAN]), Some((1, f64::NEG_INFINITY)));
    }
}
