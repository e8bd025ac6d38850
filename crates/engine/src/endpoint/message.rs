//! The JSON of the Open Inference Protocol.

use std::fmt;

use brinell_graph::DType;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Elements;

/// What a server says about a model.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Metadata {
    pub(super) name: String,
    #[serde(default)]
    pub(super) versions: Vec<String>,
    #[serde(default)]
    pub(super) platform: String,
    pub(super) inputs: Vec<TensorMetadata>,
    pub(super) outputs: Vec<TensorMetadata>,
}

/// An input or output; a free extent is -1.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct TensorMetadata {
    pub(super) name: String,
    pub(super) datatype: String,
    pub(super) shape: Vec<i64>,
}

impl TensorMetadata {
    pub(super) fn dtype(&self) -> Option<DType> {
        Some(match self.datatype.as_str() {
            "FP32" => DType::F32,
            "FP64" => DType::F64,
            "FP16" => DType::F16,
            "BF16" => DType::Bf16,
            "INT8" => DType::I8,
            "INT16" => DType::I16,
            "INT32" => DType::I32,
            "INT64" => DType::I64,
            "UINT8" => DType::U8,
            "UINT16" => DType::U16,
            "UINT32" => DType::U32,
            "UINT64" => DType::U64,
            "BOOL" => DType::Bool,
            _ => return None,
        })
    }
}

/// A question.
#[derive(Serialize)]
pub(super) struct Request<'a> {
    pub(super) inputs: Vec<RequestTensor<'a>>,
    pub(super) outputs: [RequestOutput<'a>; 1],
}

#[derive(Serialize)]
pub(super) struct RequestTensor<'a> {
    pub(super) name: &'a str,
    pub(super) shape: &'a [usize],
    pub(super) datatype: &'a str,
    #[serde(serialize_with = "exact")]
    pub(super) data: Elements<'a>,
}

#[derive(Serialize)]
pub(super) struct RequestOutput<'a> {
    pub(super) name: &'a str,
}

/// Writes whole numbers and Booleans as they are, and each real number with the digits of an f64: a reader that parses into f64 and rounds to f32 or f16
/// gets the very same value.
fn exact<S: Serializer>(data: &Elements<'_>, serializer: S) -> Result<S::Ok, S::Error> {
    match *data {
        Elements::F32(data) => serializer.collect_seq(data.iter().map(|&value| f64::from(value))),
        Elements::F64(data) => serializer.collect_seq(data),
        Elements::F16(data) => serializer.collect_seq(data.iter().map(|&bits| half::f16::from_bits(bits).to_f64())),
        Elements::Bf16(data) => serializer.collect_seq(data.iter().map(|&bits| half::bf16::from_bits(bits).to_f64())),
        Elements::I8(data) => serializer.collect_seq(data),
        Elements::I16(data) => serializer.collect_seq(data),
        Elements::I32(data) => serializer.collect_seq(data),
        Elements::I64(data) => serializer.collect_seq(data),
        Elements::U8(data) => serializer.collect_seq(data),
        Elements::U16(data) => serializer.collect_seq(data),
        Elements::U32(data) => serializer.collect_seq(data),
        Elements::U64(data) => serializer.collect_seq(data),
        Elements::Bool(data) => serializer.collect_seq(data),
        Elements::Text(data) => serializer.collect_seq(data),
    }
}

/// An answer.
#[derive(Deserialize)]
pub(super) struct Response {
    /// The version of the model that computed it.
    #[serde(default)]
    pub(super) model_version: Option<String>,
    pub(super) outputs: Vec<ResponseTensor>,
}

#[derive(Deserialize)]
pub(super) struct ResponseTensor {
    pub(super) name: String,
    #[serde(default)]
    pub(super) datatype: Option<String>,
    #[serde(default)]
    pub(super) shape: Option<Vec<i64>>,
    pub(super) data: Numbers,
}

/// Elements in row-major order, flat or nested in the answer; what JSON cannot say (NaN, infinity) is null.
#[derive(Default)]
pub(super) struct Numbers {
    pub(super) values: Vec<f64>,
    /// True where something else than numbers is among them.
    pub(super) others: bool,
}

impl<'de> Deserialize<'de> for Numbers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut numbers = Self::default();
        Append(&mut numbers).deserialize(deserializer)?;
        Ok(numbers)
    }
}

/// Appends what is read, without a copy of how it is nested.
struct Append<'n>(&'n mut Numbers);

impl Append<'_> {
    fn number(self, value: f64) {
        self.0.values.push(value);
    }

    fn other(self) {
        self.0.others = true;
    }
}

impl<'de> DeserializeSeed<'de> for Append<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Append<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("numbers")
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.number(value);
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.number(value as f64);
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.number(value as f64);
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.number(f64::NAN);
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.other();
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        self.other();
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<(), A::Error> {
        while parts.next_element_seed(Append(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        self.other();
        Ok(())
    }
}

/// What a server says when it refuses.
#[derive(Deserialize)]
pub(super) struct Refusal {
    pub(super) error: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_survive_a_reader_that_parses_f64() {
        let data = [0.1f32, 1.0 / 3.0, f32::MIN_POSITIVE, 1e-45, 16_777_217.0];
        let halves = [0x3555, 0x0001, 0xfbff];
        let request = Request {
            inputs: vec![
                RequestTensor { name: "x", shape: &[1, 5], datatype: "FP32", data: Elements::F32(&data) },
                RequestTensor { name: "ids", shape: &[1, 2], datatype: "INT64", data: Elements::I64(&[i64::MAX, -1]) },
                RequestTensor { name: "half", shape: &[1, 3], datatype: "FP16", data: Elements::F16(&halves) },
                RequestTensor { name: "mask", shape: &[1, 1], datatype: "BOOL", data: Elements::Bool(&[true]) },
            ],
            outputs: [RequestOutput { name: "y" }],
        };
        let value: serde_json::Value = serde_json::from_str(&serde_json::to_string(&request).unwrap()).unwrap();
        let read: Vec<f32> = value["inputs"][0]["data"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect();
        assert_eq!(read, data);
        assert_eq!(value["inputs"][1]["data"].to_string(), "[9223372036854775807,-1]");
        let read: Vec<u16> =
            value["inputs"][2]["data"].as_array().unwrap().iter().map(|v| half::f16::from_f64(v.as_f64().unwrap()).to_bits()).collect();
        assert_eq!(read, halves);
        assert_eq!(value["inputs"][3]["data"].to_string(), "[true]");
        assert_eq!(value["outputs"][0]["name"], "y");
    }

    #[test]
    fn flat_and_nested_answers_are_the_same() {
        for text in ["[1, 2.5, null, -4]", "[[1, 2.5], [null, -4]]"] {
            let Numbers { values, others } = serde_json::from_str(text).unwrap();
            assert!(!others && values[2].is_nan() && values[0] == 1.0 && values[1] == 2.5 && values[3] == -4.0, "{text}: {values:?}");
        }
        for text in ["[1, \"two\"]", "[true]", "[[{\"a\": [1]}]]", "\"1\""] {
            assert!(serde_json::from_str::<Numbers>(text).unwrap().others, "{text}");
        }
        assert!(serde_json::from_str::<Numbers>(&("[".repeat(500) + &"]".repeat(500))).is_err(), "no nesting is too deep to be refused");
    }
}
