//! Models as people have them (`tests/golden/field`) through the reader, the interpreter, the writer and every runtime.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "common/here.rs"]
mod here;
#[path = "common/typed.rs"]
mod typed;

use brinell_testkit::{Array, NodeCase, field_cases};

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
    for runtime in here::runtimes(1) {
        match typed::run(runtime.as_ref(), &model.graph, &feeds) {
            Ok(found) => problems.extend(case.problems(&found).into_iter().map(|problem| format!("{}: {problem}", runtime.name()))),
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
