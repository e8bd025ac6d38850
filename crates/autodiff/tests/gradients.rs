//! Gradient graphs of every operator, against PyTorch's f64 autograd (the golden files) and against central differences
//! in f64; both are evaluated by the reference interpreter.
//!
//! Every case runs with fixed shapes and every operand an input, and with a symbolic batch and parameters as initializers.

use brinell_autodiff::vjp;
use brinell_testkit::{Array, Case, Tolerance, Variant, eval, finite_difference, golden_cases};

/// Returns what is wrong with the gradients of a case.
fn against_pytorch(case: &Case, variant: Variant) -> Result<Vec<String>, String> {
    let differentiated = case.differentiate(variant, vjp).map_err(|e| format!("{e}"))?;
    let found = eval(&differentiated.graph, &differentiated.feeds()).map_err(|e| e.to_string())?;
    let pairs = differentiated.expected.iter().zip(&found);
    Ok(pairs.filter_map(|((name, expected), found)| Some(format!("{name}: {}", case.tolerance().compare(found, expected)?))).collect())
}

/// Returns where central differences disagree with the gradients of a smooth case.
fn against_differences(case: &Case) -> Result<Vec<String>, String> {
    let mut graph = case.graph(Variant::Fixed).map_err(|e| e.to_string())?;
    let seeded: Vec<(usize, Array)> = case.outputs.iter().enumerate().filter_map(|(i, o)| Some((i, o.cotangent()?))).collect();
    let outputs = graph.outputs().to_vec();
    graph.set_outputs(seeded.iter().map(|&(i, _)| outputs[i]).collect());
    let seeds: Vec<Array> = seeded.into_iter().map(|(_, seed)| seed).collect();
    let differentiated = case.differentiate(Variant::Fixed, vjp).map_err(|e| e.to_string())?;
    let gradients = eval(&differentiated.graph, &differentiated.feeds()).map_err(|e| e.to_string())?;
    let mut wrong = Vec::new();
    for ((name, _), gradient) in differentiated.expected.iter().zip(&gradients) {
        let difference = finite_difference(&graph, &case.feeds(Variant::Fixed), &seeds, name).map_err(|e| e.to_string())?;
        wrong.extend(Tolerance::Rounded.compare(gradient, &difference).map(|problem| format!("{name}: {problem}")));
    }
    Ok(wrong)
}

/// Returns the cases of a family that fail a check, each with what is wrong.
fn failures(family: &str, check: impl Fn(&Case) -> Vec<(String, Result<Vec<String>, String>)>) -> Vec<String> {
    let cases = match golden_cases(family) {
        Ok(cases) => cases,
        Err(error) => return vec![format!("{error:?}")],
    };
    let mut failures = Vec::new();
    for case in &cases {
        for (what, result) in check(case) {
            let problems = result.unwrap_or_else(|problem| vec![problem]);
            failures.extend(problems.into_iter().map(|problem| format!("{}, {what}: {problem}", case.name)));
        }
    }
    failures
}

fn pytorch(family: &str) -> Vec<String> {
    failures(family, |case| case.variants().into_iter().map(|v| (format!("{v:?}"), against_pytorch(case, v))).collect())
}

fn differences(family: &str) -> Vec<String> {
    failures(family, |case| if case.smooth { vec![("differences".to_owned(), against_differences(case))] } else { Vec::new() })
}

macro_rules! families {
    ($($family:ident)*) => {
        $(mod $family {
            #[test]
            fn agrees_with_pytorch() {
                let failures = super::pytorch(stringify!($family));
                assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
            }

            #[test]
            fn agrees_with_central_differences() {
                let failures = super::differences(stringify!($family));
                assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
            }
        })*

        #[test]
        fn every_family_is_tested() {
            assert_eq!([$(stringify!($family)),*], brinell_testkit::GOLDEN_FAMILIES);
        }
    };
}

families!(elementwise arithmetic linear window normalise reduce layout index composite quant);
