//! Prints SUPPORTED-OPS.md: what is read, run, folded and differentiated, as ONNX's node tests and PyTorch's cases show it.
//! `cargo xtask ops` writes it to its place.
#![expect(clippy::print_stdout, reason = "the table is what the program is for")]

#[path = "../tests/common/typed.rs"]
mod typed;

use std::collections::BTreeMap;
use std::sync::Arc;

use brinell_autodiff::vjp;
use brinell_engine::{Running, Runtime, RuntimeChoice, open};
use brinell_graph::{DType, Graph};
use brinell_testkit::{Array, Case, NodeCase, Tolerance, Variant, golden_cases, node_cases};

/// What the cases of one operator showed.
#[derive(Default)]
struct Row {
    cases: usize,
    opaque: usize,
    /// Right answers on ONNX Runtime and on rten.
    right: [usize; 2],
    gradients: [usize; 3],
    reasons: Vec<String>,
}

/// What becomes of a gradient.
enum Gradient {
    Flows,
    Zero,
    Blocked,
}

fn main() -> Result<(), String> {
    let settings = Running::default();
    let ort =
        open(&Running { runtime: RuntimeChoice::OnnxRuntime, ..settings.clone() }).map_err(|e| format!("ONNX Runtime is needed: {e}"))?;
    let rten = open(&Running { runtime: RuntimeChoice::Rten, ..settings.clone() }).map_err(|e| e.to_string())?;
    let runtimes = [ort, rten];
    let mut rows: BTreeMap<(String, String), Row> = BTreeMap::new();
    for case in node_cases().map_err(|e| e.to_string())? {
        node_test(rows.entry((String::new(), case.op.clone())).or_default(), &case, &runtimes);
    }
    for case in golden_cases("quant").map_err(|e| e.to_string())? {
        for (domain, op) in case.operators().map_err(|e| e.to_string())? {
            if domain == "com.microsoft" {
                pytorch(rows.entry((domain, op)).or_default(), &case, &runtimes);
            }
        }
    }
    print(&rows, &runtimes);
    Ok(())
}

fn node_test(row: &mut Row, case: &NodeCase, runtimes: &[Arc<dyn Runtime>; 2]) {
    row.cases += 1;
    let Ok(model) = brinell_onnx::read(&case.bytes(), None) else { return };
    if let Some(node) = model.opaque().first() {
        row.opaque += 1;
        if !row.reasons.contains(&node.reason) {
            row.reasons.push(node.reason.clone());
        }
        return;
    }
    let feeds: Vec<(String, Array)> = case.feeds().into_iter().map(|(name, _, array)| (name.to_owned(), array)).collect();
    for (right, runtime) in row.right.iter_mut().zip(runtimes) {
        let found = typed::run(runtime.as_ref(), &model.graph, &feeds);
        *right += usize::from(found.is_ok_and(|found| case.problems(&found).is_empty()));
    }
    if let Some(gradient) = gradient(&model.graph) {
        row.gradients[gradient as usize] += 1;
    }
}

/// Follows the gradient from all outputs to all inputs of floating point; `None` where there are no such.
fn gradient(graph: &Graph) -> Option<Gradient> {
    let mut graph = graph.clone();
    let is_float = |graph: &Graph, id| graph.value(id).dtype.is_some_and(DType::is_float);
    let wrt: Vec<_> = graph.inputs().iter().copied().filter(|&id| is_float(&graph, id)).collect();
    let outputs: Vec<_> = graph.outputs().iter().copied().filter(|&id| is_float(&graph, id)).collect();
    let mut pairs = Vec::new();
    for id in outputs {
        let shape = graph.shape(id)?.to_vec();
        let dtype = if graph.value(id).dtype == Some(DType::F64) { DType::F64 } else { DType::F32 };
        pairs.push((id, graph.input("cotangent", dtype, shape)));
    }
    if wrt.is_empty() || pairs.is_empty() {
        return None;
    }
    let Ok(gradients) = vjp(&mut graph, &pairs, &wrt) else { return Some(Gradient::Blocked) };
    graph.set_outputs(gradients);
    let pruned = graph.dce();
    let used: Vec<_> = pruned.nodes().iter().flat_map(|node| node.inputs.iter().flatten()).chain(pruned.outputs()).collect();
    let seeded = pruned.inputs().iter().any(|id| pruned.value(*id).name.starts_with("cotangent") && used.contains(&id));
    Some(if seeded { Gradient::Flows } else { Gradient::Zero })
}

