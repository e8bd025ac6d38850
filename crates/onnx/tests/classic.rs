//! Classic models as skl2onnx wrote them (`tests/golden/classic`).
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::{Path, PathBuf};

use brinell_graph::{DType, Dim, Graph, Op, OpaqueOp, ValueId};
use brinell_onnx::{Decision, Ensemble, Model, TreesError, Wanted};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/classic").join(name)
}

fn read(name: &str) -> Model {
    brinell_onnx::read_file(&golden(name)).unwrap()
}

fn rows(table: &str) -> Vec<Vec<f32>> {
    let text = std::fs::read_to_string(golden(table)).unwrap();
    text.lines().skip(1).map(|line| line.split(',').take(3).map(|cell| cell.parse().unwrap()).collect()).collect()
}

fn trees(graph: &Graph, output: ValueId, threshold: Option<f64>) -> Result<Ensemble, TreesError> {
    Ensemble::of(graph, &Wanted { input: graph.inputs()[0], output, threshold, range: (-1e6, 1e6) })
}

#[test]
fn the_trees_say_what_scikit_learn_says() {
    let expected: serde_json::Value = serde_json::from_slice(&std::fs::read(golden("expected.json")).unwrap()).unwrap();
    for (name, table) in [("forest", "three.csv"), ("boosted", "two.csv")] {
        let model = read(&format!("{name}.onnx"));
        let names = model.class_labels.as_ref().unwrap().names();
        let trees = trees(&model.graph, model.graph.outputs()[1], None).unwrap();
        assert_eq!(trees.roots.len(), 8);
        let said: Vec<String> = rows(table).iter().map(|x| names[trees.class(&trees.sums(x))].clone()).collect();
        let labels: Vec<&str> = expected[name]["labels"].as_array().unwrap().iter().map(|label| label.as_str().unwrap()).collect();
        assert_eq!(said, labels, "{name}");
    }
    assert_eq!(read("boosted.onnx").graph.shape(read("boosted.onnx").graph.outputs()[1]), Some(&[Dim::Batch(1), Dim::Fixed(2)][..]));
}

#[test]
fn linear_models_leave_nothing_unread_before_their_scores() {
    let mut model = read("logistic.onnx");
    let scores = model.graph.outputs()[1];
    model.graph.set_outputs(vec![scores]);
    assert_eq!(model.graph.dce().opaque_nodes().count(), 0);
    assert!(matches!(trees(&model.graph, scores, None), Err(TreesError::Other { .. })));
    assert!(read("vectors.onnx").reversed && !model.reversed);
    assert_eq!(model.class_labels.unwrap().ranks(), [0, 1, 2]);
}

/// An attribute as it stands in a file: name, field of its values, and the values.
fn attribute(name: &str, field: u8, values: &[&[u8]]) -> Vec<u8> {
    let mut bytes = vec![0x0a, name.len() as u8];
    bytes.extend_from_slice(name.as_bytes());
    for value in values {
        bytes.push(field);
        bytes.extend_from_slice(value);
    }
    bytes
}

/// A regressor of one split with a test of this mode at 0.5, whose sides return 1 and 2.
fn regressor(mode: &str, yes: u8) -> Result<Ensemble, TreesError> {
    let ints = |name: &str, values: [u8; 3]| attribute(name, 0x40, &values.each_ref().map(std::slice::from_ref));
    let pair = |name: &str, values: [u8; 2]| attribute(name, 0x40, &values.each_ref().map(std::slice::from_ref));
    let text = |text: &str| [&[text.len() as u8], text.as_bytes()].concat();
    let float = |x: f32| x.to_le_bytes();
    let attributes = vec![
        ints("nodes_treeids", [0, 0, 0]),
        ints("nodes_nodeids", [0, 1, 2]),
        ints("nodes_truenodeids", [yes, 0, 0]),
        ints("nodes_falsenodeids", [2, 0, 0]),
        ints("nodes_featureids", [0, 0, 0]),
        attribute("nodes_values", 0x3d, &[&float(0.5), &float(0.0), &float(0.0)]),
        attribute("nodes_modes", 0x4a, &[&text(mode), &text("LEAF"), &text("LEAF")]),
        pair("target_treeids", [0, 0]),
        pair("target_nodeids", [1, 2]),
        pair("target_ids", [0, 0]),
        attribute("target_weights", 0x3d, &[&float(1.0), &float(2.0)]),
    ];
    let op = OpaqueOp {
        domain: "ai.onnx.ml".into(),
        op_type: "TreeEnsembleRegressor".into(),
        opset: 3,
        attributes,
        reason: String::new(),
        follows: false,
        captures: 0,
    };
    let mut graph = Graph::new("one");
    let x = graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(1)]);
    let y = graph.push("trees", Op::Opaque(op), vec![Some(x)], &[Some("y")]).unwrap()[0].unwrap();
    trees(&graph, y, Some(1.5f64.next_up()))
}

#[test]
fn every_test_is_that_of_its_mode() {
    let half = 0.5f32;
    for (mode, sums) in [
        ("BRANCH_LEQ", [1.0, 1.0, 2.0]),
        ("BRANCH_LT", [1.0, 2.0, 2.0]),
        ("BRANCH_GTE", [2.0, 1.0, 1.0]),
        ("BRANCH_GT", [2.0, 2.0, 1.0]),
        ("BRANCH_EQ", [2.0, 1.0, 2.0]),
        ("BRANCH_NEQ", [1.0, 2.0, 1.0]),
    ] {
        let trees = regressor(mode, 1).unwrap();
        let found = [half.next_down(), half, half.next_up()].map(|x| trees.sums(&[x])[0]);
        assert_eq!(found, sums, "{mode}");
        // The largest score in single precision that is below the threshold.
        assert_eq!(trees.decision, Decision::Above(1.5));
        assert_eq!((trees.class(&[1.5]), trees.class(&[1.6])), (0, 1));
    }
}

#[test]
fn what_is_no_tree_is_refused() {
    for (mode, yes, expected) in [
        ("BRANCH_LIKE", 1, "branches of mode `BRANCH_LIKE` are unknown"),
        ("BRANCH_LEQ", 0, "leads back"),
        ("BRANCH_LEQ", 7, "does not exist"),
    ] {
        let error = regressor(mode, yes).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
