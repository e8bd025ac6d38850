//! Every operator of the graph survives being written and read.
#![expect(clippy::panic, reason = "helpers of tests")]

use brinell_graph::{
    Compare, ConvAttrs, ConvTransposeAttrs, DType, Dim, Graph, Op, OpaqueOp, PadMode, PoolAttrs, Reduce, ResizeAttrs, ResizeCoordinates,
    ResizeMode, ResizeNearest, ScatterReduction, Tensor, TensorData,
};

const B: Dim = Dim::Batch(1);

fn f(n: usize) -> Dim {
    Dim::Fixed(n)
}

/// What the case's inputs are made of: f32 inputs of these shapes.
type Case = (Op, Vec<Vec<Dim>>);

fn image() -> Vec<Dim> {
    vec![B, f(4), f(6), f(8)]
}

fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let unary = [
        Op::Neg,
        Op::Abs,
        Op::Sqrt,
        Op::Exp,
        Op::Log,
        Op::Erf,
        Op::Reciprocal,
        Op::Sign,
        Op::Floor,
        Op::Ceil,
        Op::Round,
        Op::Sin,
        Op::Cos,
        Op::Relu,
        Op::LeakyRelu { alpha: 0.1 },
        Op::Elu { alpha: 0.5 },
        Op::Sigmoid,
        Op::HardSigmoid { alpha: 0.25, beta: 0.4 },
        Op::HardSwish,
        Op::Tanh,
        Op::Softplus,
        Op::Softsign,
        Op::Gelu { tanh: false },
        Op::Gelu { tanh: true },
        Op::Clip { lo: Some(-1.0), hi: None },
        Op::Clip { lo: None, hi: Some(2.0) },
        Op::Clip { lo: Some(-1.0), hi: Some(2.0) },
        Op::Cast { to: DType::F64 },
        Op::Identity,
        Op::Softmax { axis: 1 },
        Op::LogSoftmax { axis: 3 },
        Op::GlobalAveragePool,
        Op::GlobalMaxPool,
        Op::ArgMax { axis: 1, keepdims: false, select_last: true },
        Op::ArgMin { axis: 2, keepdims: true, select_last: false },
        Op::CumSum { axis: 1, exclusive: true, reverse: false },
        Op::Reshape { shape: vec![B, f(192)] },
        Op::Reshape { shape: vec![Dim::Batch(4), f(48)] },
        Op::Reshape { shape: vec![f(1), B, f(192)] },
        Op::Transpose { perm: vec![2, 0, 1, 3] },
        Op::Unsqueeze { axes: vec![0, 5] },
        Op::Split { axis: 1, sizes: vec![4] },
        Op::Slice { axes: vec![1, 3], starts: vec![1, 7], ends: vec![3, -1], steps: vec![1, -2] },
        Op::Pad { mode: PadMode::Reflect, pads: vec![0, 0, 1, 2, 0, 0, 0, 3] },
        Op::Pad { mode: PadMode::Wrap, pads: vec![0, 0, 1, 2, 0, 0, 0, 3] },
        Op::Expand { shape: vec![f(2), B, f(4), f(6), f(8)] },
        Op::Tile { repeats: vec![1, 2, 1, 3] },
        Op::DepthToSpace { block: 2, column_row_depth: true },
        Op::Trilu { upper: false, k: -1 },
        Op::AveragePool { pool: pool(), count_include_pad: true },
        Op::AveragePool { pool: pool(), count_include_pad: false },
        Op::MaxPool(pool()),
    ];
    cases.extend(unary.into_iter().map(|op| (op, vec![image()])));
    for kind in [
        Reduce::Sum,
        Reduce::Mean,
        Reduce::Max,
        Reduce::Min,
        Reduce::Prod,
        Reduce::L1,
        Reduce::L2,
        Reduce::SumSquare,
        Reduce::LogSum,
        Reduce::LogSumExp,
    ] {
        cases.push((Op::Reduce { kind, axes: vec![1, 3], keepdims: false }, vec![image()]));
    }
    let pair = [Op::Add, Op::Sub, Op::Mul, Op::Div, Op::Pow, Op::Mod { fmod: true }, Op::Min, Op::Max, Op::Sum, Op::Mean, Op::PRelu];
    cases.extend(pair.into_iter().map(|op| (op, vec![image(), vec![f(4), f(1), f(1)]])));
    for compare in [Compare::Equal, Compare::Less, Compare::LessOrEqual, Compare::Greater, Compare::GreaterOrEqual] {
        cases.push((Op::Compare(compare), vec![image(), vec![f(8)]]));
    }
    let conv = ConvAttrs { kernel: vec![3, 2], strides: vec![2, 1], dilations: vec![1, 2], pads: vec![1, 0, 2, 1], groups: 2 };
    cases.push((Op::Conv(conv), vec![image(), vec![f(6), f(2), f(3), f(2)], vec![f(6)]]));
    let transposed = ConvTransposeAttrs {
        kernel: vec![3, 3],
        strides: vec![2, 2],
        dilations: vec![1, 1],
        pads: vec![1, 0, 0, 1],
        output_padding: vec![1, 0],
        groups: 2,
    };
    cases.push((Op::ConvTranspose(transposed), vec![image(), vec![f(4), f(3), f(3), f(3)]]));
    cases.push((Op::Gemm { alpha: 0.5, beta: 2.0, trans_a: false, trans_b: true }, vec![vec![B, f(3)], vec![f(5), f(3)], vec![f(5)]]));
    cases.push((Op::MatMul, vec![image(), vec![f(8), f(5)]]));
    cases.push((Op::BatchNormalization { epsilon: 1e-3 }, vec![image(), vec![f(4)], vec![f(4)], vec![f(4)], vec![f(4)]]));
    cases.push((Op::InstanceNormalization { epsilon: 1e-3 }, vec![image(), vec![f(4)], vec![f(4)]]));
    cases.push((Op::LayerNormalization { axis: 3, epsilon: 1e-3 }, vec![image(), vec![f(8)], vec![f(8)]]));
    cases.push((Op::Squeeze { axes: vec![1] }, vec![vec![B, f(1), f(3)]]));
    cases.push((Op::Concat { axis: 1 }, vec![image(), image()]));
    let resize = |by_size| ResizeAttrs {
        mode: ResizeMode::Linear,
        coordinates: ResizeCoordinates::HalfPixel,
        nearest: ResizeNearest::RoundPreferFloor,
        cubic_coeff_a: -0.75,
        exclude_outside: false,
        extrapolation_value: 0.0,
        antialias: false,
        scales: vec![1.0, 1.0, 2.0, 0.5],
        sizes: vec![B, f(4), f(12), f(4)],
        by_size,
    };
    cases.push((Op::Resize(resize(false)), vec![image()]));
    cases.push((Op::Resize(resize(true)), vec![image()]));
    cases
}

