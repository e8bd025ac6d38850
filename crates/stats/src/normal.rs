//! The standard normal distribution.

use statrs::function::erf::{erfc, erfc_inv};

/// How far [`probability`] may be off.
pub const ERROR: f64 = 1e-10;

/// Returns the probability that a standard normal draw is at most `x`, to within [`ERROR`].
#[must_use]
pub fn probability(x: f64) -> f64 {
    erfc(-x / std::f64::consts::SQRT_2) / 2.0
}

/// Returns the x below which a standard normal draw lies with probability `p`; infinite at 0 and 1.
#[must_use]
pub fn quantile(p: f64) -> f64 {
    match p {
        _ if p <= 0.0 => f64::NEG_INFINITY,
        _ if p >= 1.0 => f64::INFINITY,
        _ => -std::f64::consts::SQRT_2 * erfc_inv(2.0 * p),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_scipy() {
        // scipy 1.17.1: norm.ppf.
        for (p, x) in [
            (0.5, 0.0),
            (0.9, 1.281_551_565_544_600_4),
            (0.999, 3.090_232_306_167_813),
            (1.0 - 1e-6, 4.753_424_308_817_087),
            (0.01, -2.326_347_874_040_841),
        ] {
            assert!((quantile(p) - x).abs() < 1e-9, "{p}: {}", quantile(p));
            assert!((probability(x) - p).abs() < ERROR, "{x}: {}", probability(x));
        }
        assert_eq!((quantile(1.0), quantile(0.0)), (f64::INFINITY, f64::NEG_INFINITY));
    }
}
