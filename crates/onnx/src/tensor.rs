//! `TensorProto` to [`Tensor`]: every size that the message claims is checked against the bytes that are there.

use std::fs::File;
use std::path::{Component, Path};

use brinell_graph::{DType, Place, Tensor, TensorData};
use prost::Message;
use prost::bytes::Bytes;

use crate::error::ImportError;
use crate::mapping;
use crate::proto::{StringStringEntry, TensorProto};

/// ONNX's number for data that lies elsewhere.
const EXTERNAL: i32 = 1;

/// Axes that a tensor may have.
pub(crate) const MAX_RANK: usize = 8;

/// Returns the type behind a number of ONNX's `TensorProto.DataType`; `None` for numbers that are none.
#[must_use]
pub fn dtype(number: i32) -> Option<DType> {
    Some(match number {
        1 => DType::F32,
        2 => DType::U8,
        3 => DType::I8,
        4 => DType::U16,
        5 => DType::I16,
        6 => DType::I32,
        7 => DType::I64,
        8 => DType::String,
        9 => DType::Bool,
        10 => DType::F16,
        11 => DType::F64,
        12 => DType::U32,
        13 => DType::U64,
        16 => DType::Bf16,
        17 => DType::F8E4M3Fn,
        18 => DType::F8E4M3FnUz,
        19 => DType::F8E5M2,
        20 => DType::F8E5M2FnUz,
        21 => DType::U4,
        22 => DType::I4,
        23 => DType::F4E2M1,
        24 => DType::F8E8M0,
        25 => DType::U2,
        26 => DType::I2,
        other => DType::Other(u8::try_from(other).ok().filter(|&other| other != 0)?),
    })
}

/// Returns ONNX's number of a type.
pub(crate) fn dtype_number(dtype: DType) -> i32 {
    match dtype {
        DType::F32 => 1,
        DType::U8 => 2,
        DType::I8 => 3,
        DType::U16 => 4,
        DType::I16 => 5,
        DType::I32 => 6,
        DType::I64 => 7,
        DType::String => 8,
        DType::Bool => 9,
        DType::F16 => 10,
        DType::F64 => 11,
        DType::U32 => 12,
        DType::U64 => 13,
        DType::Bf16 => 16,
        DType::F8E4M3Fn => 17,
        DType::F8E4M3FnUz => 18,
        DType::F8E5M2 => 19,
        DType::F8E5M2FnUz => 20,
        DType::U4 => 21,
        DType::I4 => 22,
        DType::F4E2M1 => 23,
        DType::F8E8M0 => 24,
        DType::U2 => 25,
        DType::I2 => 26,
        DType::Other(number) => number.into(),
    }
}

/// Number of elements of a tensor of these sizes; `None` where it is too large to be counted.
pub(crate) fn elements<'a>(sizes: impl IntoIterator<Item = &'a usize>) -> Option<usize> {
    sizes.into_iter().try_fold(1_usize, |n, &size| n.checked_mul(size))
}

/// Returns the nearest number in single precision.
#[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "rounding to the nearest is what is wanted")]
pub(crate) fn single(value: f64) -> f32 {
    value as f32
}

/// Returns a tensor of a floating-point type with the same element everywhere; `None` for the other types.
pub(crate) fn filled(dtype: DType, shape: &[usize], value: f64) -> Option<Tensor> {
    let n = elements(shape)?;
    let data = match dtype {
        DType::F32 => TensorData::F32(vec![single(value); n]),
        DType::F64 => TensorData::F64(vec![value; n]),
        DType::F16 => TensorData::Raw { dtype, bytes: half::f16::from_f64(value).to_le_bytes().repeat(n).into(), len: n },
        DType::Bf16 => TensorData::Raw { dtype, bytes: half::bf16::from_f64(value).to_le_bytes().repeat(n).into(), len: n },
        _ => return None,
    };
    Tensor::new(shape.to_vec(), data)
}

/// Returns a tensor of f32 or of a half with the numbers nearest to `values`; `None` for the other types.
pub(crate) fn from_floats(dtype: DType, shape: Vec<usize>, values: &[f32]) -> Option<Tensor> {
    let half = |bytes: Vec<u8>| TensorData::Raw { dtype, bytes: bytes.into(), len: values.len() };
    let data = match dtype {
        DType::F32 => TensorData::F32(values.to_vec()),
        DType::F16 => half(values.iter().flat_map(|&x| half::f16::from_f32(x).to_le_bytes()).collect()),
        DType::Bf16 => half(values.iter().flat_map(|&x| half::bf16::from_f32(x).to_le_bytes()).collect()),
        _ => return None,
    };
    Tensor::new(shape, data)
}