fn pytorch(row: &mut Row, case: &Case, runtimes: &[Arc<dyn Runtime>; 2]) {
    row.cases += 1;
    let Ok(graph) = case.graph(Variant::Fixed) else { return };
    let feeds: Vec<(String, Array)> = case.feeds(Variant::Fixed).into_iter().map(|(name, array)| (name.to_owned(), array)).collect();
    for (right, runtime) in row.right.iter_mut().zip(runtimes) {
        let near = |(found, expected): (&Array, &brinell_testkit::CaseOutput)| Tolerance::Loose.compare(found, &expected.value()).is_none();
        *right += usize::from(typed::run(runtime.as_ref(), &graph, &feeds).is_ok_and(|found| found.iter().zip(&case.outputs).all(near)));
    }
    if let Some(gradient) = gradient(&graph) {
        row.gradients[gradient as usize] += 1;
    }
}

fn share(n: usize, of: usize) -> String {
    match n {
        0 => "no".to_owned(),
        n if n == of => "yes".to_owned(),
        n => format!("{n} of {of}"),
    }
}

fn print(rows: &BTreeMap<(String, String), Row>, runtimes: &[Arc<dyn Runtime>; 2]) {
    println!(
        "# Operators\n\n\
Written by `cargo xtask ops`, checked by `cargo xtask ops --check`; do not edit. An operator that is not in the table, or an unsupported use of one,\n\
does not stop a model: its node is kept unchanged and runs if the runtime supports it. Only a gradient through\n\
it is an error, before anything runs, with the names of all such nodes. Attacks without gradients still work.\n\n\
- **opsets**: the opsets for which the operator is supported.\n\
- **cases**: ONNX's own node tests ({} runs are compared with their outputs), and PyTorch's cases for `com.microsoft`. Empty: the operator is\n\
  converted to others in this table, or never remains in a graph.\n\
- **onnxruntime {}, rten {}**: in how many cases the runtime computes the right result after reading and writing.\n\
- **gradient**: flows, is zero (the operator is piecewise constant), or is not supported (refused).\n",
        rows.values().map(|row| row.cases).sum::<usize>(),
        runtimes[0].version(),
        runtimes[1].version()
    );
    println!("| operator | opsets | cases | onnxruntime | rten | gradient | not supported |\n|---|---|---|---|---|---|---|");
    for operator in brinell_onnx::operators() {
        let name = if operator.domain.is_empty() { operator.name.to_owned() } else { format!("{}.{}", operator.domain, operator.name) };
        let opsets = match operator.opsets {
            Some((oldest, newest)) => format!("{oldest} to {newest}"),
            None => "1".to_owned(),
        };
        let Some(row) = rows.get(&(operator.domain.to_owned(), operator.name.to_owned())) else {
            println!("| {name} | {opsets} | | | | | |");
            continue;
        };
        let read = row.cases - row.opaque;
        let gradient = match row.gradients {
            [0, 0, 0] => "",
            [_, _, blocked] if blocked > 0 && row.gradients[0] == 0 => "refused",
            [_, _, blocked] if blocked > 0 => "flows, in part refused",
            [0, ..] => "zero",
            _ => "flows",
        };
        let [ort, rten] = row.right.map(|right| if read == 0 { String::new() } else { share(right, read) });
        println!("| {name} | {opsets} | {} | {ort} | {rten} | {gradient} | {} |", row.cases, row.reasons.join("; "));
    }
}