fn pool() -> PoolAttrs {
    PoolAttrs { kernel: vec![3, 2], strides: vec![2, 1], dilations: vec![1, 1], pads: vec![1, 0, 1, 1], ceil_mode: false }
}

fn reread(graph: &Graph) -> Graph {
    let bytes = brinell_onnx::write(graph).unwrap_or_else(|e| panic!("{e}\n{graph}"));
    brinell_onnx::read(&bytes, None).unwrap_or_else(|e| panic!("{e}\n{graph}")).graph
}

#[test]
fn an_operator_comes_back_as_it_was() {
    for (op, shapes) in cases() {
        let mut graph = Graph::new("g");
        let inputs: Vec<_> = shapes.into_iter().map(|shape| graph.input("x", DType::F32, shape)).collect();
        let y = graph.add(op, &inputs).unwrap();
        graph.output(y);
        assert_eq!(reread(&graph).to_string(), graph.to_string());
    }
}

#[test]
fn operators_that_a_runtime_lacks_are_written_in_terms_of_others() {
    for (op, replaced) in [
        (Op::Selu { alpha: 1.5, gamma: 1.1 }, vec!["Elu", "Mul"]),
        (Op::Celu { alpha: 0.7 }, vec!["Div", "Elu", "Mul"]),
        (Op::SpaceToDepth { block: 2 }, vec!["Reshape", "Transpose", "Reshape"]),
    ] {
        let mut graph = Graph::new("g");
        let x = graph.input("x", DType::F32, image());
        let y = graph.add(op, &[x]).unwrap();
        graph.output(y);
        let again = reread(&graph);
        let ops: Vec<&str> = again.nodes().iter().map(|node| node.op.name()).collect();
        assert_eq!(ops, replaced);
        assert_eq!(again.shape(again.outputs()[0]), graph.shape(y));
    }
}

