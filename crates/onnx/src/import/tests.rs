//! Operators in the forms of old and new opsets.

use brinell_graph::{Dim, Op, PadMode, Tensor, TensorData};
use prost::Message;
use prost::bytes::Bytes;

use super::{Model, read};
use crate::error::ImportError;
use crate::proto::{
    AttributeProto, DimensionProto, FunctionProto, GraphProto, ModelProto, NodeProto, OperatorSetId, TensorProto, TensorShapeProto,
    TensorTypeProto, TypeProto, ValueInfoProto,
};

mod field;

const B: Dim = Dim::Batch(1);

fn f(n: usize) -> Dim {
    Dim::Fixed(n)
}

fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto { name: Some(name.into()), i: Some(i), r#type: Some(2), ..AttributeProto::default() }
}

fn float(name: &str, x: f32) -> AttributeProto {
    AttributeProto { name: Some(name.into()), f: Some(x), r#type: Some(1), ..AttributeProto::default() }
}

fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto { name: Some(name.into()), ints: ints.to_vec(), r#type: Some(7), ..AttributeProto::default() }
}

fn text(name: &str, value: &str) -> AttributeProto {
    AttributeProto {
        name: Some(name.into()),
        s: Some(Bytes::copy_from_slice(value.as_bytes())),
        r#type: Some(3),
        ..AttributeProto::default()
    }
}

fn node(op: &str, inputs: &[&str], outputs: &[&str], attributes: &[AttributeProto]) -> NodeProto {
    NodeProto {
        input: inputs.iter().map(|&name| name.to_owned()).collect(),
        output: outputs.iter().map(|&name| name.to_owned()).collect(),
        op_type: Some(op.to_owned()),
        attribute: attributes.iter().map(|a| Bytes::from(a.encode_to_vec())).collect(),
        ..NodeProto::default()
    }
}

fn tensor(name: &str, values: &Tensor) -> Bytes {
    let proto = TensorProto {
        dims: values.shape().iter().map(|&n| n as i64).collect(),
        data_type: Some(crate::tensor::dtype_number(values.dtype())),
        name: Some(name.to_owned()),
        raw_data: Some(crate::tensor::to_bytes(values.data())),
        ..TensorProto::default()
    };
    Bytes::from(proto.encode_to_vec())
}

fn value(name: &str, dims: &[i64]) -> ValueInfoProto {
    let dimension = |&n: &i64| match n {
        -1 => DimensionProto { dim_value: None, dim_param: Some("N".into()) },
        n => DimensionProto { dim_value: Some(n), dim_param: None },
    };
    let shape = TensorShapeProto { dim: dims.iter().map(dimension).collect() };
    let tensor_type = Some(TensorTypeProto { elem_type: Some(1), shape: Some(shape) });
    ValueInfoProto { name: Some(name.to_owned()), r#type: Some(TypeProto { tensor_type }) }
}

struct Builder {
    graph: GraphProto,
    functions: Vec<FunctionProto>,
}

impl Builder {
    fn new(dims: &[i64]) -> Self {
        let graph = GraphProto {
            input: vec![value("x", dims)],
            output: vec![ValueInfoProto { name: Some("y".into()), r#type: None }],
            ..GraphProto::default()
        };
        Self { graph, functions: Vec::new() }
    }

    fn node(mut self, op: &str, inputs: &[&str], outputs: &[&str], attributes: &[AttributeProto]) -> Self {
        self.graph.node.push(node(op, inputs, outputs, attributes));
        self
    }

    fn ints(mut self, name: &str, values: &[i64]) -> Self {
        self.graph.initializer.push(tensor(name, &Tensor::ints(values.to_vec())));
        self
    }

    fn scalars(mut self, values: &[(&str, i64)]) -> Self {
        let scalar = |i: i64| Tensor::new(Vec::new(), TensorData::I64(vec![i])).unwrap();
        self.graph.initializer.extend(values.iter().map(|&(name, i)| tensor(name, &scalar(i))));
        self
    }

    fn vector(mut self, name: &str, n: usize) -> Self {
        self.graph.initializer.push(tensor(name, &Tensor::new(vec![n], TensorData::F32(vec![1.0; n])).unwrap()));
        self
    }

    fn scalar(mut self, name: &str, x: f32) -> Self {
        self.graph.initializer.push(tensor(name, &Tensor::scalar(x)));
        self
    }

    fn read(self, opset: i64) -> Result<Model, ImportError> {
        let opsets = [("", opset), ("custom", 1)];
        let model = ModelProto {
            ir_version: Some(7),
            graph: Some(self.graph),
            opset_import: opsets.map(|(domain, version)| OperatorSetId { domain: Some(domain.into()), version: Some(version) }).into(),
            functions: self.functions,
            ..ModelProto::default()
        };
        read(&model.encode_to_vec(), None)
    }

    /// The operators that the node becomes.
    fn ops(self, opset: i64) -> Vec<Op> {
        self.read(opset).unwrap().graph.nodes().iter().map(|node| node.op.clone()).collect()
    }
}

#[test]
fn softmax_before_opset_13_sums_over_all_axes_behind() {
    let build = |axis| Builder::new(&[-1, 3, 4]).node("Softmax", &["x"], &["y"], &[int("axis", axis)]);
    assert_eq!(build(1).ops(13), [Op::Softmax { axis: 1 }]);
    assert_eq!(build(2).ops(12), [Op::Softmax { axis: 2 }]);
    let flat = Op::Reshape { shape: vec![B, f(12)] };
    let back = Op::Reshape { shape: vec![B, f(3), f(4)] };
    assert_eq!(build(1).ops(12), [flat, Op::Softmax { axis: 1 }, back]);
    let default = |opset| Builder::new(&[-1, 3, 1]).node("LogSoftmax", &["x"], &["y"], &[]).ops(opset);
    assert_eq!(default(12), [Op::LogSoftmax { axis: 1 }]);
    assert_eq!(default(13), [Op::LogSoftmax { axis: 2 }]);
}

#[test]
fn clip_takes_its_bounds_from_attributes_or_inputs() {
    let old = Builder::new(&[-1]).node("Clip", &["x"], &["y"], &[float("min", 0.0), float("max", 6.0)]);
    assert_eq!(old.ops(10), [Op::Clip { lo: Some(0.0), hi: Some(6.0) }]);
    let new = Builder::new(&[-1]).scalar("six", 6.0).node("Clip", &["x", "", "six"], &["y"], &[]);
    assert_eq!(new.ops(13), [Op::Clip { lo: None, hi: Some(6.0) }]);
    let computed = Builder::new(&[-1]).scalar("c", 1.0).node("Exp", &["c"], &["e"], &[]).node("Clip", &["x", "e"], &["y"], &[]);
    assert_eq!(computed.ops(13), [Op::Exp, Op::Max]);
}

#[test]
fn axes_come_from_attributes_or_inputs() {
    let old = Builder::new(&[-1, 3]).node("Unsqueeze", &["x"], &["y"], &[ints("axes", &[1])]);
    assert_eq!(old.ops(11), [Op::Unsqueeze { axes: vec![1] }]);
    let new = Builder::new(&[-1, 3]).ints("axes", &[-2]).node("Unsqueeze", &["x", "axes"], &["y"], &[]);
    assert_eq!(new.ops(13), [Op::Unsqueeze { axes: vec![1] }]);
    let sum = Builder::new(&[-1, 3, 4]).node("ReduceMean", &["x"], &["y"], &[ints("axes", &[-1, 1]), int("keepdims", 0)]);
    assert_eq!(sum.ops(17), [Op::Reduce { kind: brinell_graph::Reduce::Mean, axes: vec![1, 2], keepdims: false }]);
    let none = Builder::new(&[-1, 3]).node("ReduceSum", &["x"], &["y"], &[int("noop_with_empty_axes", 1)]);
    assert_eq!(none.ops(13), [Op::Identity]);
    let squeeze = Builder::new(&[-1, 1, 3, 1]).node("Squeeze", &["x"], &["y"], &[]);
    assert_eq!(squeeze.ops(9), [Op::Squeeze { axes: vec![1, 3] }]);
}

#[test]
fn slices_are_normalised_and_whole_ones_dropped() {
    let old = Builder::new(&[-1, 5]).node("Slice", &["x"], &["y"], &[ints("axes", &[1]), ints("starts", &[-3]), ints("ends", &[99])]);
    assert_eq!(old.ops(9), [Op::Slice { axes: vec![1], starts: vec![2], ends: vec![5], steps: vec![1] }]);
    let whole = Builder::new(&[-1, 5]).ints("s", &[0, 0]).ints("e", &[i64::MAX, 5]).node("Slice", &["x", "s", "e"], &["y"], &[]);
    assert_eq!(whole.ops(10), [Op::Identity]);
    let back = Builder::new(&[-1, 5]).ints("s", &[-1]).ints("e", &[i64::MIN]).ints("a", &[1]).ints("d", &[-1]);
    let back = back.node("Slice", &["x", "s", "e", "a", "d"], &["y"], &[]);
    assert_eq!(back.ops(13), [Op::Slice { axes: vec![1], starts: vec![4], ends: vec![-1], steps: vec![-1] }]);
}

#[test]
fn pad_takes_axes_from_opset_18_on() {
    let pad = Builder::new(&[-1, 3, 4]).ints("pads", &[1, 2]).ints("axes", &[-1]).node(
        "Pad",
        &["x", "pads", "", "axes"],
        &["y"],
        &[text("mode", "edge")],
    );
    assert_eq!(pad.ops(18), [Op::Pad { mode: PadMode::Edge, pads: vec![0, 0, 1, 0, 0, 2] }]);
}

#[test]
fn a_chain_of_shape_arithmetic_is_folded_with_the_batch_in_it() {
    let model = Builder::new(&[-1, 3, 4])
        .ints("zero", &[0])
        .ints("minus", &[-1])
        .node("Shape", &["x"], &["s"], &[])
        .node("Gather", &["s", "zero"], &["n"], &[int("axis", 0)])
        .node("Concat", &["n", "minus"], &["target"], &[int("axis", 0)])
        .node("Reshape", &["x", "target"], &["y"], &[]);
    let model = model.read(13).unwrap();
    assert_eq!(model.graph.nodes().len(), 1);
    assert_eq!(model.graph.nodes()[0].op, Op::Reshape { shape: vec![B, f(12)] });
}

#[test]
fn a_filled_tensor_of_batch_size_becomes_an_expand() {
    let value = AttributeProto {
        name: Some("value".into()),
        t: Some(tensor("", &Tensor::new(vec![1], TensorData::F32(vec![2.0])).unwrap())),
        r#type: Some(4),
        ..AttributeProto::default()
    };
    let ops = Builder::new(&[-1, 3]).node("Shape", &["x"], &["s"], &[]).node("ConstantOfShape", &["s"], &["y"], &[value]).ops(13);
    assert_eq!(ops, [Op::Expand { shape: vec![B, f(3)] }]);
}

#[test]
fn auto_pad_puts_the_odd_one_where_it_says() {
    let pads = |mode: &str| {
        let attributes = [text("auto_pad", mode), ints("kernel_shape", &[3, 2]), ints("strides", &[2, 1])];
        match &Builder::new(&[-1, 1, 6, 5]).node("MaxPool", &["x"], &["y"], &attributes).ops(12)[..] {
            [Op::MaxPool(pool)] => pool.pads.clone(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(pads("SAME_UPPER"), [0, 0, 1, 1]);
    assert_eq!(pads("SAME_LOWER"), [1, 1, 0, 0]);
    assert_eq!(pads("VALID"), [0, 0, 0, 0]);
}

#[test]
fn what_is_not_understood_is_opaque_with_its_reason() {
    let reason = |builder: Builder, opset| builder.read(opset).unwrap().opaque().first().map(|node| node.reason.clone());
    let build = |op: &str, attributes: &[AttributeProto]| Builder::new(&[-1, 3]).node(op, &["x"], &["y"], attributes);
    assert_eq!(reason(build("Mystery", &[]), 13).as_deref(), Some("unknown operator"));
    assert_eq!(reason(build("Relu", &[int("strange", 1)]), 13).as_deref(), Some("unknown attribute `strange`"));
    assert_eq!(reason(build("Celu", &[]), 28).as_deref(), Some("version 28 of the operator is unknown"));
    let dynamic = Builder::new(&[-1, 3]).node("Shape", &["x"], &["s"], &[]).node("Mystery", &["s"], &["t"], &[]);
    let dynamic = dynamic.node("Reshape", &["x", "t"], &["y"], &[]);
    assert_eq!(reason(dynamic, 13).as_deref(), Some("unknown operator"));
}

#[test]
fn a_wrong_node_is_an_error_that_names_it() {
    let error = Builder::new(&[-1, 3]).node("Relu", &["nowhere"], &["y"], &[]).read(13).unwrap_err();
    assert_eq!(error.to_string(), "node `y` (Relu, opset 13): input `nowhere` is not produced before it is used");
    let error = Builder::new(&[-1, 3]).node("Softmax", &["x"], &["y"], &[int("axis", 2)]).read(13).unwrap_err();
    assert!(error.to_string().contains("axis 2 is out of range for rank 2"), "{error}");
    let error = Builder::new(&[-1, 3]).node("Relu", &["x"], &["x"], &[]).read(13).unwrap_err();
    assert!(error.to_string().contains("output `x` is produced twice"), "{error}");
    let error = Builder::new(&[-1, 3]).node("Relu", &["x"], &["z"], &[]).read(13).unwrap_err();
    assert_eq!(error.to_string(), "graph output `y`: no node produces it");
}

#[test]
fn opsets_out_of_range_are_refused() {
    for opset in [6, 29] {
        let error = Builder::new(&[-1]).node("Relu", &["x"], &["y"], &[]).read(opset).unwrap_err();
        assert!(matches!(error, ImportError::UnsupportedOpset { .. }), "{error}");
    }
}

#[test]
fn a_model_that_needs_a_fixed_batch_is_read_without_a_claim_about_it() {
    let model = Builder::new(&[-1, 3]).ints("target", &[2, 6]).node("Reshape", &["x", "target"], &["y"], &[]).read(13).unwrap();
    assert_eq!(model.graph.shape(model.graph.inputs()[0]), Some(&[Dim::Unknown, f(3)][..]));
    assert_eq!(model.graph.shape(model.graph.outputs()[0]), Some(&[f(2), f(6)][..]));
}

#[test]
fn functions_are_inlined_with_their_attributes() {
    let mut model = Builder::new(&[-1, 3]);
    let mut call = node("Twice", &["x"], &["y"], &[float("slope", 0.25)]);
    call.domain = Some("custom".into());
    model.graph.node.push(call);
    let reference =
        AttributeProto { name: Some("alpha".into()), ref_attr_name: Some("slope".into()), r#type: Some(1), ..AttributeProto::default() };
    model.functions.push(FunctionProto {
        name: Some("Twice".into()),
        domain: Some("custom".into()),
        input: vec!["a".into()],
        output: vec!["b".into()],
        node: vec![node("LeakyRelu", &["a"], &["c"], &[reference]), node("Add", &["c", "c"], &["b"], &[])],
        opset_import: vec![OperatorSetId { domain: None, version: Some(13) }],
        ..FunctionProto::default()
    });
    assert_eq!(model.ops(13), [Op::LeakyRelu { alpha: 0.25 }, Op::Add]);
}

#[test]
fn a_function_that_calls_itself_is_refused() {
    let mut model = Builder::new(&[-1, 3]);
    let mut call = node("Loop", &["x"], &["y"], &[]);
    call.domain = Some("custom".into());
    model.graph.node.push(call.clone());
    model.functions.push(FunctionProto {
        name: Some("Loop".into()),
        domain: Some("custom".into()),
        input: vec!["x".into()],
        output: vec!["y".into()],
        node: vec![call.clone(), call],
        ..FunctionProto::default()
    });
    assert!(model.read(13).unwrap_err().to_string().contains("nested more than 32 deep"));
}

#[test]
fn values_that_a_subgraph_uses_stay_alive() {
    let branch = GraphProto {
        node: vec![node("Exp", &["hidden"], &["z"], &[])],
        output: vec![ValueInfoProto { name: Some("z".into()), r#type: None }],
        ..GraphProto::default()
    };
    let body = AttributeProto {
        name: Some("body".into()),
        g: Some(Bytes::from(branch.encode_to_vec())),
        r#type: Some(5),
        ..AttributeProto::default()
    };
    let model = Builder::new(&[-1, 3]).node("Tanh", &["x"], &["hidden"], &[]).node("Mystery", &["x"], &["y"], &[body]);
    let model = model.read(13).unwrap();
    assert_eq!(model.graph.nodes().len(), 2);
    assert!(matches!(&model.graph.nodes()[1].op, Op::Opaque(op) if op.captures == 1));
}

#[test]
fn tiling_once_for_every_sample_is_expanding() {
    let repeated = || {
        Builder::new(&[-1, 3])
            .node("ReduceSum", &["x", "axis"], &["row"], &[])
            .node("Shape", &["x"], &["shape"], &[int("end", 1)])
            .node("Concat", &["shape", "last"], &["repeats"], &[int("axis", 0)])
            .ints("axis", &[0])
            .ints("last", &[2])
            .node("Tile", &["row", "repeats"], &["y"], &[])
    };
    let model = repeated().read(17).unwrap();
    assert_eq!(model.graph.shape(model.graph.outputs()[0]), Some([B, f(6)].as_slice()));
    assert_eq!(repeated().ops(17)[1..], [Op::Tile { repeats: vec![1, 2] }, Op::Expand { shape: vec![B, f(6)] }]);
    let whole = Builder::new(&[-1, 3]).node("Shape", &["x"], &["shape"], &[]).node("Tile", &["x", "shape"], &["y"], &[]);
    assert_eq!(whole.read(17).unwrap().opaque().len(), 1);
}

#[test]
fn a_range_over_the_batch_is_a_sum_of_steps() {
    let range = |delta| {
        Builder::new(&[-1, 3])
            .node("Shape", &["x"], &["shape"], &[int("end", 1)])
            .node("Squeeze", &["shape"], &["samples"], &[])
            .node("Mul", &["samples", "six"], &["limit"], &[])
            .node("Range", &["zero", "limit", "delta"], &["y"], &[])
            .scalars(&[("zero", 0), ("six", 6), ("delta", delta)])
    };
    let model = range(2).read(17).unwrap();
    assert_eq!(model.graph.shape(model.graph.outputs()[0]), Some([Dim::Batch(3)].as_slice()));
    assert!(model.opaque().is_empty());
    assert_eq!(range(4).read(17).unwrap().opaque().len(), 1);
}

#[test]
fn training_mode_over_a_batch_of_one_is_instance_normalisation() {
    let build = |batch, outputs: &[&str], attributes: &[AttributeProto]| {
        Builder::new(&[batch, 3, 4]).node("BatchNormalization", &["x", "s", "s", "s", "s"], outputs, attributes).vector("s", 3)
    };
    let flag = [int("training_mode", 1)];
    let instance = Op::InstanceNormalization { epsilon: 1e-5 };
    assert_eq!(build(1, &["y"], &flag).ops(15), std::slice::from_ref(&instance));
    assert_eq!(build(1, &["y", "a", "b", "c", "d"], &[]).ops(9), [instance]);
    // A batch of many mixes its samples: it is read as what it computes, along the batch.
    let many = build(-1, &["y"], &flag).read(15).unwrap();
    assert!(many.opaque().is_empty(), "{:?}", many.opaque());
    assert!(brinell_graph::mixes_samples(&many.graph).is_some());
    let running = build(1, &["z", "y", "b"], &flag).read(15).unwrap();
    assert_eq!(running.graph.shape(running.graph.outputs()[0]), Some([f(3)].as_slice()));
}

#[test]
fn a_dropout_that_drops_nothing_does_nothing() {
    let with = |share: f32| {
        let number = Tensor::new(Vec::new(), TensorData::F32(vec![share])).unwrap();
        let training = Tensor::new(Vec::new(), TensorData::Bool(vec![true])).unwrap();
        let mut model = Builder::new(&[-1, 3]).node("Dropout", &["x", "share", "training"], &["y"], &[]);
        model.graph.initializer.extend([tensor("share", &number), tensor("training", &training)]);
        model.read(17).unwrap().opaque().len()
    };
    assert_eq!((with(0.0), with(0.5)), (0, 1));
}

#[test]
fn one_initial_state_is_where_all_samples_of_a_batch_begin() {
    let ones = |shape: &[usize]| Tensor::new(shape.to_vec(), TensorData::F32(vec![1.0; shape.iter().product()])).unwrap();
    let mut model = Builder::new(&[-1, 2]);
    for (name, shape) in [("w", vec![1, 12, 2]), ("r", vec![1, 12, 3]), ("h", vec![1, 1, 3]), ("c", vec![1, 1, 3])] {
        model.graph.initializer.push(tensor(name, &ones(&shape)));
    }
    let model = model.ints("axes", &[0]).node("Unsqueeze", &["x", "axes"], &["steps"], &[]).node(
        "LSTM",
        &["steps", "w", "r", "", "", "h", "c"],
        &["all", "y"],
        &[int("hidden_size", 3)],
    );
    let model = model.read(14).unwrap();
    assert!(model.opaque().is_empty(), "{:?}", model.opaque());
    assert_eq!(model.graph.shape(model.graph.outputs()[0]), Some(&[f(1), B, f(3)][..]));
}

#[test]
fn sizes_that_cannot_be_multiplied_are_no_constant() {
    let huge = i64::MAX / 2;
    let model = Builder::new(&[-1, 2])
        .ints("two", &[7, 8])
        .ints("target", &[huge, -1, huge])
        .node("Reshape", &["two", "target"], &["far"], &[])
        .node("Cast", &["far"], &["y"], &[int("to", 1)]);
    assert!(matches!(model.read(13), Err(ImportError::Excess(_))), "it was computed");
    let window = Builder::new(&[-1, 1, 4, 4]).node("LpPool", &["x"], &["y"], &[ints("kernel_shape", &[huge, huge])]);
    assert!(window.read(18).is_err());
}
