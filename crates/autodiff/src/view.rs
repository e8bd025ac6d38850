//! The values of a graph as rules compute with them: halves and quantised integers as f32.

use std::collections::{HashMap, HashSet};

use brinell_graph::{DType, Graph, Op, Quant, Tensor, TensorData, ValueId};

use crate::ctx::{Built, Ctx, narrow, unsupported};

/// What is known of the values that are not f32.
#[derive(Debug, Default)]
pub(crate) struct Views {
    /// Integers that carry a gradient.
    pub(crate) quantised: HashSet<ValueId>,
    /// Values that are dequantised constants: integers, scale, zero, axis of the scale.
    dequantised: HashMap<ValueId, Parts>,
    /// Values that are constant matrices with rows and columns exchanged, and these matrices.
    pub(crate) turned: HashMap<ValueId, ValueId>,
    made: HashMap<ValueId, ValueId>,
}

/// A quantised value, its scale, its zero and the axis along which these run.
pub(crate) type Parts = (ValueId, Option<ValueId>, Option<ValueId>, usize);

impl Views {
    /// Returns the views of a graph of which `dependents` carry a gradient.
    pub(crate) fn new(graph: &Graph, dependents: &HashSet<ValueId>) -> Self {
        let is_float = |id: &ValueId| graph.value(*id).dtype.is_none_or(DType::is_float);
        let quantised = dependents.iter().copied().filter(|id| !is_float(id)).collect();
        let (mut dequantised, mut turned) = (HashMap::new(), HashMap::new());
        for node in graph.nodes() {
            if let (Op::Transpose { perm }, &[Some(matrix)], &[Some(output)]) = (&node.op, node.inputs.as_slice(), node.outputs.as_slice())
                && perm[..] == [1, 0]
                && graph.constant_of(matrix).is_some_and(|tensor| matches!(tensor.dtype(), DType::F32 | DType::F64))
            {
                turned.insert(output, matrix);
            }
            if let (Op::Quant(Quant::DequantizeLinear { axis }), &[Some(value), Some(scale), ..], &[Some(output)]) =
                (&node.op, node.inputs.as_slice(), node.outputs.as_slice())
            {
                let zero = node.inputs.get(2).copied().flatten();
                if [Some(value), Some(scale), zero].into_iter().flatten().all(|id| graph.constant_of(id).is_some()) {
                    dequantised.insert(output, (value, Some(scale), zero, *axis));
                }
            }
        }
        Self { quantised, dequantised, turned, made: HashMap::new() }
    }
}

impl Ctx<'_> {
    /// Returns a value as rules compute with it.
    pub(crate) fn view(&mut self, value: ValueId) -> Built {
        if let Some(&made) = self.views.made.get(&value) {
            return Ok(made);
        }
        let dtype = self.graph.value(value).dtype;
        let half = matches!(dtype, Some(DType::F16 | DType::Bf16));
        let view = if half || self.views.quantised.contains(&value) {
            match self.graph.constant_of(value).and_then(|tensor| Some((tensor.shape().to_vec(), tensor.to_f64()?))) {
                Some((shape, data)) => self.numbers(shape, data)?,
                None => self.cast(value, DType::F32)?,
            }
        } else if let Some(&parts) = self.views.dequantised.get(&value) {
            self.dequantised(parts)?
        } else {
            return Ok(value);
        };
        self.views.made.insert(value, view);
        Ok(view)
    }

    /// Adds a constant of f32.
    fn numbers(&mut self, shape: Vec<usize>, data: Vec<f64>) -> Built {
        match Tensor::new(shape, TensorData::F32(data.into_iter().map(narrow).collect())) {
            Some(tensor) => Ok(self.graph.constant("grad_view", tensor)),
            None => unsupported("a constant contradicts its shape"),
        }
    }

    /// Returns the real numbers that quantised ones stand for, as f32; a constant where the parts are constants.
    pub(crate) fn dequantised(&mut self, (value, scale, zero, axis): Parts) -> Built {
        if let Some((shape, data)) = self.constants(value, scale, zero, axis) {
            return self.numbers(shape, data);
        }
        let mut real = self.widened(value)?;
        if let Some(zero) = zero {
            let zero = self.along(zero, value, axis)?;
            real = self.sub(real, zero)?;
        }
        match scale {
            Some(scale) => {
                let scale = self.along(scale, value, axis)?;
                self.mul(real, scale)
            }
            None => Ok(real),
        }
    }

    fn constants(&self, value: ValueId, scale: Option<ValueId>, zero: Option<ValueId>, axis: usize) -> Option<(Vec<usize>, Vec<f64>)> {
        let read = |id: ValueId| self.graph.constant_of(id)?.to_f64();
        let shape = self.graph.constant_of(value)?.shape().to_vec();
        let (scale, zero) = (scale.map_or(Some(vec![1.0]), read)?, zero.map_or(Some(vec![0.0]), read)?);
        let inner: usize = shape.get(axis + 1..).unwrap_or_default().iter().product();
        let length = shape.get(axis).copied().unwrap_or(1).max(1);
        let pick = |list: &[f64], i: usize| if list.len() == 1 { list.first() } else { list.get(i / inner.max(1) % length) }.copied();
        let data = read(value)?;
        let real = data.into_iter().enumerate().map(|(i, q)| Some((q - pick(&zero, i)?) * pick(&scale, i)?));
        Some((shape, real.collect::<Option<_>>()?))
    }

    /// Returns a value in f32.
    pub(crate) fn widened(&mut self, value: ValueId) -> Built {
        match self.graph.value(value).dtype {
            Some(DType::F32 | DType::F64) => Ok(value),
            _ => {
                self.views.quantised.insert(value);
                self.view(value)
            }
        }
    }

    /// Returns a scale or a zero in f32, so that it broadcasts along `axis` of `value`.
    pub(crate) fn along(&mut self, parameter: ValueId, value: ValueId, axis: usize) -> Built {
        let parameter = self.widened(parameter)?;
        let after = self.rank(value)?.saturating_sub(axis + 1);
        match self.shape(parameter)?.as_slice() {
            [n] if *n != brinell_graph::Dim::Fixed(1) && after > 0 => {
                let shape = std::iter::once(*n).chain(std::iter::repeat_n(brinell_graph::Dim::Fixed(1), after)).collect();
                self.reshape(parameter, shape)
            }
            _ => Ok(parameter),
        }
    }
}
