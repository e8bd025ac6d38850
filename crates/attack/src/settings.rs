//! Settings of attacks. Each is declared once, in its attack's file, with [`settings!`]; reading it from `pgd:steps=40`, checking it, describing it and
//! documenting it follow from the declaration.

mod declared;
mod kebab;
mod macros;

use std::fmt;

use serde::{Serialize, Serializer, ser::SerializeMap};

pub(crate) use declared::Declared;
pub(crate) use kebab::kebab;
pub(crate) use macros::settings;

/// What a setting may be.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum SettingRange {
    /// A whole number.
    Whole {
        /// The smallest one allowed.
        least: u32,
    },
    /// A finite number.
    Number {
        /// Where it begins.
        low: Bound,
        /// Where it ends, if anywhere.
        high: Option<Bound>,
        /// What it is measured in or relative to, in words.
        unit: Option<&'static str>,
    },
    /// True or false.
    Switch,
    /// One of these words.
    OneOf(&'static [&'static str]),
}

/// An end of a range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// The number is allowed itself.
    Including(f64),
    /// It is not.
    Excluding(f64),
}

/// A whole number above zero.
pub(crate) const COUNT: SettingRange = SettingRange::Whole { least: 1 };
/// A whole number of at least two.
pub(crate) const TWO_OR_MORE: SettingRange = SettingRange::Whole { least: 2 };
/// Any whole number.
pub(crate) const WHOLE: SettingRange = SettingRange::Whole { least: 0 };
/// A finite number above zero.
pub(crate) const ABOVE_ZERO: SettingRange = from(Bound::Excluding(0.0));
/// Zero or a finite number above it.
pub(crate) const NOT_NEGATIVE: SettingRange = from(Bound::Including(0.0));
/// One or a finite number above it.
pub(crate) const AT_LEAST_ONE: SettingRange = from(Bound::Including(1.0));
/// A finite number above one.
pub(crate) const ABOVE_ONE: SettingRange = from(Bound::Excluding(1.0));
/// From zero to one.
pub(crate) const UNIT: SettingRange = between(Bound::Including(0.0), Bound::Including(1.0));
/// Above zero and at most one.
pub(crate) const PART: SettingRange = between(Bound::Excluding(0.0), Bound::Including(1.0));
/// Above zero and below one.
pub(crate) const SHARE: SettingRange = between(Bound::Excluding(0.0), Bound::Excluding(1.0));
/// From zero to below one.
pub(crate) const BELOW_ONE: SettingRange = between(Bound::Including(0.0), Bound::Excluding(1.0));
/// How many times something: from zero to a hundred.
pub(crate) const TIMES: SettingRange = between(Bound::Including(0.0), Bound::Including(100.0));
/// A size relative to the own one, at most four times that.
pub(crate) const RATE: SettingRange = between(Bound::Including(0.25), Bound::Including(4.0));
/// Above zero and at most a right angle.
pub(crate) const ANGLE: SettingRange = between(Bound::Excluding(0.0), Bound::Including(90.0)).in_units("in degrees");
/// True or false.
pub(crate) const SWITCH: SettingRange = SettingRange::Switch;

/// Every finite number from there on.
const fn from(low: Bound) -> SettingRange {
    SettingRange::Number { low, high: None, unit: None }
}

/// Every number between the two.
const fn between(low: Bound, high: Bound) -> SettingRange {
    SettingRange::Number { low, high: Some(high), unit: None }
}

impl SettingRange {
    /// Kind of value, in one word: `whole`, `number`, `switch` or `word`.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Whole { .. } => "whole",
            Self::Number { .. } => "number",
            Self::Switch => "switch",
            Self::OneOf(_) => "word",
        }
    }

    /// The same, with words about what it is measured in or relative to.
    pub(crate) const fn in_units(self, unit: &'static str) -> Self {
        match self {
            Self::Number { low, high, .. } => Self::Number { low, high, unit: Some(unit) },
            other => other,
        }
    }

    /// True for a number that lies inside; never for one that is not finite.
    fn contains(self, value: f64) -> bool {
        let Self::Number { low, high, .. } = self else { return false };
        let above = match low {
            Bound::Including(low) => value >= low,
            Bound::Excluding(low) => value > low,
        };
        let below = match high {
            None => true,
            Some(Bound::Including(high)) => value <= high,
            Some(Bound::Excluding(high)) => value < high,
        };
        value.is_finite() && above && below
    }
}

impl fmt::Display for SettingRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Bound::{Excluding, Including};
        match *self {
            Self::Whole { least: 0 } => f.write_str("a whole number"),
            Self::Whole { least: 1 } => f.write_str("a whole number above 0"),
            Self::Whole { least } => write!(f, "a whole number of at least {least}"),
            Self::Switch => f.write_str("true or false"),
            Self::OneOf(words) => match words.split_last() {
                Some((last, [])) => f.write_str(last),
                Some((last, others)) => write!(f, "{} or {last}", others.join(", ")),
                None => Ok(()),
            },
            Self::Number { low, high, unit } => {
                match (low, high) {
                    (Excluding(low), None) => write!(f, "a finite number above {low}"),
                    (Including(low), None) => write!(f, "a finite number of at least {low}"),
                    (Including(low), Some(Including(high))) => write!(f, "from {low} to {high}"),
                    (Including(low), Some(Excluding(high))) => write!(f, "from {low} to below {high}"),
                    (Excluding(low), Some(Including(high))) => write!(f, "above {low} and at most {high}"),
                    (Excluding(low), Some(Excluding(high))) => write!(f, "above {low} and below {high}"),
                }?;
                unit.map_or(Ok(()), |unit| write!(f, ", {unit}"))
            }
        }
    }
}

