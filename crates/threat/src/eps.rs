//! The radius of a ball, as written and as a number.

use std::{borrow::Cow, fmt, str::FromStr};

use crate::ThreatError;

/// A radius that keeps the text it was read from, so that a record can repeat `8/255` as `8/255`.
///
/// # Units
/// Model-input units (those of [`crate::InputBox`]).
#[derive(Debug, Clone, PartialEq)]
pub struct Eps {
    value: f64,
    text: Cow<'static, str>,
}

impl Eps {
    /// No change.
    pub const ZERO: Self = Self { value: 0.0, text: Cow::Borrowed("0") };

    /// Builds a radius from a number; its text is the shortest decimal that reads back as the same number.
    ///
    /// # Errors
    /// `BadEps` when negative, NaN or infinite.
    pub fn new(value: f64) -> Result<Self, ThreatError> {
        let text = value.to_string();
        let value = checked(value, &text)?;
        Ok(Self { value, text: text.into() })
    }

    /// The radius; finite and not negative. A quotient is the f64 nearest to the quotient of its two numbers.
    pub fn value(&self) -> f64 {
        self.value
    }

    /// The text it was read from.
    pub fn text(&self) -> &str {
        &self.text
    }
}

fn checked(value: f64, text: &str) -> Result<f64, ThreatError> {
    let bad = |reason| Err(ThreatError::BadEps { text: text.to_owned(), reason });
    if value.is_nan() {
        bad("it is not a number")
    } else if value.is_infinite() {
        bad("it is not finite")
    } else if value < 0.0 {
        bad("it is negative")
    } else {
        // Adding zero turns -0 into 0.
        Ok(value + 0.0)
    }
}

impl FromStr for Eps {
    type Err = ThreatError;

    fn from_str(text: &str) -> Result<Self, ThreatError> {
        let text = text.trim();
        let bad = |reason| ThreatError::BadEps { text: text.to_owned(), reason };
        let number = |part: &str| part.trim().parse::<f64>().map_err(|_| bad("it is neither a number nor a fraction such as 8/255"));
        let value = match text.split_once('/') {
            None => number(text)?,
            Some((above, below)) => {
                let below = number(below)?;
                if below == 0.0 {
                    return Err(bad("it divides by zero"));
                }
                if !below.is_finite() {
                    return Err(bad("it is not finite"));
                }
                number(above)? / below
            }
        };
        Ok(Self { value: checked(value, text)?, text: text.to_owned().into() })
    }
}

impl fmt::Display for Eps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_and_decimals_are_read_and_their_text_kept() {
        for (text, value) in
            [("8/255", 8.0 / 255.0), ("0.03", 0.03), ("0", 0.0), ("1e-3", 0.001), (" 2 / 255 ", 2.0 / 255.0), ("0.5/2", 0.25)]
        {
            let eps: Eps = text.parse().unwrap();
            assert_eq!(eps.value(), value, "{text}");
            assert_eq!(eps.to_string(), text.trim());
        }
    }

    #[test]
    fn what_is_no_radius_is_refused_by_name() {
        for text in ["-1", "nan", "inf", "-8/255", "8/0", "8/nan", "8/inf", "", "/", "8/255/1", "eight", "1e400", "0/0", "inf/inf"] {
            let error = text.parse::<Eps>().unwrap_err().to_string();
            assert!(error.contains(&format!("'{text}'")), "{error}");
        }
        assert!(Eps::new(f64::NAN).is_err());
    }

    #[test]
    fn minus_zero_is_zero() {
        assert!(Eps::new(-0.0).unwrap().value().is_sign_positive());
    }
}
