//! The two traits that stand between a model and the software that executes it.

use std::path::Path;

use brinell_graph::{DType, Graph};
use brinell_onnx::{Encoded, ExportError};

use crate::EngineError;

/// Software that executes ONNX models on one device.
pub trait Runtime: Send + Sync {
    /// Returns `"onnxruntime"` or `"rten"`.
    fn name(&self) -> &str;

    /// Returns the version of the software that executes models, such as `"1.23.2"`.
    fn version(&self) -> &str;

    /// Returns the device that models run on, such as `"cpu"` or `"cuda:0"`.
    fn device(&self) -> &str;

    /// Returns one line worth printing about how this runtime came to be used: with
    /// [`RuntimeChoice::Auto`](crate::RuntimeChoice::Auto), why it is not a faster one.
    fn note(&self) -> Option<&str> {
        None
    }

    /// Writes a graph in the form that [`Runtime::compile`] takes with the least memory.
    ///
    /// # Errors
    /// [`ExportError`].
    fn encode(&self, graph: &Graph) -> Result<Encoded, ExportError> {
        Ok(brinell_onnx::write(graph)?.into())
    }

    /// Compiles an ONNX model that [`Runtime::encode`] made, or one that holds all its weights.
    ///
    /// # Errors
    /// [`EngineError::Model`] when the runtime refuses the model, [`EngineError::Operators`] when it lacks operators.
    fn compile(&self, model: &Encoded) -> Result<Box<dyn Session>, EngineError>;

    /// Compiles an ONNX file as it is; external data is resolved beside it.
    ///
    /// # Errors
    /// As [`Runtime::compile`], and [`EngineError::Read`] when the file cannot be read.
    fn compile_file(&self, path: &Path) -> Result<Box<dyn Session>, EngineError>;
}

/// A compiled model.
///
/// # Guarantees
/// Outputs are a function of the feeds alone: no state is kept from one run to the next.
pub trait Session: Send {
    /// Returns the inputs in the model's order, without initializers.
    fn inputs(&self) -> &[Port];

    /// Returns the outputs in the model's order.
    fn outputs(&self) -> &[Port];

    /// Returns one line worth printing about how the model was compiled: that a part of it runs on another device.
    fn note(&self) -> Option<&str> {
        None
    }

    /// Runs the model once and hands every output to `sink` as (index into [`Session::outputs`], borrowed view).
    ///
    /// The feeds may stand in any order but must name every input exactly once.
    ///
    /// # Errors
    /// [`EngineError::Feed`] or [`EngineError::FeedType`] when a feed does not fit its port, [`EngineError::Model`] when the
    /// runtime fails.
    fn run(&mut self, feeds: &[(&str, View<'_>)], sink: &mut dyn FnMut(usize, View<'_>)) -> Result<(), EngineError>;
}

/// One input or output of a compiled model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// The name in the model.
    pub name: String,
    /// The element type.
    pub dtype: DType,
    /// The extents; `None` where the model leaves one free. Empty for a scalar and where the rank is unknown.
    pub shape: Vec<Option<usize>>,
}

/// Borrowed elements of a dense tensor, row-major.
#[derive(Clone, Copy, Debug)]
pub enum Elements<'a> {
    /// `f32` elements.
    F32(&'a [f32]),
    /// `f64` elements.
    F64(&'a [f64]),
    /// IEEE half precision, as raw bits.
    F16(&'a [u16]),
    /// bfloat16, as raw bits.
    Bf16(&'a [u16]),
    /// `i8` elements.
    I8(&'a [i8]),
    /// `i16` elements.
    I16(&'a [i16]),
    /// `i32` elements.
    I32(&'a [i32]),
    /// `i64` elements.
    I64(&'a [i64]),
    /// `u8` elements.
    U8(&'a [u8]),
    /// `u16` elements.
    U16(&'a [u16]),
    /// `u32` elements.
    U32(&'a [u32]),
    /// `u64` elements.
    U64(&'a [u64]),
    /// `bool` elements.
    Bool(&'a [bool]),
    /// Text.
    Text(&'a [String]),
}

impl<'a> Elements<'a> {
    /// Returns the element type.
    #[must_use]
    pub fn dtype(&self) -> DType {
        match self {
            Self::F32(_) => DType::F32,
            Self::F64(_) => DType::F64,
            Self::F16(_) => DType::F16,
            Self::Bf16(_) => DType::Bf16,
            Self::I8(_) => DType::I8,
            Self::I16(_) => DType::I16,
            Self::I32(_) => DType::I32,
            Self::I64(_) => DType::I64,
            Self::U8(_) => DType::U8,
            Self::U16(_) => DType::U16,
            Self::U32(_) => DType::U32,
            Self::U64(_) => DType::U64,
            Self::Bool(_) => DType::Bool,
            Self::Text(_) => DType::String,
        }
    }

    /// Returns the number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::F32(d) => d.len(),
            Self::F64(d) => d.len(),
            Self::F16(d) | Self::Bf16(d) | Self::U16(d) => d.len(),
            Self::I8(d) => d.len(),
            Self::I16(d) => d.len(),
            Self::I32(d) => d.len(),
            Self::I64(d) => d.len(),
            Self::U8(d) => d.len(),
            Self::U32(d) => d.len(),
            Self::U64(d) => d.len(),
            Self::Bool(d) => d.len(),
            Self::Text(d) => d.len(),
        }
    }

    /// Returns true when there are no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the elements when they are `f32`.
    #[must_use]
    pub fn as_f32(&self) -> Option<&'a [f32]> {
        match self {
            Self::F32(d) => Some(d),
            _ => None,
        }
    }
}

/// A borrowed dense tensor, row-major.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The extents; empty for a scalar.
    pub shape: &'a [usize],
    /// The elements, as many as the product of the extents.
    pub data: Elements<'a>,
}

impl<'a> View<'a> {
    /// Returns a view of `f32` elements.
    #[must_use]
    pub fn f32(shape: &'a [usize], data: &'a [f32]) -> Self {
        Self { shape, data: Elements::F32(data) }
    }
}
