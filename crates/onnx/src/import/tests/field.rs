//! Files as people have them, and sizes that nobody has.

use brinell_graph::{DType, Dim, Op, Quant, Tensor, TensorData};
use prost::Message;
use prost::bytes::Bytes;

use super::{B, Builder, f, int, ints, node, tensor};
use crate::error::ImportError;
use crate::proto::{AttributeProto, GraphProto, NodeProto, TensorProto, TypeProto, ValueInfoProto};

fn output(name: &str) -> ValueInfoProto {
    ValueInfoProto { name: Some(name.into()), r#type: None }
}

fn graph(name: &str, body: GraphProto) -> AttributeProto {
    AttributeProto { name: Some(name.into()), g: Some(Bytes::from(body.encode_to_vec())), r#type: Some(5), ..AttributeProto::default() }
}

fn body(nodes: Vec<NodeProto>, result: &str) -> GraphProto {
    GraphProto { node: nodes, output: vec![output(result)], ..GraphProto::default() }
}

fn truth(name: &str, value: bool) -> Bytes {
    tensor(name, &Tensor::new(Vec::new(), TensorData::Bool(vec![value])).unwrap())
}

/// A tensor of a type that is for storage.
fn stored(name: &str, data_type: i32, dims: &[i64], raw: &[u8]) -> Bytes {
    let proto = TensorProto {
        dims: dims.to_vec(),
        data_type: Some(data_type),
        name: Some(name.into()),
        raw_data: Some(Bytes::copy_from_slice(raw)),
        ..TensorProto::default()
    };
    Bytes::from(proto.encode_to_vec())
}

#[test]
fn nodes_may_stand_in_any_order() {
    let model = Builder::new(&[-1, 3]).node("Exp", &["c"], &["y"], &[]).node("Neg", &["b"], &["c"], &[]).node("Abs", &["x"], &["b"], &[]);
    assert_eq!(model.ops(13), [Op::Abs, Op::Neg, Op::Exp]);
}

#[test]
fn nodes_of_a_body_may_stand_in_any_order_and_use_what_stands_behind_it() {
    let mut model = Builder::new(&[-1, 3]);
    let branch = body(vec![node("Exp", &["b"], &["o"], &[]), node("Neg", &["late"], &["b"], &[])], "o");
    model.graph.initializer.push(truth("yes", true));
    let model = model.node("If", &["yes"], &["y"], &[graph("then_branch", branch.clone()), graph("else_branch", branch)]);
    assert_eq!(model.node("Abs", &["x"], &["late"], &[]).ops(13)[..3], [Op::Abs, Op::Neg, Op::Exp]);
}

#[test]
fn nodes_that_wait_for_each_other_are_an_error_that_names_them() {
    let mut model = Builder::new(&[-1, 3]).node("Add", &["x", "b"], &["a"], &[]).node("Neg", &["a"], &["b"], &[]);
    model.graph.node.push(node("Abs", &["b"], &["y"], &[]));
    let error = model.read(13).unwrap_err();
    assert!(matches!(&error, ImportError::Cycle { nodes } if nodes == &["a", "b"]), "{error}");
    let mut inside = Builder::new(&[-1, 3]);
    inside.graph.initializer.push(truth("yes", true));
    let branch = body(vec![node("Exp", &["p"], &["q"], &[]), node("Neg", &["q"], &["p"], &[])], "q");
    let inside = inside.node("If", &["yes"], &["y"], &[graph("then_branch", branch.clone()), graph("else_branch", branch)]);
    assert!(inside.read(13).unwrap_err().to_string().contains("the nodes `q`, `p` form a cycle: each needs the results of another"));
}

#[test]
fn small_integers_are_carried_as_bytes() {
    let mut model = Builder::new(&[-1, 3]).scalar("s", 0.5);
    model.graph.initializer.push(stored("q", 22, &[3], &[0x8f, 0x07]));
    let model = model.node("DequantizeLinear", &["q", "s"], &["d"], &[]).node("Mul", &["x", "d"], &["y"], &[]).read(21).unwrap();
    assert!(matches!(model.graph.nodes()[0].op, Op::Quant(Quant::DequantizeLinear { axis: 0 })));
    let q = model.graph.constants().find(|(_, tensor)| tensor.dtype() == DType::I8).unwrap().1;
    assert_eq!(q.to_ints().unwrap(), [-1, -8, 7]);
}

#[test]
fn blocks_become_what_they_stand_for() {
    let mut model = Builder::new(&[-1, 4]);
    model.graph.initializer.push(stored("q", 21, &[4], &[0x21, 0x43]));
    model.graph.initializer.push(tensor("s", &Tensor::new(vec![2], TensorData::F32(vec![1.0, 0.5])).unwrap()));
    let blocks = [int("axis", 0), int("block_size", 2)];
    let model = model.node("DequantizeLinear", &["q", "s"], &["d"], &blocks).node("Mul", &["x", "d"], &["y"], &[]).read(21).unwrap();
    let real = model.graph.constants().find_map(|(_, tensor)| tensor.as_f32().map(|data| data.into_owned()));
    assert_eq!(real.unwrap(), [1.0, 2.0, 1.5, 2.0]);
    let mut wrong = Builder::new(&[-1, 4]).vector("s", 3);
    wrong.graph.initializer.push(stored("q", 21, &[4], &[0x21, 0x43]));
    let wrong = wrong.node("DequantizeLinear", &["q", "s"], &["y"], &blocks).read(21);
    assert!(wrong.unwrap_err().to_string().contains("scale and zero do not fit"));
}

#[test]
fn an_unread_node_has_its_weights_as_they_are() {
    let mut model = Builder::new(&[-1, 3]);
    model.graph.initializer.push(stored("q", 22, &[3], &[0x8f, 0x07]));
    model.graph.initializer.push(stored("c", 14, &[1], &[0; 8]));
    let model = model.node("Mystery", &["x", "q", "c"], &["y"], &[]).read(21).unwrap();
    let types: Vec<Option<DType>> = model.graph.nodes()[0].inputs.iter().map(|id| model.graph.value(id.unwrap()).dtype).collect();
    assert_eq!(types, [Some(DType::F32), Some(DType::I4), Some(DType::Other(14))]);
    let mut proto = stored("q", 22, &[4], &[0x8f]);
    let mut model = Builder::new(&[-1, 3]);
    model.graph.initializer.push(std::mem::take(&mut proto));
    assert!(model.node("Abs", &["x"], &["y"], &[]).read(21).unwrap_err().to_string().contains("does not fit 1 bytes"));
}

#[test]
fn packed_weights_that_are_not_there_are_refused() {
    let sizes = [int("K", 64), int("N", 1 << 40), int("bits", 4), int("block_size", 32)];
    let mut model = Builder::new(&[-1, 64]).vector("s", 2);
    model.graph.initializer.push(tensor("b", &Tensor::new(vec![1, 2, 16], TensorData::U8(vec![0; 32])).unwrap()));
    let mut product = node("MatMulNBits", &["x", "b", "s"], &["y"], &sizes);
    product.domain = Some("com.microsoft".into());
    model.graph.node.push(product);
    assert!(model.read(17).unwrap_err().to_string().contains("its weights have 32 bytes, which does not fit its sizes"));
}

#[test]
fn a_sparse_tensor_may_not_ask_for_much() {
    let sparse = |dims: &[i64]| crate::proto::SparseTensorProto {
        values: Some(tensor("w", &Tensor::new(vec![1], TensorData::F32(vec![2.0])).unwrap())),
        indices: Some(tensor("", &Tensor::ints(vec![4]))),
        dims: dims.to_vec(),
    };
    let read = |dims: &[i64]| {
        let mut model = Builder::new(&[-1, 3]);
        model.graph.sparse_initializer.push(Bytes::from(sparse(dims).encode_to_vec()));
        model.node("MatMul", &["x", "w"], &["y"], &[]).read(17)
    };
    let model = read(&[3, 2]).unwrap();
    assert_eq!(model.graph.constants().next().unwrap().1.as_f32().unwrap()[..], [0.0, 0.0, 0.0, 0.0, 2.0, 0.0]);
    assert!(read(&[3, 1 << 40]).unwrap_err().to_string().contains("the sparse tensors have more than 134217728 elements"));
    assert!(read(&[3, 1]).unwrap_err().to_string().contains("its indices do not fit"));
}

#[test]
fn what_the_file_says_of_an_unread_nodes_result_is_believed() {
    let dims = |dims: &[(Option<i64>, Option<&str>)]| crate::proto::TensorShapeProto {
        dim: dims
            .iter()
            .map(|(value, name)| crate::proto::DimensionProto { dim_value: *value, dim_param: name.map(str::to_owned) })
            .collect(),
    };
    let info = |name: &str, shape| ValueInfoProto {
        name: Some(name.into()),
        r#type: Some(TypeProto { tensor_type: Some(crate::proto::TensorTypeProto { elem_type: Some(1), shape: Some(shape) }) }),
    };
    let read = |batch: &str| {
        let mut model = Builder::new(&[-1, 3]).vector("w", 4);
        model.graph.value_info.push(info("h", dims(&[(None, Some(batch)), (Some(4), None)])));
        let model = model.node("Mystery", &["x"], &["h"], &[]).node("Mul", &["h", "w"], &["y"], &[]).read(17).unwrap();
        model.graph.shape(model.graph.outputs()[0]).map(<[Dim]>::to_vec)
    };
    assert_eq!(read("N"), Some(vec![B, f(4)]));
    assert_eq!(read("M"), Some(vec![Dim::Unknown, f(4)]));
}

#[test]
fn a_branch_that_the_input_picks_is_one_of_two_values() {
    let branches = |op: &str, other: &str| {
        [
            graph("then_branch", body(vec![node(op, &["x"], &["t"], &[])], "t")),
            graph("else_branch", body(vec![node(other, &["x"], &["e"], &[])], "e")),
        ]
    };
    let condition = |model: Builder| {
        model.scalar("zero", 0.0).node("ReduceMax", &["x"], &["top"], &[int("keepdims", 0)]).node("Greater", &["top", "zero"], &["c"], &[])
    };
    let model = condition(Builder::new(&[1, 3])).node("If", &["c"], &["y"], &branches("Exp", "Neg"));
    // Each branch sees 0 where the other is taken.
    assert_eq!(model.ops(13)[2..7], [Op::Where, Op::Exp, Op::Where, Op::Neg, Op::Where]);
    let shorter = condition(Builder::new(&[1, 3])).node("If", &["c"], &["y"], &branches("Exp", "Flatten"));
    assert_eq!(shorter.read(13).unwrap().opaque().len(), 0);
    let other = condition(Builder::new(&[2, 3])).node("If", &["c"], &["y"], &branches("Exp", "Size"));
    assert!(other.read(13).unwrap().opaque()[0].reason.contains("branches have different shapes"));
}

#[test]
fn a_loop_with_nothing_to_end_it_is_refused_and_no_short_one() {
    let read = |trips: i64| {
        let nodes = vec![node("Identity", &["on"], &["more"], &[]), node("Neg", &["v"], &["w"], &[])];
        let inputs = ["i", "on", "v"].map(output).to_vec();
        let step = GraphProto { node: nodes, input: inputs, output: ["more", "w"].map(output).to_vec(), ..GraphProto::default() };
        let mut model = Builder::new(&[-1, 3]);
        model.graph.initializer.push(tensor("trips", &Tensor::new(Vec::new(), TensorData::I64(vec![trips])).unwrap()));
        model.node("Loop", &["trips", "", "x"], &["y"], &[graph("body", step)]).read(13)
    };
    assert_eq!(read(3).unwrap().graph.nodes().iter().filter(|node| node.op == Op::Neg).count(), 3);
    let refused = read(1 << 40).unwrap_err().to_string();
    assert!(refused.contains("it makes 1099511627776 iterations"), "{refused}");
}

fn refused(model: Builder, opset: i64) -> String {
    match model.read(opset) {
        Err(ImportError::Excess(excess)) => excess.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn sizes_that_nobody_has_are_refused_with_their_node() {
    let build = || Builder::new(&[-1, 4]);
    let (many, huge) = (1_i64 << 31, 1_i64 << 40);
    let cases = [
        (build().ints("s", &[many, 1 << 20]).node("ConstantOfShape", &["s"], &["e"], &[]).node("ReduceSum", &["e"], &["r"], &[]), "e"),
        (build().ints("s", &[1 << 20, 1 << 14, 1, 4]).node("Expand", &["x", "s"], &["r"], &[]), "r"),
        (build().ints("s", &[1, huge]).node("Tile", &["x", "s"], &["r"], &[]), "r"),
        (build().ints("s", &[0, 0, 0, huge]).node("Pad", &["x", "s"], &["r"], &[]), "r"),
        (build().node("RandomNormal", &[], &["r"], &[ints("shape", &[many, 4])]), "r"),
        (build().ints("a", &[0]).ints("b", &[huge]).ints("c", &[2]).node("Range", &["a", "b", "c"], &["r"], &[]), "r"),
        (build().node("Multinomial", &["x"], &["r"], &[int("sample_size", huge)]), "r"),
    ];
    for (i, (model, name)) in cases.into_iter().enumerate() {
        let text = refused(model.node("Mystery", &["x", "r"], &["y"], &[]), 13);
        assert!(text.starts_with(&format!("node `{name}` (")) && text.contains("numbers"), "{i}: {text}");
    }
    // Also where no output needs it: whoever runs the file may compute it.
    let beside = build().ints("s", &[1, huge]).node("Tile", &["x", "s"], &["r"], &[]).node("Abs", &["x"], &["y"], &[]);
    assert!(refused(beside, 13).contains("Tile"));
    assert!(refused(Builder::new(&[many, 4]).node("Abs", &["x"], &["y"], &[]), 13).starts_with("input `x` of shape [2147483648, 4]"));
}

#[test]
fn doubling_again_and_again_is_refused_when_it_is_too_much() {
    let mut model = Builder::new(&[-1, 4]);
    let mut last = "x".to_owned();
    for i in 0..40 {
        let next = format!("v{i}");
        model = model.node("Concat", &[&last, &last], &[&next], &[int("axis", 1)]);
        last = next;
    }
    assert!(refused(model.node("Abs", &[&last], &["y"], &[]), 13).starts_with("node `v26` (Concat)"));
}

#[test]
fn windows_and_products_are_counted_too() {
    let picture = |n| Builder::new(&[-1, 1, n, n]);
    let mut scales = picture(2);
    scales.graph.initializer.push(tensor("s", &Tensor::new(vec![4], TensorData::F32(vec![1.0, 1.0, 1e9, 1e9])).unwrap()));
    assert!(refused(scales.node("Resize", &["x", "", "s"], &["y"], &[]), 13).contains("(Resize)"));
    let mut one = picture(64);
    one.graph.initializer.push(tensor("w", &Tensor::new(vec![1, 1, 1, 1], TensorData::F32(vec![1.0])).unwrap()));
    let far = [ints("strides", &[1 << 20, 1 << 20])];
    assert!(refused(one.node("ConvTranspose", &["x", "w"], &["y"], &far), 13).contains("(ConvTranspose)"));
    let outer = Builder::new(&[1 << 20, 1]).node("Transpose", &["x"], &["t"], &[]).node("MatMul", &["x", "t"], &["y"], &[]);
    assert!(refused(outer, 13).contains("(MatMul)"));
    let padded = picture(4).node("AveragePool", &["x"], &["y"], &[ints("kernel_shape", &[1, 1]), ints("pads", &[0, 0, 1 << 30, 1 << 30])]);
    assert!(padded.read(13).is_err());
}
