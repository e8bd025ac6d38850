use crate::{ConvAttrs, ConvTransposeAttrs, DType, Dim, Graph, Op, PoolAttrs, Shape, ValueId};

const B: Dim = Dim::Batch(1);

fn f(n: usize) -> Dim {
    Dim::Fixed(n)
}

/// Pushes `op` on f32 inputs of the given shapes and returns the shape of its output, or the message.
fn infer(op: Op, inputs: &[&[Dim]]) -> Result<Shape, String> {
    let mut graph = Graph::new("g");
    let ids: Vec<ValueId> = inputs.iter().map(|shape| graph.input("x", DType::F32, shape.to_vec())).collect();
    let y = graph.add(op, &ids).map_err(|e| e.to_string())?;
    Ok(graph.shape(y).unwrap().to_vec())
}

#[test]
fn broadcasting_keeps_the_batch() {
    assert_eq!(infer(Op::Add, &[&[B, f(3), f(1)], &[f(3), f(5)]]), Ok(vec![B, f(3), f(5)]));
    assert_eq!(infer(Op::Mul, &[&[f(1), f(3)], &[B, f(1)]]), Ok(vec![B, f(3)]));
    assert_eq!(infer(Op::Add, &[&[Dim::Unknown, f(3)], &[f(4), f(3)]]), Ok(vec![f(4), f(3)]));
    assert_eq!(infer(Op::Add, &[&[Dim::Unknown], &[B]]), Ok(vec![Dim::Unknown]));
    assert_eq!(infer(Op::Add, &[&[], &[B, f(2)]]), Ok(vec![B, f(2)]));
}

#[test]
fn the_batch_does_not_broadcast_with_a_fixed_size() {
    let message = infer(Op::Add, &[&[B, f(3)], &[f(4), f(3)]]).unwrap_err();
    assert_eq!(message, "node `Add_0` (Add): [B, 3] and [4, 3] do not broadcast");
    assert!(infer(Op::Add, &[&[B], &[Dim::Batch(2)]]).is_err());
}

fn conv(kernel: &[usize], strides: &[usize], dilations: &[usize], pads: &[usize], groups: usize) -> Op {
    Op::Conv(ConvAttrs { kernel: kernel.to_vec(), strides: strides.to_vec(), dilations: dilations.to_vec(), pads: pads.to_vec(), groups })
}

#[test]
fn convolutions_in_one_two_and_three_dimensions() {
    let op = conv(&[3, 3], &[2, 2], &[1, 1], &[1, 1, 1, 1], 1);
    assert_eq!(infer(op, &[&[B, f(3), f(32), f(31)], &[f(8), f(3), f(3), f(3)]]), Ok(vec![B, f(8), f(16), f(16)]));
    let op = conv(&[3], &[1], &[2], &[0, 3], 2);
    assert_eq!(infer(op, &[&[B, f(4), f(10)], &[f(6), f(2), f(3)], &[f(6)]]), Ok(vec![B, f(6), f(9)]));
    let op = conv(&[1, 2, 2], &[1, 1, 1], &[1, 1, 1], &[0; 6], 1);
    let x = [B, f(2), f(4), Dim::Unknown, f(4)];
    assert_eq!(infer(op, &[&x, &[f(5), f(2), f(1), f(2), f(2)]]), Ok(vec![B, f(5), f(4), Dim::Unknown, f(3)]));
}

#[test]
fn convolutions_that_do_not_fit_say_why() {
    let op = conv(&[3, 3], &[1, 1], &[1, 1], &[0; 4], 1);
    assert!(infer(op.clone(), &[&[B, f(4), f(8), f(8)], &[f(8), f(3), f(3), f(3)]]).unwrap_err().contains("4 channels"));
    assert!(
        infer(op.clone(), &[&[B, f(3), f(2), f(8)], &[f(8), f(3), f(3), f(3)]]).unwrap_err().contains("does not fit the padded size of 2")
    );
    assert!(infer(op, &[&[B, f(3), f(8), f(8)], &[f(8), f(3), f(3), f(3)], &[f(7)]]).unwrap_err().contains("bias [7]"));
}

#[test]
fn transposed_convolution_inverts_the_size_of_a_convolution() {
    let attrs = ConvTransposeAttrs {
        kernel: vec![3, 3],
        strides: vec![2, 2],
        dilations: vec![1, 1],
        pads: vec![1, 1, 1, 1],
        output_padding: vec![1, 0],
        groups: 2,
    };
    let shapes: [&[Dim]; 2] = [&[B, f(4), f(8), f(8)], &[f(4), f(3), f(3), f(3)]];
    assert_eq!(infer(Op::ConvTranspose(attrs), &shapes), Ok(vec![B, f(6), f(16), f(15)]));
}

