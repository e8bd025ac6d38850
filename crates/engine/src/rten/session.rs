//! A model compiled by rten.

use std::sync::Arc;

use brinell_graph::DType;
use half::f16;
use half::slice::HalfBitsSliceExt;
use rten::{DataType, Dimension, Model, NodeId, RunOptions, ThreadPool, Value, ValueOrView, ValueType, ValueView};
use rten_tensor::prelude::*;

use super::guard;
use crate::header::Header;
use crate::{Elements, EngineError, Port, Session, Stage, View, feed};

pub(crate) struct RtenSession {
    model: Model,
    what: String,
    note: Option<String>,
    /// Operators of the model until the first run has planned what to do; 0 from then on.
    unplanned: usize,
    options: RunOptions,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    input_ids: Vec<NodeId>,
    output_ids: Vec<NodeId>,
    order: Vec<usize>,
    narrowed: Vec<Narrowed>,
    widened: Widened,
}

/// The elements of one feed in a type that rten has, where the model's own is not; kept from run to run.
#[derive(Default)]
struct Narrowed {
    floats: Vec<f32>,
    ints: Vec<i32>,
}

/// The elements of one output in the type that the model declares; kept from run to run.
#[derive(Default)]
struct Widened {
    i64s: Vec<i64>,
    bools: Vec<bool>,
    f64s: Vec<f64>,
    f16s: Vec<u16>,
}

impl RtenSession {
    pub(crate) fn new(model: Model, header: &Header, pool: Arc<ThreadPool>, what: &str, note: Option<String>) -> Result<Self, EngineError> {
        let input_ids = model.input_ids().to_vec();
        let output_ids = model.output_ids().to_vec();
        let inputs = ports(&model, &input_ids, header, what)?;
        let outputs = ports(&model, &output_ids, header, what)?;
        let narrowed = inputs.iter().map(|_| Narrowed::default()).collect();
        let options = RunOptions::default().with_thread_pool(Some(pool));
        let what = what.to_owned();
        let unplanned = header.nodes;
        Ok(Self {
            model,
            what,
            note,
            unplanned,
            options,
            inputs,
            outputs,
            input_ids,
            output_ids,
            order: Vec::new(),
            narrowed,
            widened: Widened::default(),
        })
    }

    fn failure(&self, reason: String) -> EngineError {
        EngineError::Model { runtime: "rten".to_owned(), stage: Stage::Run, model: self.what.clone(), reason }
    }
}

