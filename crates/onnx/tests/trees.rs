//! Tree ensembles of many writers and kinds beside what ONNX Runtime says of them on both sides of their edges (`tests/golden/trees`).
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::{Path, PathBuf};

use brinell_onnx::{Ensemble, Model, TreesError, Wanted};
use serde_json::Value;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/trees").join(name)
}

fn read(name: &str) -> Model {
    brinell_onnx::read_file(&golden(&format!("{name}.onnx"))).unwrap()
}

fn trees(model: &Model, threshold: Option<f64>) -> Result<Ensemble, TreesError> {
    let (input, output) = (model.graph.inputs()[0], *model.graph.outputs().last().unwrap());
    Ensemble::of(&model.graph, &Wanted { input, output, threshold, range: (-1e4, 1e4) })
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

#[test]
fn the_trees_say_what_onnx_runtime_says_beside_every_edge() {
    let expected: Value = serde_json::from_slice(&std::fs::read(golden("expected.json")).unwrap()).unwrap();
    let mut wrong = Vec::new();
    for (name, case) in expected.as_object().unwrap() {
        let threshold = case["threshold"].as_f64();
        let trees = match trees(&read(name), threshold) {
            Ok(trees) => trees,
            Err(error) => {
                wrong.push(format!("{name}: {error}"));
                continue;
            }
        };
        let rows = case["points"].as_array().unwrap().iter().zip(case["scores"].as_array().unwrap());
        for (number, (point, scores)) in rows.enumerate() {
            let x: Vec<f32> = numbers(point).iter().map(|&v| v as f32).collect();
            let (sums, scores) = (trees.sums(&x), numbers(scores));
            let found = trees.outputs(&sums);
            let near = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-6 * b.abs().max(1.0);
            if found.len() != scores.len() || !found.iter().zip(&scores).all(near) {
                wrong.push(format!("{name} {number}: {found:?} where the file says {scores:?}"));
                break;
            }
            let class = match threshold {
                Some(threshold) => usize::from(scores[0] >= threshold),
                None => (0..scores.len()).rev().max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap(),
            };
            let mut leads = found.clone();
            leads.sort_by(|a, b| b.total_cmp(a));
            let is_tie = threshold.is_none() && leads[0] - leads[1] <= 1e-6;
            assert!(is_tie || trees.class(&sums) == class, "{name} {number}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_stands_in_the_way_is_named() {
    let model = read("groups");
    let (input, output) = (model.graph.inputs()[0], *model.graph.outputs().last().unwrap());
    let wanted = Wanted { input, output, threshold: None, range: (-1e4, 1e4) };
    assert!(Ensemble::of(&model.graph, &wanted).is_ok());
    // Numbers that no whole number of 64 bits is left of when they are cut off.
    let error = Ensemble::of(&model.graph, &Wanted { range: (-1e30, 1e30), ..wanted }).unwrap_err();
    assert!(matches!(&error, TreesError::Before { op, .. } if op == "Cast"), "{error}");
    let error = Ensemble::of(&model.graph, &Wanted { input: output, output: input, ..wanted }).unwrap_err();
    assert!(matches!(error, TreesError::Other { .. }), "{error}");
    assert!(trees(&read("modes"), None).unwrap_err().to_string().contains("its score does not belong to a class"));
}

#[test]
fn rounding_is_allowed_for_by_the_size_of_the_sums() {
    for (name, least, most) in [("halves", 1e-7, 1e-4), ("logistic_three", 1e-6, 1e3), ("opset5_softmax", 1e-6, 1e-3)] {
        let tolerance = trees(&read(name), None).unwrap().tolerance();
        assert!((least..most).contains(&tolerance), "{name}: {tolerance}");
    }
}
