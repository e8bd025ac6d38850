//! A model compiled by ONNX Runtime.

use brinell_graph::DType;
use half::slice::{HalfBitsSliceExt, HalfFloatSliceExt};
use half::{bf16, f16};
use ort::session::SessionInputValue;
use ort::value::{DynValue, Outlet, Tensor, TensorElementType, TensorRef, ValueType};

use crate::ort::{NAME, maps, one_line};
use crate::{Elements, EngineError, Port, Session, Stage, View, feed};

pub(crate) struct OrtSession {
    session: ort::session::Session,
    what: String,
    note: Option<String>,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    order: Vec<usize>,
    shape: Vec<usize>,
}

impl OrtSession {
    pub(crate) fn new(session: ort::session::Session, what: &str, note: Option<String>) -> Result<Self, EngineError> {
        let inputs = session.inputs().iter().map(|outlet| port(outlet, what)).collect::<Result<_, _>>()?;
        let outputs = session.outputs().iter().map(|outlet| port(outlet, what)).collect::<Result<_, _>>()?;
        Ok(Self { session, what: what.to_owned(), note, inputs, outputs, order: Vec::new(), shape: Vec::new() })
    }
}

impl Session for OrtSession {
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
        let what = &self.what;
        let failure = |reason: String| EngineError::Model { runtime: NAME.to_owned(), stage: Stage::Run, model: what.clone(), reason };
        let mut values: Vec<SessionInputValue<'_>> = Vec::with_capacity(self.inputs.len());
        for (_, view) in self.order.iter().filter_map(|&index| feeds.get(index)) {
            values.push(input(view).map_err(|error| failure(one_line(error.message())))?);
        }
        let results = self.session.run(values.as_slice()).map_err(|error| failure(one_line(error.message())))?;
        for (index, (_, value)) in results.iter().enumerate() {
            match value.dtype() {
                ValueType::Sequence(_) => {
                    let scores = maps::matrix(&value, &mut self.shape).map_err(|error| failure(one_line(error.message())))?;
                    sink(index, View::f32(&self.shape, &scores));
                }
                ValueType::Tensor { ty: TensorElementType::String, .. } => {
                    let (shape, texts) = value.try_extract_strings().map_err(|error| failure(one_line(error.message())))?;
                    self.shape.clear();
                    self.shape.extend(shape.iter().map(|&extent| usize::try_from(extent).unwrap_or_default()));
                    sink(index, View { shape: &self.shape, data: Elements::Text(&texts) });
                }
                _ => {
                    let data = output(&value, &mut self.shape).map_err(|error| failure(one_line(error.message())))?;
                    sink(index, View { shape: &self.shape, data });
                }
            }
        }
        Ok(())
    }
}

fn port(outlet: &Outlet, what: &str) -> Result<Port, EngineError> {
    let other = || EngineError::PortType {
        runtime: NAME.to_owned(),
        model: what.to_owned(),
        port: outlet.name().to_owned(),
        dtype: outlet.dtype().to_string(),
    };
    let (ty, shape) = match outlet.dtype() {
        ValueType::Tensor { ty, shape, .. } => (ty, shape),
        kind if maps::are_scores(kind) => return Ok(Port { name: outlet.name().to_owned(), dtype: DType::F32, shape: vec![None, None] }),
        _ => return Err(other()),
    };
    let dtype = match ty {
        TensorElementType::Float32 => DType::F32,
        TensorElementType::Float64 => DType::F64,
        TensorElementType::Float16 => DType::F16,
        TensorElementType::Bfloat16 => DType::Bf16,
        TensorElementType::Int8 => DType::I8,
        TensorElementType::Int16 => DType::I16,
        TensorElementType::Int32 => DType::I32,
        TensorElementType::Int64 => DType::I64,
        TensorElementType::Uint8 => DType::U8,
        TensorElementType::Uint16 => DType::U16,
        TensorElementType::Uint32 => DType::U32,
        TensorElementType::Uint64 => DType::U64,
        TensorElementType::Bool => DType::Bool,
        TensorElementType::String => DType::String,
        _ => return Err(other()),
    };
    Ok(Port { name: outlet.name().to_owned(), dtype, shape: shape.iter().map(|&extent| usize::try_from(extent).ok()).collect() })
}

/// Returns a tensor that borrows the feed's elements; text is copied.
fn input<'a>(view: &View<'a>) -> ort::Result<SessionInputValue<'a>> {
    let shape = view.shape;
    Ok(match view.data {
        Elements::F32(data) => TensorRef::from_array_view((shape, data))?.into(),
        Elements::F64(data) => TensorRef::from_array_view((shape, data))?.into(),
        Elements::F16(data) => TensorRef::from_array_view((shape, data.reinterpret_cast::<f16>()))?.into(),
        Elements::Bf16(data) => TensorRef::from_array_view((shape, data.reinterpret_cast::<bf16>()))?.into(),
        Elements::I8(data) => TensorRef::from_array_view((shape, data))?.into(),
        Elements::I16(data) => TensorRef::from_array_view((shape, data))?.into(),
        Elements::I32(data) => TensorRef::from_array_view((shape, data))?.into(),
        Elements::I64(data) => TensorRef::from_array_view((shape, data))?.into(),
        Elements::U8(data) => TensorRef::from_array_view((shape, data))?.into(),
        Elements::U16(data) => TensorRef::from_array_view((shape, data))?.into(),
        Elements::U32(data) => TensorRef::from_array_view((shape, data))?.into(),
        Elements::U64(data) => TensorRef::from_array_view((shape, data))?.into(),
        Elements::Bool(data) => TensorRef::from_array_view((shape, data))?.into(),
        Elements::Text(data) => Tensor::from_string_array((shape, data))?.into(),
    })
}

/// Borrows an output's elements and writes its extents into `shape`.
fn output<'a>(value: &'a DynValue, shape: &mut Vec<usize>) -> ort::Result<Elements<'a>> {
    let ValueType::Tensor { ty, shape: extents, .. } = value.dtype() else {
        return Err(ort::Error::new(format!("an output is {}, not a tensor", value.dtype())));
    };
    shape.clear();
    shape.extend(extents.iter().map(|&extent| usize::try_from(extent).unwrap_or_default()));
    Ok(match ty {
        TensorElementType::Float32 => Elements::F32(value.try_extract_tensor()?.1),
        TensorElementType::Float64 => Elements::F64(value.try_extract_tensor()?.1),
        TensorElementType::Float16 => Elements::F16(value.try_extract_tensor::<f16>()?.1.reinterpret_cast()),
        TensorElementType::Bfloat16 => Elements::Bf16(value.try_extract_tensor::<bf16>()?.1.reinterpret_cast()),
        TensorElementType::Int8 => Elements::I8(value.try_extract_tensor()?.1),
        TensorElementType::Int16 => Elements::I16(value.try_extract_tensor()?.1),
        TensorElementType::Int32 => Elements::I32(value.try_extract_tensor()?.1),
        TensorElementType::Int64 => Elements::I64(value.try_extract_tensor()?.1),
        TensorElementType::Uint8 => Elements::U8(value.try_extract_tensor()?.1),
        TensorElementType::Uint16 => Elements::U16(value.try_extract_tensor()?.1),
        TensorElementType::Uint32 => Elements::U32(value.try_extract_tensor()?.1),
        TensorElementType::Uint64 => Elements::U64(value.try_extract_tensor()?.1),
        TensorElementType::Bool => Elements::Bool(value.try_extract_tensor()?.1),
        other => return Err(ort::Error::new(format!("an output has {other} elements"))),
    })
}
