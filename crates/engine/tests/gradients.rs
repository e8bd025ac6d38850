//! Gradient graphs of every operator and loss on both runtimes in f32, against PyTorch's f64 autograd (the golden files).

use brinell_autodiff::{Loss, gradient_graph, vjp};
#[path = "common/typed.rs"]
mod typed;

use brinell_engine::{Running, Runtime, RuntimeChoice, open};
use brinell_graph::{DType, Dim, Graph, Op};
use brinell_testkit::{Array, Case, GOLDEN_FAMILIES, RANDOM_CASES, Rng, Tolerance, Variant, eval, golden_cases, random_graph};
use typed::run;

/// Returns what is wrong with the gradients of a case on a runtime.
fn problems(runtime: &dyn Runtime, case: &Case, variant: Variant) -> Result<Vec<String>, String> {
    let differentiated = case.differentiate(variant, vjp).map_err(|e| e.to_string())?;
    let found = run(runtime, &differentiated.graph, &differentiated.feeds)?;
    let pairs = differentiated.expected.iter().zip(&found);
    Ok(pairs.filter_map(|((name, expected), found)| Some(format!("{name}: {}", Tolerance::Loose.compare(found, expected)?))).collect())
}

/// Returns what is wrong with a loss and its gradient by the logits on a runtime.
fn loss_problems(runtime: &dyn Runtime, case: &Case) -> Result<Vec<String>, String> {
    let loss = Loss::from_name(case.name.split('_').next().unwrap_or_default()).map_err(|e| e.to_string())?;
    let input = |name: &str| case.inputs.iter().find(|i| i.name == name).map(|i| i.value()).ok_or("an input is missing");
    let (logits, output) = (input("z")?, case.outputs.first().ok_or("no output")?);
    let classes = logits.shape[1];
    let one_hot = |rows: Array| Array::from_fn(&logits.shape, |at| f64::from(u8::from(rows.data[at[0]] == at[1] as f64)));
    let mut graph = Graph::new("logits");
    let x = graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(classes)]);
    let z = graph.add(Op::Identity, &[x]).map_err(|e| e.to_string())?;
    let graph = gradient_graph(&graph, z, x, loss).map_err(|e| e.to_string())?;
    let feeds = [("x", logits.clone()), ("label_one_hot", one_hot(input("y")?)), ("target_one_hot", one_hot(input("t")?))];
    let found = run(runtime, &graph, &feeds.map(|(name, array)| (name.to_owned(), array)))?;
    let cotangent = output.cotangent().ok_or("no cotangent")?;
    let gradient = Array::from_fn(&logits.shape, |at| found[2].at(at) * cotangent.data[at[0]]);
    let expected = case.gradients().into_iter().next().ok_or("no gradient")?.1;
    let value = Tolerance::Loose.compare(&found[1], &output.value()).map(|p| format!("value: {p}"));
    Ok(value.into_iter().chain(Tolerance::Loose.compare(&gradient, &expected).map(|p| format!("gradient: {p}"))).collect())
}

/// Cases that a runtime refuses, which it must say: (runtime, part of the case's name and variant, why).
const REFUSED: [(&str, &str, &str); 11] = [
    ("onnxruntime", "max_pool_2d_ceil_drops", "ONNX's shape inference counts a window that starts behind the input; files get pads"),
    ("rten", "conv_3d", "rten convolves in one or two spatial dimensions"),
    ("rten", "conv_transpose_3d", "the same"),
    ("rten", "pool_3d", "rten pools in one or two spatial dimensions"),
    ("rten", "pool_1d_dilation", "rten's MaxPool has no dilations"),
    ("rten", "pool_2d_dilation", "the same"),
    ("rten", "quantize_i16_5 (Fixed)", "rten has no 16-bit inputs"),
    ("rten", "quantize_u16_40000 (Fixed)", "the same"),
    ("rten", "qlinear_", "rten has none of the operators on quantised numbers"),
    ("rten", "qgemm", "the same"),
    ("rten", "quantised_max_pool", "rten's MaxPool has no integers"),
];

fn is_refused(runtime: &dyn Runtime, case: &Case, variant: Variant) -> bool {
    let name = format!("{} ({variant:?})", case.name);
    REFUSED.iter().any(|(of, part, _)| *of == runtime.name() && name.contains(part) && !name.starts_with("global"))
}

/// Returns the cases that fail on a runtime, each with what is wrong.
fn failures(runtime: &dyn Runtime) -> Vec<String> {
    let mut failures = Vec::new();
    for family in GOLDEN_FAMILIES {
        let cases = match golden_cases(family) {
            Ok(cases) => cases,
            Err(error) => return vec![error.to_string()],
        };
        for case in &cases {
            for variant in case.variants() {
                let problems = match problems(runtime, case, variant) {
                    Ok(problems) if is_refused(runtime, case, variant) => vec![format!("is not refused any more: {problems:?}")],
                    Err(_) if is_refused(runtime, case, variant) => Vec::new(),
                    found => found.unwrap_or_else(|problem| vec![problem]),
                };
                failures.extend(problems.into_iter().map(|problem| format!("{family}, {} ({variant:?}): {problem}", case.name)));
            }
        }
    }
    let losses = match golden_cases("loss") {
        Ok(cases) => cases,
        Err(error) => return vec![error.to_string()],
    };
    for case in losses {
        let problems = loss_problems(runtime, &case).unwrap_or_else(|problem| vec![problem]);
        failures.extend(problems.into_iter().map(|problem| format!("loss, {}: {problem}", case.name)));
    }
    failures
}

/// Returns the random graphs whose value or gradient differs from the interpreter's, each with what is wrong.
fn random_failures(runtime: &dyn Runtime) -> Vec<String> {
    let check = |seed| {
        let mut graph = random_graph(seed, 12).map_err(|e| e.to_string())?;
        let x = graph.find("x").ok_or("no x")?;
        let output = *graph.outputs().first().ok_or("no output")?;
        // The cotangent of a sum of squares is twice the value.
        let cotangent = graph.add(Op::Sum, &[output, output]).map_err(|e| e.to_string())?;
        let gradients = vjp(&mut graph, &[(output, cotangent)], &[x]).map_err(|e| e.to_string())?;
        graph.set_outputs(vec![output, gradients[0]]);
        let feed = Rng::new(seed).array(&[3, 2, 4, 4]);
        let expected = eval(&graph, &[("x", feed.clone())]).map_err(|e| e.to_string())?;
        let found = run(runtime, &graph, &[("x".to_owned(), feed)])?;
        Ok(expected.iter().zip(&found).filter_map(|(e, f)| Tolerance::Loose.compare(f, e)).collect::<Vec<_>>())
    };
    let mut failures = Vec::new();
    for seed in 0..RANDOM_CASES {
        let problems = check(seed).unwrap_or_else(|problem: String| vec![problem]);
        failures.extend(problems.into_iter().map(|problem| format!("random graph {seed}: {problem}")));
    }
    failures
}

fn assert_agrees(runtime: &dyn Runtime) {
    let mut failures = failures(runtime);
    failures.extend(random_failures(runtime));
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn rten_agrees_with_pytorch_and_the_interpreter() {
    let runtime = open(&Running::on(RuntimeChoice::Rten)).unwrap();
    assert_agrees(runtime.as_ref());
}

#[test]
fn onnxruntime_agrees_with_pytorch_and_the_interpreter() {
    match open(&Running::on(RuntimeChoice::OnnxRuntime)) {
        Ok(runtime) => assert_agrees(runtime.as_ref()),
        Err(error) => println!("skipped on ONNX Runtime: {error}"),
    }
}