/// As a map of what limits the value, under `at_least`, `above`, `at_most`, `below`, `unit` and `one_of`; empty for a switch.
impl Serialize for SettingRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match *self {
            Self::Whole { least } => map.serialize_entry("at_least", &least)?,
            Self::Number { low, high, unit } => {
                match low {
                    Bound::Including(low) => map.serialize_entry("at_least", &low)?,
                    Bound::Excluding(low) => map.serialize_entry("above", &low)?,
                }
                match high {
                    Some(Bound::Including(high)) => map.serialize_entry("at_most", &high)?,
                    Some(Bound::Excluding(high)) => map.serialize_entry("below", &high)?,
                    None => {}
                }
                if let Some(unit) = unit {
                    map.serialize_entry("unit", unit)?;
                }
            }
            Self::Switch => {}
            Self::OneOf(words) => map.serialize_entry("one_of", words)?,
        }
        map.end()
    }
}

/// What is known of one setting of an attack.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Setting {
    /// Name on the command line.
    pub name: &'static str,
    /// Kind of value: that of the range.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Value where none is given; in words where it follows from others.
    pub default: String,
    /// What is allowed.
    pub range: SettingRange,
    /// What it does, in one sentence.
    pub meaning: &'static str,
    /// What the paper has, in words, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paper: Option<&'static str>,
}

/// A setting as it is declared.
pub(crate) struct Declaration {
    pub(crate) name: &'static str,
    pub(crate) range: SettingRange,
    pub(crate) meaning: &'static str,
    pub(crate) paper: Option<&'static str>,
    /// What the attack does where the setting has no value, in words.
    pub(crate) unset: Option<&'static str>,
}

/// The place of a setting in a configuration.
pub(crate) trait Value {
    /// Takes the value that the text stands for; false where it stands for none.
    fn read(&mut self, text: &str) -> bool;

    /// The value as [`read`](Value::read) takes it; `None` where it has none.
    fn write(&self) -> Option<String>;

    /// True where the value may stand.
    fn fits(&self, range: SettingRange) -> bool;
}

impl Value for u32 {
    fn read(&mut self, text: &str) -> bool {
        text.parse().map(|value| *self = value).is_ok()
    }

    fn write(&self) -> Option<String> {
        Some(self.to_string())
    }

    fn fits(&self, range: SettingRange) -> bool {
        matches!(range, SettingRange::Whole { least } if *self >= least)
    }
}

impl Value for Option<u32> {
    fn read(&mut self, text: &str) -> bool {
        text.parse().map(|value| *self = Some(value)).is_ok()
    }

    fn write(&self) -> Option<String> {
        self.map(|value| value.to_string())
    }

    fn fits(&self, range: SettingRange) -> bool {
        self.is_none_or(|value| value.fits(range))
    }
}

impl Value for f64 {
    fn read(&mut self, text: &str) -> bool {
        text.parse().map(|value| *self = value).is_ok()
    }

    fn write(&self) -> Option<String> {
        Some(self.to_string())
    }

    fn fits(&self, range: SettingRange) -> bool {
        range.contains(*self)
    }
}

impl Value for Option<f64> {
    fn read(&mut self, text: &str) -> bool {
        text.parse().map(|value| *self = Some(value)).is_ok()
    }

    fn write(&self) -> Option<String> {
        self.map(|value| value.to_string())
    }

    fn fits(&self, range: SettingRange) -> bool {
        self.is_none_or(|value| range.contains(value))
    }
}

impl Value for bool {
    fn read(&mut self, text: &str) -> bool {
        text.parse().map(|value| *self = value).is_ok()
    }

    fn write(&self) -> Option<String> {
        Some(self.to_string())
    }

    fn fits(&self, range: SettingRange) -> bool {
        range == SettingRange::Switch
    }
}

/// A type of few values, each with a name.
pub(crate) trait Choice: Copy + 'static {
    /// All of them.
    const ALL: &'static [Self];

    /// Name in the settings of an attack.
    fn name(self) -> &'static str;
}

impl<T: Choice> Value for T {
    fn read(&mut self, text: &str) -> bool {
        T::ALL.iter().find(|choice| choice.name() == text).map(|choice| *self = *choice).is_some()
    }

    fn write(&self) -> Option<String> {
        Some(self.name().to_owned())
    }

    fn fits(&self, range: SettingRange) -> bool {
        matches!(range, SettingRange::OneOf(words) if words.contains(&self.name()))
    }
}
