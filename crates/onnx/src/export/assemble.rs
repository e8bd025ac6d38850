//! The last step of writing: messages and weights become one run of bytes, into which each weight is copied once.

use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};

use crate::error::ExportError;
use crate::proto::{ModelProto, TensorProto};

const MODEL_GRAPH: u32 = 7;
const GRAPH_INITIALIZER: u32 = 5;
const TENSOR_RAW_DATA: u32 = 9;

/// Bytes of a field that holds `len` bytes.
fn field_len(tag: u32, len: usize) -> usize {
    key_len(tag) + encoded_len_varint(wide(len)) + len
}

fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

fn open(tag: u32, len: usize, out: &mut Vec<u8>) {
    encode_key(tag, WireType::LengthDelimited, out);
    encode_varint(wide(len), out);
}

/// Returns the bytes of `model` with `weights` as the initializers of its graph.
pub(super) fn assemble(mut model: ModelProto, mut weights: Vec<TensorProto>) -> Result<Vec<u8>, ExportError> {
    let graph = model.graph.take().unwrap_or_default();
    let raw: Vec<_> = weights.iter_mut().map(|weight| weight.raw_data.take()).collect();
    let tensor_len = |weight: &TensorProto, raw: &Option<prost::bytes::Bytes>| {
        weight.encoded_len() + raw.as_ref().map_or(0, |raw| field_len(TENSOR_RAW_DATA, raw.len()))
    };
    let lens: Vec<usize> = weights.iter().zip(&raw).map(|(weight, raw)| tensor_len(weight, raw)).collect();
    let graph_len = graph.encoded_len() + lens.iter().map(|&len| field_len(GRAPH_INITIALIZER, len)).sum::<usize>();
    let total = model.encoded_len() + field_len(MODEL_GRAPH, graph_len);
    if wide(total) >= crate::wire::MAX_FILE {
        return Err(ExportError::TooLarge { bytes: wide(total) });
    }
    let mut out = model.encode_to_vec();
    out.reserve_exact(total - out.len());
    open(MODEL_GRAPH, graph_len, &mut out);
    out.extend(graph.encode_to_vec());
    for ((weight, raw), len) in weights.iter().zip(raw).zip(lens) {
        open(GRAPH_INITIALIZER, len, &mut out);
        out.extend(weight.encode_to_vec());
        if let Some(raw) = raw {
            open(TENSOR_RAW_DATA, raw.len(), &mut out);
            out.extend_from_slice(&raw);
        }
    }
    Ok(out)
}
