//! Sparse tensors, which become dense ones.

use brinell_graph::Tensor;
use prost::Message;
use prost::bytes::Bytes;

use crate::error::ImportError;
use crate::proto::SparseTensorProto;
use crate::tensor::{self, Named, Source, elements};

/// Elements of all sparse tensors of a model together, the zeros among them: a small file must not ask for a lot of memory.
pub(super) const DENSE: usize = 1 << 27;

/// Decodes a sparse tensor and fills in its zeros; `left` are the elements that a model may still make of such.
pub(super) fn read(encoded: &Bytes, source: Source<'_>, left: &mut usize) -> Result<Named, ImportError> {
    let broken = |problem: String| ImportError::BadTensor { tensor: String::new(), problem };
    let proto = SparseTensorProto::decode(encoded.clone()).map_err(|e| broken(format!("it cannot be decoded: {e}")))?;
    let (Some(values), Some(indices)) = (&proto.values, &proto.indices) else {
        return Err(broken("a sparse tensor has no values or no indices".to_owned()));
    };
    let Named { name, tensor: values, location } = tensor::read(values, source)?;
    let bad = |problem: String| ImportError::BadTensor { tensor: name.clone(), problem };
    let indices = tensor::read(indices, source)?.tensor;
    let shape: Option<Vec<usize>> = proto.dims.iter().map(|&d| usize::try_from(d).ok()).collect();
    let shape =
        shape.filter(|shape| shape.len() <= tensor::MAX_RANK).ok_or_else(|| bad(format!("its shape {:?} is not valid", proto.dims)))?;
    let count = elements(&shape).filter(|&count| count <= *left);
    let count = count.ok_or_else(|| bad(format!("with its zeros, {shape:?}, the sparse tensors have more than {DENSE} elements")))?;
    *left -= count;
    let places = places(&indices, &shape, values.len()).ok_or_else(|| bad("its indices do not fit its shape and values".to_owned()))?;
    let dense =
        dense(&values, &places, &shape, count).ok_or_else(|| bad(format!("sparse tensors of {:?} are not supported", values.dtype())))?;
    Ok(Named { name, tensor: dense, location })
}

/// Positions of the values: given as such, or as coordinates.
fn places(indices: &Tensor, shape: &[usize], n: usize) -> Option<Vec<usize>> {
    let count = elements(shape)?;
    let numbers = indices.to_ints()?.into_iter().map(|i| usize::try_from(i).ok()).collect::<Option<Vec<_>>>()?;
    match *indices.shape() {
        [rows] if rows == n => Some(numbers).filter(|places| places.iter().all(|&place| place < count)),
        [rows, axes] if rows == n && axes == shape.len() && axes > 0 => numbers
            .chunks(axes)
            .map(|at| {
                at.iter()
                    .zip(shape)
                    .try_fold(0_usize, |sum, (&i, &size)| if i < size { sum.checked_mul(size)?.checked_add(i) } else { None })
            })
            .collect(),
        _ => None,
    }
}

fn dense(values: &Tensor, places: &[usize], shape: &[usize], count: usize) -> Option<Tensor> {
    let dtype = values.dtype();
    let width = dtype.bits().filter(|bits| bits.is_multiple_of(8))? / 8;
    let given = tensor::to_bytes(values.data());
    let mut bytes = vec![0; count.checked_mul(width)?];
    for (value, &place) in given.chunks(width).zip(places) {
        let start = place.checked_mul(width)?;
        bytes.get_mut(start..start.checked_add(width)?)?.copy_from_slice(value);
    }
    Tensor::new(shape.to_vec(), tensor::from_bytes(dtype, count, &bytes.into())?)
}
