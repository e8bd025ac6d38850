//! Scores that a model returns as a list of maps from class to score.

use std::collections::BTreeMap;

use ort::value::{DynMapValueType, DynValue, TensorElementType, ValueType};

/// True for a list of maps from numbers or names of classes to floats.
pub(crate) fn are_scores(kind: &ValueType) -> bool {
    let ValueType::Sequence(inner) = kind else { return false };
    matches!(**inner, ValueType::Map { key: TensorElementType::Int64 | TensorElementType::String, value: TensorElementType::Float32 })
}

/// Returns the maps as rows, classes in ascending order, and writes the extents into `shape`.
pub(crate) fn matrix(value: &DynValue, shape: &mut Vec<usize>) -> ort::Result<Vec<f32>> {
    let maps = value.try_extract_sequence::<DynMapValueType>()?;
    let mut scores = Vec::new();
    for map in &maps {
        if let ValueType::Map { key: TensorElementType::String, .. } = map.dtype() {
            scores.extend(map.try_extract_key_values::<String, f32>()?.into_iter().collect::<BTreeMap<_, _>>().into_values());
        } else {
            scores.extend(map.try_extract_key_values::<i64, f32>()?.into_iter().collect::<BTreeMap<_, _>>().into_values());
        }
    }
    shape.clear();
    shape.extend([maps.len(), scores.len() / maps.len().max(1)]);
    Ok(scores)
}
