//! What PyTorch, or for files that others made ONNX Runtime, says about a model.

use std::collections::BTreeMap;
use std::path::Path;

use brinell_graph::TensorData;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

/// An array of f32.
#[derive(Clone)]
pub(crate) struct Tensor {
    pub(crate) shape: Vec<usize>,
    pub(crate) data: Vec<f32>,
}

/// Input, outputs, cotangents and gradient of a model, all with the batch first. Of a file that others made there is no gradient.
pub(crate) struct Reference {
    pub(crate) facts: Value,
    pub(crate) x: Tensor,
    pub(crate) outputs: Vec<Tensor>,
    pub(crate) cotangents: Vec<Tensor>,
    pub(crate) gradient: Option<Tensor>,
    /// What other inputs are held at, by name.
    pub(crate) held: BTreeMap<String, brinell_graph::Tensor>,
}

impl Reference {
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let fail = |problem: String| format!("{}: {problem}", path.display());
        let bytes = std::fs::read(path).map_err(|e| fail(e.to_string()))?;
        let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|e| fail(e.to_string()))?;
        let facts = metadata.metadata().as_ref().and_then(|map| map.get("facts")).ok_or_else(|| fail("it has no facts".to_owned()))?;
        let facts = serde_json::from_str(facts).map_err(|e| fail(e.to_string()))?;
        let tensors = SafeTensors::deserialize(&bytes).map_err(|e| fail(e.to_string()))?;
        let named = |name: &str| {
            let view = tensors.tensor(name).ok()?;
            let (chunks, _) = view.data().as_chunks::<4>();
            Some(Tensor { shape: view.shape().to_vec(), data: chunks.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect() })
        };
        let numbered = |kind: &str| (0..).map_while(|i| named(&format!("{kind}_{i}"))).collect();
        let needed = |name: &str| named(name).ok_or_else(|| fail(format!("it has no `{name}`")));
        let held = tensors.iter().filter_map(|(name, view)| Some((name.strip_prefix("held_")?.to_owned(), held(&view)?))).collect();
        Ok(Self {
            facts,
            x: needed("x")?,
            outputs: numbered("output"),
            cotangents: numbered("cotangent"),
            gradient: named("gradient"),
            held,
        })
    }
}

fn held(view: &TensorView<'_>) -> Option<brinell_graph::Tensor> {
    let data = match view.dtype() {
        Dtype::F32 => TensorData::F32(view.data().as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()),
        Dtype::I64 => TensorData::I64(view.data().as_chunks::<8>().0.iter().map(|&bytes| i64::from_le_bytes(bytes)).collect()),
        _ => return None,
    };
    brinell_graph::Tensor::new(view.shape().to_vec(), data)
}
