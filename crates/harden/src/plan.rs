//! Which tensors of a file are trained.

use std::collections::HashSet;
use std::path::Path;

use brinell_engine::QueryGraph;
use brinell_graph::{DType, Dim, Graph, Op, ValueId};
use brinell_onnx::Stored;
use brinell_record::TensorPlan;

use crate::HardenError;

/// A tensor that is trained.
#[derive(Debug, Clone)]
pub(crate) struct Trained {
    /// Where it lies in the file.
    pub(crate) stored: Stored,
    /// The constant of the graph.
    pub(crate) id: ValueId,
    /// Its numbers as they came.
    pub(crate) values: Vec<f32>,
}

/// What is trained, and a line for every tensor of the file.
pub(crate) struct Plan {
    pub(crate) trained: Vec<Trained>,
    pub(crate) tensors: Vec<TensorPlan>,
}

/// The constant of a tensor and its values, or why it is not trained.
type Trainable = Result<(ValueId, Vec<f32>), String>;

impl Plan {
    /// Looks at each tensor of a file. Where `only` names some, no others are trained; what `freeze` names stays.
    ///
    /// # Errors
    /// [`HardenError::NothingToTrain`], [`HardenError::NoSuchTensor`], [`HardenError::Quantised`].
    pub(crate) fn new(
        model: &Path,
        query: &QueryGraph,
        stored: Vec<Stored>,
        only: &[String],
        freeze: &[String],
    ) -> Result<Self, HardenError> {
        if let Some(node) = query.graph.nodes().iter().find(|node| matches!(node.op, Op::Quant(_))) {
            return Err(HardenError::Quantised { model: model.to_path_buf(), operator: node.op.name().to_owned() });
        }
        let behind = behind_layers(&query.graph, query.input);
        let found: Vec<(Stored, Trainable)> = stored
            .into_iter()
            .filter(|stored| stored.dtype.is_float())
            .map(|stored| (stored.clone(), trainable(query, &behind, &stored)))
            .collect();
        let names: Vec<String> = found.iter().filter(|(_, read)| read.is_ok()).map(|(stored, _)| stored.name.clone()).collect();
        if names.is_empty() {
            let mut reasons: Vec<&String> = found.iter().filter_map(|(_, read)| read.as_ref().err()).collect();
            reasons.dedup();
            let reason = if let [only] = reasons[..] { Some(only.clone()) } else { None };
            return Err(HardenError::NothingToTrain { model: model.to_path_buf(), tensors: found.len(), reason });
        }
        if let Some(pattern) = only.iter().chain(freeze).find(|pattern| !names.iter().any(|name| fits(pattern, name))) {
            return Err(HardenError::NoSuchTensor { pattern: pattern.clone(), names });
        }
        let (mut trained, mut tensors) = (Vec::new(), Vec::new());
        for (stored, read) in found {
            let named = |list: &[String]| list.iter().any(|pattern| fits(pattern, &stored.name));
            let read = match read {
                Ok(_) if named(freeze) => Err("frozen by the settings".to_owned()),
                Ok(_) if !only.is_empty() && !named(only) => Err("not among those chosen".to_owned()),
                read => read,
            };
            tensors.push(TensorPlan { name: stored.name.clone(), shape: stored.shape.clone(), kept: read.as_ref().err().cloned() });
            if let Ok((id, values)) = read {
                trained.push(Trained { stored, id, values });
            }
        }
        if trained.is_empty() {
            let reason = Some("all trainable tensors are frozen".to_owned());
            return Err(HardenError::NothingToTrain { model: model.to_path_buf(), tensors: tensors.len(), reason });
        }
        Ok(Self { trained, tensors })
    }

    /// Number of trained numbers.
    pub(crate) fn parameters(&self) -> usize {
        self.trained.iter().map(|tensor| tensor.values.len()).sum()
    }
}

