//! Floats that may be NaN or infinite, kept apart in JSON.
//!
//! Use as `#[serde(with = "brinell_record::float")]` for `f64`, and the submodules [`option`] and
//! [`mod@array`] for `Option<f64>` and `Vec<f32>`.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Repr<F> {
    Number(F),
    Name(Name),
}

#[derive(Serialize, Deserialize)]
enum Name {
    #[serde(rename = "nan")]
    Nan,
    #[serde(rename = "inf")]
    PlusInfinity,
    #[serde(rename = "-inf")]
    MinusInfinity,
}

impl Name {
    /// The name of a value that is not finite.
    fn of(value: f64) -> Self {
        if value.is_nan() {
            Self::Nan
        } else if value > 0.0 {
            Self::PlusInfinity
        } else {
            Self::MinusInfinity
        }
    }

    fn value(&self) -> f64 {
        match self {
            Self::Nan => f64::NAN,
            Self::PlusInfinity => f64::INFINITY,
            Self::MinusInfinity => f64::NEG_INFINITY,
        }
    }
}

fn encode(value: f64) -> Repr<f64> {
    if value.is_finite() { Repr::Number(value) } else { Repr::Name(Name::of(value)) }
}

fn decode(repr: Repr<f64>) -> f64 {
    match repr {
        Repr::Number(value) => value,
        Repr::Name(name) => name.value(),
    }
}

/// Writes a finite number as a number and any other as its name.
///
/// # Errors
/// Those of the serialiser.
pub fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    encode(*value).serialize(serializer)
}

/// Reads a number or one of the names `nan`, `inf` and `-inf`.
///
/// # Errors
/// Anything else, `null` included.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Repr::deserialize(deserializer).map(decode).map_err(|_| D::Error::custom("expected a number, \"nan\", \"inf\" or \"-inf\""))
}

/// The same for `Option<f64>`; `null` is `None` and nothing else.
pub mod option {
    use super::{Deserialize, Deserializer, Repr, Serialize, Serializer, decode, encode};

    /// Writes `None` as `null`.
    ///
    /// # Errors
    /// Those of the serialiser.
    pub fn serialize<S: Serializer>(value: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
        value.map(encode).serialize(serializer)
    }

    /// Reads `null` as `None`.
    ///
    /// # Errors
    /// Anything but `null`, a number or one of the three names.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
        Ok(Option::<Repr<f64>>::deserialize(deserializer)?.map(decode))
    }
}

/// The same for `Vec<f32>`, each value with the digits that `f32` needs and no more.
pub mod array {
    use super::{Deserialize, Deserializer, Name, Repr, Serializer};

    /// Writes an array of numbers and names.
    ///
    /// # Errors
    /// Those of the serialiser.
    pub fn serialize<S: Serializer>(values: &[f32], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(
            values.iter().map(|value| if value.is_finite() { Repr::Number(*value) } else { Repr::Name(Name::of(f64::from(*value))) }),
        )
    }

    /// Reads an array of numbers and names.
    ///
    /// # Errors
    /// An element that is neither.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f32>, D::Error> {
        let values = Vec::<Repr<f32>>::deserialize(deserializer)?;
        Ok(values
            .into_iter()
            .map(|repr| match repr {
                Repr::Number(value) => value,
                Repr::Name(Name::Nan) => f32::NAN,
                Repr::Name(Name::PlusInfinity) => f32::INFINITY,
                Repr::Name(Name::MinusInfinity) => f32::NEG_INFINITY,
            })
            .collect())
    }
}
