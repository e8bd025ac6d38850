//! Copying one graph into another.

use std::collections::HashMap;

use crate::{Graph, GraphError, ValueId};

impl Graph {
    /// Appends the nodes and constants of `other`, with its inputs replaced as `bindings` (input of `other`, value of
    /// `self`) say, and returns where the values of `other` now are. Inputs that are not bound become inputs of `self`;
    /// outputs of `other` do not become outputs of `self`. Shapes are inferred anew from the bound values.
    ///
    /// # Errors
    /// [`GraphError::Shape`] where a bound value does not fit.
    pub fn splice(&mut self, other: &Graph, bindings: &[(ValueId, ValueId)]) -> Result<HashMap<ValueId, ValueId>, GraphError> {
        let mut map: HashMap<ValueId, ValueId> = bindings.iter().copied().collect();
        for &input in other.inputs() {
            if let std::collections::hash_map::Entry::Vacant(slot) = map.entry(input) {
                let value = other.value(input);
                slot.insert(self.input_of(&value.name, value.dtype, value.shape.clone()));
            }
        }
        for (id, tensor) in other.constants() {
            let copy = self.constant(&other.value(id).name, std::sync::Arc::clone(tensor));
            map.insert(id, copy);
        }
        for (domain, version) in &other.domains {
            self.domains.insert(domain.clone(), *version);
        }
        for node in other.nodes() {
            let inputs = node.inputs.iter().map(|input| input.and_then(|id| map.get(&id).copied())).collect();
            let names: Vec<Option<&str>> = node.outputs.iter().map(|output| output.map(|id| other.value(id).name.as_str())).collect();
            let outputs = self.push(&node.name, node.op.clone(), inputs, &names)?;
            for (old, new) in node.outputs.iter().zip(outputs) {
                if let (Some(old), Some(new)) = (*old, new) {
                    let value = other.value(old);
                    self.declare(new, value.dtype, value.shape.clone());
                    map.insert(old, new);
                }
            }
        }
        Ok(map)
    }
}