impl Session for RtenSession {
    fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    fn run(&mut self, feeds: &[(&str, View<'_>)], sink: &mut dyn FnMut(usize, View<'_>)) -> Result<(), EngineError> {
        feed::arrange(&self.inputs, feeds, &mut self.order)?;
        let placed = || self.order.iter().filter_map(|&index| feeds.get(index));
        for ((name, view), scratch) in placed().zip(&mut self.narrowed) {
            narrow(name, view, scratch)?;
        }
        let mut values: Vec<(NodeId, ValueOrView<'_>)> = Vec::with_capacity(self.input_ids.len());
        for (((name, view), scratch), &id) in placed().zip(&self.narrowed).zip(&self.input_ids) {
            let value = value_view(view, scratch).map_err(|reason| EngineError::Feed { name: (*name).to_owned(), reason })?;
            values.push((id, value.into()));
        }
        let run = || self.model.run(values, &self.output_ids, Some(self.options.clone()));
        let ran = if self.unplanned > 0 { guard::first(self.unplanned, run) } else { guard::caught(run) };
        let results = ran.map_err(|reason| self.failure(reason))?.map_err(|e| self.failure(e.to_string()))?;
        self.unplanned = 0;
        for (index, (mut result, port)) in results.into_iter().zip(&self.outputs).enumerate() {
            make_contiguous(&mut result);
            let shape = result.shape();
            match elements(&result, port.dtype, &mut self.widened) {
                Some(data) => sink(index, View { shape: &shape, data }),
                None => return Err(self.failure(format!("output `{}` is {}, not {:?}", port.name, result.dtype(), port.dtype))),
            }
        }
        Ok(())
    }
}

fn ports(model: &Model, ids: &[NodeId], header: &Header, what: &str) -> Result<Vec<Port>, EngineError> {
    let port = |&id: &NodeId| {
        let info = model.node_info(id);
        let name = info.as_ref().and_then(|info| info.name()).unwrap_or_default().to_owned();
        let shape = info.as_ref().and_then(|info| info.shape()).unwrap_or_default();
        let known = header.dtype(&name).or_else(|| match info.and_then(|info| info.dtype()) {
            Some(ValueType::Tensor(DataType::Float)) => Some(DType::F32),
            Some(ValueType::Tensor(DataType::Int32)) => Some(DType::I32),
            Some(ValueType::Tensor(DataType::Int8)) => Some(DType::I8),
            Some(ValueType::Tensor(DataType::UInt8)) => Some(DType::U8),
            _ => None,
        });
        match known {
            Some(dtype @ (DType::F32 | DType::F64 | DType::F16 | DType::I8 | DType::U8 | DType::I32 | DType::I64 | DType::Bool)) => {
                Ok(Port { name, dtype, shape: shape.iter().map(extent).collect() })
            }
            other => Err(EngineError::PortType {
                runtime: "rten".to_owned(),
                model: what.to_owned(),
                port: name,
                dtype: other.map_or_else(|| "unknown".to_owned(), |dtype| format!("{dtype:?}")),
            }),
        }
    };
    ids.iter().map(port).collect()
}

fn extent(dimension: &Dimension) -> Option<usize> {
    match dimension {
        Dimension::Fixed(size) => Some(*size),
        Dimension::Symbolic(_) => None,
    }
}

fn narrow(name: &str, view: &View<'_>, scratch: &mut Narrowed) -> Result<(), EngineError> {
    match view.data {
        Elements::F64(data) => refill(&mut scratch.floats, data.iter().map(|&v| v as f32)),
        Elements::F16(data) => refill(&mut scratch.floats, data.reinterpret_cast::<f16>().iter().map(|v| v.to_f32())),
        Elements::Bool(data) => refill(&mut scratch.ints, data.iter().map(|&v| i32::from(v))),
        Elements::I64(data) => {
            if let Some(&value) = data.iter().find(|&&v| i32::try_from(v).is_err()) {
                return Err(EngineError::TooWide { runtime: "rten".to_owned(), name: name.to_owned(), value, bits: i32::BITS });
            }
            refill(&mut scratch.ints, data.iter().map(|&v| v as i32));
        }
        _ => {}
    }
    Ok(())
}

fn value_view<'a>(view: &View<'a>, scratch: &'a Narrowed) -> Result<ValueView<'a>, String> {
    let shape = view.shape;
    let text = |error: &dyn std::error::Error| error.to_string();
    match view.data {
        Elements::F32(data) => ValueView::from_shape(shape, data).map_err(|e| text(&e)),
        Elements::I32(data) => ValueView::from_shape(shape, data).map_err(|e| text(&e)),
        Elements::I8(data) => ValueView::from_shape(shape, data).map_err(|e| text(&e)),
        Elements::U8(data) => ValueView::from_shape(shape, data).map_err(|e| text(&e)),
        Elements::F64(_) | Elements::F16(_) => ValueView::from_shape(shape, scratch.floats.as_slice()).map_err(|e| text(&e)),
        Elements::I64(_) | Elements::Bool(_) => ValueView::from_shape(shape, scratch.ints.as_slice()).map_err(|e| text(&e)),
        _ => Err(format!("rten has no {:?} elements", view.data.dtype())),
    }
}

fn make_contiguous(value: &mut Value) {
    match value {
        Value::FloatTensor(t) => t.make_contiguous(),
        Value::Int32Tensor(t) => t.make_contiguous(),
        Value::Int8Tensor(t) => t.make_contiguous(),
        Value::UInt8Tensor(t) => t.make_contiguous(),
        _ => {}
    }
}

fn elements<'a>(value: &'a Value, dtype: DType, scratch: &'a mut Widened) -> Option<Elements<'a>> {
    match (value, dtype) {
        (Value::FloatTensor(t), DType::F32) => t.data().map(Elements::F32),
        (Value::Int32Tensor(t), DType::I32) => t.data().map(Elements::I32),
        (Value::Int8Tensor(t), DType::I8) => t.data().map(Elements::I8),
        (Value::UInt8Tensor(t), DType::U8) => t.data().map(Elements::U8),
        (Value::FloatTensor(t), DType::F64) => {
            refill(&mut scratch.f64s, t.data()?.iter().map(|&v| f64::from(v)));
            Some(Elements::F64(&scratch.f64s))
        }
        (Value::FloatTensor(t), DType::F16) => {
            refill(&mut scratch.f16s, t.data()?.iter().map(|&v| f16::from_f32(v).to_bits()));
            Some(Elements::F16(&scratch.f16s))
        }
        (Value::Int32Tensor(t), DType::I64) => {
            refill(&mut scratch.i64s, t.data()?.iter().map(|&v| i64::from(v)));
            Some(Elements::I64(&scratch.i64s))
        }
        (Value::Int32Tensor(t), DType::Bool) => {
            refill(&mut scratch.bools, t.data()?.iter().map(|&v| v != 0));
            Some(Elements::Bool(&scratch.bools))
        }
        _ => None,
    }
}

fn refill<T>(buffer: &mut Vec<T>, items: impl Iterator<Item = T>) {
    buffer.clear();
    buffer.extend(items);
}