#[test]
fn a_last_window_that_starts_in_the_end_padding_is_dropped() {
    let pool = |ceil_mode| PoolAttrs { kernel: vec![1, 1], strides: vec![2, 2], dilations: vec![1, 1], pads: vec![0; 4], ceil_mode };
    let x: &[Dim] = &[B, f(1), f(2), f(4)];
    assert_eq!(infer(Op::MaxPool(pool(true)), &[x]), Ok(vec![B, f(1), f(1), f(2)]));
    assert_eq!(infer(Op::MaxPool(pool(false)), &[x]), Ok(vec![B, f(1), f(1), f(2)]));
    let wide = PoolAttrs { kernel: vec![3, 3], strides: vec![2, 2], dilations: vec![1, 1], pads: vec![0; 4], ceil_mode: true };
    assert_eq!(infer(Op::MaxPool(wide), &[&[B, f(1), f(6), f(6)]]), Ok(vec![B, f(1), f(3), f(3)]));
}

#[test]
fn matrix_products() {
    let gemm = |trans_a, trans_b| Op::Gemm { alpha: 1.0, beta: 1.0, trans_a, trans_b };
    assert_eq!(infer(gemm(false, true), &[&[B, f(3)], &[f(5), f(3)], &[f(5)]]), Ok(vec![B, f(5)]));
    assert_eq!(infer(gemm(true, false), &[&[f(3), B], &[f(3), f(5)]]), Ok(vec![B, f(5)]));
    assert!(infer(gemm(false, false), &[&[B, f(3)], &[f(5), f(3)]]).unwrap_err().contains("inner sizes differ"));
    assert!(infer(gemm(false, false), &[&[B, f(3)], &[f(3), f(5)], &[f(2), f(1), f(5)]]).is_err());
    assert_eq!(infer(Op::MatMul, &[&[B, f(2), f(7), f(3)], &[f(2), f(3), f(4)]]), Ok(vec![B, f(2), f(7), f(4)]));
    assert_eq!(infer(Op::MatMul, &[&[f(3)], &[B, f(3), f(4)]]), Ok(vec![B, f(4)]));
    assert_eq!(infer(Op::MatMul, &[&[B, f(3)], &[f(3)]]), Ok(vec![B]));
    assert!(infer(Op::MatMul, &[&[], &[f(3)]]).is_err());
}

#[test]
fn reshape_moves_the_batch_along() {
    let reshape = |shape: &[Dim], x: &[Dim]| infer(Op::Reshape { shape: shape.to_vec() }, &[x]);
    assert_eq!(reshape(&[B, Dim::Unknown], &[B, f(3), f(4)]), Ok(vec![B, f(12)]));
    assert_eq!(reshape(&[Dim::Unknown, f(4)], &[B, f(3), f(4)]), Ok(vec![Dim::Batch(3), f(4)]));
    assert_eq!(reshape(&[B, f(3), f(4)], &[Dim::Batch(3), f(4)]), Ok(vec![B, f(3), f(4)]));
    assert_eq!(reshape(&[f(2), Dim::Unknown], &[f(3), f(4)]), Ok(vec![f(2), f(6)]));
    assert_eq!(reshape(&[f(12), Dim::Unknown], &[B, f(3), Dim::Unknown]), Ok(vec![f(12), Dim::Unknown]));
    assert!(reshape(&[B, f(5)], &[B, f(3), f(4)]).unwrap_err().contains("[B, 3, 4] cannot be reshaped to [B, 5]"));
    assert!(reshape(&[f(5), Dim::Unknown], &[B, f(3)]).is_err());
    assert!(reshape(&[f(1), f(3)], &[B, f(3)]).is_err());
}

#[test]
fn the_payload_of_a_reshape_is_resolved() {
    let mut graph = Graph::new("g");
    let x = graph.input("x", DType::F32, vec![B, f(3), f(4)]);
    graph.add(Op::Reshape { shape: vec![B, Dim::Unknown] }, &[x]).unwrap();
    assert_eq!(graph.nodes()[0].op, Op::Reshape { shape: vec![B, f(12)] });
}

#[test]
fn layout() {
    let x: &[Dim] = &[B, f(8), f(4), f(6)];
    assert_eq!(infer(Op::Transpose { perm: vec![0, 2, 3, 1] }, &[x]), Ok(vec![B, f(4), f(6), f(8)]));
    assert!(infer(Op::Transpose { perm: vec![0, 0, 3, 1] }, &[x]).is_err());
    assert_eq!(infer(Op::Unsqueeze { axes: vec![0, 5] }, &[x]), Ok(vec![f(1), B, f(8), f(4), f(6), f(1)]));
    assert_eq!(infer(Op::Squeeze { axes: vec![1] }, &[&[B, f(1), f(4)]]), Ok(vec![B, f(4)]));
    assert!(infer(Op::Squeeze { axes: vec![0] }, &[x]).is_err());
    assert_eq!(infer(Op::Concat { axis: 1 }, &[x, x]), Ok(vec![B, f(16), f(4), f(6)]));
    assert_eq!(infer(Op::Concat { axis: 0 }, &[x, x]), Ok(vec![Dim::Batch(2), f(8), f(4), f(6)]));
    assert!(infer(Op::Concat { axis: 1 }, &[x, &[B, f(8), f(4), f(5)]]).is_err());
    assert_eq!(infer(Op::DepthToSpace { block: 2, column_row_depth: true }, &[x]), Ok(vec![B, f(2), f(8), f(12)]));
    assert_eq!(infer(Op::SpaceToDepth { block: 2 }, &[x]), Ok(vec![B, f(32), f(2), f(3)]));
    assert_eq!(infer(Op::Tile { repeats: vec![1, 2, 1, 1] }, &[x]), Ok(vec![B, f(16), f(4), f(6)]));
    assert_eq!(infer(Op::Expand { shape: vec![B, f(3)] }, &[&[f(1), f(3)]]), Ok(vec![B, f(3)]));
    let pads = vec![0, 0, -1, 2, 0, 0, -1, 0];
    assert_eq!(infer(Op::Pad { mode: crate::PadMode::Constant, pads }, &[x]), Ok(vec![B, f(8), f(2), f(8)]));
}

