//! Every real model in `../shared/data` is read, written, read again and given a free batch.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use brinell_graph::{DType, Dim, Graph, Tensor, ValueId, cost, rebatch};

fn models(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            models(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "onnx") {
            found.push(path);
        }
    }
}

fn data() -> Vec<PathBuf> {
    let mut found = Vec::new();
    if let Some(folder) = brinell_testkit::shared_data("") {
        models(&folder, &mut found);
        assert!(!found.is_empty(), "there are no models in {}", folder.display());
    }
    found.sort();
    found
}

/// Name, shape, type and elements of a constant.
type Constant = (String, Vec<usize>, DType, Option<Vec<f64>>);

fn constants(graph: &Graph) -> Vec<Constant> {
    let constant =
        |(id, tensor): (ValueId, &Arc<Tensor>)| (graph.value(id).name.clone(), tensor.shape().to_vec(), tensor.dtype(), tensor.to_f64());
    let mut constants: Vec<Constant> = graph.constants().map(constant).collect();
    constants.sort_by(|a, b| a.0.cmp(&b.0));
    constants
}

#[test]
fn writing_and_reading_again_gives_the_same_graph() {
    for path in data() {
        let model = brinell_onnx::read_file(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let bytes = brinell_onnx::write(&model.graph).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let again = brinell_onnx::read(&bytes, None).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert!(again.graph.to_string() == model.graph.to_string(), "{}", path.display());
        assert!(constants(&again.graph) == constants(&model.graph), "{}", path.display());
    }
}

#[test]
fn every_model_gets_a_free_batch() {
    for path in data() {
        let model = brinell_onnx::read_file(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let free = rebatch(&model.graph).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        for &id in free.inputs().iter().chain(free.outputs()) {
            assert_eq!(free.shape(id).and_then(<[Dim]>::first), Some(&Dim::Batch(1)), "{}", path.display());
        }
        brinell_onnx::write(&free).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    }
}

#[test]
fn only_the_tree_ensemble_is_opaque() {
    for path in data() {
        let model = brinell_onnx::read_file(&path).unwrap();
        let opaque: Vec<String> = model.opaque().into_iter().map(|node| node.op).collect();
        let expected: &[&str] = match path.file_name().and_then(|name| name.to_str()) {
            Some("fraudurl_safe_trees.onnx") => &["ai.onnx.ml.TreeEnsembleRegressor"],
            _ => &[],
        };
        assert_eq!(opaque, expected, "{}", path.display());
    }
}

#[test]
fn known_sizes_are_counted() {
    for path in data() {
        if path.ends_with("imagenet/efficientnet_lite0.onnx") {
            // The paper's table says 4.7 M parameters and 407 M multiply-adds.
            let cost = cost(&brinell_onnx::read_file(&path).unwrap().graph);
            assert!((4_600_000..4_700_000).contains(&cost.parameters), "{cost:?}");
            assert!(cost.macs.is_some_and(|macs| (380_000_000..410_000_000).contains(&macs)), "{cost:?}");
        }
    }
}
