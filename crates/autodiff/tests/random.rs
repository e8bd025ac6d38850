//! Random graphs over smooth operators: their gradients against central differences in f64 and against PyTorch.
#![expect(clippy::unwrap_used, reason = "a seed that gives no graph is a failure")]

use brinell_autodiff::vjp;
use brinell_graph::{DType, Op};
use brinell_testkit::{Array, RANDOM_CASES, RandomCase, Tolerance, eval, finite_difference, golden_dir};

/// What PyTorch says about a random graph.
#[derive(serde::Deserialize)]
struct Golden {
    /// The sum of all outputs times their cotangents.
    value: f64,
    /// Its gradients, in the order of the feeds.
    gradients: Vec<Vec<f64>>,
}

/// Returns the gradients by every feed.
fn gradients(case: &RandomCase) -> Result<Vec<Array>, String> {
    let mut graph = case.graph.clone();
    let wrt: Option<Vec<_>> = case.feeds.iter().map(|(name, _)| graph.find(name)).collect();
    let names: Vec<String> = (0..case.cotangents.len()).map(|i| format!("cotangent_{i}")).collect();
    let mut pairs = Vec::new();
    for (&output, name) in case.graph.outputs().iter().zip(&names) {
        let shape = case.graph.shape(output).ok_or("an output has no shape")?.to_vec();
        pairs.push((output, graph.input(name, DType::F32, shape)));
    }
    let gradients = vjp(&mut graph, &pairs, &wrt.ok_or("a feed is not in the graph")?).map_err(|e| e.to_string())?;
    graph.set_outputs(gradients);
    let mut feeds = case.named();
    feeds.extend(names.iter().map(String::as_str).zip(case.cotangents.iter().cloned()));
    eval(&graph, &feeds).map_err(|e| e.to_string())
}

fn against_differences(case: &RandomCase) -> Result<Vec<String>, String> {
    let found = gradients(case)?;
    let mut problems = Vec::new();
    for (found, (name, _)) in found.iter().zip(&case.feeds) {
        let expected = finite_difference(&case.graph, &case.named(), &case.cotangents, name).map_err(|e| e.to_string())?;
        problems.extend(Tolerance::Rounded.compare(found, &expected).map(|p| format!("{name}: {p}")));
    }
    Ok(problems)
}

fn against_pytorch(case: &RandomCase, golden: &Golden) -> Result<Vec<String>, String> {
    let scalar = |value| Array::new(&[], vec![value]);
    let mut problems: Vec<String> = Vec::new();
    problems.extend(Tolerance::Rounded.compare(&scalar(case.value()?), &scalar(golden.value)).map(|p| format!("value: {p}")));
    let found = gradients(case)?;
    if found.len() != golden.gradients.len() {
        return Err(format!("{} gradients, PyTorch has {}", found.len(), golden.gradients.len()));
    }
    for ((found, expected), (name, feed)) in found.iter().zip(&golden.gradients).zip(&case.feeds) {
        let expected = Array::new(&feed.shape, expected.clone());
        problems.extend(Tolerance::Rounded.compare(found, &expected).map(|p| format!("{name}: {p}")));
    }
    Ok(problems)
}

fn assert_all(check: impl Fn(u64, &RandomCase) -> Result<Vec<String>, String>) {
    let mut wrong = Vec::new();
    for seed in 0..RANDOM_CASES {
        let case = RandomCase::new(seed).unwrap();
        let problems = check(seed, &case).unwrap_or_else(|problem| vec![problem]);
        if !problems.is_empty() {
            let ops: Vec<&str> = case.graph.nodes().iter().map(|node| node.op.name()).collect();
            wrong.push(format!("seed {seed} ({}): {}", ops.join(" "), problems.join("; ")));
        }
    }
    assert!(wrong.is_empty(), "{} of {RANDOM_CASES} graphs\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn gradients_of_random_graphs_agree_with_central_differences() {
    assert_all(|_, case| against_differences(case));
}

#[test]
fn gradients_of_random_graphs_agree_with_pytorch() {
    let text = std::fs::read_to_string(golden_dir().join("random_graphs/gradients.json")).unwrap();
    let golden: Vec<Golden> = serde_json::from_str(&text).unwrap();
    assert_eq!(golden.len() as u64, RANDOM_CASES);
    assert_all(|seed, case| against_pytorch(case, &golden[seed as usize]));
}

#[test]
fn random_graphs_use_many_operators() {
    let mut names: Vec<String> = Vec::new();
    for seed in 0..RANDOM_CASES {
        let graph = RandomCase::new(seed).unwrap().graph;
        names.extend(graph.nodes().iter().map(|n| n.op.name().to_owned()));
        assert!(!graph.nodes().iter().any(|n| matches!(n.op, Op::Opaque(_))));
    }
    names.sort();
    names.dedup();
    assert!(names.len() > 25, "{names:?}");
}
