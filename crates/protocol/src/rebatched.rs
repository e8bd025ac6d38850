//! Graphs with a free batch that compute what their file computes.

use std::path::Path;

use brinell_attack::Start;
use brinell_engine::{OracleError, RuntimeChoice, RuntimeSettings, Signature, View, open};
use brinell_graph::Graph;
use brinell_onnx::Model;
use brinell_threat::{Ball, InputBox, Norm};

use crate::ProtocolError;

/// Largest difference between graph and file, relative to the largest output.
const SAME_OUTPUT: f32 = 1e-3;

/// Points that are compared.
const POINTS: usize = 3;

/// Returns the model's graph, with a free batch where the file fixes it at 1 and the freed graph computes the same.
pub(crate) fn free_batch(path: &Path, model: &Model, signature: &Signature) -> Graph {
    if signature.fixed_batch == Some(1)
        && let Ok(freed) = brinell_graph::rebatch(&model.graph)
        && computes_the_same(path, &freed, &signature.sample).is_ok_and(|same| same)
    {
        return freed;
    }
    model.graph.clone()
}

/// Compares a batch of random points on the graph with the same points one by one on the file.
fn computes_the_same(path: &Path, freed: &Graph, sample: &[usize]) -> Result<bool, ProtocolError> {
    let runtime = open(RuntimeChoice::Auto, &RuntimeSettings::default())?;
    let mut original = runtime.compile_file(path)?;
    let mut batched = runtime.compile(&brinell_onnx::write(freed).map_err(OracleError::Export)?)?;
    let ball = Ball { norm: Norm::Linf, eps: 0.0, bounds: InputBox::UNIT };
    let start = Start { x: &[], ball: &ball, label: 0, target: None, seed: 0, sample: 0, restart: 0 };
    let mut points = vec![0.0; POINTS * sample.iter().product::<usize>()];
    brinell_threat::fill_uniform(&mut brinell_attack::rng::generator("rebatched", &start), &mut points);

    let mut found = Vec::new();
    first_output(batched.as_mut(), POINTS, sample, &points, &mut found)?;
    let mut expected = Vec::new();
    for point in points.chunks_exact(points.len() / POINTS) {
        first_output(original.as_mut(), 1, sample, point, &mut expected)?;
    }
    let scale = expected.iter().fold(1.0f32, |m, z| m.max(z.abs()));
    let close = |(a, b): (&f32, &f32)| (a - b).abs() <= SAME_OUTPUT * scale;
    Ok(found.len() == expected.len() && found.iter().zip(&expected).all(close))
}

/// Appends the first output for a batch `x` of `[B, ..sample]`.
fn first_output(
    session: &mut dyn brinell_engine::Session,
    batch: usize,
    sample: &[usize],
    x: &[f32],
    out: &mut Vec<f32>,
) -> Result<(), ProtocolError> {
    let shape: Vec<usize> = std::iter::once(batch).chain(sample.iter().copied()).collect();
    let name = session.inputs().first().map_or_else(String::new, |port| port.name.clone());
    session.run(&[(&name, View::f32(&shape, x))], &mut |index, view| {
        if index == 0
            && let Some(values) = view.data.as_f32()
        {
            out.extend_from_slice(values);
        }
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use brinell_graph::{DType, Dim, Op, Tensor, TensorData};

    use super::*;

    /// `factor * x` for x `[B, 2]`.
    fn scaled(batch: Dim, factor: f32) -> Graph {
        let mut graph = Graph::new("scaled");
        let x = graph.input("x", DType::F32, vec![batch, Dim::Fixed(2)]);
        let factor = graph.constant("factor", Tensor::new(vec![1], TensorData::F32(vec![factor])).unwrap());
        let y = graph.add(Op::Mul, &[x, factor]).unwrap();
        graph.output(y);
        graph
    }

    #[test]
    fn a_graph_that_computes_otherwise_keeps_the_batch_of_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.onnx");
        std::fs::write(&path, brinell_onnx::write(&scaled(Dim::Fixed(1), 2.0)).unwrap()).unwrap();
        let mut model = brinell_onnx::read_file(&path).unwrap();
        let signature = Signature::of(&model.graph).unwrap();
        let batch_of = |graph: &Graph| Signature::of(graph).unwrap().fixed_batch;
        assert_eq!(batch_of(&free_batch(&path, &model, &signature)), None);
        model.graph = scaled(Dim::Fixed(1), 2.1);
        assert_eq!(batch_of(&free_batch(&path, &model, &signature)), Some(1));
    }
}
