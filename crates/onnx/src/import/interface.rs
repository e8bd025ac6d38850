//! Inputs, outputs and initializers of the model.

use std::collections::HashSet;

use brinell_graph::{DType, Dim, Shape, ValueId};

use super::Importer;
use super::known::{Known, sized};
use super::sparse;
use crate::error::ImportError;
use crate::proto::{DimensionProto, GraphProto, ValueInfoProto};
use crate::tensor::{self, MAX_RANK, Named};

impl<'a> Importer<'a> {
    /// Adds initializers and inputs. An initializer that is also an input is a constant, as is an input whose value is known.
    pub(super) fn interface(&mut self, proto: &'a GraphProto, known: &Known, batched: bool) -> Result<(), ImportError> {
        let mut constants = HashSet::new();
        let dense = proto.initializer.iter().map(|encoded| (encoded, false));
        for (encoded, is_sparse) in dense.chain(proto.sparse_initializer.iter().map(|encoded| (encoded, true))) {
            let named = if is_sparse { sparse::read(encoded, self.source, &mut self.sparse) } else { tensor::read(encoded, self.source) };
            let Named { name, tensor, location } = named?;
            self.external.extend(location);
            if name.is_empty() || !constants.insert(name.clone()) {
                return Err(ImportError::BadTensor { tensor: name, problem: "its name is empty or used twice".to_owned() });
            }
            let id = self.graph.constant(&name, tensor);
            self.by_name.insert(name, id);
        }
        for input in &proto.input {
            let name = input.name.as_deref().unwrap_or_default();
            if constants.contains(name) {
                continue;
            }
            let fail = |problem: &str| ImportError::BadInterface { role: "input", name: name.to_owned(), problem: problem.to_owned() };
            if name.is_empty() || self.by_name.contains_key(name) {
                return Err(fail("its name is empty or used twice"));
            }
            let (dtype, shape) = typed(input, batched).map_err(|problem| fail(&problem))?;
            let id = match (known.values.get(name), &known.sample) {
                (Some(value), _) if Some(value.dtype()) != dtype => {
                    let held = dtype.map_or_else(|| "no tensor".to_owned(), |dtype| format!("{dtype:?}"));
                    return Err(fail(&format!("it contains {held}, not {:?}", value.dtype())));
                }
                (Some(value), _) => self.graph.constant(name, value.clone()),
                (None, Some(sample)) if dtype.is_some() && known.input.as_deref().is_none_or(|known| known == name) => {
                    let shape = sized(shape, sample, batched).map_err(|problem| fail(&problem))?;
                    self.graph.input_of(name, dtype, Some(shape))
                }
                (None, _) => self.graph.input_of(name, dtype, shape),
            };
            self.by_name.insert(name.to_owned(), id);
        }
        let batches = if batched { batch_names(proto) } else { HashSet::new() };
        for info in &proto.value_info {
            if let (Some(name), Ok(declared)) = (info.name.as_deref(), inner(info, &batches)) {
                self.declared.insert(name, declared);
            }
        }
        for output in &proto.output {
            if let (Some(name), Ok(declared)) = (output.name.as_deref(), typed(output, batched)) {
                self.declared.insert(name, declared);
            }
        }
        Ok(())
    }

    /// Says of what an unread node makes what the file says of it. A run that makes something else is refused then.
    pub(super) fn declare(&mut self, name: &str, id: ValueId) {
        // In a body the same name stands for a value of each iteration.
        if let (true, Some((dtype, shape))) = (self.scopes.is_empty(), self.declared.get(name)) {
            self.graph.declare(id, *dtype, shape.clone());
        }
    }

    pub(super) fn outputs(&mut self, proto: &GraphProto) -> Result<(), ImportError> {
        for output in &proto.output {
            let name = output.name.as_deref().unwrap_or_default();
            let Some(&id) = self.by_name.get(name) else {
                let problem = "no node produces it".to_owned();
                return Err(ImportError::BadInterface { role: "output", name: name.to_owned(), problem });
            };
            if let Some((dtype, shape)) = self.declared.get(name) {
                self.graph.declare(id, *dtype, shape.clone());
            }
            self.graph.output(id);
        }
        if proto.output.is_empty() {
            return Err(ImportError::NotOnnx { detail: "its graph has no outputs".to_owned() });
        }
        Ok(())
    }
}

type Declared = (Option<DType>, Option<Shape>);

/// Type and shape as declared. A first dimension that is not fixed is the batch.
fn typed(info: &ValueInfoProto, batched: bool) -> Result<Declared, String> {
    let Some(tensor) = info.r#type.as_ref().and_then(|t| t.tensor_type.as_ref()) else { return Ok((None, None)) };
    let dtype = tensor.elem_type.and_then(tensor::dtype);
    let Some(shape) = &tensor.shape else { return Ok((dtype, None)) };
    if shape.dim.len() > MAX_RANK {
        return Err(format!("it has {} axes; the limit is {MAX_RANK}", shape.dim.len()));
    }
    Ok((dtype, Some(shape.dim.iter().enumerate().map(|(axis, d)| dimension(d, batched && axis == 0)).collect())))
}

/// Names of the first, free dimensions of the inputs.
fn batch_names(proto: &GraphProto) -> HashSet<&str> {
    let first = proto.input.iter().filter_map(|input| input.r#type.as_ref()?.tensor_type.as_ref()?.shape.as_ref()?.dim.first());
    first.filter_map(|dim| dim.dim_param.as_deref()).filter(|name| !name.is_empty()).collect()
}

/// Type and shape of a value in between: its batch is the dimension that is named as that of an input.
fn inner(info: &ValueInfoProto, batches: &HashSet<&str>) -> Result<Declared, String> {
    let (dtype, shape) = typed(info, false)?;
    let dims = info.r#type.as_ref().and_then(|t| t.tensor_type.as_ref()).and_then(|t| t.shape.as_ref()).map(|shape| shape.dim.as_slice());
    let named = |dim: &DimensionProto| dim.dim_param.as_deref().is_some_and(|name| batches.contains(name));
    let dim = |(dim, proto): (Dim, &DimensionProto)| if named(proto) { Dim::Batch(1) } else { dim };
    Ok((dtype, shape.map(|shape| shape.into_iter().zip(dims.unwrap_or_default()).map(dim).collect())))
}

/// Negative sizes, and a first size of 0, are how some exporters write "any".
fn dimension(proto: &DimensionProto, first: bool) -> Dim {
    let any = if first { Dim::Batch(1) } else { Dim::Unknown };
    match proto.dim_value {
        Some(0) if first => any,
        Some(n) if proto.dim_param.as_deref().is_none_or(str::is_empty) => usize::try_from(n).map_or(any, Dim::Fixed),
        _ => any,
    }
}