/// Returns the vector 0, 1 of a floating-point type; `None` for the other types.
pub(crate) fn off_on(dtype: DType) -> Option<Tensor> {
    let (off, on) = (filled(dtype, &[1], 0.0)?, filled(dtype, &[1], 1.0)?);
    let bytes: Vec<u8> = to_bytes(off.data()).into_iter().chain(to_bytes(on.data())).collect();
    Tensor::new(vec![2], from_bytes(dtype, 2, &bytes.into())?)
}

/// Elements of the largest tensor that is decoded when it is read; it holds whatever is followed when the graph is built.
const DECODED: usize = 4096;

/// A decoded tensor.
pub(crate) struct Named {
    /// Its name; may be empty.
    pub(crate) name: String,
    /// Its shape and elements.
    pub(crate) tensor: Tensor,
    /// The file that its elements lie in, relative to the model's folder, where that is another file.
    pub(crate) location: Option<String>,
}

/// Where a model comes from.
#[derive(Clone, Copy, Default)]
pub(crate) struct Source<'a> {
    /// Where its external data lies.
    pub(crate) folder: Option<&'a Path>,
    /// The file and all of its bytes, which those of the model's tensors are parts of.
    pub(crate) file: Option<(&'a Place, &'a Bytes)>,
}

impl Source<'_> {
    /// As it is for tensors that must not lie in another file.
    pub(crate) fn alone(self) -> Self {
        Self { folder: None, ..self }
    }

    /// The place of `part` in the model's file.
    fn place(self, part: &Bytes) -> Option<Place> {
        let (file, whole) = self.file?;
        let offset = part.as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
        let inside = offset.checked_add(part.len())? <= whole.len();
        inside.then_some(Place { offset: u64::try_from(offset).ok()?, ..file.clone() })
    }
}

/// Decodes a tensor.
pub(crate) fn read(encoded: &Bytes, source: Source<'_>) -> Result<Named, ImportError> {
    let proto = TensorProto::decode(encoded.clone())
        .map_err(|e| ImportError::BadTensor { tensor: String::new(), problem: format!("it cannot be decoded: {e}") })?;
    let name = proto.name.clone().unwrap_or_default();
    let tensor = convert(&proto, &name, source)?;
    let location = if is_external(&proto) { external_entry(&proto, "location").map(str::to_owned) } else { None };
    Ok(Named { name, tensor, location })
}

fn convert(proto: &TensorProto, name: &str, source: Source<'_>) -> Result<Tensor, ImportError> {
    let bad = |problem: String| ImportError::BadTensor { tensor: name.to_owned(), problem };
    if proto.dims.len() > MAX_RANK {
        return Err(bad(format!("it has {} axes; the limit is {MAX_RANK}", proto.dims.len())));
    }
    let shape: Option<Vec<usize>> = proto.dims.iter().map(|&d| usize::try_from(d).ok()).collect();
    let shape = shape.ok_or_else(|| bad(format!("its shape {:?} has a negative size", proto.dims)))?;
    let count = elements(&shape).ok_or_else(|| bad(format!("its shape {shape:?} is too large")))?;
    let number = proto.data_type.unwrap_or(0);
    let dtype = dtype(number).ok_or_else(|| bad(format!("its element type {number} is not supported")))?;

    let mut place = None;
    let data = if is_external(proto) {
        dtype.bits().ok_or_else(|| bad(format!("elements of type {dtype:?} cannot be stored in another file")))?;
        let bytes = dtype.bytes(count).ok_or_else(|| bad(format!("its shape {shape:?} is too large")))?;
        let (found, elements) = external(proto, name, source.folder, bytes)?;
        place = Some(found);
        from_bytes(dtype, count, &elements)
    } else if let (DType::Other(_), Some(bytes)) = (dtype, &proto.raw_data) {
        // Nothing is known of it but that every element takes as many bytes.
        let whole = if count == 0 { bytes.is_empty() } else { bytes.len().is_multiple_of(count) };
        whole.then(|| TensorData::Raw { dtype, len: count, bytes: bytes.clone() })
    } else if let Some(raw) = &proto.raw_data {
        dtype.bits().ok_or_else(|| bad("strings cannot be raw data".to_owned()))?;
        if dtype.bytes(count) != Some(raw.len()) {
            return Err(bad(format!("its shape {shape:?} does not fit {} bytes of data", raw.len())));
        }
        place = source.place(raw);
        from_bytes(dtype, count, raw)
    } else {
        from_fields(proto, dtype, count)
    };
    let data = data.ok_or_else(|| bad(format!("its data does not fit the type {dtype:?}")))?;
    let found = data.len();
    let misfit = || bad(format!("its shape {shape:?} does not fit {found} elements of data"));
    let tensor = Tensor::new(shape.clone(), data).ok_or_else(misfit)?;
    Ok(match place {
        Some(place) if matches!(tensor.data(), TensorData::Raw { .. }) => tensor.at(place),
        _ => tensor,
    })
}

