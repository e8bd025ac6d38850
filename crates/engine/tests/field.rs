//! Models as people have them (`tests/golden/field`) through the reader, the interpreter, the writer and every runtime.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "common/mod.rs"]
mod common;
#[path = "common/typed.rs"]
mod typed;

use brinell_testkit::{Array, NodeCase, field_cases};

/// Cases that a runtime refuses: (runtime, parts of the case's name, why).
const REFUSED: [(&str, &[&str], &str); 0] = [];

fn problems(case: &NodeCase) -> Vec<String> {
    let model = brinell_onnx::read(&case.bytes(), None).unwrap();
    let mut problems: Vec<String> = model.opaque().iter().map(|node| format!("unread: {} ({})", node.op, node.reason)).collect();
    if !problems.is_empty() {
        return problems;
    }
    match case.eval(&model.graph) {
        Ok(found) => problems.extend(case.problems(&found).into_iter().map(|problem| format!("interpreted: {problem}"))),
        Err(error) => problems.push(error.to_string()),
    }
    let feeds: Vec<(String, Array)> = case.feeds().into_iter().map(|(name, _, array)| (name.to_owned(), array)).collect();
    for runtime in common::runtimes(1) {
        let refused = REFUSED.iter().any(|(name, parts, _)| *name == runtime.name() && parts.iter().any(|part| case.name.contains(part)));
        match typed::run(runtime.as_ref(), &model.graph, &feeds) {
            Ok(found) => problems.extend(case.problems(&found).into_iter().map(|problem| format!("{}: {problem}", runtime.name()))),
            Err(_) if refused => {}
            Err(problem) => problems.push(format!("{}: {problem}", runtime.name())),
        }
    }
    problems
}

#[test]
fn what_is_read_computes_what_onnx_runtime_says() {
    let cases = field_cases().unwrap();
    assert!(cases.len() > 60);
    let wrong = cases.iter().flat_map(|case| problems(case).into_iter().map(|problem| format!("{}: {problem}", case.name)));
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{} problems\n{}", wrong.len(), wrong.join("\n"));
}
