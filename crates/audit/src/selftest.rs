//! The contract of the attacks, run on a real runtime: each case is an ONNX graph that is differentiated, written and compiled like any model.

use std::path::Path;
use std::sync::Arc;

use brinell_attack::driver::Model;
use brinell_contract::{Finding, Harness, Layer, Problem, check, degenerate_problems, problems};
use brinell_engine::{Artefact, Oracle, OracleError, Preprocess, Running, Runtime, open};
use brinell_graph::{DType, Dim, Graph, GraphError, Op, Tensor, TensorData, ValueId};
use brinell_record::FileError;
use brinell_threat::Norm;
use serde::Serialize;

use crate::AuditError;

/// What one attack showed on one runtime.
#[derive(Debug, Clone)]
pub struct Tested {
    /// Name of the attack.
    pub attack: String,
    /// What was found, check by check.
    pub findings: Vec<Finding>,
}

/// Runs the contract of `attacks`, or of all, on a runtime; `done` hears of each attack when it is through.
///
/// # Errors
/// [`AuditError::Contract`] where a case cannot be run, [`AuditError::Subject`] without the runtime, [`AuditError::Attack`] for an
/// unknown attack. What an attack fails at is in the findings.
pub fn selftest(attacks: &[String], running: &Running, done: &mut dyn FnMut(&Tested)) -> Result<(String, Vec<Tested>), AuditError> {
    let runtime = open(running)?;
    let harness = Harness::new(running.thread_count().get())?;
    // The models of the contract have no trees.
    let known = brinell_attack::attacks().filter(|attack| !attack.reads_trees);
    let mut names: Vec<String> = known.map(|attack| attack.name.to_owned()).collect();
    if !attacks.is_empty() {
        for name in attacks {
            brinell_attack::recipe(name)?;
        }
        names.retain(|name| attacks.contains(name));
    }
    let mut tested = Vec::new();
    for attack in names {
        let findings = check(&attack, &harness, &mut |problem, head| {
            let mut oracle = oracle(problem, &runtime)?;
            if brinell_attack::recipe(&attack).is_ok_and(|recipe| recipe.needs_gradient()) {
                oracle.prepare(head)?;
            }
            Ok(Box::new(oracle) as Box<dyn Model>)
        })?;
        let result = Tested { attack, findings };
        done(&result);
        tested.push(result);
    }
    Ok((format!("{} {}", runtime.name(), runtime.version()), tested))
}

fn oracle(problem: &Problem, runtime: &Arc<dyn Runtime>) -> Result<Oracle, OracleError> {
    let graph = graph(problem)?;
    let preprocess = Preprocess::new(&Artefact::default(), &problem.shape, &problem.shape).map_err(|error| {
        OracleError::Graph(GraphError::Shape { node: problem.name.clone(), op: "preprocessing".to_owned(), problem: error.to_string() })
    })?;
    Oracle::new(&graph, &preprocess, Arc::clone(runtime), 1)
}

/// Returns the problem's net as a graph: input `x` [B, ..shape], output `logits` [B, K].
fn graph(problem: &Problem) -> Result<Graph, GraphError> {
    let mut graph = Graph::new("contract");
    let shape = std::iter::once(Dim::Batch(1)).chain(problem.shape.iter().map(|&n| Dim::Fixed(n))).collect();
    let x = graph.input("x", DType::F32, shape);
    let mut value = graph.add(Op::Reshape { shape: vec![Dim::Batch(1), Dim::Fixed(problem.x.len())] }, &[x])?;
    if let Some(hidden) = &problem.net.hidden {
        value = linear(&mut graph, value, hidden)?;
        value = graph.add(Op::Relu, &[value])?;
    }
    value = linear(&mut graph, value, &problem.net.output)?;
    let outputs = graph.push("logits", Op::Identity, vec![Some(value)], &[Some("logits")])?;
    graph.set_outputs(outputs.into_iter().flatten().collect());
    Ok(graph)
}

fn linear(graph: &mut Graph, x: ValueId, layer: &Layer) -> Result<ValueId, GraphError> {
    let (rows, columns) = (layer.weights.len(), layer.weights.first().map_or(0, Vec::len));
    let mut constant = |name: &str, shape: Vec<usize>, values: Vec<f32>| {
        let tensor = Tensor::new(shape, TensorData::F32(values)).ok_or_else(|| GraphError::Shape {
            node: name.to_owned(),
            op: "constant".to_owned(),
            problem: "a row of weights has another length".to_owned(),
        })?;
        Ok::<_, GraphError>(graph.constant(name, tensor))
    };
    let w = constant("weight", vec![rows, columns], layer.weights.concat())?;
    let b = constant("bias", vec![rows], layer.bias.clone())?;
    graph.add(Op::Gemm { alpha: 1.0, beta: 1.0, trans_a: false, trans_b: true }, &[x, w, b])
}

/// One case of `cases.json`, for other programs.
#[derive(Serialize)]
struct Case<'a> {
    name: &'a str,
    model: String,
    shape: &'a [usize],
    x: &'a [f32],
    label: usize,
    /// Smallest distance of another class, by norm.
    optimum: std::collections::BTreeMap<&'static str, Option<f64>>,
}

/// Writes every case into a folder: an ONNX model each, and `cases.json` with inputs, labels and optima, so that other libraries can be held to
/// the same contract. Returns the number of cases.
///
/// # Errors
/// [`AuditError::File`]; [`AuditError::Ledger`] where the folder has cases already.
pub fn write_cases(folder: &Path) -> Result<usize, AuditError> {
    let list = folder.join("cases.json");
    if list.exists() {
        return Err(brinell_ledger::LedgerError::OutExists { path: folder.to_path_buf() }.into());
    }
    std::fs::create_dir_all(folder).map_err(FileError::on("create the folder", folder))?;
    let all: Vec<(Problem, bool)> = problems().into_iter().map(|problem| (problem, true)).chain(degenerate_problems()).collect();
    let mut cases = Vec::new();
    for (number, (problem, exists)) in all.iter().enumerate() {
        let model = format!("{number:02}.onnx");
        let bytes = graph(problem).map_err(OracleError::Graph).and_then(|graph| Ok(brinell_onnx::write(&graph)?))?;
        let path = folder.join(&model);
        std::fs::write(&path, bytes).map_err(FileError::on("write to", &path))?;
        let optimum = Norm::ALL.into_iter().map(|norm| {
            let distance = problem.optimum(norm);
            (norm.name(), (*exists && distance.is_finite()).then_some(distance))
        });
        cases.push(Case {
            name: &problem.name,
            model,
            shape: &problem.shape,
            x: &problem.x,
            label: problem.label,
            optimum: optimum.collect(),
        });
    }
    brinell_ledger::run::write_json(&list, &cases)?;
    Ok(cases.len())
}
