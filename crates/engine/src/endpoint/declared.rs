//! What a server declares, held to what a model can be.

use brinell_graph::DType;

use super::message::{Metadata, TensorMetadata};
use super::words;
use crate::Port;

/// Largest description of a model that is read, in bytes.
pub(super) const LARGEST: u64 = 1 << 20;

/// Inputs or outputs, and versions.
const MOST_PORTS: usize = 1024;

/// Bytes of a name.
const LONGEST_NAME: usize = 1024;

/// Axes of a tensor.
const MOST_AXES: usize = 32;

/// Values of one sample.
const MOST_VALUES: usize = 1 << 28;

/// Bytes that a number takes in JSON at most: 24 digits and signs of an f64, a comma, and a new line with indentation.
const NUMBER: u64 = 48;

/// Bytes of an answer beside its numbers: names, parameters, brackets.
const FRAME: u64 = 1 << 20;

/// Largest answer that is read, whatever is declared.
const MOST_BYTES: u64 = 1 << 29;

/// Refuses what no model has.
///
/// # Errors
/// Says what is wrong.
pub(super) fn check(metadata: &Metadata) -> Result<(), String> {
    name("its name", &metadata.name)?;
    count("versions", metadata.versions.len())?;
    metadata.versions.iter().try_for_each(|version| name("a version", version))?;
    if metadata.platform.len() > LONGEST_NAME || metadata.platform.chars().any(char::is_control) {
        return Err(format!("its platform is not a valid name: `{}`", words(&metadata.platform)));
    }
    for (role, ports) in [("input", &metadata.inputs), ("output", &metadata.outputs)] {
        if ports.is_empty() {
            return Err(format!("it declares no {role}"));
        }
        count(&format!("{role}s"), ports.len())?;
        for (place, port) in ports.iter().enumerate() {
            name(&format!("the name of {role} {}", place + 1), &port.name)?;
            if ports.iter().take(place).any(|other| other.name == port.name) {
                return Err(format!("it declares {role} `{}` twice", port.name));
            }
            tensor(role, port)?;
        }
    }
    Ok(())
}

fn count(what: &str, found: usize) -> Result<(), String> {
    if found > MOST_PORTS { Err(format!("it declares {found} {what}; the limit is {MOST_PORTS}")) } else { Ok(()) }
}

fn name(what: &str, text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err(format!("{what} is empty"));
    }
    if text.len() > LONGEST_NAME {
        return Err(format!("{what} has {} bytes; the limit is {LONGEST_NAME}", text.len()));
    }
    if text.chars().any(char::is_control) { Err(format!("{what} contains control characters: `{}`", words(text))) } else { Ok(()) }
}

fn tensor(role: &str, port: &TensorMetadata) -> Result<(), String> {
    let TensorMetadata { name, datatype, shape } = port;
    if datatype.is_empty() || datatype.len() > 16 || !datatype.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(format!("the datatype of {role} `{name}` is not a valid name: `{}`", words(datatype)));
    }
    if shape.len() > MOST_AXES {
        return Err(format!("{role} `{name}` has {} axes; the limit is {MOST_AXES}", shape.len()));
    }
    if let Some(extent) = shape.iter().find(|&&extent| extent == 0 || extent < -1) {
        return Err(format!("{role} `{name}` declares the shape {shape:?}, in which {extent} is not possible"));
    }
    let mut known = shape.iter().filter_map(|&extent| usize::try_from(extent).ok());
    let values = known.try_fold(1_usize, usize::checked_mul);
    if values.is_none_or(|n| n > MOST_VALUES) {
        return Err(format!("{role} `{name}` declares the shape {shape:?}, which has more than {MOST_VALUES} values"));
    }
    Ok(())
}

/// Returns the shape that an output has for that many rows: the batch is the first extent where that is free. What else is free stays so.
pub(super) fn due(port: &Port, rows: usize) -> Vec<Option<usize>> {
    let axis = |(place, extent): (usize, &Option<usize>)| if place == 0 { extent.or(Some(rows)) } else { *extent };
    port.shape.iter().enumerate().map(axis).collect()
}

/// Returns how many bytes an answer for that many rows may have, with all outputs in it: servers may say more than they are asked.
pub(super) fn largest_answer(outputs: &[Port], rows: usize) -> u64 {
    let values = |port: &Port| due(port, rows).into_iter().flatten().fold(1_u64, |n, extent| n.saturating_mul(extent as u64));
    let values = outputs.iter().map(values).fold(0_u64, u64::saturating_add);
    values.saturating_mul(NUMBER).saturating_add(FRAME).min(MOST_BYTES)
}