#[test]
fn indices_come_back_as_they_were() {
    let mut graph = Graph::new("g");
    let x = graph.input("x", DType::F32, vec![B, f(5)]);
    let i = graph.constant("i", Tensor::new(vec![1, 2], TensorData::I64(vec![0, -1])).unwrap());
    let u = graph.constant("u", Tensor::new(vec![1, 2], TensorData::F32(vec![1.0, 2.0])).unwrap());
    let on = graph.constant("on", Tensor::new(vec![2], TensorData::F32(vec![0.0, 1.0])).unwrap());
    let label = graph.input("label", DType::I64, vec![B]);
    let outputs = [
        graph.add(Op::Gather { axis: 1 }, &[x, i]).unwrap(),
        graph.add(Op::GatherElements { axis: 1 }, &[x, i]).unwrap(),
        graph.add(Op::ScatterElements { axis: 1, reduction: ScatterReduction::Add }, &[x, i, u]).unwrap(),
        graph.add(Op::OneHot { axis: 1, depth: 7 }, &[label, on]).unwrap(),
    ];
    let top = Op::TopK { axis: 1, k: 2, largest: true, sorted: true };
    let top = graph.push("top", top, vec![Some(x)], &[Some("values"), Some("indices")]).unwrap();
    outputs.into_iter().chain(top.into_iter().flatten()).for_each(|id| graph.output(id));
    assert_eq!(reread(&graph).to_string(), graph.to_string());
}

#[test]
fn a_constant_and_an_input_can_be_outputs() {
    let mut graph = Graph::new("g");
    let x = graph.input("x", DType::F32, vec![B]);
    let c = graph.constant("c", Tensor::scalar(1.0));
    graph.set_outputs(vec![x, c, x]);
    assert_eq!(reread(&graph).outputs().len(), 3);
}

#[test]
fn node_names_are_distinct_in_the_file() {
    let mut graph = Graph::new("g");
    let x = graph.input("x", DType::F32, vec![B]);
    let y = graph.push("same", Op::Relu, vec![Some(x)], &[Some("y")]).unwrap()[0].unwrap();
    let z = graph.push("same", Op::Neg, vec![Some(y)], &[Some("z")]).unwrap()[0].unwrap();
    graph.output(z);
    let names: Vec<String> = reread(&graph).nodes().iter().map(|node| node.name.clone()).collect();
    assert_eq!(names, ["same", "same_2"]);
}

#[test]
fn every_element_type_comes_back() {
    let raw = |dtype, bytes: Vec<u8>, len| Tensor::new(vec![len], TensorData::Raw { dtype, bytes: bytes.into(), len }).unwrap();
    let text = [3u64.to_le_bytes().as_slice(), b"abc", &0u64.to_le_bytes()].concat();
    let tensors = [
        Tensor::new(vec![2], TensorData::F32(vec![1.5, f32::INFINITY])).unwrap(),
        Tensor::new(vec![2], TensorData::F64(vec![1.5, -0.0])).unwrap(),
        Tensor::new(vec![2], TensorData::I32(vec![i32::MIN, 7])).unwrap(),
        Tensor::new(vec![2], TensorData::I64(vec![i64::MIN, 7])).unwrap(),
        Tensor::new(vec![2], TensorData::U8(vec![0, 255])).unwrap(),
        Tensor::new(vec![2], TensorData::I8(vec![-128, 127])).unwrap(),
        Tensor::new(vec![2], TensorData::Bool(vec![true, false])).unwrap(),
        raw(DType::F16, vec![0, 0x3c, 1, 2], 2),
        raw(DType::U64, vec![9; 16], 2),
        raw(DType::String, text, 2),
    ];
    for tensor in tensors {
        let mut graph = Graph::new("g");
        let c = graph.constant("c", tensor.clone());
        let y = graph.add(Op::Identity, &[c]).unwrap();
        graph.output(y);
        let again = reread(&graph);
        let (_, found) = again.constants().next().unwrap();
        assert_eq!(**found, tensor);
    }
}

#[test]
fn an_opaque_node_is_written_in_an_opset_in_which_it_means_the_same() {
    let write = |op_type: &str, opset| {
        let mut graph = Graph::new("g");
        let x = graph.input("x", DType::F32, vec![B, f(3)]);
        let opaque = OpaqueOp {
            domain: String::new(),
            op_type: op_type.to_owned(),
            opset,
            attributes: Vec::new(),
            reason: "unknown operator".to_owned(),
            captures: 0,
            follows: false,
        };
        let y = graph.add(Op::Opaque(opaque), &[x]).unwrap();
        graph.declare(y, Some(DType::F32), Some(vec![B, f(3)]));
        let z = graph.add(Op::Gelu { tanh: false }, &[y]).unwrap();
        graph.output(z);
        brinell_onnx::write(&graph).map(|bytes| brinell_onnx::read(&bytes, None).unwrap())
    };
    assert_eq!(write("Hardmax", 13).unwrap().opset, 20);
    assert_eq!(write("Det", 21).unwrap().opset, 20);
    assert_eq!(write("Det", 22).unwrap().opset, 22);
    assert_eq!(write("Mystery", 15).unwrap().opset, 15);
    let message = write("Hardmax", 11).unwrap_err().to_string();
    assert!(message.contains("Hardmax was kept unchanged from opset 11"), "{message}");
}