fn chunks<const N: usize, T>(bytes: &[u8], read: fn([u8; N]) -> T) -> Vec<T> {
    let (whole, _) = bytes.as_chunks::<N>();
    whole.iter().map(|&chunk| read(chunk)).collect()
}

/// Little-endian bytes, whose length has been checked. Those of large tensors stay where they are.
pub(crate) fn from_bytes(dtype: DType, len: usize, bytes: &Bytes) -> Option<TensorData> {
    Some(match dtype {
        _ if len > DECODED => TensorData::Raw { dtype, len, bytes: bytes.clone() },
        DType::F32 => TensorData::F32(chunks(bytes, f32::from_le_bytes)),
        DType::F64 => TensorData::F64(chunks(bytes, f64::from_le_bytes)),
        DType::I32 => TensorData::I32(chunks(bytes, i32::from_le_bytes)),
        DType::I64 => TensorData::I64(chunks(bytes, i64::from_le_bytes)),
        DType::U8 => TensorData::U8(bytes.to_vec()),
        DType::I8 => TensorData::I8(chunks(bytes, i8::from_le_bytes)),
        DType::Bool => TensorData::Bool(bytes.iter().map(|&b| b != 0).collect()),
        _ => TensorData::Raw { dtype, len, bytes: bytes.clone() },
    })
}

/// Little-endian bytes of the elements.
pub(crate) fn to_bytes(data: &TensorData) -> Bytes {
    fn each<const N: usize, T: Copy>(values: &[T], write: fn(T) -> [u8; N]) -> Bytes {
        let mut bytes = Vec::with_capacity(values.len().saturating_mul(N));
        values.iter().for_each(|&x| bytes.extend_from_slice(&write(x)));
        bytes.into()
    }
    match data {
        TensorData::F32(v) => each(v, f32::to_le_bytes),
        TensorData::F64(v) => each(v, f64::to_le_bytes),
        TensorData::I32(v) => each(v, i32::to_le_bytes),
        TensorData::I64(v) => each(v, i64::to_le_bytes),
        TensorData::U8(v) => Bytes::copy_from_slice(v),
        TensorData::I8(v) => each(v, i8::to_le_bytes),
        TensorData::Bool(v) => v.iter().map(|&b| u8::from(b)).collect(),
        TensorData::Raw { bytes, .. } => bytes.clone(),
    }
}

/// The strings of a tensor, which lie in it as a length of eight bytes before each.
pub(crate) fn strings(data: &TensorData) -> Option<Vec<Bytes>> {
    let TensorData::Raw { dtype: DType::String, bytes, len } = data else { return None };
    let mut rest: &[u8] = bytes;
    let mut strings = Vec::new();
    for _ in 0..*len {
        let (length, after) = rest.split_first_chunk::<8>()?;
        let (string, after) = after.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
        strings.push(Bytes::copy_from_slice(string));
        rest = after;
    }
    rest.is_empty().then_some(strings)
}

/// The typed fields of `count` elements; types below 32 bits share `int32_data`.
fn from_fields(proto: &TensorProto, dtype: DType, count: usize) -> Option<TensorData> {
    let small = &proto.int32_data;
    let raw = |bytes: Vec<u8>, len: usize| TensorData::Raw { dtype, bytes: bytes.into(), len };
    Some(match dtype {
        DType::F32 => TensorData::F32(proto.float_data.clone()),
        DType::F64 => TensorData::F64(proto.double_data.clone()),
        DType::I32 => TensorData::I32(small.clone()),
        DType::I64 => TensorData::I64(proto.int64_data.clone()),
        DType::U8 => TensorData::U8(small.iter().map(|&i| u8::try_from(i).ok()).collect::<Option<_>>()?),
        DType::I8 => TensorData::I8(small.iter().map(|&i| i8::try_from(i).ok()).collect::<Option<_>>()?),
        DType::Bool => TensorData::Bool(small.iter().map(|&i| i != 0).collect()),
        DType::I16 => {
            let values = small.iter().map(|&i| i16::try_from(i).ok()).collect::<Option<Vec<_>>>()?;
            raw(values.iter().flat_map(|i| i.to_le_bytes()).collect(), values.len())
        }
        storage if storage.widened().is_some() => {
            // A byte in each, which holds several elements where these are smaller.
            let bytes = small.iter().map(|&i| u8::try_from(i & 0xff).ok()).collect::<Option<Vec<u8>>>()?;
            if dtype.bytes(count) != Some(bytes.len()) {
                return None;
            }
            raw(bytes, count)
        }
        DType::U16 | DType::F16 | DType::Bf16 => {
            let values = small.iter().map(|&i| u16::try_from(i).ok()).collect::<Option<Vec<_>>>()?;
            raw(values.iter().flat_map(|i| i.to_le_bytes()).collect(), values.len())
        }
        DType::U32 => {
            let values = proto.uint64_data.iter().map(|&i| u32::try_from(i).ok()).collect::<Option<Vec<_>>>()?;
            raw(values.iter().flat_map(|i| i.to_le_bytes()).collect(), values.len())
        }
        DType::U64 => raw(proto.uint64_data.iter().flat_map(|i| i.to_le_bytes()).collect(), proto.uint64_data.len()),
        DType::String => {
            let mut bytes = Vec::new();
            for string in &proto.string_data {
                bytes.extend(u64::try_from(string.len()).ok()?.to_le_bytes());
                bytes.extend(string.iter());
            }
            raw(bytes, proto.string_data.len())
        }
        _ => return None,
    })
}

