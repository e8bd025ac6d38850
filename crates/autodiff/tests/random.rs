//! Random graphs over smooth operators: their gradients against central differences in f64.

use brinell_autodiff::vjp;
use brinell_graph::{DType, Op};
use brinell_testkit::{Array, Rng, Tolerance, eval, finite_difference, random_graph};

const GRAPHS: u64 = 100;
const BATCH: usize = 2;

/// Returns what is wrong with the gradient of x, and of the first weight where there is one.
fn problems(seed: u64) -> Result<Vec<String>, String> {
    let mut rng = Rng::new(seed ^ 0x5eed);
    let graph = random_graph(seed, 10).map_err(|e| e.to_string())?;
    let x = graph.find("x").ok_or("no x")?;
    let weight = graph.constants().find(|&(id, _)| graph.value(id).name.starts_with("weight"));
    let mut feeds = vec![("x", rng.array(&[BATCH, 2, 4, 4]))];
    let mut wrt = vec![x];
    if let Some((id, tensor)) = weight {
        wrt.push(id);
        feeds.extend(Array::from_tensor(tensor).map(|array| (graph.value(id).name.as_str(), array)));
    }
    let outputs = eval(&graph, &feeds).map_err(|e| e.to_string())?;
    let seeds: Vec<Array> = outputs.iter().map(|o| rng.array(&o.shape)).collect();

    let mut differentiated = graph.clone();
    let names: Vec<String> = (0..seeds.len()).map(|i| format!("cotangent_{i}")).collect();
    let mut pairs = Vec::new();
    for (&output, name) in graph.outputs().iter().zip(&names) {
        let shape = graph.shape(output).ok_or("an output has no shape")?.to_vec();
        pairs.push((output, differentiated.input(name, DType::F32, shape)));
    }
    let gradients = vjp(&mut differentiated, &pairs, &wrt).map_err(|e| e.to_string())?;
    differentiated.set_outputs(gradients);
    let mut seeded = feeds.clone();
    seeded.extend(names.iter().map(String::as_str).zip(seeds.iter().cloned()));
    let found = eval(&differentiated, &seeded).map_err(|e| e.to_string())?;

    let mut problems = Vec::new();
    for (found, (name, _)) in found.iter().zip(&feeds) {
        let expected = finite_difference(&graph, &feeds, &seeds, name).map_err(|e| e.to_string())?;
        problems.extend(Tolerance::Rounded.compare(found, &expected).map(|p| format!("{name}: {p}")));
    }
    Ok(problems)
}

#[test]
fn gradients_of_random_graphs_agree_with_central_differences() {
    let mut wrong = Vec::new();
    for seed in 0..GRAPHS {
        let problems = problems(seed).unwrap_or_else(|problem| vec![problem]);
        if !problems.is_empty() {
            let ops: Vec<String> =
                random_graph(seed, 10).map(|g| g.nodes().iter().map(|n| n.op.name().to_owned()).collect()).unwrap_or_default();
            wrong.push(format!("seed {seed} ({}): {}", ops.join(" "), problems.join("; ")));
        }
    }
    assert!(wrong.is_empty(), "{} of {GRAPHS} graphs\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn random_graphs_use_many_operators() {
    let mut names: Vec<String> = Vec::new();
    for seed in 0..GRAPHS {
        let graph = random_graph(seed, 10).unwrap();
        names.extend(graph.nodes().iter().map(|n| n.op.name().to_owned()));
        assert!(!graph.nodes().iter().any(|n| matches!(n.op, Op::Opaque(_))));
    }
    names.sort();
    names.dedup();
    assert!(names.len() > 25, "{names:?}");
}
