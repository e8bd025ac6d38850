//! The JSON of the Open Inference Protocol.

use brinell_graph::DType;
use serde::ser::SerializeSeq;
use serde::{Deserialize, Serialize, Serializer};

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
    pub(super) inputs: [RequestTensor<'a>; 1],
    pub(super) outputs: [RequestOutput<'a>; 1],
}

#[derive(Serialize)]
pub(super) struct RequestTensor<'a> {
    pub(super) name: &'a str,
    pub(super) shape: &'a [usize],
    pub(super) datatype: &'a str,
    #[serde(serialize_with = "exact")]
    pub(super) data: &'a [f32],
}

#[derive(Serialize)]
pub(super) struct RequestOutput<'a> {
    pub(super) name: &'a str,
}

/// Writes each value with the digits of an f64: a reader that parses into f64 and rounds to f32 gets the very same value.
fn exact<S: Serializer>(data: &&[f32], serializer: S) -> Result<S::Ok, S::Error> {
    let mut list = serializer.serialize_seq(Some(data.len()))?;
    for &value in *data {
        list.serialize_element(&f64::from(value))?;
    }
    list.end()
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
}

impl Data {
    /// Appends the elements in row-major order.
    pub(super) fn flatten(&self, out: &mut Vec<f32>) {
        match self {
            Self::Number(value) => out.push(*value as f32),
            Self::Null(()) => out.push(f32::NAN),
            Self::List(list) => list.iter().for_each(|part| part.flatten(out)),
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
        let request = Request {
            inputs: [RequestTensor { name: "x", shape: &[1, 5], datatype: "FP32", data: &data }],
            outputs: [RequestOutput { name: "y" }],
        };
        let value: serde_json::Value = serde_json::from_str(&serde_json::to_string(&request).unwrap()).unwrap();
        let read: Vec<f32> = value["inputs"][0]["data"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect();
        assert_eq!(read, data);
        assert_eq!(value["outputs"][0]["name"], "y");
    }

    #[test]
    fn flat_and_nested_answers_are_the_same() {
        for text in ["[1, 2.5, null, -4]", "[[1, 2.5], [null, -4]]"] {
            let mut out = Vec::new();
            serde_json::from_str::<Data>(text).unwrap().flatten(&mut out);
            assert!(out[2].is_nan() && out[0] == 1.0 && out[1] == 2.5 && out[3] == -4.0, "{text}: {out:?}");
        }
    }
}
