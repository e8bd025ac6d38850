//! Where in a file the numbers of its tensors lie, so that they can be replaced and everything else stays as it is, byte by byte.

use std::ops::Range;

use brinell_graph::DType;
use prost::Message;
use prost::bytes::Bytes;
use prost::encoding::{WireType, encode_key, encode_varint};

use crate::error::ImportError;
use crate::proto::{AttributeProto, ModelProto, StringStringEntry, TensorProto};
use crate::tensor;
use crate::wire::{self, Field, Reader};

/// A tensor of the file: an initializer of its graph, or the value of a Constant node under the name of the node's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its name.
    pub name: String,
    /// Element type.
    pub dtype: DType,
    /// Shape.
    pub shape: Vec<usize>,
    /// The other file that its elements lie in, relative to the model's folder; `None` for the model's own.
    pub location: Option<String>,
    /// Where the elements lie, little-endian, in pieces that follow each other.
    pub places: Vec<Range<usize>>,
}

const TENSOR_FLOATS: u64 = 4;
const MODEL_METADATA: u32 = 14;

/// Lists the dense tensors of a model whose elements lie in one piece or in one row of pieces as f32; others cannot be replaced in place.
///
/// # Errors
/// [`ImportError`] where the bytes are no model.
pub fn stored(bytes: &[u8]) -> Result<Vec<Stored>, ImportError> {
    wire::probe(bytes)?;
    let whole = Bytes::copy_from_slice(bytes);
    let model = ModelProto::decode(whole.clone()).map_err(|e| ImportError::NotOnnx { detail: e.to_string() })?;
    let Some(graph) = model.graph else { return Err(ImportError::NotOnnx { detail: "it contains no graph".to_owned() }) };
    let mut found: Vec<Stored> = graph.initializer.iter().filter_map(|encoded| place(&whole, encoded, None)).collect();
    for node in
        graph.node.iter().filter(|node| node.op_type.as_deref() == Some("Constant") && node.domain.as_deref().unwrap_or("").is_empty())
    {
        let [output] = node.output.as_slice() else { continue };
        let value = node.attribute.iter().find_map(|encoded| AttributeProto::decode(encoded.clone()).ok()?.t);
        found.extend(value.and_then(|encoded| place(&whole, &encoded, Some(output))));
    }
    Ok(found)
}

/// Says where the elements of an encoded tensor lie.
fn place(whole: &Bytes, encoded: &Bytes, name: Option<&str>) -> Option<Stored> {
    let proto = TensorProto::decode(encoded.clone()).ok()?;
    let dtype = tensor::dtype(proto.data_type.unwrap_or(0))?;
    let shape: Vec<usize> = proto.dims.iter().map(|&d| usize::try_from(d).ok()).collect::<Option<_>>()?;
    let bytes = dtype.bytes(tensor::elements(&shape)?)?;
    let name = name.map_or_else(|| proto.name.clone().unwrap_or_default(), str::to_owned);
    let mut location = None;
    let places = if let Some((file, offset)) = tensor::location(&proto) {
        let offset = usize::try_from(offset).ok()?;
        location = Some(file.to_owned());
        Vec::from([Range { start: offset, end: offset.checked_add(bytes)? }])
    } else if let Some(raw) = &proto.raw_data {
        let offset = raw.as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
        Vec::from([Range { start: offset, end: offset.checked_add(raw.len())? }])
    } else if dtype == DType::F32 {
        floats(encoded, encoded.as_ptr().addr().checked_sub(whole.as_ptr().addr())?)?
    } else {
        return None;
    };
    let found: usize = places.iter().map(ExactSizeIterator::len).sum();
    (found == bytes).then_some(Stored { name, dtype, shape, location, places })
}

/// Places of the elements in the field `float_data` of a tensor that begins at `start`: packed into one run, or one by one.
fn floats(encoded: &[u8], start: usize) -> Option<Vec<Range<usize>>> {
    let mut reader = Reader { rest: encoded };
    let mut places: Vec<Range<usize>> = Vec::new();
    loop {
        let field = reader.field().ok()?;
        let end = start.checked_add(encoded.len())?.checked_sub(reader.rest.len())?;
        match field {
            None => return Some(places),
            Some(Field::Bytes(TENSOR_FLOATS, body)) => places.push(end.checked_sub(body.len())?..end),
            Some(Field::Other(TENSOR_FLOATS)) => places.push(end.checked_sub(4)?..end),
            Some(_) => {}
        }
    }
}

/// New contents for places of a file, and new metadata behind all that a model holds.
#[derive(Debug, Clone, Default)]
pub struct Patch {
    /// Places and what they are to hold, as many bytes as they have.
    pub places: Vec<(Range<usize>, Vec<u8>)>,
    /// Keys and values of `metadata_props`. An entry of the same key is replaced.
    pub metadata: Vec<(String, String)>,
}

impl Patch {
    /// Adds new elements of a tensor, little-endian; false where they are not as many bytes as the tensor has.
    #[must_use]
    pub fn set(&mut self, tensor: &Stored, elements: &[u8]) -> bool {
        let mut rest = elements;
        for place in &tensor.places {
            let Some((now, later)) = rest.split_at_checked(place.len()) else { return false };
            self.places.push((place.clone(), now.to_vec()));
            rest = later;
        }
        rest.is_empty()
    }

    /// Returns the file with the places filled anew; `None` where one of them is not in it.
    ///
    /// # Guarantees
    /// The bytes up to the end of the original are those of the original but in the places, unless the original has metadata of the same keys; what is added
    /// stands behind them.
    #[must_use]
    pub fn apply(&self, original: &[u8]) -> Option<Vec<u8>> {
        let mut bytes = original.to_vec();
        for (place, elements) in &self.places {
            bytes.get_mut(place.clone()).filter(|slot| slot.len() == elements.len())?.copy_from_slice(elements);
        }
        if !self.metadata.is_empty() {
            self.without_old_metadata(&mut bytes)?;
        }
        for (key, value) in &self.metadata {
            let entry = StringStringEntry { key: Some(key.clone()), value: Some(value.clone()) }.encode_to_vec();
            encode_key(MODEL_METADATA, WireType::LengthDelimited, &mut bytes);
            encode_varint(u64::try_from(entry.len()).ok()?, &mut bytes);
            bytes.extend(entry);
        }
        Some(bytes)
    }

    /// Cuts out entries whose keys are given anew.
    fn without_old_metadata(&self, bytes: &mut Vec<u8>) -> Option<()> {
        let mut old = Vec::new();
        let mut reader = Reader { rest: bytes };
        let mut before = 0;
        while let Some(field) = reader.field().ok()? {
            let end = bytes.len().checked_sub(reader.rest.len())?;
            if let Field::Bytes(number, body) = field
                && number == u64::from(MODEL_METADATA)
                && let Ok(entry) = StringStringEntry::decode(body)
                && self.metadata.iter().any(|(key, _)| entry.key.as_ref() == Some(key))
            {
                old.push(before..end);
            }
            before = end;
        }
        old.into_iter().rev().for_each(|range| {
            bytes.drain(range);
        });
        Some(())
    }
}
