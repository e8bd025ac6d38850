//! Constants in types that are for storage: numbers of 2, 4 and 8 bits, whole or with scales for blocks.

use std::sync::Arc;

use brinell_graph::{DType, Tensor, TensorData, ValueId};

use super::{Importer, Refusal, opaque};
use crate::tensor::{elements, from_floats};

/// Bytes that the constants of one model may grow by when they are unpacked: so many that half a billion weights of 4 bits become floats.
pub(super) const ROOM: usize = 1 << 31;

impl Importer<'_> {
    /// A value that one can compute with: constants of storage types become wider ones, all others are what they are.
    pub(super) fn widened(&mut self, id: ValueId) -> ValueId {
        if let Some(&wide) = self.wide.get(&id) {
            return wide;
        }
        let Some(tensor) = self.graph.constant_of(id).filter(|tensor| tensor.dtype().widened().is_some()).map(Arc::clone) else {
            return id;
        };
        let bytes = tensor.dtype().widened().and_then(|dtype| dtype.bytes(tensor.len()));
        if bytes.is_none_or(|bytes| self.take(bytes).is_err()) {
            return id;
        }
        let Some(wide) = tensor.widened() else { return id };
        let name = format!("{}/wide", self.graph.value(id).name);
        let wide = self.graph.constant(&name, wide);
        self.wide.insert(id, wide);
        wide
    }

    /// Takes room for a constant of so many bytes.
    pub(super) fn take(&mut self, bytes: usize) -> Result<(), Refusal> {
        match self.room.checked_sub(bytes) {
            Some(left) => {
                self.room = left;
                Ok(())
            }
            None => opaque(format!("its constants would take more than {} GiB when unpacked", ROOM >> 30)),
        }
    }
}

/// Which entry of scale and zero belongs to an element.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Grain {
    /// One for all.
    Tensor,
    /// One for each place along an axis.
    Axis(usize),
    /// One for so many places along an axis, and for each place along the others.
    Block(usize, usize),
}

impl Grain {
    /// Position of the entry, for each element in order; `None` where the scales are not that many.
    pub(super) fn entries(self, shape: &[usize], scales: &[usize]) -> Option<Vec<usize>> {
        let n = elements(shape)?;
        let (axis, block) = match self {
            Self::Tensor => return (elements(scales)? == 1).then(|| vec![0; n]),
            Self::Axis(axis) => (axis, 1),
            Self::Block(axis, block) => (axis, block),
        };
        let size = *shape.get(axis)?;
        let after = elements(shape.get(axis + 1..)?)?;
        let blocks = size.checked_div(block)?.checked_add(usize::from(!size.is_multiple_of(block)))?;
        let mut wanted = shape.to_vec();
        *wanted.get_mut(axis)? = blocks;
        let (fits, along_others) = match self {
            Self::Axis(_) => (scales == [size], false),
            _ => (scales == wanted, true),
        };
        let entry = |i: usize| {
            let (at, inner) = ((i / after.max(1)) % size.max(1), i % after.max(1));
            let outer = i / (after * size).max(1);
            if along_others { (outer * blocks + at / block) * after + inner } else { at }
        };
        fits.then(|| (0..n).map(entry).collect())
    }
}

/// scale (q - zero) in the type of the scale, which must be a float of 16 or 32 bits.
pub(super) fn dequantised(q: &Tensor, scale: &Tensor, zero: Option<&Tensor>, grain: Grain) -> Option<Tensor> {
    let entries = grain.entries(q.shape(), scale.shape())?;
    let scales = floats(scale)?;
    let zeros = match zero {
        Some(zero) if zero.len() == scale.len() => floats(zero)?,
        Some(_) => return None,
        None => vec![0.0; scales.len()],
    };
    let values = floats(q)?;
    let real = values.iter().zip(entries).map(|(q, i)| Some((q - zeros.get(i)?) * scales.get(i)?)).collect::<Option<Vec<f32>>>()?;
    from_floats(scale.dtype(), q.shape().to_vec(), &real)
}

/// The elements in single precision, which holds whole numbers of up to 16 bits and all smaller floats.
pub(super) fn floats(tensor: &Tensor) -> Option<Vec<f32>> {
    match (tensor.as_f32(), tensor.data()) {
        (Some(data), _) => Some(data.into_owned()),
        (None, TensorData::F64(_) | TensorData::Raw { dtype: DType::F64, .. }) => None,
        (None, _) => Some(tensor.to_f64()?.into_iter().map(crate::tensor::single).collect()),
    }
}
