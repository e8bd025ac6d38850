//! The ONNX project's own node tests, from the golden file that holds those for the operators of the graph.

use std::collections::BTreeMap;

use brinell_graph::{DType, Graph};
use serde::Deserialize;

use crate::{Array, EvalError, GoldenError, Tolerance, eval, golden_dir};

/// A model of one node with inputs and the outputs that ONNX says it has.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeCase {
    /// ONNX's name of the test.
    pub name: String,
    /// The operator.
    pub op: String,
    model: String,
    inputs: BTreeMap<String, Numbers>,
    outputs: Vec<Numbers>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Numbers {
    shape: Vec<usize>,
    data: Vec<Number>,
    dtype: String,
}

/// A number; JSON has no infinities.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Number {
    Finite(f64),
    Named(String),
}

impl Numbers {
    fn array(&self) -> Array {
        let number = |n: &Number| match n {
            Number::Finite(x) if self.dtype == "float32" => f64::from(*x as f32),
            Number::Finite(x) => *x,
            Number::Named(name) => name.parse().unwrap_or(f64::NAN),
        };
        Array::new(&self.shape, self.data.iter().map(number).collect())
    }

    fn dtype(&self) -> Option<DType> {
        Some(match self.dtype.as_str() {
            "float16" => DType::F16,
            "float32" => DType::F32,
            "float64" => DType::F64,
            "int8" => DType::I8,
            "int16" => DType::I16,
            "int32" => DType::I32,
            "int64" => DType::I64,
            "uint8" => DType::U8,
            "uint16" => DType::U16,
            "uint32" => DType::U32,
            "uint64" => DType::U64,
            "bool" => DType::Bool,
            _ => return None,
        })
    }
}

impl NodeCase {
    /// Returns the model as ONNX bytes.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let digits = |i: usize| self.model.get(i..i + 2).and_then(|two| u8::from_str_radix(two, 16).ok());
        (0..self.model.len()).step_by(2).filter_map(digits).collect()
    }

    /// Returns name, element type and value of every input that is no initializer.
    #[must_use]
    pub fn feeds(&self) -> Vec<(&str, Option<DType>, Array)> {
        self.inputs.iter().map(|(name, value)| (name.as_str(), value.dtype(), value.array())).collect()
    }

    /// Returns what is wrong with outputs that somebody computed.
    #[must_use]
    pub fn problems(&self, found: &[Array]) -> Vec<String> {
        let tolerance = |expected: &Numbers| if expected.dtype == "float16" { Tolerance::Half } else { Tolerance::Loose };
        let pairs = found.iter().zip(&self.outputs);
        pairs.filter_map(|(found, expected)| tolerance(expected).compare(found, &expected.array())).collect()
    }

    /// Evaluates a graph that was read from the model.
    ///
    /// # Errors
    /// As [`eval()`].
    pub fn eval(&self, graph: &Graph) -> Result<Vec<Array>, EvalError> {
        let feeds: Vec<_> = self.feeds().into_iter().filter(|(name, ..)| graph.find(name).is_some()).map(|(n, _, x)| (n, x)).collect();
        eval(graph, &feeds)
    }
}

/// Returns the node tests, by name.
///
/// # Errors
/// [`GoldenError`] where the file is absent or not what the generator writes.
pub fn node_cases() -> Result<Vec<NodeCase>, GoldenError> {
    read("onnx_nodes.json")
}

/// Returns models as people have them, with what ONNX Runtime makes of them: nodes in any order, numbers of 2, 4 and 8 bits, sparse tensors, branches at run
/// time.
///
/// # Errors
/// As [`node_cases`].
pub fn field_cases() -> Result<Vec<NodeCase>, GoldenError> {
    read("field/cases.json")
}

fn read(name: &str) -> Result<Vec<NodeCase>, GoldenError> {
    let path = golden_dir().join(name);
    let text = std::fs::read_to_string(&path).map_err(|source| GoldenError::Read { path: path.clone(), source })?;
    serde_json::from_str(&text).map_err(|source| GoldenError::Parse { path, source })
}
