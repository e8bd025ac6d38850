//! Which operators of a model rten lacks.

use rten::ModelOptions;

use crate::header::Header;

/// Returns the operators of the model that rten does not have.
///
/// rten stops at the first one and does not publish its table, so every operator is asked for with a model of one node.
pub(crate) fn missing(header: &Header) -> Vec<String> {
    header.operators.iter().filter(|(domain, name)| lacks(header, domain, name)).map(|(domain, name)| qualified(domain, name)).collect()
}

fn lacks(header: &Header, domain: &str, name: &str) -> bool {
    if name == "Constant" {
        return false;
    }
    let mut options = ModelOptions::with_all_ops();
    options.enable_optimization(false);
    match options.load(probe(header, domain, name)) {
        Ok(_) => false,
        Err(error) => error.to_string().contains("not supported or not enabled"),
    }
}

fn qualified(domain: &str, name: &str) -> String {
    if domain.is_empty() || domain == "ai.onnx" { name.to_owned() } else { format!("{domain}.{name}") }
}

/// Writes a model with one node `y = name(x)` and the opsets of the original.
fn probe(header: &Header, domain: &str, name: &str) -> Vec<u8> {
    let node = [bytes(1, b"x"), bytes(2, b"y"), bytes(4, name.as_bytes()), bytes(7, domain.as_bytes())].concat();
    let port = |name: &[u8]| bytes(1, name);
    let graph = [bytes(1, &node), bytes(11, &port(b"x")), bytes(12, &port(b"y"))].concat();
    let mut model = varint_field(1, 8);
    model.extend(bytes(7, &graph));
    for (domain, version) in &header.opsets {
        model.extend(bytes(8, &[bytes(1, domain.as_bytes()), varint_field(2, *version)].concat()));
    }
    model
}

fn bytes(field: u64, content: &[u8]) -> Vec<u8> {
    let mut out = varint(field << 3 | 2);
    out.extend(varint(content.len() as u64));
    out.extend_from_slice(content);
    out
}

fn varint_field(field: u64, value: u64) -> Vec<u8> {
    let mut out = varint(field << 3);
    out.extend(varint(value));
    out
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}
