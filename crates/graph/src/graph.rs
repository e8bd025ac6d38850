use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{DType, Op, Shape, Tensor, infer};

/// Handle of a value in a [`Graph`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueId(pub(crate) u32);

/// Handle of a node: its position in [`Graph::nodes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub(crate) u32);

/// One edge of the graph.
#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    /// Unique, never empty.
    pub name: String,
    /// Element type; `None` behind opaque nodes.
    pub dtype: Option<DType>,
    /// Shape; `None` behind opaque nodes.
    pub shape: Option<Shape>,
}

/// One application of an operator.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Name for messages; may be empty.
    pub name: String,
    /// Operator with attributes.
    pub op: Op,
    /// Inputs; `None` for an optional one that is left out.
    pub inputs: Vec<Option<ValueId>>,
    /// Outputs; `None` for one that nobody reads.
    pub outputs: Vec<Option<ValueId>>,
}

/// What is wrong with a node that was pushed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GraphError {
    /// Operand shapes do not fit the operator.
    #[error("node `{node}` ({op}): {problem}")]
    Shape {
        /// Name of the node.
        node: String,
        /// Operator.
        op: String,
        /// What does not fit.
        problem: String,
    },
}

/// A model as nodes in topological order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Graph {
    /// Name of the graph.
    pub name: String,
    values: Vec<Value>,
    nodes: Vec<Node>,
    inputs: Vec<ValueId>,
    outputs: Vec<ValueId>,
    constants: BTreeMap<ValueId, Arc<Tensor>>,
    /// Custom domains that opaque nodes need, with versions.
    pub domains: BTreeMap<String, i64>,
    names: std::collections::HashSet<String>,
}

impl Graph {
    /// Returns an empty graph.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Adds a graph input. The name is made unique if it is taken.
    pub fn input(&mut self, name: &str, dtype: DType, shape: Shape) -> ValueId {
        self.input_of(name, dtype, Some(shape))
    }

    /// Adds a graph input whose type and shape may be unknown: lists of tensors have neither.
    pub fn input_of(&mut self, name: &str, dtype: impl Into<Option<DType>>, shape: Option<Shape>) -> ValueId {
        let id = self.fresh(name, dtype.into(), shape);
        self.inputs.push(id);
        id
    }

    /// Adds a constant (an initializer).
    pub fn constant(&mut self, name: &str, tensor: impl Into<Arc<Tensor>>) -> ValueId {
        let tensor = tensor.into();
        let shape = tensor.shape().iter().map(|&n| crate::Dim::Fixed(n)).collect();
        let id = self.fresh(name, Some(tensor.dtype()), Some(shape));
        self.constants.insert(id, tensor);
        id
    }

    /// Adds a scalar f32 constant.
    pub fn scalar(&mut self, value: f32) -> ValueId {
        self.constant("scalar", Tensor::scalar(value))
    }

    /// Adds a node with one output and returns that output.
    ///
    /// # Errors
    /// [`GraphError::Shape`] where the operands do not fit.
    pub fn add(&mut self, op: Op, inputs: &[ValueId]) -> Result<ValueId, GraphError> {
        let inputs = inputs.iter().copied().map(Some).collect();
        let name = format!("{}_{}", op.name(), self.nodes.len());
        self.push(&name, op, inputs, &[Some("")]).map(|outputs| outputs.into_iter().flatten().next().unwrap_or(ValueId(0)))
    }

    /// Adds a node; `output_names` has an entry per output (`None`: left out; an empty name: one is made).
    /// Shapes and dtypes of the outputs are inferred; the target shapes of Reshape and Expand become the inferred ones,
    /// with what they leave open filled in.
    ///
    /// # Errors
    /// [`GraphError::Shape`] where the operands do not fit.
    pub fn push(
        &mut self,
        name: &str,
        op: Op,
        inputs: Vec<Option<ValueId>>,
        output_names: &[Option<&str>],
    ) -> Result<Vec<Option<ValueId>>, GraphError> {
        let inferred = infer::node(self, name, &op, &inputs, output_names.len())?;
        let op = match (op, inferred.first()) {
            (Op::Reshape { .. }, Some((_, Some(shape)))) => Op::Reshape { shape: shape.clone() },
            (Op::Expand { .. }, Some((_, Some(shape)))) => Op::Expand { shape: shape.clone() },
            (op, _) => op,
        };
        let mut outputs = Vec::with_capacity(output_names.len());
        for (i, wanted) in output_names.iter().enumerate() {
            outputs.push(wanted.map(|wanted| {
                let base = if wanted.is_empty() { format!("{name}_out{i}") } else { wanted.to_owned() };
                let (dtype, shape) = inferred.get(i).cloned().unwrap_or((None, None));
                self.fresh(&base, dtype, shape)
            }));
        }
        self.nodes.push(Node { name: name.to_owned(), op, inputs, outputs: outputs.clone() });
        Ok(outputs)
    }

    /// Makes another operator with one input of the node at `place`, whose outputs stay, behind the nodes from `first_new` on, which move in front of it.
    pub(crate) fn turn(&mut self, place: usize, op: Op, input: ValueId, first_new: usize) {
        if let Some(node) = self.nodes.get_mut(place) {
            (node.op, node.inputs) = (op, vec![Some(input)]);
        }
        let new = self.nodes.split_off(first_new);
        self.nodes.splice(place..place, new);
    }

