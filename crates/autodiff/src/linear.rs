//! The loss whose derivative is fed: a weighted sum of any values of a graph.
//!
//! What a task makes of a model's values need not exist as nodes: it computes the derivative `w` of its loss by them outside of the graph, and the
//! gradient of the sum of w z by the input is then that of the loss.

use brinell_graph::{DType, Dim, Graph, ValueId};

use crate::gradient::{entrance, pull_back, with_outputs};
use crate::head::{form, with_ctx};
use crate::soft::softened;
use crate::{AutodiffError, Backward, Crossing};

/// Returns the name of the input that the weights of one of `n` taps are fed to: `w`, or `w_0`, `w_1` and so on.
#[must_use]
pub fn weights_name(tap: usize, n: usize) -> String {
    numbered("w", tap, n)
}

fn numbered(name: &str, tap: usize, n: usize) -> String {
    if n == 1 { name.to_owned() } else { format!("{name}_{tap}") }
}

/// Returns the graph that computes `taps`, the sum of their products with weights, and that sum's gradient with respect to `input`.
///
/// Its inputs are those of `graph`, then the weights of each tap ([`weights_name`]); its outputs are the taps (`values`, or `values_0` and so on),
/// `loss` and `gradient`, in this order. Nodes that these do not need are left out.
///
/// # Shapes
/// A tap has the batch first, [B, ..]; weights as their tap, in f32 (f64 where the tap is); `loss` `[B]`; `gradient` as `input`.
///
/// # Errors
/// [`AutodiffError::NotDifferentiable`] with every node that stands in the way, [`AutodiffError::NoPath`] where no tap depends on the input,
/// [`AutodiffError::TapShape`].
pub fn linear_graph(graph: &Graph, taps: &[ValueId], input: ValueId, crossing: Option<Crossing>) -> Result<Graph, AutodiffError> {
    linear_graph_with(graph, taps, input, &Backward { crossing, ..Backward::default() })
}

/// As [`linear_graph`], with a gradient that is taken as `backward` says.
///
/// # Errors
/// As [`linear_graph`].
pub fn linear_graph_with(graph: &Graph, taps: &[ValueId], input: ValueId, backward: &Backward) -> Result<Graph, AutodiffError> {
    let mut work = graph.clone();
    entrance(graph, taps, input, backward)?;
    let n = taps.len();
    let mut seeds = Vec::with_capacity(n);
    let mut total: Option<ValueId> = None;
    for (place, &tap) in taps.iter().enumerate() {
        let (shape, dtype) = weighable(graph, tap)?;
        let axes: Vec<usize> = (1..shape.len()).collect();
        let w = work.input(&weights_name(place, n), dtype, shape);
        let sum = with_ctx(&mut work, tap, |ctx| {
            let real = ctx.cast(tap, dtype)?;
            let product = ctx.mul(real, w)?;
            let sum = if axes.is_empty() { product } else { ctx.sum(product, &axes, false)? };
            total.map_or(Ok(sum), |total| ctx.add(total, sum))
        })?;
        total = Some(sum);
        seeds.push((tap, w));
    }
    let gradient = pull_back(&mut work, &seeds, input, backward, &softened(graph, taps, backward))?;
    let outputs: Vec<ValueId> = taps.iter().copied().chain(total).chain([gradient]).collect();
    let names: Vec<String> = (0..n).map(|tap| numbered("values", tap, n)).chain(["loss".to_owned(), "gradient".to_owned()]).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let fed: Vec<String> = (0..n).map(|tap| weights_name(tap, n)).collect();
    let fed: Vec<&str> = fed.iter().map(String::as_str).collect();
    Ok(with_outputs(&work, &outputs, &names, &fed)?)
}

/// Returns shape and type of the weights of a value.
fn weighable(graph: &Graph, tap: ValueId) -> Result<(Vec<Dim>, DType), AutodiffError> {
    let value = graph.value(tap);
    let dtype = match value.dtype {
        Some(DType::F64) => Some(DType::F64),
        None => Some(DType::F32),
        Some(dtype) => dtype.is_float().then_some(DType::F32),
    };
    match (value.shape.as_deref(), dtype) {
        (Some(shape), Some(dtype)) if !shape.is_empty() => Ok((shape.to_vec(), dtype)),
        (shape, _) => Err(AutodiffError::TapShape { value: value.name.clone(), shape: form(shape, value.dtype) }),
    }
}
