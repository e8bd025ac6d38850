//! Carlini and Wagner's search for the constant between distance and misclassification.

/// Largest constant.
const CEILING: f64 = 1e10;

/// Number of constants from which on the last one is the best once more, as in the authors' implementation.
const MANY: u32 = 10;

/// The constant in hand, what is known of the smallest that gives an example, and how the present one fares.
#[derive(Debug, Clone, Copy)]
pub(super) struct TradeOff {
    /// The constant.
    pub(super) value: f64,
    low: f64,
    high: f64,
    /// Constants left, the present one included.
    left: u32,
    many: bool,
    /// Whether the present constant gave an example.
    found: bool,
    /// Objective when it was last looked at.
    checked: f64,
}

impl TradeOff {
    /// Begins with `value`; so many constants are tried.
    pub(super) fn new(value: f64, searches: u32) -> Self {
        Self { value, low: 0.0, high: f64::INFINITY, left: searches, many: searches >= MANY, found: false, checked: f64::INFINITY }
    }

    /// Notes whether the present constant gave an example.
    pub(super) fn note(&mut self, found: bool) {
        self.found |= found;
    }

    /// Whether the objective has not fallen since it was last looked at; one that is not a number has not.
    pub(super) fn stuck(&mut self, objective: f64) -> bool {
        let stuck = objective.is_nan() || objective > self.checked * 0.9999;
        self.checked = objective;
        stuck
    }

    /// Goes on to the next constant: tenfold until one gives an example, then by halves; false where all were tried.
    pub(super) fn next(&mut self) -> bool {
        if self.found {
            self.high = self.high.min(self.value);
        } else {
            self.low = self.low.max(self.value);
        }
        self.left -= 1;
        let bounded = self.high < f64::INFINITY;
        self.value = match (self.many && self.left == 1, bounded) {
            (true, _) => self.high.min(CEILING),
            (false, true) => f64::midpoint(self.low, self.high),
            (false, false) => (self.value * 10.0).min(CEILING),
        };
        (self.found, self.checked) = (false, f64::INFINITY);
        self.left > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn constants(searches: u32, threshold: f64) -> Vec<f64> {
        let mut constant = TradeOff::new(0.001, searches);
        let mut tried = Vec::new();
        loop {
            tried.push(constant.value);
            constant.note(constant.value >= threshold);
            if !constant.next() {
                return tried;
            }
        }
    }

    #[test]
    fn constants_rise_tenfold_and_are_then_halved_between_failure_and_success() {
        let expected = [0.001, 0.01, 0.1, 1.0, 0.55, 0.325, 0.2125, 0.26875];
        let tried = constants(8, 0.25);
        assert!(tried.len() == 8 && tried.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{tried:?}");
    }

    #[test]
    fn the_last_of_many_is_the_smallest_that_worked() {
        let tried = constants(12, 0.25);
        let (last, before) = tried.split_last().unwrap();
        assert_eq!(*last, before.iter().copied().filter(|c| *c >= 0.25).fold(f64::INFINITY, f64::min));
        assert_eq!(*constants(30, f64::INFINITY).last().unwrap(), CEILING);
    }

    #[test]
    fn an_objective_that_does_not_fall_is_stuck() {
        let mut constant = TradeOff::new(1.0, 9);
        assert!(!constant.stuck(5.0) && !constant.stuck(4.0) && constant.stuck(4.0) && constant.stuck(f64::NAN));
    }
}
