//! Bounds that another program computed (`golden_bounds.csv`, `../shared/data/README.md`).

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::Path;

use brinell_certify::{Method, Network, Query, lower_bounds};
use brinell_testkit::shared_data;

fn network(path: &Path) -> Network {
    let model = brinell_onnx::read_file(path).unwrap();
    Network::new(&model.graph, model.graph.outputs()[0]).unwrap()
}

#[test]
fn bounds_are_those_of_the_golden_file() {
    let Some(folder) = shared_data("certify") else { return };
    let text = std::fs::read_to_string(folder.join("golden_bounds.csv")).unwrap();
    let mut worst = [0.0_f64; 2];
    let (mut compared, mut last) = (0, None::<(String, Network)>);
    // One in four is enough for every network and every run of the tests.
    let stride = if cfg!(debug_assertions) { 4 } else { 1 };
    for line in text.lines().skip(1).step_by(stride) {
        let cells: Vec<&str> = line.split(',').collect();
        let [dir, onnx, vnnlib, _, _, _, _, ibp, crown] = cells.as_slice() else { panic!("{line}") };
        let path = format!("{dir}/{onnx}");
        if last.as_ref().is_none_or(|(name, _)| *name != path) {
            last = Some((path.clone(), network(&folder.join(&path))));
        }
        let network = &last.as_ref().unwrap().1;
        let query = Query::read(&std::fs::read_to_string(folder.join(dir).join(vnnlib)).unwrap()).unwrap();
        let case = &query.cases[0];
        for (which, (method, golden)) in [(Method::Intervals, ibp), (Method::Backward, crown)].into_iter().enumerate() {
            let golden: Vec<f64> = golden.split_whitespace().map(|x| x.parse().unwrap()).collect();
            let found = lower_bounds(network, &case.region, &case.property, method).unwrap();
            assert_eq!(found.len(), golden.len(), "{line}");
            for (found, golden) in found.iter().zip(&golden) {
                let error = (found - golden).abs() / golden.abs().max(1e-3);
                worst[which] = worst[which].max(error);
                assert!(error < 1e-6, "{path} {vnnlib} {method:?}: {found} is not {golden}");
                compared += 1;
            }
        }
    }
    println!("{compared} bounds, largest relative differences {worst:?}");
    assert!(compared > 100);
}
