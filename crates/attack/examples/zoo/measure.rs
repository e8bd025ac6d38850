//! What is measured of one model.

use std::path::Path;
use std::sync::Arc;

use brinell_autodiff::vjp;
use brinell_engine::Runtime;
use brinell_graph::{DType, Dim, Graph, rebatch};
use brinell_onnx::Known;
use serde_json::{Map, Value, json};

use crate::Runtimes;
use crate::model::{difference, distances, run};
use crate::reference::{Reference, Tensor};
use crate::slope::slopes;
use crate::step::{refused, step};

/// Differences beyond this are looked into.
const SUSPECT: f64 = 1e-4;

/// Adds the facts about a model: what fails has its reason in place of a number.
pub(crate) fn measure(path: &Path, reference: &Reference, runtimes: &Runtimes, facts: &mut Map<String, Value>) {
    let mut note = |name: &str, value: Result<Value, String>| {
        facts.insert(name.to_owned(), value.unwrap_or_else(|problem| json!({ "problem": problem })));
    };
    note("bytes", std::fs::metadata(path).map(|data| json!(data.len())).map_err(|e| e.to_string()));
    let known = Known { sample: reference.facts.get("sample").and_then(sizes), values: reference.held.clone(), ..Known::default() };
    let model = match brinell_onnx::read_file_knowing(path, &known) {
        Ok(model) => model,
        Err(error) => return note("loads", Err(error.to_string())),
    };
    note("loads", Ok(json!(true)));
    let unread: Vec<String> = model.opaque().iter().map(|node| format!("{} `{}`: {}", node.op, node.name, node.reason)).collect();
    note("unread", Ok(json!(unread)));
    // A batch that is fixed is freed where that can be done, as an audit does.
    let fixed = model.graph.inputs().iter().any(|&id| matches!(model.graph.shape(id), Some([Dim::Fixed(_), ..])));
    let graph = if fixed { rebatch(&model.graph).unwrap_or_else(|_| model.graph.clone()) } else { model.graph.clone() };
    let shapes = graph.outputs().iter().map(|&id| graph.shape(id).map(|shape| shape.iter().map(ToString::to_string).collect::<Vec<_>>()));
    note("shapes", Ok(json!(shapes.collect::<Vec<_>>())));

    let original = match &runtimes.ort {
        Some(ort) => original(path, &model.graph, ort.as_ref(), reference),
        None => Ok(reference.outputs.clone()),
    };
    let original = match original {
        Ok(original) => original,
        Err(problem) => return note("original", Err(problem)),
    };
    if reference.gradient.is_some() {
        note("pytorch", difference(&original, &reference.outputs).map(Value::from));
    }
    let all = runtimes.ort.iter().map(|ort| ("onnxruntime", ort)).chain([("rten", &runtimes.rten)]);
    let differentiated = differentiate(&graph);
    let mut suspicious = false;
    for (name, runtime) in all {
        let mut far = forward(&graph, runtime, reference).and_then(|found| difference(&found, &original));
        if far.as_ref().is_ok_and(|&far| far > SUSPECT) {
            // An audit refuses a runtime that is known to compute an operator otherwise, and says so.
            far = refused(&graph, runtime).map_or(far, Err);
        }
        note(name, far.map(Value::from));
        let found = differentiated.as_ref().map_err(Clone::clone).and_then(|graph| backward(graph, runtime, reference, &reference.x));
        let Some(expected) = &reference.gradient else {
            let far = found.and_then(|found| slopes(path, runtimes, reference, &found));
            note(&format!("{name}_slope"), far.map(Value::from));
            continue;
        };
        let far = found.and_then(|found| median(&found, expected));
        suspicious |= far.as_ref().is_ok_and(|&far| far > SUSPECT);
        note(&format!("{name}_gradient"), far.map(Value::from));
    }
    let runtime = runtimes.ort.as_ref().unwrap_or(&runtimes.rten);
    if let (true, Ok(graph)) = (suspicious, &differentiated) {
        note("noise", noise(graph, runtime, reference).map(Value::from));
    }
    note("step", step(&graph, runtime, &reference.x).map(|step| json!([step.before, step.after, step.eps])));
}

