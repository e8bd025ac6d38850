//! What is measured of one model.

use std::path::Path;
use std::sync::Arc;

use brinell_autodiff::vjp;
use brinell_engine::Runtime;
use brinell_graph::{DType, Dim, Graph, rebatch};
use serde_json::{Map, Value, json};

use crate::Runtimes;
use crate::model::{difference, distance, run};
use crate::reference::{Reference, Tensor};
use crate::step::step;

/// Adds the facts about a model: what fails has its reason in place of a number.
pub(crate) fn measure(path: &Path, reference: &Reference, runtimes: &Runtimes, facts: &mut Map<String, Value>) {
    let mut note = |name: &str, value: Result<Value, String>| {
        facts.insert(name.to_owned(), value.unwrap_or_else(|problem| json!({ "problem": problem })));
    };
    note("bytes", std::fs::metadata(path).map(|data| json!(data.len())).map_err(|e| e.to_string()));
    let model = match brinell_onnx::read_file(path) {
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
    note("pytorch", difference(&original, &reference.outputs).map(Value::from));
    let all = runtimes.ort.iter().map(|ort| ("onnxruntime", ort)).chain([("rten", &runtimes.rten)]);
    let differentiated = differentiate(&graph);
    for (name, runtime) in all {
        note(name, forward(&graph, runtime, reference).and_then(|found| difference(&found, &original)).map(Value::from));
        let gradient = differentiated.as_ref().map_err(Clone::clone).and_then(|graph| backward(graph, runtime, reference));
        note(&format!("{name}_gradient"), gradient.map(Value::from));
    }
    let runtime = runtimes.ort.as_ref().unwrap_or(&runtimes.rten);
    note("step", step(&graph, runtime, &reference.x).map(|step| json!([step.before, step.after, step.eps])));
}

/// Runs the file as it is.
fn original(path: &Path, graph: &Graph, runtime: &dyn Runtime, reference: &Reference) -> Result<Vec<Tensor>, String> {
    let mut session = runtime.compile_file(path).map_err(|e| e.to_string())?;
    run(session.as_mut(), &[(input_name(graph), &reference.x)])
}

fn input_name(graph: &Graph) -> &str {
    graph.inputs().first().map(|&id| graph.value(id).name.as_str()).unwrap_or_default()
}

fn forward(graph: &Graph, runtime: &Arc<dyn Runtime>, reference: &Reference) -> Result<Vec<Tensor>, String> {
    let bytes = brinell_onnx::write(graph).map_err(|e| e.to_string())?;
    let mut session = runtime.compile(&bytes).map_err(|e| e.to_string())?;
    run(session.as_mut(), &[(input_name(graph), &reference.x)])
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

fn backward(graph: &Graph, runtime: &Arc<dyn Runtime>, reference: &Reference) -> Result<f64, String> {
    let bytes = brinell_onnx::write(graph).map_err(|e| e.to_string())?;
    let mut session = runtime.compile(&bytes).map_err(|e| e.to_string())?;
    let names: Vec<String> = (0..reference.cotangents.len()).map(|i| format!("cotangent_{i}")).collect();
    let mut feeds = vec![(input_name(graph), &reference.x)];
    feeds.extend(names.iter().map(String::as_str).zip(&reference.cotangents));
    let found = run(session.as_mut(), &feeds)?;
    distance(found.first().ok_or("no gradient")?, &reference.gradient)
}
