//! Writes the random graphs of the tests for software of others: `random_graphs DIR` gives SEED.onnx and SEED.json, its feeds and
//! cotangents. `tests/golden/random_graphs.py` differentiates them.

use std::error::Error;
use std::path::Path;

use brinell_testkit::{Array, RANDOM_CASES, RandomCase};

fn array(array: &Array) -> serde_json::Value {
    serde_json::json!({ "shape": array.shape, "data": array.data })
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: random_graphs DIR")?;
    for seed in 0..RANDOM_CASES {
        let case = RandomCase::new(seed)?;
        let path = Path::new(&folder).join(format!("{seed}.onnx"));
        std::fs::write(&path, brinell_onnx::write(&case.graph)?)?;
        let feeds: Vec<_> = case.feeds.iter().map(|(name, value)| serde_json::json!([name, array(value)])).collect();
        let cotangents: Vec<_> = case.cotangents.iter().map(array).collect();
        std::fs::write(path.with_extension("json"), serde_json::json!({ "feeds": feeds, "cotangents": cotangents }).to_string())?;
    }
    Ok(())
}
