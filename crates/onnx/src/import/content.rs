//! What is known of the contents of small tensors.

use brinell_graph::{DType, Tensor, TensorData, ValueId};

use super::Importer;
use super::symbol::{Sym, to_f32};

/// Elements of the largest tensor that is followed.
pub(super) const MAX_ITEMS: usize = 4096;

/// A tensor of symbols, row-major.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Content {
    pub(super) shape: Vec<usize>,
    pub(super) items: Vec<Sym>,
}

impl Content {
    pub(super) fn vector(items: Vec<Sym>) -> Self {
        Self { shape: vec![items.len()], items }
    }

    pub(super) fn scalar(item: Sym) -> Self {
        Self { shape: Vec::new(), items: vec![item] }
    }

    /// `None` where shape and items disagree or are too many.
    pub(super) fn new(shape: Vec<usize>, items: Vec<Sym>) -> Option<Self> {
        let count = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d))?;
        (count == items.len() && count <= MAX_ITEMS).then_some(Self { shape, items })
    }

    pub(super) fn ints(&self) -> Option<Vec<i64>> {
        self.items.iter().map(|item| if let Sym::Int(i) = item { Some(*i) } else { None }).collect()
    }

    pub(super) fn of_tensor(tensor: &Tensor) -> Option<Self> {
        if tensor.len() > MAX_ITEMS {
            return None;
        }
        let items = match tensor.data() {
            TensorData::F32(v) => v.iter().map(|&x| Sym::Float(f64::from(x))).collect(),
            TensorData::F64(v) => v.iter().map(|&x| Sym::Float(x)).collect(),
            TensorData::Bool(v) => v.iter().map(|&b| Sym::Int(i64::from(b))).collect(),
            _ => tensor.to_ints()?.into_iter().map(Sym::Int).collect(),
        };
        Self::new(tensor.shape().to_vec(), items)
    }

    /// Returns the tensor where every element is known.
    pub(super) fn to_tensor(&self, dtype: DType) -> Option<Tensor> {
        let float = |item: &Sym| if let Sym::Float(x) = item { Some(*x) } else { None };
        let data = match dtype {
            DType::I64 => TensorData::I64(self.ints()?),
            DType::I32 => TensorData::I32(self.ints()?.into_iter().map(|i| i32::try_from(i).ok()).collect::<Option<_>>()?),
            DType::U8 => TensorData::U8(self.ints()?.into_iter().map(|i| u8::try_from(i).ok()).collect::<Option<_>>()?),
            DType::I8 => TensorData::I8(self.ints()?.into_iter().map(|i| i8::try_from(i).ok()).collect::<Option<_>>()?),
            DType::Bool => TensorData::Bool(self.ints()?.into_iter().map(|i| i != 0).collect()),
            DType::F32 => TensorData::F32(self.items.iter().map(|item| float(item).map(to_f32)).collect::<Option<_>>()?),
            DType::F64 => TensorData::F64(self.items.iter().map(float).collect::<Option<_>>()?),
            _ => return None,
        };
        Tensor::new(self.shape.clone(), data)
    }
}

impl Importer<'_> {
    /// What is known of the contents of a value.
    pub(super) fn content(&self, id: ValueId) -> Option<Content> {
        self.contents.get(&id).cloned().or_else(|| Content::of_tensor(self.graph.constant_of(id)?))
    }

    /// True where something of the contents of a value is known.
    pub(super) fn is_followed(&self, id: ValueId) -> bool {
        self.contents.contains_key(&id) || self.graph.constant_of(id).is_some_and(|tensor| tensor.len() <= MAX_ITEMS)
    }

    /// The integers in a constant value.
    pub(super) fn ints(&self, id: ValueId) -> Option<Vec<i64>> {
        self.content(id)?.ints()
    }
}
