//! The interpreter, behind the ONNX reader, against the ONNX project's own node tests; then once more behind the writer.

use std::collections::BTreeMap;

use brinell_graph::Graph;
use brinell_testkit::{Array, Tolerance, eval, golden_dir};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    name: String,
    model: String,
    inputs: BTreeMap<String, Numbers>,
    outputs: Vec<Numbers>,
}

#[derive(Deserialize)]
struct Numbers {
    shape: Vec<usize>,
    data: Vec<Number>,
    dtype: String,
}

/// A number; JSON has no infinities.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Finite(f64),
    Named(String),
}

impl Numbers {
    fn tolerance(&self) -> Tolerance {
        if self.dtype == "float16" { Tolerance::Half } else { Tolerance::Loose }
    }

    fn array(&self) -> Array {
        let number = |n: &Number| match n {
            Number::Finite(x) if self.dtype == "float32" => f64::from(*x as f32),
            Number::Finite(x) => *x,
            Number::Named(name) => name.parse().unwrap_or(f64::NAN),
        };
        Array::new(&self.shape, self.data.iter().map(number).collect())
    }
}

impl Case {
    fn bytes(&self) -> Vec<u8> {
        let digits = |i: usize| self.model.get(i..i + 2).and_then(|two| u8::from_str_radix(two, 16).ok());
        (0..self.model.len()).step_by(2).filter_map(digits).collect()
    }

    /// Returns what is wrong with the outputs of a graph that was read from the case's model.
    fn problems(&self, graph: &Graph) -> Vec<String> {
        let feeds: Vec<(&str, Array)> = self.inputs.iter().map(|(name, value)| (name.as_str(), value.array())).collect();
        let feeds: Vec<_> = feeds.into_iter().filter(|(name, _)| graph.find(name).is_some()).collect();
        match eval(graph, &feeds) {
            Ok(found) => {
                let pairs = found.iter().zip(&self.outputs);
                pairs.filter_map(|(found, expected)| expected.tolerance().compare(found, &expected.array())).collect()
            }
            Err(error) => vec![error.to_string()],
        }
    }
}

fn cases() -> Vec<Case> {
    let text = std::fs::read_to_string(golden_dir().join("onnx_nodes.json")).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

/// What the reader keeps as opaque nodes: named here so that nothing becomes opaque unseen.
const OPAQUE: [&str; 5] = [
    "test_dropout_default_mask: its mask is used",
    "test_maxpool_with_argmax_2d_precomputed_strides: its indices are column-major",
    "test_resize_tf_crop_and_resize",
    "test_resize_upsample_sizes_nearest_not",
    "test_resize_downsample_sizes_nearest_not",
];

#[test]
fn interpreter_agrees_with_onnx_node_tests() {
    let (mut problems, mut opaque) = (Vec::new(), Vec::new());
    let cases = cases();
    assert!(cases.len() > 300, "{} cases", cases.len());
    for case in &cases {
        match brinell_onnx::read(&case.bytes(), None) {
            Ok(model) => match model.opaque().first() {
                Some(node) => opaque.push(format!("{}: {}", case.name, node.reason)),
                None => problems.extend(case.problems(&model.graph).into_iter().map(|p| format!("{}: {p}", case.name))),
            },
            Err(error) => problems.push(format!("{}: {error}", case.name)),
        }
    }
    assert!(problems.is_empty(), "{} problems\n{}", problems.len(), problems.join("\n"));
    opaque.retain(|line| !OPAQUE.iter().any(|known| line.starts_with(known)));
    assert!(opaque.is_empty(), "{} opaque\n{}", opaque.len(), opaque.join("\n"));
}

#[test]
fn writing_and_reading_again_changes_no_result() {
    for case in cases() {
        let model = brinell_onnx::read(&case.bytes(), None).unwrap();
        let bytes = brinell_onnx::write(&model.graph).unwrap();
        let again = brinell_onnx::read(&bytes, None).unwrap();
        if model.opaque().is_empty() {
            let problems = case.problems(&again.graph);
            assert!(problems.is_empty(), "{}: {problems:?}", case.name);
        }
    }
}
