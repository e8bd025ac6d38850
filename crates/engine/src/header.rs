//! What an ONNX file declares about itself, read without decoding its weights.
//!
//! rten folds `i64` and `bool` into `i32`, and `f64` and `f16` into `f32`, and forgets which it was; sessions have to
//! report what the file says. The reader walks the protobuf wire format and skips what it does not need, so that it
//! costs nothing beside loading the model.

use brinell_graph::DType;

/// Depth to which operators are looked for in subgraphs (the bodies of `If`, `Loop` and `Scan`).
const MAX_DEPTH: usize = 8;

/// Declarations of an ONNX model.
#[derive(Debug, Default)]
pub(crate) struct Header {
    /// (name, element type) of the graph's inputs, initializers included.
    pub(crate) inputs: Vec<(String, Option<DType>)>,
    /// (name, element type) of the graph's outputs.
    pub(crate) outputs: Vec<(String, Option<DType>)>,
    /// Distinct (domain, operator) pairs in order of appearance, subgraphs included.
    pub(crate) operators: Vec<(String, String)>,
    /// Imported (domain, version) pairs.
    pub(crate) opsets: Vec<(String, u64)>,
    /// Number of nodes, those of subgraphs included.
    pub(crate) nodes: usize,
    /// Whether a subgraph stands in another.
    pub(crate) nested: bool,
    /// Whether some tensor lies in another file.
    pub(crate) external: bool,
}

impl Header {
    /// Reads the declarations; `None` when the bytes are not a protobuf message of the right form.
    pub(crate) fn read(model: &[u8]) -> Option<Self> {
        let mut header = Self::default();
        for field in Fields(model) {
            match field? {
                (7, Wire::Bytes(graph)) => header.graph(graph, 0)?,
                (8, Wire::Bytes(opset)) => header.opsets.push((text(opset, 1)?, number(opset, 2)?)),
                _ => {}
            }
        }
        Some(header)
    }

    /// Returns the declared element type of an input or output.
    pub(crate) fn dtype(&self, name: &str) -> Option<DType> {
        self.inputs.iter().chain(&self.outputs).find(|(n, _)| n == name).and_then(|(_, dtype)| *dtype)
    }

    fn graph(&mut self, graph: &[u8], depth: usize) -> Option<()> {
        self.nested |= depth > 1;
        for field in Fields(graph) {
            match field? {
                (1, Wire::Bytes(node)) => self.node(node, depth)?,
                (5, Wire::Bytes(tensor)) => self.external |= number(tensor, 14)? == 1,
                (11, Wire::Bytes(value)) if depth == 0 => self.inputs.push(value_info(value)?),
                (12, Wire::Bytes(value)) if depth == 0 => self.outputs.push(value_info(value)?),
                _ => {}
            }
        }
        Some(())
    }

    fn node(&mut self, node: &[u8], depth: usize) -> Option<()> {
        self.nodes += 1;
        let operator = (text(node, 7)?, text(node, 4)?);
        if !self.operators.contains(&operator) {
            self.operators.push(operator);
        }
        for field in Fields(node) {
            let (5, Wire::Bytes(attribute)) = field? else { continue };
            for part in Fields(attribute) {
                match part? {
                    (5, Wire::Bytes(tensor)) => self.external |= number(tensor, 14)? == 1,
                    (6 | 11, Wire::Bytes(graph)) if depth < MAX_DEPTH => self.graph(graph, depth + 1)?,
                    _ => {}
                }
            }
        }
        Some(())
    }
}

fn value_info(value: &[u8]) -> Option<(String, Option<DType>)> {
    let tensor = message(message(value, 2)?, 1)?;
    let dtype = i32::try_from(number(tensor, 1)?).ok().and_then(brinell_onnx::dtype);
    Some((text(value, 1)?, dtype))
}

/// Returns the last submessage with this number, empty when there is none.
fn message(bytes: &[u8], wanted: u64) -> Option<&[u8]> {
    let mut last: &[u8] = &[];
    for field in Fields(bytes) {
        if let (number, Wire::Bytes(inner)) = field?
            && number == wanted
        {
            last = inner;
        }
    }
    Some(last)
}

fn text(bytes: &[u8], wanted: u64) -> Option<String> {
    message(bytes, wanted).map(|inner| String::from_utf8_lossy(inner).into_owned())
}

/// Returns the last integer with this number, 0 when there is none.
fn number(bytes: &[u8], wanted: u64) -> Option<u64> {
    let mut last = 0;
    for field in Fields(bytes) {
        if let (number, Wire::Varint(value)) = field?
            && number == wanted
        {
            last = value;
        }
    }
    Some(last)
}

enum Wire<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    Fixed,
}

/// The fields of one protobuf message; an item is `None` once the bytes do not parse.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, len: u64) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(usize::try_from(len).ok()?)?;
        self.0 = rest;
        Some(head)
    }

    fn field(&mut self) -> Option<(u64, Wire<'a>)> {
        let tag = self.varint()?;
        let wire = match tag & 7 {
            0 => Wire::Varint(self.varint()?),
            1 => self.take(8).map(|_| Wire::Fixed)?,
            2 => {
                let len = self.varint()?;
                Wire::Bytes(self.take(len)?)
            }
            5 => self.take(4).map(|_| Wire::Fixed)?,
            _ => return None,
        };
        Some((tag >> 3, wire))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Option<(u64, Wire<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field)
    }
}
