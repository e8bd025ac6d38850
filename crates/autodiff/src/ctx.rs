//! What a rule sees of a node, and a short way to append nodes.

use std::collections::HashMap;

use brinell_graph::{Compare, DType, Dim, Graph, GraphError, Node, Op, Reduce, Shape, Tensor, TensorData, ValueId};

use crate::view::Views;

/// Why a rule gives up.
#[derive(Debug)]
pub(crate) enum RuleError {
    /// The operator, or this use of it, has no gradient here.
    Unsupported(String),
    /// A shape or type that is only unknown because an unsupported node stands in front.
    Unknown(String),
    /// The rule appended a node that does not fit.
    Graph(GraphError),
}

impl From<GraphError> for RuleError {
    fn from(error: GraphError) -> Self {
        Self::Graph(error)
    }
}

/// Returns the error for a use of an operator that has no gradient here.
pub(crate) fn unsupported<T>(reason: impl Into<String>) -> Result<T, RuleError> {
    Err(RuleError::Unsupported(reason.into()))
}

/// Result of building one value.
pub(crate) type Built = Result<ValueId, RuleError>;

/// Gradients of a node's inputs, in order; `None` where there is none or nobody asks.
pub(crate) type Grads = Result<Vec<Option<ValueId>>, RuleError>;

/// Scalars already in the graph, by bits and type.
pub(crate) type Scalars = HashMap<(u64, DType), ValueId>;

/// One node under differentiation.
///
/// Cotangents are f32 (f64 in a graph of f64): where a graph computes with halves or with quantised integers, rules see its
/// values through [`Views`], as f32.
pub(crate) struct Ctx<'g> {
    pub(crate) graph: &'g mut Graph,
    pub(crate) node: &'g Node,
    pub(crate) cotangents: &'g [Option<ValueId>],
    pub(crate) wanted: &'g [bool],
    pub(crate) scalars: &'g mut Scalars,
    pub(crate) views: &'g mut Views,
}