/// Runs the file as it is.
fn original(path: &Path, graph: &Graph, runtime: &dyn Runtime, reference: &Reference) -> Result<Vec<Tensor>, String> {
    let mut session = runtime.compile_file(path).map_err(|e| e.to_string())?;
    run(session.as_mut(), &[(input_name(graph), &reference.x)], &reference.held)
}

fn sizes(value: &Value) -> Option<Vec<usize>> {
    value.as_array()?.iter().map(|size| usize::try_from(size.as_u64()?).ok()).collect()
}

fn input_name(graph: &Graph) -> &str {
    graph.inputs().first().map(|&id| graph.value(id).name.as_str()).unwrap_or_default()
}

fn forward(graph: &Graph, runtime: &Arc<dyn Runtime>, reference: &Reference) -> Result<Vec<Tensor>, String> {
    let bytes = brinell_onnx::write(graph).map_err(|e| e.to_string())?;
    let mut session = runtime.compile(&bytes.into()).map_err(|e| e.to_string())?;
    run(session.as_mut(), &[(input_name(graph), &reference.x)], &reference.held)
}

/// The graph of the gradient by the input, with a cotangent for every output of floating point.
fn differentiate(graph: &Graph) -> Result<Graph, String> {
    let mut graph = graph.clone();
    let &[input] = graph.inputs() else { return Err(format!("the model has {} inputs", graph.inputs().len())) };
    let outputs: Vec<_> = graph.outputs().to_vec();
    let mut pairs = Vec::new();
    for (i, id) in outputs.into_iter().enumerate() {
        if graph.value(id).dtype.is_some_and(DType::is_float) {
            let shape = graph.shape(id).ok_or_else(|| format!("the shape of output {i} is not known"))?.to_vec();
            pairs.push((id, graph.input(&format!("cotangent_{i}"), DType::F32, shape)));
        }
    }
    let gradients = vjp(&mut graph, &pairs, &[input]).map_err(|e| e.to_string())?;
    graph.set_outputs(gradients);
    Ok(graph.dce())
}

/// The gradient at `x`.
fn backward(graph: &Graph, runtime: &Arc<dyn Runtime>, reference: &Reference, x: &Tensor) -> Result<Tensor, String> {
    let bytes = brinell_onnx::write(graph).map_err(|e| e.to_string())?;
    let mut session = runtime.compile(&bytes.into()).map_err(|e| e.to_string())?;
    let names: Vec<String> = (0..reference.cotangents.len()).map(|i| format!("cotangent_{i}")).collect();
    let mut feeds = vec![(input_name(graph), x)];
    feeds.extend(names.iter().map(String::as_str).zip(&reference.cotangents));
    run(session.as_mut(), &feeds, &reference.held)?.into_iter().next().ok_or_else(|| "no gradient".to_owned())
}

fn median(found: &Tensor, expected: &Tensor) -> Result<f64, String> {
    let distances = distances(found, expected)?;
    distances.get(distances.len() / 2).copied().ok_or_else(|| "no sample".to_owned())
}

/// How far the gradient of the most delicate sample moves where every value of the input moves by the rounding of a number near 1. Where
/// that is much, values lie at kinks, and gradients in f32 are off by as much without being wrong.
fn noise(graph: &Graph, runtime: &Arc<dyn Runtime>, reference: &Reference) -> Result<f64, String> {
    let mut moved = reference.x.clone();
    moved.data.iter_mut().zip([1.0, -1.0, -1.0, 1.0, -1.0].iter().cycle()).for_each(|(x, sign)| *x += sign * f32::EPSILON);
    let (here, there) = (backward(graph, runtime, reference, &reference.x)?, backward(graph, runtime, reference, &moved)?);
    distances(&there, &here)?.last().copied().ok_or_else(|| "no sample".to_owned())
}
