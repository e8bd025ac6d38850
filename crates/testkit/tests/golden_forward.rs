//! The interpreter against the outputs in the golden files, which PyTorch computed in f64.

use brinell_testkit::{GOLDEN_FAMILIES, Variant, eval, golden_cases};

fn check(family: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for case in golden_cases(family).unwrap() {
        for variant in case.variants() {
            let what = format!("{} ({variant:?})", case.name);
            let graph = case.graph(variant).unwrap_or_else(|e| panic!("{what}: {e:?}"));
            let outputs = eval(&graph, &case.feeds(variant)).unwrap_or_else(|e| panic!("{what}: {e}"));
            for (expected, found) in case.outputs.iter().zip(&outputs) {
                wrong.extend(case.tolerance().compare(found, &expected.value()).map(|problem| format!("{what}: {problem}")));
            }
        }
    }
    wrong
}

#[test]
fn interpreter_agrees_with_pytorch() {
    let wrong: Vec<String> = GOLDEN_FAMILIES.into_iter().flat_map(check).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn gradients_of_inputs_are_known_for_every_case() {
    for family in GOLDEN_FAMILIES {
        for case in golden_cases(family).unwrap() {
            assert!(!case.gradients().is_empty(), "{}", case.name);
            assert!(case.graph(Variant::Fixed).is_ok(), "{}", case.name);
        }
    }
}
