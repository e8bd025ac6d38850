//! What is known of a model's inputs beyond what the file says.

use std::collections::BTreeMap;

use brinell_graph::{Dim, Shape, Tensor};

/// What is known of a model's inputs beyond what the file says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Known {
    /// The input that `sample` is about; the only one where absent.
    pub input: Option<String>,
    /// Sizes of that input without the batch: they take the place of those that the file leaves free.
    pub sample: Option<Vec<usize>>,
    /// Inputs that have always the same value. They become constants before anything is read, so that conditions and sizes may follow from them.
    pub values: BTreeMap<String, Tensor>,
}

/// The shape of an input of which the sizes of one sample are known. A batch that nothing can be claimed about is one of 1.
pub(super) fn sized(declared: Option<Shape>, sample: &[usize], batched: bool) -> Result<Shape, String> {
    if sample.contains(&0) || sample.iter().try_fold(1_usize, |n, &size| n.checked_mul(size)).is_none() {
        return Err(format!("samples of shape {sample:?} are not possible"));
    }
    let free = if batched { Dim::Batch(1) } else { Dim::Fixed(1) };
    let Some(declared) = declared else { return Ok(std::iter::once(free).chain(sample.iter().map(|&n| Dim::Fixed(n))).collect()) };
    let text = |dims: &[Dim]| dims.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let misfit = || format!("its shape is [{}], which does not fit samples of shape {sample:?}", text(&declared));
    let Some((first, rest)) = declared.split_first() else { return Err(misfit()) };
    if rest.len() != sample.len() || rest.iter().zip(sample).any(|(dim, &size)| dim.fixed().is_some_and(|fixed| fixed != size)) {
        return Err(misfit());
    }
    let first = if *first == Dim::Unknown { free } else { *first };
    Ok(std::iter::once(first).chain(sample.iter().map(|&n| Dim::Fixed(n))).collect())
}