/// Returns a type as the protocol calls it.
pub(super) fn datatype(dtype: DType) -> &'static str {
    match dtype {
        DType::F32 => "FP32",
        DType::F64 => "FP64",
        DType::F16 => "FP16",
        DType::Bf16 => "BF16",
        DType::I8 => "INT8",
        DType::I16 => "INT16",
        DType::I32 => "INT32",
        DType::I64 => "INT64",
        DType::U8 => "UINT8",
        DType::U16 => "UINT16",
        DType::U32 => "UINT32",
        DType::U64 => "UINT64",
        DType::Bool => "BOOL",
        DType::String => "BYTES",
        // The protocol has no name for narrower types, and no server can declare one.
        _ => "a type that the protocol does not know",
    }
}

/// Returns a shape in words; what is free is -1, as the protocol writes it.
pub(super) fn shape_text(shape: &[Option<usize>]) -> String {
    let extents: Vec<String> = shape.iter().map(|extent| extent.map_or_else(|| "-1".to_owned(), |extent| extent.to_string())).collect();
    format!("[{}]", extents.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn metadata(change: impl Fn(&mut Value)) -> Result<(), String> {
        let mut value = json!({
            "name": "m", "versions": ["1"], "platform": "test",
            "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 16]}],
            "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 3]}],
        });
        change(&mut value);
        check(&serde_json::from_value(value).unwrap())
    }

    #[test]
    fn what_no_model_has_is_refused() {
        metadata(|_| {}).unwrap();
        let many: Vec<Value> = (0..2000).map(|i| json!({"name": format!("x{i}"), "datatype": "FP32", "shape": [-1, 1]})).collect();
        type Change<'c> = &'c dyn Fn(&mut Value);
        let cases: [(Change<'_>, &str); 13] = [
            (&|m| m["inputs"] = json!([]), "it declares no input"),
            (&|m| m["outputs"] = json!([]), "it declares no output"),
            (&|m| m["inputs"] = json!(many), "it declares 2000 inputs; the limit is 1024"),
            (&|m| m["inputs"][0]["shape"] = json!([-1, 1_i64 << 62]), "which has more than 268435456 values"),
            (&|m| m["outputs"][0]["shape"] = json!([1 << 20, 1 << 20, 1 << 20, 1 << 20]), "which has more than 268435456 values"),
            (&|m| m["inputs"][0]["shape"] = json!([-1, -5]), "in which -5 is not possible"),
            (&|m| m["outputs"][0]["shape"] = json!([-1, 0]), "in which 0 is not possible"),
            (&|m| m["outputs"][0]["shape"] = json!(vec![1; 40]), "output `y` has 40 axes"),
            (&|m| m["name"] = json!("\u{1b}[31m"), "its name contains control characters"),
            (&|m| m["inputs"][0]["name"] = json!("x\u{7}"), "the name of input 1 contains control characters: `x\u{fffd}`"),
            (&|m| m["inputs"][0]["datatype"] = json!("\u{1b}BYTES"), "the datatype of input `x` is not a valid name"),
            (&|m| m["outputs"][0]["name"] = json!("y".repeat(5000)), "has 5000 bytes"),
            (&|m| m["inputs"] = json!([m["inputs"][0], m["inputs"][0]]), "it declares input `x` twice"),
        ];
        for (change, expected) in cases {
            let error = metadata(change).unwrap_err();
            assert!(error.contains(expected) && !error.contains('\u{1b}'), "{error}");
        }
    }

    #[test]
    fn the_size_of_an_answer_follows_from_what_is_declared() {
        let port = |shape: &[Option<usize>]| Port { name: "y".to_owned(), dtype: DType::F32, shape: shape.to_vec() };
        assert_eq!(due(&port(&[None, Some(3)]), 5), [Some(5), Some(3)]);
        assert_eq!(due(&port(&[Some(4), None]), 5), [Some(4), None]);
        let answer = |rows| largest_answer(&[port(&[None, Some(1000)]), port(&[None])], rows);
        assert_eq!(answer(64) - answer(63), 1001 * NUMBER);
        assert_eq!(largest_answer(&[port(&[None, Some(1 << 28)])], 1 << 20), MOST_BYTES);
    }
}
