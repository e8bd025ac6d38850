//! Support vector machines as standard operators, beside scores and central differences of ONNX Runtime (`tests/golden/svm`).
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::{Path, PathBuf};

use brinell_autodiff::vjp;
use brinell_graph::{DType, Dim, Graph, ValueId};
use brinell_testkit::{Array, eval};
use serde_json::Value;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/svm").join(name)
}

fn expected() -> Value {
    serde_json::from_slice(&std::fs::read(golden("expected.json")).unwrap()).unwrap()
}

fn read(name: &str, output: &str) -> (Graph, ValueId, ValueId) {
    let mut graph = brinell_onnx::read_file(&golden(&format!("{name}.onnx"))).unwrap().graph;
    let scores = graph.outputs().iter().copied().find(|&id| graph.value(id).name == output).unwrap();
    graph.set_outputs(vec![scores]);
    let graph = graph.dce();
    let (input, scores) = (graph.inputs()[0], graph.outputs()[0]);
    (graph, input, scores)
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

#[test]
fn scores_and_gradients_are_those_of_onnx_runtime() {
    let all = expected();
    let points: Vec<Vec<f64>> = all["points"].as_array().unwrap().iter().map(numbers).collect();
    let (n, width) = (points.len(), points[0].len());
    let x = Array::new(&[n, width], points.concat());
    let step = all["step"].as_f64().unwrap();
    for (name, case) in all.as_object().unwrap().iter().filter(|(name, case)| case.is_object() && *name != "probabilities") {
        let (mut graph, input, scores) = read(name, case["output"].as_str().unwrap());
        assert_eq!(graph.opaque_nodes().count(), 0, "{name}");
        let wanted: Vec<Vec<f64>> = case["scores"].as_array().unwrap().iter().map(numbers).collect();
        let found = eval(&graph, &[(graph.value(input).name.clone().as_str(), x.clone())]).unwrap().remove(0);
        let classes = wanted[0].len();
        for (a, b) in found.data.iter().zip(wanted.concat()) {
            assert!((a - b).abs() <= 1e-5 * b.abs().max(1.0), "{name}: {a} where the file says {b}");
        }
        let seed = graph.input("seed", DType::F32, vec![Dim::Batch(1), Dim::Fixed(classes)]);
        let gradient = vjp(&mut graph, &[(scores, seed)], &[input]).unwrap()[0];
        graph.set_outputs(vec![gradient]);
        for class in 0..classes {
            let one = Array::from_fn(&[n, classes], |at| f64::from(u8::from(at[1] == class)));
            let feeds = [(graph.value(input).name.clone(), x.clone()), ("seed".to_owned(), one)];
            let feeds: Vec<(&str, Array)> = feeds.iter().map(|(name, array)| (name.as_str(), array.clone())).collect();
            let gradient = eval(&graph, &feeds).unwrap().remove(0);
            for (row, differences) in case["gradients"].as_array().unwrap().iter().enumerate() {
                // Votes of one class against another jump where a sum changes its sign; the differences across a jump say nothing.
                for (axis, wanted) in numbers(&differences[class]).into_iter().enumerate() {
                    let found = gradient.data[row * width + axis];
                    let jumps = wanted.abs() > 0.4 / step;
                    assert!(
                        jumps || (found - wanted).abs() <= 5e-3 * wanted.abs().max(1.0),
                        "{name} {row} {class} {axis}: {found}, {wanted}"
                    );
                }
            }
        }
    }
}

#[test]
fn probabilities_are_carried_along() {
    let (graph, ..) = read("probabilities", "probabilities");
    let reasons: Vec<String> = graph.opaque_nodes().map(|(_, _, op)| op.reason.clone()).collect();
    assert_eq!(reasons.len(), 1);
    assert!(reasons[0].contains("raw_scores"), "{reasons:?}");
}