#[test]
fn slices() {
    let slice = |start: i64, end: i64, step: i64| {
        let op = Op::Slice { axes: vec![1], starts: vec![start], ends: vec![end], steps: vec![step] };
        infer(op, &[&[B, f(10)]]).map(|shape| shape[1])
    };
    assert_eq!(slice(2, 8, 1), Ok(f(6)));
    assert_eq!(slice(0, 10, 3), Ok(f(4)));
    assert_eq!(slice(9, -1, -1), Ok(f(10)));
    assert_eq!(slice(9, 0, -4), Ok(f(3)));
    assert_eq!(slice(5, 5, 1), Ok(f(0)));
    assert_eq!(slice(0, i64::MAX, 1), Ok(f(10)));
    assert!(slice(0, 1, 0).is_err());
    let batch = Op::Slice { axes: vec![0], starts: vec![0], ends: vec![i64::MAX], steps: vec![1] };
    assert_eq!(infer(batch, &[&[B, f(10)]]), Ok(vec![B, f(10)]));
}

#[test]
fn reductions_and_indices() {
    let x: &[Dim] = &[B, f(3), f(4)];
    let reduce = |axes: Vec<usize>, keepdims| infer(Op::Reduce { kind: crate::Reduce::Sum, axes, keepdims }, &[x]);
    assert_eq!(reduce(vec![1, 2], false), Ok(vec![B]));
    assert_eq!(reduce(vec![2], true), Ok(vec![B, f(3), f(1)]));
    assert!(reduce(vec![3], true).unwrap_err().contains("axis 3 is out of range for [B, 3, 4]"));
    assert_eq!(infer(Op::Gather { axis: 1 }, &[x, &[f(2), f(5)]]), Ok(vec![B, f(2), f(5), f(4)]));
    assert_eq!(infer(Op::OneHot { axis: 1, depth: 7 }, &[&[B, f(2)], &[f(2)]]), Ok(vec![B, f(7), f(2)]));
    assert!(infer(Op::TopK { axis: 1, k: 4, largest: true, sorted: true }, &[x]).is_err());
}

#[test]
fn types_follow_the_operator() {
    let mut graph = Graph::new("g");
    let x = graph.input("x", DType::F32, vec![B]);
    let n = graph.input("n", DType::I64, vec![B]);
    let less = graph.add(Op::Compare(crate::Compare::Less), &[x, x]).unwrap();
    assert_eq!(graph.value(less).dtype, Some(DType::Bool));
    let picked = graph.add(Op::Where, &[less, x, x]).unwrap();
    assert_eq!(graph.value(picked).dtype, Some(DType::F32));
    let shape = graph.add(Op::Shape { start: 0, end: 1 }, &[x]).unwrap();
    assert_eq!(graph.value(shape).dtype, Some(DType::I64));
    assert!(graph.add(Op::Add, &[x, n]).unwrap_err().to_string().contains("different types, F32 and I64"));
}

#[test]
fn missing_and_surplus_operands_are_named() {
    let mut graph = Graph::new("g");
    let x = graph.input("x", DType::F32, vec![B]);
    assert!(graph.add(Op::Add, &[x]).unwrap_err().to_string().contains("input 1 is missing"));
    assert!(graph.add(Op::Relu, &[x, x]).unwrap_err().to_string().contains("has 2 inputs, at most 1"));
}

#[test]
fn behind_an_opaque_node_nothing_is_known_and_nothing_fails() {
    let mut graph = Graph::new("g");
    let x = graph.input("x", DType::F32, vec![B, f(3)]);
    let opaque = crate::OpaqueOp {
        domain: String::new(),
        op_type: "Mystery".into(),
        opset: 13,
        attributes: Vec::new(),
        reason: "unknown operator".into(),
        captures: 0,
        follows: false,
    };
    let y = graph.add(Op::Opaque(opaque), &[x]).unwrap();
    let z = graph.add(Op::MatMul, &[y, x]).unwrap();
    assert_eq!((graph.value(z).dtype, graph.shape(z)), (Some(DType::F32), None));
    let flat = graph.add(Op::Reshape { shape: vec![B, f(6)] }, &[z]).unwrap();
    assert_eq!(graph.shape(flat), Some(&[B, f(6)][..]));
}
