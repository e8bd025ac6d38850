//! A feature of the trees as a function of one value of the model's input.

use std::ops::{Add, Div, Mul, Sub};

use super::interval::{first, last};
use super::set::Set;
use crate::tensor::single;

/// A step that keeps the order of numbers, or turns it: as it is rounded in the file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Step {
    /// Arithmetic with a constant.
    Arithmetic {
        what: Arithmetic,
        constant: f64,
        /// In double precision.
        wide: bool,
    },
    /// The larger of the value and a constant.
    AtLeast(f64),
    /// The smaller of the value and a constant.
    AtMost(f64),
    /// Rounded to single precision.
    Single,
    /// Cut off to a whole number of so many bits.
    Whole { bits: u8 },
    /// 1 where the value is at most the constant, or less than it, else 0.
    Below { constant: f64, or_equal: bool },
    /// 1 - x of a truth.
    Not,
    /// A number, whatever the value.
    Always(f64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    /// x - c.
    Sub,
    /// c - x.
    From,
    Mul,
    /// x / c.
    Div,
}

impl Step {
    fn of(self, x: f64) -> f64 {
        match self {
            Self::Arithmetic { what, constant: c, wide: true } => what.of(x, c),
            Self::Arithmetic { what, constant, wide: false } => f64::from(what.of(single(x), single(constant))),
            Self::AtLeast(c) => x.max(c),
            Self::AtMost(c) => x.min(c),
            Self::Single => f64::from(single(x)),
            // What lies beyond has no meaning, and makes the column unreadable.
            Self::Whole { bits } => {
                let whole = x.trunc();
                if whole.abs() < f64::from(bits - 1).exp2() { whole } else { f64::NAN }
            }
            Self::Below { constant, or_equal } => f64::from(u8::from(x < constant || (or_equal && x <= constant))),
            Self::Not => 1.0 - x,
            Self::Always(v) => v,
        }
    }
}

impl Arithmetic {
    /// Computes in the precision of its operands.
    fn of<T>(self, x: T, c: T) -> T
    where
        T: Add<Output = T> + Sub<Output = T> + Mul<Output = T> + Div<Output = T>,
    {
        match self {
            Self::Add => x + c,
            Self::Sub => x - c,
            Self::From => c - x,
            Self::Mul => x * c,
            Self::Div => x / c,
        }
    }
}

/// What a feature is where the value of the input is missing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Missing {
    /// Missing too.
    Stays,
    /// A number.
    Becomes(f64),
    /// Runtimes may differ.
    Unknown,
}

impl Missing {
    /// After one more step.
    fn then(self, step: Step) -> Self {
        match (self, step) {
            (_, Step::Always(value)) => Self::Becomes(value),
            (Self::Becomes(value), _) => Self::Becomes(step.of(value)),
            // No comparison with what is missing holds.
            (Self::Stays, Step::Below { .. }) => Self::Becomes(0.0),
            (Self::Stays, Step::Arithmetic { .. } | Step::Single) => Self::Stays,
            _ => Self::Unknown,
        }
    }
}

/// A feature: a row of steps from one value of the input, but for some intervals of it, where the feature has another value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    /// Number of the value in the input.
    pub(super) input: usize,
    steps: Vec<Step>,
    except: Vec<(Set, f64)>,
    missing: Missing,
}

impl Column {
    /// The value of the input as it is.
    pub(super) fn input(input: usize) -> Self {
        Self { input, steps: Vec::new(), except: Vec::new(), missing: Missing::Stays }
    }

    /// A constant.
    pub(super) fn always(value: f64) -> Self {
        Self { input: 0, steps: vec![Step::Always(value)], except: Vec::new(), missing: Missing::Becomes(value) }
    }

    /// A constant that takes the place of what a value of the input leads to.
    pub(super) fn in_place_of(input: usize, value: f64) -> Self {
        Self { input, ..Self::always(value) }
    }

    /// A column that is 1 in the set and else 0.
    pub(super) fn within(input: usize, set: Set) -> Self {
        Self { input, steps: vec![Step::Always(0.0)], except: vec![(set, 1.0)], missing: Missing::Becomes(0.0) }
    }

    /// A column that is 1 where this one is missing and else 0.
    pub(super) fn is_missing(&self) -> Self {
        let missing = match self.missing {
            Missing::Stays => Missing::Becomes(1.0),
            Missing::Becomes(_) => Missing::Becomes(0.0),
            Missing::Unknown => Missing::Unknown,
        };
        Self { missing, ..Self::in_place_of(self.input, 0.0) }
    }

    /// What the column is where the value of the input is missing.
    pub(super) fn missing(&self) -> Missing {
        self.missing
    }

    /// The column with something else where the value of the input is missing.
    pub(super) fn at_missing(self, missing: Missing) -> Self {
        Self { missing, ..self }
    }

    /// The constant that the column is, where it is one, whether the value of the input is missing or not.
    pub(super) fn constant(&self) -> Option<f64> {
        self.constant_of_numbers().filter(|value| self.missing == Missing::Becomes(*value))
    }

    /// The constant that the column is for all numbers, where it is one.
    pub(super) fn constant_of_numbers(&self) -> Option<f64> {
        match self.steps.last() {
            Some(&Step::Always(value)) if self.except.is_empty() => Some(value),
            _ => None,
        }
    }

    /// The column after one more step.
    pub(super) fn then(mut self, step: Step) -> Self {
        self.missing = self.missing.then(step);
        self.except.iter_mut().for_each(|(_, value)| *value = step.of(*value));
        match (step, self.steps.last_mut()) {
            (Step::Always(_), _) => self.steps = vec![step],
            (_, Some(Step::Always(value))) => *value = step.of(*value),
            _ => self.steps.push(step),
        }
        self
    }

