use crate::{DType, Dim, Graph, Op, RebatchError, Tensor, TensorData, rebatch};

const B: Dim = Dim::Batch(1);

fn f(n: usize) -> Dim {
    Dim::Fixed(n)
}

fn graph(shape: &[usize]) -> (Graph, crate::ValueId) {
    let mut graph = Graph::new("g");
    let x = graph.input("x", DType::F32, shape.iter().map(|&n| f(n)).collect());
    (graph, x)
}

fn zeros(shape: &[usize]) -> Tensor {
    Tensor::new(shape.to_vec(), TensorData::F32(vec![0.0; shape.iter().product()])).unwrap()
}

/// Applies `op` to an input of `shape` and returns the shape of the output after rebatching.
fn through(op: Op, shape: &[usize]) -> Result<Vec<Dim>, RebatchError> {
    let (mut graph, x) = graph(shape);
    let y = graph.add(op, &[x]).unwrap();
    graph.output(y);
    let rebatched = rebatch(&graph)?;
    Ok(rebatched.shape(rebatched.outputs()[0]).unwrap().to_vec())
}

#[test]
fn a_flattening_reshape_gets_the_batch_in_front() {
    assert_eq!(through(Op::Reshape { shape: vec![f(1), f(12)] }, &[1, 3, 4]), Ok(vec![B, f(12)]));
    assert_eq!(through(Op::Reshape { shape: vec![f(1), f(3), f(2), f(2)] }, &[1, 12]), Ok(vec![B, f(3), f(2), f(2)]));
}

#[test]
fn the_batch_is_found_where_it_stands() {
    let (mut graph, x) = graph(&[1, 5, 6]);
    let turned = graph.add(Op::Transpose { perm: vec![1, 0, 2] }, &[x]).unwrap();
    let heads = graph.add(Op::Reshape { shape: vec![f(5), f(2), f(3)] }, &[turned]).unwrap();
    let turned = graph.add(Op::Transpose { perm: vec![1, 0, 2] }, &[heads]).unwrap();
    let y = graph.add(Op::Reshape { shape: vec![f(1), f(2), f(5), f(3)] }, &[turned]).unwrap();
    graph.output(y);
    let rebatched = rebatch(&graph).unwrap();
    assert_eq!(rebatched.shape(rebatched.find("Reshape_1_out0").unwrap()), Some(&[f(5), Dim::Batch(2), f(3)][..]));
    assert_eq!(rebatched.shape(rebatched.outputs()[0]), Some(&[B, f(2), f(5), f(3)][..]));
}

#[test]
fn constants_keep_their_shape() {
    let (mut graph, x) = graph(&[1, 4]);
    let w = graph.constant("w", zeros(&[2, 2, 3]));
    let w = graph.add(Op::Reshape { shape: vec![f(4), f(3)] }, &[w]).unwrap();
    let y = graph.add(Op::MatMul, &[x, w]).unwrap();
    let b = graph.constant("b", zeros(&[1, 3]));
    let y = graph.add(Op::Add, &[y, b]).unwrap();
    graph.output(y);
    let rebatched = rebatch(&graph).unwrap();
    assert_eq!(rebatched.shape(rebatched.outputs()[0]), Some(&[B, f(3)][..]));
}

#[test]
fn a_class_token_is_repeated_for_every_sample() {
    let (mut graph, x) = graph(&[1, 16, 8]);
    let token = graph.constant("token", zeros(&[1, 1, 8]));
    let y = graph.add(Op::Concat { axis: 1 }, &[token, x]).unwrap();
    graph.output(y);
    let rebatched = rebatch(&graph).unwrap();
    assert_eq!(rebatched.shape(rebatched.outputs()[0]), Some(&[B, f(17), f(8)][..]));
}

#[test]
fn nodes_that_mix_samples_are_named() {
    let cases = [
        Op::Softmax { axis: 0 },
        Op::Reduce { kind: crate::Reduce::Mean, axes: vec![0], keepdims: true },
        Op::Squeeze { axes: vec![0] },
        Op::Split { axis: 0, sizes: vec![1] },
        Op::Tile { repeats: vec![2, 1, 1] },
        Op::LayerNormalization { axis: 0, epsilon: 1e-5 },
        Op::Reshape { shape: vec![f(3), f(1), f(4)] },
    ];
    for op in cases {
        let name = op.name().to_owned();
        let (mut graph, x) = graph(&[1, 3, 4]);
        let scale = graph.constant("scale", zeros(&[1, 3, 4]));
        let inputs = if name == "LayerNormalization" { vec![x, scale] } else { vec![x] };
        let y = graph.add(op, &inputs).unwrap();
        graph.output(y);
        match rebatch(&graph) {
            Err(RebatchError::Node { op, .. }) => assert_eq!(op, name),
            Err(RebatchError::Output { .. }) if name == "Reshape" => {}
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn samples_are_not_multiplied_with_each_other() {
    let (mut graph, x) = graph(&[1, 3]);
    let turned = graph.add(Op::Transpose { perm: vec![1, 0] }, &[x]).unwrap();
    let y = graph.add(Op::MatMul, &[x, turned]).unwrap();
    graph.output(y);
    assert!(rebatch(&graph).unwrap_err().to_string().contains("would have the batch twice"));
}

#[test]
fn another_batch_than_one_is_refused() {
    assert!(matches!(through(Op::Relu, &[2, 3]), Err(RebatchError::Input { .. })));
}

#[test]
fn a_graph_with_a_free_batch_comes_back_as_it_is() {
    let mut graph = Graph::new("g");
    let x = graph.input("x", DType::F32, vec![B, f(3)]);
    let y = graph.add(Op::Relu, &[x]).unwrap();
    graph.output(y);
    assert_eq!(rebatch(&graph).unwrap(), graph);
}
