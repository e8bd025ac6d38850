//! The JSON of the Open Inference Protocol.

use brinell_graph::DType;
use serde::{Deserialize, Serialize, Serializer};

use crate::{Buffer, Elements};

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
    }
}

/// An answer.
#[derive(Deserialize)]
pub(super) struct Response {
    pub(super) outputs: Vec<ResponseTensor>,
}

#[derive(Deserialize)]
pub(super) struct ResponseTensor {
    pub(super) name: String,
    pub(super) data: Data,
}

/// Elements, flat or nested; what JSON cannot say (NaN, infinity) is null.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Data {
    Number(f64),
    Null(()),
    List(Vec<Data>),
    /// What is no number: of an output that was not asked for.
    Other(serde::de::IgnoredAny),
}

impl Data {
    /// Appends the elements in row-major order; false where they are none of the buffer's type.
    pub(super) fn flatten(&self, out: &mut Buffer) -> bool {
        match self {
            Self::Number(value) => out.push_real(*value),
            Self::Null(()) => out.push_real(f64::NAN),
            Self::List(list) => list.iter().all(|part| part.flatten(out)),
            Self::Other(_) => false,
        }
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
            let mut out = Buffer::F32(Vec::new());
            assert!(serde_json::from_str::<Data>(text).unwrap().flatten(&mut out));
            let Buffer::F32(out) = out else { panic!("it stays of its type") };
            assert!(out[2].is_nan() && out[0] == 1.0 && out[1] == 2.5 && out[3] == -4.0, "{text}: {out:?}");
        }
        assert!(!serde_json::from_str::<Data>("[1, \"two\"]").unwrap().flatten(&mut Buffer::F32(Vec::new())));
    }
}