/// Says that the elements of a tensor are `len` bytes of the file `location` from `offset` on.
pub(crate) fn refer(proto: &mut TensorProto, location: &str, offset: u64, len: usize) {
    let entry = |key: &str, value: String| StringStringEntry { key: Some(key.to_owned()), value: Some(value) };
    proto.external_data =
        vec![entry("location", location.to_owned()), entry("offset", offset.to_string()), entry("length", len.to_string())];
    proto.data_location = Some(EXTERNAL);
}

fn is_external(proto: &TensorProto) -> bool {
    proto.data_location == Some(EXTERNAL)
}

/// Returns the other file that a tensor's elements lie in, and the first byte there.
pub(crate) fn location(proto: &TensorProto) -> Option<(&str, u64)> {
    let offset = || external_entry(proto, "offset").map_or(Some(0), |text| text.parse().ok());
    if is_external(proto) { Some((external_entry(proto, "location")?, offset()?)) } else { None }
}

fn external_entry<'a>(proto: &'a TensorProto, key: &str) -> Option<&'a str> {
    proto.external_data.iter().find(|e| e.key.as_deref() == Some(key)).and_then(|e| e.value.as_deref())
}

/// Place and bytes of a tensor that lies in another file of the model's folder.
fn external(proto: &TensorProto, name: &str, folder: Option<&Path>, bytes: usize) -> Result<(Place, Bytes), ImportError> {
    let bad = |problem: String| ImportError::BadTensor { tensor: name.to_owned(), problem };
    let entry = |key: &str| external_entry(proto, key);
    let number = |key: &str| match entry(key) {
        None => Ok(None),
        Some(text) => text.parse::<u64>().map(Some).map_err(|_| bad(format!("its external {key} `{text}` is not a number"))),
    };
    let location = entry("location").filter(|l| !l.is_empty()).ok_or_else(|| bad("its external data has no location".to_owned()))?;
    let offset = number("offset")?.unwrap_or(0);
    let wanted = u64::try_from(bytes).unwrap_or(u64::MAX);
    if let Some(length) = number("length")?
        && length != wanted
    {
        return Err(bad(format!("its shape needs {wanted} bytes, but its external data have {length}")));
    }

    let escapes = || ImportError::Escapes { tensor: name.to_owned(), location: location.to_owned() };
    let relative = Path::new(location);
    if location.contains('\\') || !relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Err(escapes());
    }
    let folder = folder.ok_or_else(|| ImportError::NoFolder { tensor: name.to_owned() })?;
    let path = folder.join(relative);
    let failed = |source| ImportError::ExternalData { tensor: name.to_owned(), path: path.clone(), source };
    let real = path.canonicalize().map_err(failed)?;
    if !real.starts_with(folder.canonicalize().map_err(failed)?) {
        return Err(escapes());
    }
    // Before it is opened: a pipe would wait for somebody to write.
    if !std::fs::metadata(&real).map_err(failed)?.is_file() {
        return Err(ImportError::NotAFile { path: real });
    }
    let file = File::open(&real).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    let available = metadata.len();
    if offset.checked_add(wanted).is_none_or(|end| end > available) {
        return Err(bad(format!("it needs {wanted} bytes at {offset}, but `{location}` has {available}")));
    }
    let elements = mapping::part(&file, available, offset, bytes).map_err(failed)?;
    Ok((mapping::place(real, &metadata, offset), elements))
}