/// Returns the constant of the graph that a tensor of the file is, and its numbers, or why it is not trained.
fn trainable(query: &QueryGraph, behind: &HashSet<ValueId>, stored: &Stored) -> Trainable {
    let graph = &query.graph;
    if stored.dtype != DType::F32 {
        return Err(format!("its type is {:?}; f32 is trained", stored.dtype));
    }
    let id = query.constants.get(&stored.name).and_then(|name| graph.find(name)).filter(|&id| graph.constant_of(id).is_some());
    let (id, tensor) = id.zip(id.and_then(|id| graph.constant_of(id))).ok_or("the output does not use it directly")?;
    if tensor.shape() != stored.shape {
        return Err("it is used in a changed form".to_owned());
    }
    if tensor.len() <= 1 {
        return Err("it is a single number".to_owned());
    }
    role(graph, behind, id)?;
    let values = tensor.as_f32().ok_or("its numbers are not f32")?.into_owned();
    if values.iter().any(|value| !value.is_finite()) {
        return Err("it contains values that are not finite".to_owned());
    }
    Ok((id, values))
}

/// Says why a constant is no weight, by what reads it.
fn role(graph: &Graph, behind: &HashSet<ValueId>, id: ValueId) -> Result<(), String> {
    let mut used = false;
    for node in graph.nodes() {
        for (place, _) in node.inputs.iter().enumerate().filter(|(_, input)| **input == Some(id)) {
            used = true;
            let other = node.inputs.get(1 - place.min(1)).copied().flatten();
            let follows = other.is_some_and(|other| behind.contains(&other));
            match (&node.op, place) {
                (Op::Conv(_) | Op::ConvTranspose(_) | Op::LayerNormalization { .. } | Op::InstanceNormalization { .. }, 1 | 2)
                | (Op::Gemm { .. } | Op::MatMul, _)
                | (Op::PRelu, 1) => {}
                (Op::BatchNormalization { .. }, 3 | 4) => return Err("it is a running mean or variance".to_owned()),
                (Op::BatchNormalization { .. }, 1 | 2) if node.inputs.first().copied().flatten().is_some_and(|x| behind.contains(&x)) => {}
                (Op::Add | Op::Sub | Op::Mul, _) if follows && is_one_axis(graph, id) => {}
                (Op::Add | Op::Sub | Op::Mul, _) if follows => {
                    return Err("it has several axes, so it is neither a bias nor a scale".to_owned());
                }
                (Op::Add | Op::Sub | Op::Mul | Op::Div | Op::BatchNormalization { .. }, _) if !follows => {
                    return Err("it is preprocessing in front of the first layer".to_owned());
                }
                (Op::Identity | Op::Reshape { .. } | Op::Transpose { .. } | Op::Squeeze { .. } | Op::Unsqueeze { .. }, 0) => {
                    node.outputs.iter().flatten().try_for_each(|&output| role(graph, behind, output))?;
                }
                (Op::Gather { .. }, 0) => return Err("it is an embedding table".to_owned()),
                (op, _) => return Err(format!("it is used by {}", op.name())),
            }
        }
    }
    if used { Ok(()) } else { Err("no operator uses it".to_owned()) }
}

/// True where at most one axis has more than one element.
fn is_one_axis(graph: &Graph, id: ValueId) -> bool {
    graph.shape(id).is_some_and(|shape| shape.iter().filter(|&&dim| dim != Dim::Fixed(1)).count() <= 1)
}

/// Returns the values that depend on the input through at least one layer with weights.
fn behind_layers(graph: &Graph, input: ValueId) -> HashSet<ValueId> {
    let (mut depends, mut behind) = (HashSet::from([input]), HashSet::new());
    for node in graph.nodes() {
        let reads = |set: &HashSet<ValueId>| node.inputs.iter().flatten().any(|id| set.contains(id));
        let layer = matches!(node.op, Op::Conv(_) | Op::ConvTranspose(_) | Op::Gemm { .. } | Op::MatMul);
        let (in_depends, in_behind) = (reads(&depends), reads(&behind));
        for &output in node.outputs.iter().flatten() {
            if in_depends {
                depends.insert(output);
            }
            if in_behind || (layer && in_depends) {
                behind.insert(output);
            }
        }
    }
    behind
}

/// True where a name fits a pattern in which `*` stands for anything.
fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, tail)) => name.strip_prefix(head).is_some_and(|rest| {
            let cuts = (0..=rest.len()).filter(|&at| rest.is_char_boundary(at));
            cuts.filter_map(|at| rest.get(at..)).any(|rest| fits(tail, rest))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, name, expected) in [
            ("conv1.weight", "conv1.weight", true),
            ("conv*", "conv1.weight", true),
            ("*.bias", "a.b.bias", true),
            ("*.weight", "a.weights", false),
            ("a*b*c", "a-b-b-c", true),
            ("*", "größe", true),
            ("b*", "a", false),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }
}
