//! Runs graphs on runtimes with operands of any type.

use brinell_engine::{Elements, Runtime, View};
use brinell_graph::{DType, Graph};
use brinell_testkit::Array;

/// The elements of a feed in the type that the graph declares.
enum Typed {
    F32(Vec<f32>),
    F64(Vec<f64>),
    F16(Vec<u16>),
    I64(Vec<i64>),
    I32(Vec<i32>),
    I16(Vec<i16>),
    I8(Vec<i8>),
    U64(Vec<u64>),
    U32(Vec<u32>),
    U16(Vec<u16>),
    U8(Vec<u8>),
    Bool(Vec<bool>),
}

impl Typed {
    fn new(array: &Array, dtype: Option<DType>) -> Self {
        macro_rules! cast {
            ($variant:ident, $type:ty) => {
                Self::$variant(array.data.iter().map(|&x| x as $type).collect())
            };
        }
        match dtype {
            Some(DType::F64) => Self::F64(array.data.clone()),
            Some(DType::F16) => Self::F16(array.data.iter().map(|&x| half::f16::from_f64(x).to_bits()).collect()),
            Some(DType::I64) => cast!(I64, i64),
            Some(DType::I32) => cast!(I32, i32),
            Some(DType::I16) => cast!(I16, i16),
            Some(DType::I8) => cast!(I8, i8),
            Some(DType::U64) => cast!(U64, u64),
            Some(DType::U32) => cast!(U32, u32),
            Some(DType::U16) => cast!(U16, u16),
            Some(DType::U8) => cast!(U8, u8),
            Some(DType::Bool) => Self::Bool(array.data.iter().map(|&x| x != 0.0).collect()),
            _ => cast!(F32, f32),
        }
    }

    fn elements(&self) -> Elements<'_> {
        match self {
            Self::F32(data) => Elements::F32(data),
            Self::F64(data) => Elements::F64(data),
            Self::F16(data) => Elements::F16(data),
            Self::I64(data) => Elements::I64(data),
            Self::I32(data) => Elements::I32(data),
            Self::I16(data) => Elements::I16(data),
            Self::I8(data) => Elements::I8(data),
            Self::U64(data) => Elements::U64(data),
            Self::U32(data) => Elements::U32(data),
            Self::U16(data) => Elements::U16(data),
            Self::U8(data) => Elements::U8(data),
            Self::Bool(data) => Elements::Bool(data),
        }
    }
}

/// Numbers of any type as f64.
fn numbers(elements: Elements<'_>) -> Vec<f64> {
    match elements {
        Elements::F32(data) => data.iter().map(|&x| f64::from(x)).collect(),
        Elements::F64(data) => data.to_vec(),
        Elements::F16(data) => data.iter().map(|&x| half::f16::from_bits(x).to_f64()).collect(),
        Elements::Bf16(data) => data.iter().map(|&x| half::bf16::from_bits(x).to_f64()).collect(),
        Elements::I8(data) => data.iter().map(|&x| f64::from(x)).collect(),
        Elements::I16(data) => data.iter().map(|&x| f64::from(x)).collect(),
        Elements::I32(data) => data.iter().map(|&x| f64::from(x)).collect(),
        Elements::I64(data) => data.iter().map(|&x| x as f64).collect(),
        Elements::U8(data) => data.iter().map(|&x| f64::from(x)).collect(),
        Elements::U16(data) => data.iter().map(|&x| f64::from(x)).collect(),
        Elements::U32(data) => data.iter().map(|&x| f64::from(x)).collect(),
        Elements::U64(data) => data.iter().map(|&x| x as f64).collect(),
        Elements::Bool(data) => data.iter().map(|&x| f64::from(u8::from(x))).collect(),
        Elements::Text(_) => Vec::new(),
    }
}

/// Runs a graph; feeds that it does not use are left out.
pub(crate) fn run(runtime: &dyn Runtime, graph: &Graph, feeds: &[(String, Array)]) -> Result<Vec<Array>, String> {
    let graph = graph.dce();
    let encoded = runtime.encode(&graph).map_err(|e| e.to_string())?;
    let mut session = runtime.compile(&encoded).map_err(|e| e.to_string())?;
    let used = |name: &str| session.inputs().iter().any(|port| port.name == name);
    let feeds: Vec<_> = feeds.iter().filter(|(name, _)| used(name)).collect();
    let dtype = |name: &str| graph.find(name).and_then(|id| graph.value(id).dtype);
    let typed: Vec<Typed> = feeds.iter().map(|(name, array)| Typed::new(array, dtype(name))).collect();
    let views = feeds.iter().zip(&typed).map(|((name, array), typed)| {
        let view = View { shape: &array.shape, data: typed.elements() };
        (name.as_str(), view)
    });
    let mut found = vec![None; graph.outputs().len()];
    let mut sink = |i: usize, view: View<'_>| found[i] = Some(Array::new(view.shape, numbers(view.data)));
    session.run(&views.collect::<Vec<_>>(), &mut sink).map_err(|e| e.to_string())?;
    found.into_iter().enumerate().map(|(i, found)| found.ok_or_else(|| format!("output {i} is missing"))).collect()
}
