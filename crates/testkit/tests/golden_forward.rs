//! The interpreter against the outputs in the golden files, which PyTorch computed in f64.

use brinell_testkit::{Case, GOLDEN_FAMILIES, Variant, eval, golden_cases};

fn problems(case: &Case, variant: Variant) -> Vec<String> {
    let evaluated = case.graph(variant).map_err(|e| format!("{e:?}"));
    match evaluated.and_then(|graph| eval(&graph, &case.feeds(variant)).map_err(|e| e.to_string())) {
        Ok(outputs) => {
            let pairs = case.outputs.iter().zip(&outputs);
            pairs.filter_map(|(expected, found)| case.tolerance().compare(found, &expected.value())).collect()
        }
        Err(problem) => vec![problem],
    }
}

#[test]
fn interpreter_agrees_with_pytorch() {
    for family in GOLDEN_FAMILIES {
        for case in golden_cases(family).unwrap() {
            for variant in case.variants() {
                let problems = problems(&case, variant);
                assert!(problems.is_empty(), "{family}, {} ({variant:?}): {problems:?}", case.name);
            }
        }
    }
}
