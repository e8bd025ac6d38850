//! safetensors files that hold samples and labels.

use std::path::Path;

use safetensors::tensor::{Dtype, Metadata, TensorInfo};

use super::archive::{LABELS, choose, choose_samples};
use super::array::{Element, Numbers, Spec};
use super::dataset::NamedArray;
use super::draw::Kept;
use super::error::{At, DataError, DataErrorKind};
use super::input::Input;
use super::load::Contents;
use super::moments::Moments;
use super::options::LoadOptions;
use super::rows::Labels;
use super::truths::TruthKind;

/// The format's own limit.
const MAX_HEADER: u64 = 100_000_000;

/// Returns whether `start` is how a safetensors file begins: the header's length, then the header's opening brace.
pub(super) fn is_safetensors(start: &[u8]) -> bool {
    start.get(8) == Some(&b'{') && u64_of(&start[..8]) <= MAX_HEADER
}

/// Reads samples and, where they are there, labels.
pub(super) fn read(path: &Path, options: &LoadOptions) -> Result<Contents, DataError> {
    let (metadata, start) = header(path).at(path)?;
    let names: Vec<String> = metadata.tensors().into_keys().collect();
    let samples = choose_samples(&names, options).at(path)?;
    let (spec, mut input) = open(path, &metadata, start, &samples).at(path)?;
    let samples = spec.pixels(&mut input, options).at(path)?;
    let mut arrays = Vec::new();
    for wanted in &options.arrays {
        let name = choose(&names, &[wanted.as_str()]).at(path)?;
        let (spec, mut input) = open(path, &metadata, start, &name).at(path)?;
        let (shape, numbers) = spec.plain(&mut input).at(path)?;
        arrays.push(NamedArray { name, shape, numbers }.cut(samples.total, &Kept::of(options, samples.total)));
    }
    let labels = if options.truth == TruthKind::Classes { own_labels(path)? } else { None };
    Ok(Contents { samples, labels, arrays, format: "safetensors" })
}

/// Returns ranges and deviations of all samples.
pub(super) fn moments(path: &Path, options: &LoadOptions) -> Result<Moments, DataError> {
    let (metadata, start) = header(path).at(path)?;
    let names: Vec<String> = metadata.tensors().into_keys().collect();
    let name = choose_samples(&names, options).at(path)?;
    let (spec, mut input) = open(path, &metadata, start, &name).at(path)?;
    spec.moments(&mut input, options).at(path)
}

/// Reads the labels.
pub(super) fn labels(path: &Path) -> Result<Labels, DataError> {
    let (metadata, start) = header(path).at(path)?;
    let names: Vec<String> = metadata.tensors().into_keys().collect();
    let name = choose(&names, LABELS).at(path)?;
    let (spec, mut input) = open(path, &metadata, start, &name).at(path)?;
    spec.labels(&mut input).at(path)
}

/// Reads the labels, where there are some.
pub(super) fn own_labels(path: &Path) -> Result<Option<Labels>, DataError> {
    let (metadata, _) = header(path).at(path)?;
    let names: Vec<String> = metadata.tensors().into_keys().collect();
    choose(&names, LABELS).ok().map(|_| labels(path)).transpose()
}

/// Reads the labels as they are stored, where there are some.
pub(super) fn plain_labels(path: &Path) -> Result<Option<(Vec<usize>, Numbers)>, DataError> {
    let (metadata, start) = header(path).at(path)?;
    let names: Vec<String> = metadata.tensors().into_keys().collect();
    let Ok(name) = choose(&names, LABELS) else { return Ok(None) };
    let (spec, mut input) = open(path, &metadata, start, &name).at(path)?;
    spec.plain(&mut input).at(path).map(Some)
}

/// Returns the header and the place in the file where the values begin.
fn header(path: &Path) -> Result<(Metadata, u64), DataErrorKind> {
    let malformed = |reason: String| DataErrorKind::Malformed { format: "safetensors", reason };
    let mut input = Input::open(path)?;
    let len = u64_of(&input.bytes(8)?);
    if len > MAX_HEADER {
        return Err(malformed(format!("its header is {len} bytes long")));
    }
    let text = input.bytes(len)?;
    let metadata: Metadata = serde_json::from_slice(&text).map_err(|error| malformed(error.to_string()))?;
    let expected = metadata.data_len() as u64;
    match input.left() {
        Some(found) if found < expected => Err(DataErrorKind::Truncated { expected, found }),
        Some(found) if found > expected => Err(DataErrorKind::TrailingBytes { extra: found - expected }),
        _ => Ok((metadata, 8 + len)),
    }
}

fn open(path: &Path, metadata: &Metadata, start: u64, name: &str) -> Result<(Spec, Input<'static>), DataErrorKind> {
    let malformed = || DataErrorKind::Malformed { format: "safetensors", reason: format!("tensor `{name}` has impossible offsets") };
    let info = metadata.info(name).ok_or_else(malformed)?;
    let (from, to) = info.data_offsets;
    let len = to.checked_sub(from).ok_or_else(malformed)?;
    let mut input = Input::open(path)?;
    input.skip(start.checked_add(from as u64).ok_or_else(malformed)?)?;
    Ok((spec(info)?, input.first(len as u64)?))
}

fn spec(info: &TensorInfo) -> Result<Spec, DataErrorKind> {
    let element = match info.dtype {
        Dtype::BOOL => Element::Bool,
        Dtype::U8 => Element::U8,
        Dtype::I8 => Element::I8,
        Dtype::U16 => Element::U16,
        Dtype::I16 => Element::I16,
        Dtype::U32 => Element::U32,
        Dtype::I32 => Element::I32,
        Dtype::U64 => Element::U64,
        Dtype::I64 => Element::I64,
        Dtype::F16 => Element::F16,
        Dtype::BF16 => Element::Bf16,
        Dtype::F32 => Element::F32,
        Dtype::F64 => Element::F64,
        other => {
            return Err(DataErrorKind::ElementType {
                found: format!("{other:?}"),
                accepted: "bool, 8 to 64 bit integers, f16, bf16, f32 and f64",
            });
        }
    };
    Ok(Spec { element, big_endian: false, fortran: false, shape: info.shape.iter().map(|size| *size as u64).collect() })
}

fn u64_of(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte))
}
