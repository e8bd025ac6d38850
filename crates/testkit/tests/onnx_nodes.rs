//! The interpreter, behind the ONNX reader, against the ONNX project's own node tests; then once more behind the writer,
//! and with all operands constant, which the reader folds where it can.

use brinell_graph::{DType, Graph};
use brinell_testkit::{Array, NodeCase, eval, node_cases};

/// What the reader keeps as opaque nodes: named here so that nothing becomes opaque unseen.
const OPAQUE: [(&str, &str); 18] = [
    ("test_attention_23_fullymasked_qk_matmul_output_mode3_zero", "its scores output is used, or its keys are padded"),
    ("test_attention_24_fullymasked_qk_matmul_output_mode3_zero", "its scores output is used, or its keys are padded"),
    ("test_attention_24_qk_matmul_output_mode3_softmax_precision", "its scores output is used, or its keys are padded"),
    ("test_attention_4d_causal_nonpad_attn_mask_composition", "its scores output is used, or its keys are padded"),
    ("test_attention_4d_causal_nonpad_continued_prefill", "its scores output is used, or its keys are padded"),
    ("test_attention_4d_causal_nonpad_negative_offset_structural_empty", "its scores output is used, or its keys are padded"),
    ("test_attention_4d_softcap_neginf_mask", "its scores are capped (softcap)"),
    ("test_attention_4d_softcap_neginf_mask_poison", "its scores are capped (softcap)"),
    ("test_attention_bidirectional_window", "it attends to a sliding window"),
    ("test_gridsample_bicubic", "mode `cubic` is not supported"),
    ("test_gridsample_bicubic_align_corners_0_additional_1", "mode `cubic` is not supported"),
    ("test_gridsample_bicubic_align_corners_1_additional_1", "mode `cubic` is not supported"),
    ("test_gridsample_volumetric", "its image does not have two axes"),
    ("test_maxpool_with_argmax_2d_precomputed_strides", "its indices are column-major"),
    ("test_quantizelinear_blocked_asymmetric", "its zero is not constant"),
    ("test_resize_tf_crop_and_resize", "coordinate transformation `tf_crop_and_resize` is not supported"),
    ("test_resize_tf_crop_and_resize_axes", "coordinate transformation `tf_crop_and_resize` is not supported"),
    ("test_scan_sum", "it has the form of opset 8"),
];

fn problems(case: &NodeCase, graph: &Graph) -> Vec<String> {
    case.eval(graph).map_or_else(|error| vec![error.to_string()], |found| case.problems(&found))
}

#[test]
fn interpreter_agrees_with_onnx_node_tests() {
    let (mut wrong, mut opaque) = (Vec::new(), Vec::new());
    let cases = node_cases().unwrap();
    assert!(cases.len() > 550, "{} cases", cases.len());
    for case in &cases {
        match brinell_onnx::read(&case.bytes(), None) {
            Ok(model) => match model.opaque().first() {
                Some(node) => opaque.push((case.name.clone(), node.reason.clone())),
                None => wrong.extend(problems(case, &model.graph).into_iter().map(|p| format!("{}: {p}", case.name))),
            },
            Err(error) => wrong.push(format!("{}: {error}", case.name)),
        }
    }
    assert!(wrong.is_empty(), "{} problems\n{}", wrong.len(), wrong.join("\n"));
    let known = |(name, reason): &(String, String)| OPAQUE.iter().any(|(part, why)| name.starts_with(part) && why == reason);
    opaque.retain(|found| !known(found));
    assert!(opaque.is_empty(), "{} opaque\n{opaque:#?}", opaque.len());
}

#[test]
fn writing_and_reading_again_changes_no_result() {
    let mut wrong = Vec::new();
    for case in node_cases().unwrap() {
        let model = brinell_onnx::read(&case.bytes(), None).unwrap();
        if !model.opaque().is_empty() {
            continue;
        }
        let again = brinell_onnx::write(&model.graph).map_err(|e| e.to_string()).and_then(|bytes| {
            let again = brinell_onnx::read(&bytes, None).map_err(|e| e.to_string())?;
            match again.opaque().first() {
                Some(node) => Err(format!("{} came back opaque: {}", node.op, node.reason)),
                None => Ok(again.graph),
            }
        });
        let found = again.map_or_else(|problem| vec![problem], |graph| problems(&case, &graph));
        wrong.extend(found.into_iter().map(|p| format!("{}: {p}", case.name)));
    }
    assert!(wrong.is_empty(), "{} problems\n{}", wrong.len(), wrong.join("\n"));
}

/// Bytes of a field of a protocol buffer.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    let mut length = content.len();
    while length >= 0x80 {
        bytes.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend(content);
    bytes
}

/// A `TensorProto`: dims, element type, name and elements. `None` for types that are not made here.
fn tensor(name: &str, dtype: DType, array: &Array) -> Option<Vec<u8>> {
    let each = |f: &dyn Fn(f64) -> Vec<u8>| array.data.iter().flat_map(|&x| f(x)).collect::<Vec<u8>>();
    let (number, raw) = match dtype {
        DType::F32 => (1, each(&|x| (x as f32).to_le_bytes().to_vec())),
        DType::F64 => (11, each(&|x| x.to_le_bytes().to_vec())),
        DType::I64 => (7, each(&|x| (x as i64).to_le_bytes().to_vec())),
        DType::I32 => (6, each(&|x| (x as i32).to_le_bytes().to_vec())),
        DType::U8 => (2, each(&|x| vec![x as u8])),
        DType::I8 => (3, each(&|x| (x as i8).to_le_bytes().to_vec())),
        DType::Bool => (9, each(&|x| vec![u8::from(x != 0.0)])),
        _ => return None,
    };
    let dims: Vec<u8> = array.shape.iter().flat_map(|&n| [1 << 3, n as u8]).collect();
    Some([dims, vec![2 << 3, number], field(8, name.as_bytes()), field(9, &raw)].concat())
}

#[test]
fn constant_operands_give_the_same_results() {
    let (mut wrong, mut folded) = (Vec::new(), 0);
    for case in node_cases().unwrap() {
        let feeds = case.feeds();
        let tensors = feeds.iter().map(|(name, dtype, array)| Some(field(5, &tensor(name, (*dtype)?, array)?)));
        let Some(initializers) = tensors.collect::<Option<Vec<_>>>() else { continue };
        // A second part of the graph is merged with the first.
        let bytes = [case.bytes(), field(7, &initializers.concat())].concat();
        let model = match brinell_onnx::read(&bytes, None) {
            Ok(model) if model.opaque().is_empty() => model,
            Ok(_) => continue,
            Err(error) => {
                wrong.push(format!("{}: {error}", case.name));
                continue;
            }
        };
        folded += usize::from(model.graph.nodes().is_empty());
        let found = eval(&model.graph, &[]).map_or_else(|error| vec![error.to_string()], |found| case.problems(&found));
        wrong.extend(found.into_iter().map(|p| format!("{}: {p}", case.name)));
    }
    assert!(wrong.is_empty(), "{} problems\n{}", wrong.len(), wrong.join("\n"));
    assert!(folded > 150, "{folded} cases are folded");
}
