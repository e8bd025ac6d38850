//! The ONNX project's own node tests through the reader, the writer and every runtime.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "common/typed.rs"]
mod typed;

use brinell_engine::{Running, Runtime, RuntimeChoice, open};
use brinell_testkit::{Array, NodeCase, node_cases};
use typed::run;

/// Cases that a runtime refuses: (runtime, parts of the case's name, why).
const REFUSED: [(&str, &[&str], &str); 22] = [
    ("onnxruntime", &["max_int16", "max_uint16", "min_int16", "min_uint16"], "it has no 16-bit integers there"),
    ("onnxruntime", &["fmod_0"], "its Mod of floating point is fmod only"),
    ("onnxruntime", &["pow_types_float32_uint"], "it has no unsigned exponents"),
    ("rten", &["select_last_index"], "it has no such attribute"),
    ("rten", &["averagepool_2d_dilations", "lppool_2d_dilations", "maxpool_2d_dilations"], "its pools have no dilations"),
    ("rten", &["averagepool_3d", "maxpool_3d", "conv_3d"], "it has two spatial axes at most"),
    ("rten", &["bitshift", "bitwise"], "it does not have the operator"),
    ("rten", &["isinf_negative", "isinf_positive"], "it asks for both signs"),
    ("rten", &["matmulinteger"], "it wants zeros as scalars"),
    (
        "rten",
        &["max_int", "max_uint", "min_int", "min_uint", "add_int", "add_uint", "equal_int", "equal_uint"],
        "it computes with f32 and i32",
    ),
    ("rten", &["greater_int", "greater_uint", "less_int", "less_uint"], "the same"),
    ("onnxruntime", &["top_k_uint64"], "it does not sort them"),
    ("onnxruntime", &["qlinearmatmul_2D_int8_float16", "qlinearmatmul_2D_uint8_float16", "qlinearmatmul_3D"], "its scales are f32"),
    ("rten", &["mod_mixed_sign_int16", "mod_mixed_sign_int8", "mod_uint"], "the same"),
    ("rten", &["top_k_uint64", "pow_types_float32_uint"], "the same"),
    ("rten", &["pow_types_float32_int"], "its exponents have the type of the base"),
    ("rten", &["maxpool_2d_uint8"], "its MaxPool has no integers"),
    ("rten", &["maxpool_with_argmax"], "its MaxPool has no indices"),
    ("rten", &["qlinearmatmul", "qlinearconv"], "it does not have the operator"),
    ("rten", &["antialias"], "it does not antialias"),
    ("rten", &["half_pixel_symmetric"], "it does not have the coordinates"),
    ("rten", &["cubic_A_n0p5"], "its cubic kernel is a fixed one"),
];

/// Cases that a runtime computes otherwise than ONNX, which DIVERGENCES.md says: (runtime, parts of the name, why).
const DIFFERENT: [(&str, &[&str], &str); 5] = [
    (
        "rten",
        &["argmax_keepdims_example", "argmax_negative_axis_keepdims_example", "argmax_no_keepdims_example", "hardmax_one_hot"],
        "the last of equals",
    ),
    ("rten", &["sign"], "1 at zero"),
    ("rten", &["scales_cubic", "sizes_cubic"], "another kernel"),
    ("rten", &["linear_align_corners"], "of a size that is rounded, the rounded one counts"),
    ("onnxruntime", &["scales_linear_align_corners", "scales_cubic_align_corners"], "the same"),
];

fn is_in(table: &[(&str, &[&str], &str)], runtime: &dyn Runtime, case: &NodeCase) -> bool {
    table.iter().any(|(name, parts, _)| *name == runtime.name() && parts.iter().any(|part| case.name.contains(part)))
}

/// Returns what is wrong with a case on a runtime.
fn problems(runtime: &dyn Runtime, case: &NodeCase) -> Vec<String> {
    let Some(model) = brinell_onnx::read(&case.bytes(), None).ok().filter(|model| model.opaque().is_empty()) else { return Vec::new() };
    let feeds: Vec<(String, Array)> = case.feeds().into_iter().map(|(name, _, array)| (name.to_owned(), array)).collect();
    match run(runtime, &model.graph, &feeds) {
        Err(_) if is_in(&REFUSED, runtime, case) => Vec::new(),
        Err(problem) => vec![problem],
        Ok(found) => {
            let problems = case.problems(&found);
            if is_in(&DIFFERENT, runtime, case) && !problems.is_empty() { Vec::new() } else { problems }
        }
    }
}

fn assert_agrees(runtime: &dyn Runtime) {
    let cases = node_cases().unwrap();
    let wrong = cases.iter().flat_map(|case| problems(runtime, case).into_iter().map(|problem| format!("{}: {problem}", case.name)));
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{} problems\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn rten_agrees_with_onnx_node_tests() {
    assert_agrees(open(&Running::on(RuntimeChoice::Rten)).unwrap().as_ref());
}

#[test]
fn onnxruntime_agrees_with_onnx_node_tests() {
    match open(&Running::on(RuntimeChoice::OnnxRuntime)) {
        Ok(runtime) => assert_agrees(runtime.as_ref()),
        Err(error) => println!("skipped on ONNX Runtime: {error}"),
    }
}
