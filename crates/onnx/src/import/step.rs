//! What rules write: operators, constants and the names of values.

use brinell_graph::{Dim, Op, Tensor, ValueId};

use super::{Importer, Node, Refusal, opaque, unknown};
use crate::tensor;

impl Importer<'_> {
    /// Pushes an operator that produces the outputs of `node`.
    pub(super) fn emit(&mut self, node: &Node<'_>, op: Op, inputs: Vec<Option<ValueId>>) -> Result<(), Refusal> {
        let ids = self.push(node.name, op, inputs, &node.outputs)?;
        for (id, name) in ids.iter().zip(&node.outputs) {
            if let (Some(id), Some(name)) = (id, name) {
                self.bind(name, *id);
            }
        }
        Ok(())
    }

    /// Pushes an operator, or the constants that it makes.
    pub(super) fn push(
        &mut self,
        name: &str,
        op: Op,
        inputs: Vec<Option<ValueId>>,
        outputs: &[Option<&str>],
    ) -> Result<Vec<Option<ValueId>>, Refusal> {
        let folded = self.fold(&op, &inputs);
        if let Some(tensors) = self.known_outputs(&op, &inputs, &folded, outputs.len()) {
            return Ok(outputs.iter().zip(tensors).map(|(name, tensor)| name.map(|name| self.graph.constant(name, tensor))).collect());
        }
        let tainted = inputs.iter().flatten().any(|id| self.tainted.contains(id));
        let ids = self.graph.push(name, op, inputs, outputs)?;
        if tainted {
            self.tainted.extend(ids.iter().flatten());
        }
        for (id, content) in ids.iter().zip(folded) {
            if let Some(id) = id {
                self.contents.insert(*id, content);
            }
        }
        Ok(ids)
    }

    /// Gives a value a name, until the body that is being unrolled ends.
    pub(super) fn bind(&mut self, name: &str, id: ValueId) {
        let before = self.by_name.insert(name.to_owned(), id);
        if let Some(scope) = self.scopes.last_mut() {
            scope.entry(name.to_owned()).or_insert(before);
        }
    }

    /// Pushes an operator that stands before the last one of `node`.
    pub(super) fn step(&mut self, node: &Node<'_>, op: Op, inputs: &[ValueId]) -> Result<ValueId, Refusal> {
        let name = format!("{}/{}", node.name, op.name());
        let inputs = inputs.iter().copied().map(Some).collect();
        let ids = self.push(&name, op, inputs, &[Some(&name)])?;
        ids.into_iter().flatten().next().ok_or_else(|| Refusal::Bad("operator without output".to_owned()))
    }

    /// True where the body being unrolled, or the model, has given a value that name.
    pub(super) fn is_taken(&self, name: &str) -> bool {
        match self.scopes.last() {
            Some(scope) => scope.contains_key(name),
            None => self.by_name.contains_key(name),
        }
    }

    /// Pushes an operator with several outputs that stands before the last one of `node`.
    pub(super) fn step_many(&mut self, node: &Node<'_>, op: Op, inputs: &[ValueId], n: usize) -> Result<Vec<ValueId>, Refusal> {
        let name = format!("{}/{}", node.name, op.name());
        let inputs = inputs.iter().copied().map(Some).collect();
        let names: Vec<String> = (0..n).map(|i| format!("{name}_{i}")).collect();
        let names: Vec<Option<&str>> = names.iter().map(|name| Some(name.as_str())).collect();
        Ok(self.push(&name, op, inputs, &names)?.into_iter().flatten().collect())
    }

    pub(super) fn constant(&mut self, node: &Node<'_>, tensor: Tensor) -> ValueId {
        self.graph.constant(&format!("{}/constant", node.name), tensor)
    }

    /// A scalar of the floating-point type of `like`.
    pub(super) fn number(&mut self, node: &Node<'_>, like: ValueId, value: f64) -> Result<ValueId, Refusal> {
        self.filled(node, like, &[], value)
    }

    /// A constant of the floating-point type of `like` with the same number everywhere.
    pub(super) fn filled(&mut self, node: &Node<'_>, like: ValueId, shape: &[usize], value: f64) -> Result<ValueId, Refusal> {
        let Some(dtype) = self.graph.value(like).dtype else {
            return unknown(format!("the type of `{}` is unknown", self.graph.value(like).name));
        };
        match tensor::filled(dtype, shape, value) {
            Some(tensor) => Ok(self.constant(node, tensor)),
            None => opaque(format!("`{}` has type {dtype:?}", self.graph.value(like).name)),
        }
    }

    /// The result of a step becomes the output of `node`.
    pub(super) fn finish(&mut self, node: &Node<'_>, value: ValueId) -> Result<(), Refusal> {
        self.emit(node, Op::Identity, vec![Some(value)])
    }

    /// Shape of a value, or the refusal that says that it is needed.
    pub(super) fn shape(&self, id: ValueId) -> Result<Vec<Dim>, Refusal> {
        match self.graph.shape(id) {
            Some(shape) => Ok(shape.to_vec()),
            None => unknown(format!("the shape of `{}` is unknown", self.graph.value(id).name)),
        }
    }

    pub(super) fn rank(&self, id: ValueId) -> Result<usize, Refusal> {
        self.shape(id).map(|shape| shape.len())
    }
}