impl Ctx<'_> {
    /// Returns input `i`, as a rule computes with it.
    pub(crate) fn x(&mut self, i: usize) -> Built {
        let value = self.opt(i).ok_or_else(|| RuleError::Unknown(format!("input {i} is missing")))?;
        self.view(value)
    }

    /// Returns input `i` where present, as it is in the graph.
    pub(crate) fn opt(&self, i: usize) -> Option<ValueId> {
        self.node.inputs.get(i).copied().flatten()
    }

    /// Returns the first output, as a rule computes with it.
    pub(crate) fn y(&mut self) -> Built {
        let value = self.node.outputs.first().copied().flatten();
        self.view(value.ok_or_else(|| RuleError::Unknown("the output is unnamed".into()))?)
    }

    /// Returns the cotangent of the first output.
    pub(crate) fn dy(&self) -> Built {
        self.cotangents.first().copied().flatten().ok_or_else(|| RuleError::Unsupported("only the first output has a gradient".into()))
    }

    /// Returns true where the gradient of input `i` is asked for.
    pub(crate) fn wants(&self, i: usize) -> bool {
        self.wanted.get(i).copied().unwrap_or(false)
    }

    /// Returns the gradient of a node's only differentiable input.
    pub(crate) fn one(gradient: ValueId) -> Grads {
        Ok(vec![Some(gradient)])
    }

    /// Returns the shape of a value.
    pub(crate) fn shape(&self, value: ValueId) -> Result<Shape, RuleError> {
        match self.graph.shape(value) {
            Some(shape) => Ok(shape.to_vec()),
            None => Err(RuleError::Unknown(format!("the shape of `{}` is unknown", self.graph.value(value).name))),
        }
    }

    /// Returns the rank of a value.
    pub(crate) fn rank(&self, value: ValueId) -> Result<usize, RuleError> {
        self.shape(value).map(|shape| shape.len())
    }

    /// Returns the size of one axis, which must be fixed.
    pub(crate) fn size(&self, value: ValueId, axis: usize) -> Result<usize, RuleError> {
        match self.shape(value)?.get(axis) {
            Some(Dim::Fixed(n)) => Ok(*n),
            Some(Dim::Batch(_)) => unsupported(format!("axis {axis} is the batch")),
            _ => unsupported(format!("the size of axis {axis} is not fixed")),
        }
    }

    /// Returns the sizes of the axes from the third on, which must be fixed.
    pub(crate) fn spatial(&self, value: ValueId) -> Result<Vec<usize>, RuleError> {
        (2..self.rank(value)?).map(|axis| self.size(value, axis)).collect()
    }

    /// Returns the element type of a value.
    pub(crate) fn dtype(&self, value: ValueId) -> DType {
        self.graph.value(value).dtype.unwrap_or(DType::F32)
    }

    /// Returns the elements of a constant f32 tensor.
    pub(crate) fn constant_f32(&self, value: ValueId) -> Option<(Vec<usize>, Vec<f32>)> {
        let tensor = self.graph.constant_of(value)?;
        Some((tensor.shape().to_vec(), tensor.as_f32()?.to_vec()))
    }

    /// Returns a weight as the backward pass reads it, with two axes exchanged: a constant that has one `shape` both ways gets a second name.
    /// OpenVINO keeps what one operator made of a weight by its place in memory and its shape, and hands it to the other.
    pub(crate) fn apart(&mut self, weight: ValueId, shape: impl Fn(&[usize]) -> bool) -> ValueId {
        match self.graph.constant_of(weight).filter(|tensor| shape(tensor.shape())).map(std::sync::Arc::clone) {
            Some(tensor) => self.graph.constant("grad_weight", tensor),
            None => weight,
        }
    }

    /// Adds a constant of floating point with the type of `like`.
    pub(crate) fn floats(&mut self, like: ValueId, shape: Vec<usize>, data: Vec<f32>) -> Built {
        let dtype = self.dtype(like);
        let n = data.len();
        let stored = if dtype == DType::F64 { TensorData::F64(data.into_iter().map(f64::from).collect()) } else { TensorData::F32(data) };
        let Some(tensor) = Tensor::new(shape, stored) else {
            return unsupported(format!("a constant of {n} elements does not fit its shape"));
        };
        let id = self.graph.constant("grad_const", tensor);
        if matches!(dtype, DType::F32 | DType::F64) { Ok(id) } else { self.cast(id, dtype) }
    }

    /// Returns a scalar with the type of `like`, one constant per value.
    pub(crate) fn scalar(&mut self, like: ValueId, value: f64) -> Built {
        let dtype = self.dtype(like);
        let key = (value.to_bits(), dtype);
        if let Some(&id) = self.scalars.get(&key) {
            return Ok(id);
        }
        let data = match dtype {
            DType::F64 => TensorData::F64(vec![value]),
            _ => TensorData::F32(vec![narrow(value)]),
        };
        let Some(tensor) = Tensor::new(Vec::new(), data) else { return unsupported("a scalar could not be made") };
        let id = self.graph.constant("grad_scalar", tensor);
        let id = if matches!(dtype, DType::F32 | DType::F64) { id } else { self.cast(id, dtype)? };
        self.scalars.insert(key, id);
        Ok(id)
    }

    /// Adds any node with one output.
    pub(crate) fn op(&mut self, op: Op, inputs: &[ValueId]) -> Built {
        let name = format!("grad_{}_{}", op.name(), self.graph.nodes().len());
        let inputs = inputs.iter().copied().map(Some).collect();
        let outputs = self.graph.push(&name, op, inputs, &[Some("")])?;
        outputs.into_iter().flatten().next().ok_or_else(|| RuleError::Unsupported("a node without output".into()))
    }

    /// Adds a node with several outputs.
    pub(crate) fn op_many(&mut self, op: Op, inputs: &[ValueId], n: usize) -> Result<Vec<ValueId>, RuleError> {
        let name = format!("grad_{}_{}", op.name(), self.graph.nodes().len());
        let inputs = inputs.iter().copied().map(Some).collect();
        Ok(self.graph.push(&name, op, inputs, &vec![Some(""); n])?.into_iter().flatten().collect())
    }

    pub(crate) fn add(&mut self, a: ValueId, b: ValueId) -> Built {
        self.op(Op::Add, &[a, b])
    }

    pub(crate) fn sub(&mut self, a: ValueId, b: ValueId) -> Built {
        self.op(Op::Sub, &[a, b])
    }

    pub(crate) fn mul(&mut self, a: ValueId, b: ValueId) -> Built {
        self.op(Op::Mul, &[a, b])
    }

    pub(crate) fn div(&mut self, a: ValueId, b: ValueId) -> Built {
        self.op(Op::Div, &[a, b])
    }

    pub(crate) fn neg(&mut self, a: ValueId) -> Built {
        self.op(Op::Neg, &[a])
    }

    /// Returns `a * factor`, or `a` itself for a factor of one.
    #[expect(clippy::float_cmp, reason = "only an exact one may be left out")]
    pub(crate) fn scale(&mut self, a: ValueId, factor: f64) -> Built {
        if factor == 1.0 {
            return Ok(a);
        }
        let factor = self.scalar(a, factor)?;
        self.mul(a, factor)
    }

    /// Returns `a + term`.
    pub(crate) fn shift(&mut self, a: ValueId, term: f64) -> Built {
        let term = self.scalar(a, term)?;
        self.add(a, term)
    }

    /// Returns the Boolean `a ? value`.
    pub(crate) fn compare(&mut self, compare: Compare, a: ValueId, value: f64) -> Built {
        let value = self.scalar(a, value)?;
        self.op(Op::Compare(compare), &[a, value])
    }

    pub(crate) fn select(&mut self, condition: ValueId, a: ValueId, b: ValueId) -> Built {
        self.op(Op::Where, &[condition, a, b])
    }

    /// Returns `condition ? a : 0`.
    pub(crate) fn mask(&mut self, condition: ValueId, a: ValueId) -> Built {
        let zero = self.scalar(a, 0.0)?;
        self.select(condition, a, zero)
    }

    /// Returns -1, 0 or 1. Written with comparisons, since not every runtime's Sign is 0 at zero.
    pub(crate) fn sign(&mut self, a: ValueId) -> Built {
        let (positive, negative) = (self.compare(Compare::Greater, a, 0.0)?, self.compare(Compare::Less, a, 0.0)?);
        let (one, minus) = (self.scalar(a, 1.0)?, self.scalar(a, -1.0)?);
        let below = self.mask(negative, minus)?;
        self.select(positive, one, below)
    }

    pub(crate) fn cast(&mut self, a: ValueId, to: DType) -> Built {
        self.op(Op::Cast { to }, &[a])
    }

    /// Returns zeros of the shape of `a`, without knowing the batch size.
    pub(crate) fn zeros_like(&mut self, a: ValueId) -> Built {
        self.op(Op::Clip { lo: Some(0.0), hi: Some(0.0) }, &[a])
    }

    pub(crate) fn reduce(&mut self, kind: Reduce, a: ValueId, axes: &[usize], keepdims: bool) -> Built {
        if axes.is_empty() {
            return Ok(a);
        }
        self.op(Op::Reduce { kind, axes: axes.to_vec(), keepdims }, &[a])
    }

    pub(crate) fn sum(&mut self, a: ValueId, axes: &[usize], keepdims: bool) -> Built {
        self.reduce(Reduce::Sum, a, axes, keepdims)
    }

    /// Returns `a` with `shape`, or `a` itself where it has that shape already.
    pub(crate) fn reshape(&mut self, a: ValueId, shape: Shape) -> Built {
        if self.graph.shape(a) == Some(shape.as_slice()) {
            return Ok(a);
        }
        if shape.contains(&Dim::Unknown) {
            return unsupported("a dimension other than the batch is not fixed");
        }
        self.op(Op::Reshape { shape }, &[a])
    }

    pub(crate) fn transpose(&mut self, a: ValueId, perm: Vec<usize>) -> Built {
        if perm.iter().enumerate().all(|(i, &p)| i == p) { Ok(a) } else { self.op(Op::Transpose { perm }, &[a]) }
    }

    pub(crate) fn unsqueeze(&mut self, a: ValueId, axes: Vec<usize>) -> Built {
        if axes.is_empty() { Ok(a) } else { self.op(Op::Unsqueeze { axes }, &[a]) }
    }

    /// Returns `a` padded with zeros; negative amounts crop, by a Slice, since not every runtime's Pad takes them.
    pub(crate) fn pad(&mut self, mut a: ValueId, mut pads: Vec<i64>) -> Built {
        let rank = pads.len() / 2;
        let (mut axes, mut starts, mut ends) = (Vec::new(), Vec::new(), Vec::new());
        for axis in 0..rank {
            let (before, after) = (pads[axis].min(0), pads[rank + axis].min(0));
            if (before, after) != (0, 0) {
                axes.push(axis);
                starts.push(-before);
                ends.push(signed(self.size(a, axis)?) + after);
                (pads[axis], pads[rank + axis]) = (pads[axis] - before, pads[rank + axis] - after);
            }
        }
        if !axes.is_empty() {
            let steps = vec![1; axes.len()];
            a = self.op(Op::Slice { axes, starts, ends, steps }, &[a])?;
        }
        if pads.iter().all(|&pad| pad == 0) {
            return Ok(a);
        }
        self.op(Op::Pad { mode: brinell_graph::PadMode::Constant, pads }, &[a])
    }

    /// Returns elements `start..end` of one axis.
    pub(crate) fn slice(&mut self, a: ValueId, axis: usize, start: usize, end: usize) -> Built {
        let (starts, ends) = (vec![signed(start)], vec![signed(end)]);
        self.op(Op::Slice { axes: vec![axis], starts, ends, steps: vec![1] }, &[a])
    }

    /// Sums a gradient over the axes along which its operand `like` was broadcast.
    pub(crate) fn unbroadcast(&mut self, gradient: ValueId, like: ValueId) -> Built {
        let (from, to) = (self.shape(gradient)?, self.shape(like)?);
        if from == to {
            return Ok(gradient);
        }
        let extra = from.len().saturating_sub(to.len());
        let mut axes: Vec<usize> = (0..extra).collect();
        for (i, (have, want)) in from.iter().skip(extra).zip(&to).enumerate() {
            if *want == Dim::Fixed(1) && *have != Dim::Fixed(1) {
                axes.push(extra + i);
            }
        }
        let summed = self.sum(gradient, &axes, true)?;
        self.reshape(summed, to)
    }

    /// Repeats a gradient along the axes of size one until it has the shape of `like`.
    pub(crate) fn expand_like(&mut self, gradient: ValueId, like: ValueId) -> Built {
        let (from, to) = (self.shape(gradient)?, self.shape(like)?);
        if from == to {
            return Ok(gradient);
        }
        let grows = from.len() != to.len() || from.iter().zip(&to).any(|(have, want)| have != want && !matches!(want, Dim::Fixed(_)));
        if grows {
            let zeros = self.zeros_like(like)?;
            return self.add(gradient, zeros);
        }
        self.op(Op::Expand { shape: to }, &[gradient])
    }
}

/// Returns a size as ONNX's i64.
pub(crate) fn signed(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Returns the product of dimensions, which may hold the batch once.
pub(crate) fn product(dims: &[Dim]) -> Dim {
    dims.iter().fold(Dim::Fixed(1), |product, &dim| match (product, dim) {
        (Dim::Fixed(a), Dim::Fixed(b)) => Dim::Fixed(a * b),
        (Dim::Fixed(a), Dim::Batch(b)) | (Dim::Batch(a), Dim::Fixed(b)) => Dim::Batch(a * b),
        _ => Dim::Unknown,
    })
}

#[expect(clippy::cast_possible_truncation, reason = "constants of f32 graphs are f32")]
pub(crate) fn narrow(value: f64) -> f32 {
    value as f32
}