    /// Says what a value is where inference cannot know: behind an opaque node. Known facts are kept.
    pub fn declare(&mut self, id: ValueId, dtype: Option<DType>, shape: Option<Shape>) {
        if let Some(value) = self.values.get_mut(id.0 as usize) {
            value.dtype = value.dtype.or(dtype);
            value.shape = value.shape.take().or(shape);
        }
    }

    /// Returns the nodes that are carried along unread, with their names.
    pub fn opaque_nodes(&self) -> impl Iterator<Item = (NodeId, &str, &crate::OpaqueOp)> {
        self.nodes.iter().zip(0..).filter_map(|(node, i)| match &node.op {
            Op::Opaque(op) => Some((NodeId(i), node.name.as_str(), op)),
            _ => None,
        })
    }

    /// Makes `value` a graph output.
    pub fn output(&mut self, value: ValueId) {
        self.outputs.push(value);
    }

    /// Replaces the list of graph outputs.
    pub fn set_outputs(&mut self, outputs: Vec<ValueId>) {
        self.outputs = outputs;
    }

    /// Returns the graph inputs, constants excluded.
    #[must_use]
    pub fn inputs(&self) -> &[ValueId] {
        &self.inputs
    }

    /// Returns the graph outputs.
    #[must_use]
    pub fn outputs(&self) -> &[ValueId] {
        &self.outputs
    }

    /// Returns the nodes in topological order.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Returns a value.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "ids are only made by this graph, which never removes a value")]
    pub fn value(&self, id: ValueId) -> &Value {
        &self.values[id.0 as usize]
    }

    /// Returns the shape of a value, where known.
    #[must_use]
    pub fn shape(&self, id: ValueId) -> Option<&[crate::Dim]> {
        self.value(id).shape.as_deref()
    }

    /// Returns the constant behind a value.
    #[must_use]
    pub fn constant_of(&self, id: ValueId) -> Option<&Arc<Tensor>> {
        self.constants.get(&id)
    }

    /// Returns all constants.
    pub fn constants(&self) -> impl Iterator<Item = (ValueId, &Arc<Tensor>)> {
        self.constants.iter().map(|(&id, tensor)| (id, tensor))
    }

    /// Makes inputs of constants, in this order and behind the inputs that there are; ids and names stay. What is no constant is left alone.
    pub fn release(&mut self, constants: &[ValueId]) {
        for id in constants {
            if self.constants.remove(id).is_some() {
                self.inputs.push(*id);
            }
        }
    }

    /// Returns all values with their ids.
    pub fn values(&self) -> impl Iterator<Item = (ValueId, &Value)> {
        self.values.iter().zip(0..).map(|(value, id)| (ValueId(id), value))
    }

    /// Finds a value by name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<ValueId> {
        self.values().find(|(_, value)| value.name == name).map(|(id, _)| id)
    }

    /// Copies what is marked into a new graph, with new ids and the same names.
    pub(crate) fn retain(&self, live: &std::collections::HashSet<ValueId>, keep: &[bool]) -> Self {
        let mut graph = Self { name: self.name.clone(), domains: self.domains.clone(), ..Self::default() };
        let mut ids = std::collections::HashMap::new();
        let produced = self.nodes.iter().zip(keep).filter(|(_, keep)| **keep).flat_map(|(node, _)| node.outputs.iter().flatten());
        let produced: std::collections::HashSet<ValueId> = produced.copied().collect();
        let inputs: std::collections::HashSet<ValueId> = self.inputs.iter().copied().collect();
        for (id, value) in self.values() {
            let constant = self.constants.get(&id).filter(|_| live.contains(&id));
            if constant.is_some() || inputs.contains(&id) || produced.contains(&id) {
                let new = graph.fresh(&value.name, value.dtype, value.shape.clone());
                ids.insert(id, new);
                if let Some(tensor) = constant {
                    graph.constants.insert(new, Arc::clone(tensor));
                }
            }
        }
        let map = |list: &[Option<ValueId>]| list.iter().map(|id| id.and_then(|id| ids.get(&id).copied())).collect();
        for (node, _) in self.nodes.iter().zip(keep).filter(|(_, keep)| **keep) {
            graph.nodes.push(Node { name: node.name.clone(), op: node.op.clone(), inputs: map(&node.inputs), outputs: map(&node.outputs) });
        }
        graph.inputs = self.inputs.iter().filter_map(|id| ids.get(id).copied()).collect();
        graph.outputs = self.outputs.iter().filter_map(|id| ids.get(id).copied()).collect();
        graph
    }

    fn fresh(&mut self, name: &str, dtype: Option<DType>, shape: Option<Shape>) -> ValueId {
        let base = if name.is_empty() { "value" } else { name };
        let mut unique = base.to_owned();
        let mut n = self.values.len();
        while !self.names.insert(unique.clone()) {
            unique = format!("{base}_{n}");
            n += 1;
        }
        let id = ValueId(u32::try_from(self.values.len()).unwrap_or(u32::MAX));
        self.values.push(Value { name: unique, dtype, shape });
        id
    }
}
