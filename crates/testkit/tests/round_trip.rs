//! What the writer writes and the reader reads back computes the same.

use brinell_graph::{DType, Graph};
use brinell_testkit::{Array, GOLDEN_FAMILIES, Rng, Tolerance, eval, golden_cases, random_graph};

/// Returns the graph after a trip through ONNX bytes.
fn through_bytes(graph: &Graph) -> Result<Graph, String> {
    let bytes = brinell_onnx::write(graph).map_err(|e| e.to_string())?;
    let model = brinell_onnx::read(&bytes, None).map_err(|e| e.to_string())?;
    match model.opaque().first() {
        Some(node) => Err(format!("{} came back opaque: {}", node.op, node.reason)),
        None => Ok(model.graph),
    }
}

fn problems(graph: &Graph, feeds: &[(&str, Array)]) -> Result<Vec<String>, String> {
    let expected = eval(graph, feeds).map_err(|e| e.to_string())?;
    let again = through_bytes(graph)?;
    let found = eval(&again, feeds).map_err(|e| e.to_string())?;
    Ok(found.iter().zip(&expected).filter_map(|(f, e)| Tolerance::Close.compare(f, e)).collect())
}

#[test]
fn golden_cases_survive() {
    for family in GOLDEN_FAMILIES {
        for case in golden_cases(family).unwrap() {
            for variant in case.variants() {
                let graph = case.graph(variant).unwrap();
                let found = problems(&graph, &case.feeds(variant));
                assert_eq!(found, Ok(Vec::new()), "{family}, {} ({variant:?})", case.name);
            }
        }
    }
}

#[test]
fn random_graphs_survive() {
    for seed in 0..100 {
        let graph = random_graph(seed, 12).unwrap();
        let x = Rng::new(seed).array(&[3, 2, 4, 4]);
        assert_eq!(problems(&graph, &[("x", x)]), Ok(Vec::new()), "seed {seed}");
    }
}

#[test]
fn inputs_keep_their_types_and_shapes() {
    let graph = random_graph(1, 8).unwrap();
    let again = through_bytes(&graph).unwrap();
    for (&before, &after) in graph.inputs().iter().zip(again.inputs()) {
        assert_eq!(graph.value(before), again.value(after));
        assert_eq!(again.value(after).dtype, Some(DType::F32));
    }
}
