//! Loss heads against PyTorch: value and gradient by the logits, through the general rules and through the closed form
//! that `gradient_graph` uses.

use brinell_autodiff::{Loss, gradient_graph, head, vjp};
use brinell_graph::{DType, Dim, Graph, Op, ValueId};
use brinell_testkit::{Array, Case, CaseOutput, Tolerance, eval, golden_cases};

struct Example {
    loss: Loss,
    logits: Array,
    label: Array,
    target: Array,
    value: Array,
    cotangent: Array,
    gradient: Array,
}

fn one_hot(classes: &Array, n: usize) -> Array {
    Array::from_fn(&[classes.data.len(), n], |at| f64::from(u8::from(classes.data[at[0]] == at[1] as f64)))
}

fn example(case: &Case) -> Option<Example> {
    let name = case.name.split('_').next()?;
    let input = |name: &str| case.inputs.iter().find(|i| i.name == name).map(|i| i.value());
    let logits = input("z")?;
    let classes = logits.shape[1];
    let output: &CaseOutput = case.outputs.first()?;
    Some(Example {
        loss: Loss::from_name(name).ok()?,
        label: one_hot(&input("y")?, classes),
        target: one_hot(&input("t")?, classes),
        value: output.value(),
        cotangent: output.cotangent()?,
        gradient: case.gradients().into_iter().next()?.1,
        logits,
    })
}

fn logits_graph(classes: usize) -> (Graph, ValueId, ValueId) {
    let mut graph = Graph::new("logits");
    let x = graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(classes)]);
    let z = graph.add(Op::Identity, &[x]);
    (graph, x, z.unwrap_or(x))
}

/// Returns value and gradient by the general rules, seeded with the cotangent.
fn by_rules(example: &Example) -> Result<Vec<Array>, String> {
    let classes = example.logits.shape[1];
    let (mut graph, x, z) = logits_graph(classes);
    let label = graph.input("label", DType::F32, vec![Dim::Batch(1), Dim::Fixed(classes)]);
    let target = graph.input("target", DType::F32, vec![Dim::Batch(1), Dim::Fixed(classes)]);
    let seed = graph.input("seed", DType::F32, vec![Dim::Batch(1)]);
    let value = head(example.loss, &mut graph, z, label, Some(target)).map_err(|e| e.to_string())?;
    let gradients = vjp(&mut graph, &[(value, seed)], &[x]).map_err(|e| e.to_string())?;
    graph.set_outputs(vec![value, gradients[0]]);
    let feeds = [("x", &example.logits), ("label", &example.label), ("target", &example.target), ("seed", &example.cotangent)];
    eval(&graph, &feeds.map(|(name, array)| (name, array.clone()))).map_err(|e| e.to_string())
}

/// Returns logits, value and gradient by the closed form.
fn by_gradient_graph(example: &Example) -> Result<Vec<Array>, String> {
    let (graph, x, z) = logits_graph(example.logits.shape[1]);
    let graph = gradient_graph(&graph, z, x, example.loss).map_err(|e| e.to_string())?;
    let mut feeds = vec![("x", example.logits.clone()), ("label_one_hot", example.label.clone())];
    if example.loss.is_targeted() {
        feeds.push(("target_one_hot", example.target.clone()));
    }
    // DLR's targeted form reads the label and the target, the other targeted ones the target only.
    feeds.retain(|(name, _)| graph.find(name).is_some());
    eval(&graph, &feeds).map_err(|e| e.to_string())
}

#[test]
fn every_loss_has_golden_cases() {
    let cases = golden_cases("loss").unwrap();
    for loss in Loss::ALL {
        assert!(cases.iter().filter_map(example).any(|e| e.loss == loss), "{}", loss.name());
    }
    assert_eq!(cases.iter().filter_map(example).count(), cases.len());
}

#[test]
fn heads_agree_with_pytorch() {
    for case in golden_cases("loss").unwrap() {
        let example = example(&case).unwrap();
        let found = by_rules(&example).unwrap();
        Tolerance::Close.assert(&format!("{}: value", case.name), &found[0], &example.value);
        Tolerance::Close.assert(&format!("{}: gradient", case.name), &found[1], &example.gradient);
    }
}

#[test]
fn gradient_graphs_agree_with_pytorch() {
    for case in golden_cases("loss").unwrap() {
        let example = example(&case).unwrap();
        let found = by_gradient_graph(&example).unwrap();
        let by_seed = Array::from_fn(&found[2].shape, |at| found[2].at(at) * example.cotangent.data[at[0]]);
        Tolerance::Exact.assert(&format!("{}: logits", case.name), &found[0], &example.logits);
        Tolerance::Close.assert(&format!("{}: value", case.name), &found[1], &example.value);
        Tolerance::Close.assert(&format!("{}: gradient", case.name), &by_seed, &example.gradient);
    }
}

#[test]
fn values_outside_the_graph_agree_with_pytorch() {
    for case in golden_cases("loss").unwrap() {
        let example = example(&case).unwrap();
        let classes = example.logits.shape[1];
        let hot = |rows: &Array, row: usize| (0..classes).find(|&k| rows.at(&[row, k]) == 1.0).unwrap();
        for (row, &expected) in example.value.data.iter().enumerate() {
            let z: Vec<f32> = (0..classes).map(|k| example.logits.at(&[row, k]) as f32).collect();
            let found = example.loss.eval(&z, hot(&example.label, row), hot(&example.target, row));
            Tolerance::Rounded.assert(&case.name, &Array::scalar(f64::from(found)), &Array::scalar(expected));
        }
    }
}