    /// The column with a constant in its place where `set` of the input holds.
    pub(super) fn but(mut self, set: Set, value: f64, range: (f32, f32)) -> Self {
        let rest = set.complement(range.0, range.1);
        self.except.iter_mut().for_each(|(old, _)| *old = old.and(&rest));
        self.except.push((set, value));
        self
    }

    /// True where every number of the range leads to a number.
    pub(super) fn is_sound(&self, range: (f32, f32)) -> bool {
        [range.0, range.1].iter().all(|&x| !self.rule(x).is_nan()) && self.except.iter().all(|(_, value)| !value.is_nan())
    }

    /// The value that the steps lead to.
    fn rule(&self, x: f32) -> f64 {
        self.steps.iter().fold(f64::from(x), |x, step| step.of(x))
    }

    /// Returns all numbers of the range whose feature lies from `lo` to `hi`.
    pub(super) fn where_within(&self, (lo, hi): (f64, f64), range: (f32, f32)) -> Set {
        let (least, most) = range;
        let rises = self.rule(least) <= self.rule(most);
        let ends = if rises {
            (first(least, most, |x| self.rule(x) >= lo), last(least, most, |x| self.rule(x) <= hi))
        } else {
            (first(least, most, |x| self.rule(x) <= hi), last(least, most, |x| self.rule(x) >= lo))
        };
        let mut set = match ends {
            (Some(a), Some(b)) => Set::of(vec![(a, b)]),
            _ => Set::default(),
        };
        for (part, value) in &self.except {
            set = if lo <= *value && *value <= hi { set.or(part) } else { set.and(&part.complement(least, most)) };
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: (f32, f32) = (f32::MIN, f32::MAX);

    fn scaled(offset: f64, scale: f64) -> Column {
        let step = |what, constant| Step::Arithmetic { what, constant, wide: false };
        Column::input(0).then(step(Arithmetic::Sub, offset)).then(step(Arithmetic::Mul, scale))
    }

    #[test]
    fn the_edge_of_a_scaled_threshold_is_exact() {
        // Numbers whose scaled values are rounded, so that the inverse formula misses the edge.
        for (number, scale) in (1u8..200).map(|n| (f64::from(n), if n % 2 == 0 { 0.37 } else { -1.0 / f64::from(n) })) {
            let (offset, threshold) = (number * 0.731, f64::from(single(number.sin())));
            let column = scaled(offset, scale);
            let value = |x: f32| (x - single(offset)) * single(scale);
            let set = column.where_within((f64::NEG_INFINITY, threshold), ALL);
            let &[(lo, hi)] = set.intervals() else { panic!("{set:?}") };
            let (inside, outside) = if scale > 0.0 { (hi, hi.next_up()) } else { (lo, lo.next_down()) };
            assert!(f64::from(value(inside)) <= threshold && f64::from(value(outside)) > threshold);
            assert_eq!(if scale > 0.0 { lo } else { hi }, if scale > 0.0 { f32::MIN } else { f32::MAX });
        }
    }

    #[test]
    fn cutting_off_gives_intervals_and_exceptions_follow_later_steps() {
        let whole = Column::input(3).then(Step::Whole { bits: 64 });
        let range = (-10.0, 10.0);
        let two = whole.where_within((2.0, 2.0), range);
        assert_eq!(two.intervals(), [(2.0, 3.0f32.next_down())]);
        assert_eq!(whole.where_within((0.0, 0.0), range).intervals(), [((-1.0f32).next_up(), 1.0f32.next_down())]);
        let hot = Column::within(3, two.clone()).then(Step::Arithmetic { what: Arithmetic::Sub, constant: 0.25, wide: false });
        assert_eq!(hot.where_within((f64::NEG_INFINITY, 0.5), range).intervals(), two.complement(-10.0, 10.0).intervals());
        assert_eq!(hot.where_within((0.75, 0.75), range), two);
        assert!(!whole.is_sound(ALL) && whole.is_sound(range));
    }

    #[test]
    fn what_is_missing_stays_so_until_something_takes_its_place() {
        let column = scaled(1.0, 2.0);
        assert_eq!(column.missing(), Missing::Stays);
        let below = column.clone().then(Step::Below { constant: 3.0, or_equal: true });
        assert_eq!(below.missing(), Missing::Becomes(0.0));
        assert_eq!(below.then(Step::Not).missing(), Missing::Becomes(1.0));
        let is_missing = column.is_missing();
        assert_eq!((is_missing.constant_of_numbers(), is_missing.constant(), is_missing.input), (Some(0.0), None, 0));
        assert_eq!(is_missing.missing(), Missing::Becomes(1.0));
        assert_eq!(column.then(Step::AtLeast(0.0)).missing(), Missing::Unknown);
        assert_eq!(Column::always(4.0).then(Step::Not).missing(), Missing::Becomes(-3.0));
    }

    #[test]
    fn a_value_in_the_place_of_another_takes_its_side() {
        let range = (0.0, 10.0);
        let imputed = Column::input(0).but(Set::of(vec![(0.0, 0.0)]), 7.0, range);
        assert_eq!(imputed.where_within((f64::NEG_INFINITY, 5.0), range).intervals(), [(0.0f32.next_up(), 5.0)]);
        assert_eq!(imputed.where_within((6.0, f64::INFINITY), range).intervals(), [(0.0, 0.0), (6.0, 10.0)]);
        assert_eq!(Column::always(2.0).where_within((0.0, 1.0), range).intervals(), []);
        assert_eq!(Column::always(2.0).then(Step::Not).constant(), Some(-1.0));
    }
}
