//! A look at the bare wire format before anything is decoded: says what kind of file it is and how much would be built.

use crate::error::ImportError;

/// Protobuf's own limit.
pub(crate) const MAX_FILE: u64 = 1 << 31;
/// Fields on the levels that are decoded into structs; bounds the memory that a small file can ask for.
const MAX_FIELDS: u64 = 4_000_000;

/// Bytes of all declarations of values together.
const MAX_DECLARED: u64 = 1 << 24;

const MODEL_GRAPH: u64 = 7;
const MODEL_OPSET: u64 = 8;
const MODEL_FUNCTION: u64 = 25;
const GRAPH_NODE: u64 = 1;
const GRAPH_INITIALIZER: u64 = 5;
const GRAPH_INPUT: u64 = 11;
const GRAPH_OUTPUT: u64 = 12;
const GRAPH_VALUE: u64 = 13;
const GRAPH_SPARSE: u64 = 15;
const FUNCTION_NODE: u64 = 7;
const NODE_ATTRIBUTE: u64 = 5;
const MODEL_FIELDS: [u64; 11] = [1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25];

pub(crate) struct Reader<'a> {
    pub(crate) rest: &'a [u8],
}

pub(crate) enum Field<'a> {
    Bytes(u64, &'a [u8]),
    Other(u64),
}

pub(crate) enum Broken {
    Truncated(u64),
    Malformed,
}

impl<'a> Reader<'a> {
    fn varint(&mut self) -> Result<u64, Broken> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.rest.split_first().ok_or(Broken::Truncated(1))?;
            self.rest = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Broken::Malformed)
    }

    fn take(&mut self, n: u64) -> Result<&'a [u8], Broken> {
        let have = u64::try_from(self.rest.len()).unwrap_or(u64::MAX);
        let short = || Broken::Truncated(n.saturating_sub(have));
        let (taken, rest) = usize::try_from(n).ok().and_then(|n| self.rest.split_at_checked(n)).ok_or_else(short)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn field(&mut self) -> Result<Option<Field<'a>>, Broken> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let number = tag >> 3;
        let field = match tag & 7 {
            0 => {
                self.varint()?;
                Field::Other(number)
            }
            1 => {
                self.take(8)?;
                Field::Other(number)
            }
            2 => {
                let n = self.varint()?;
                Field::Bytes(number, self.take(n)?)
            }
            5 => {
                self.take(4)?;
                Field::Other(number)
            }
            _ => return Err(Broken::Malformed),
        };
        if number == 0 { Err(Broken::Malformed) } else { Ok(Some(field)) }
    }
}

/// Checks that `bytes` look like a whole ONNX model of bounded size.
///
/// # Errors
/// [`ImportError::Empty`], [`ImportError::NotOnnx`], [`ImportError::Truncated`] or [`ImportError::TooLarge`].
pub(crate) fn probe(bytes: &[u8]) -> Result<(), ImportError> {
    if bytes.is_empty() {
        return Err(ImportError::Empty);
    }
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if size > MAX_FILE {
        return Err(ImportError::TooLarge { what: "bytes", found: size, limit: MAX_FILE });
    }
    let mut reader = Reader { rest: bytes };
    let mut looks_right = false;
    let mut has_graph = false;
    let mut budget = Budget::default();
    loop {
        match reader.field() {
            Ok(None) => break,
            Ok(Some(Field::Bytes(number, body))) => {
                if !MODEL_FIELDS.contains(&number) {
                    return Err(not_onnx("it has fields that do not exist in ONNX"));
                }
                looks_right = true;
                has_graph |= number == MODEL_GRAPH;
                match number {
                    MODEL_GRAPH => budget.graph(body)?,
                    MODEL_FUNCTION => budget.function(body)?,
                    MODEL_OPSET => budget.flat(body)?,
                    _ => {}
                }
            }
            Ok(Some(Field::Other(number))) => {
                if !MODEL_FIELDS.contains(&number) {
                    return Err(not_onnx("it has fields that do not exist in ONNX"));
                }
                looks_right = true;
            }
            Err(Broken::Truncated(missing)) if looks_right => return Err(ImportError::Truncated { missing }),
            Err(_) => return Err(not_onnx("it is not a protobuf message")),
        }
    }
    if has_graph { Ok(()) } else { Err(not_onnx("it contains no graph")) }
}

fn not_onnx(detail: &str) -> ImportError {
    ImportError::NotOnnx { detail: detail.to_owned() }
}

/// Checks that an encoded subgraph is of bounded size.
pub(crate) fn check_subgraph(bytes: &[u8]) -> Result<(), ImportError> {
    Budget::default().graph(bytes)
}

/// What has been counted so far. A message that breaks off is left to the decoder.
#[derive(Default)]
struct Budget {
    fields: u64,
    declared: u64,
}

impl Budget {
    fn field(&mut self) -> Result<(), ImportError> {
        self.fields += 1;
        if self.fields > MAX_FIELDS {
            return Err(ImportError::TooLarge { what: "nodes, tensors and attributes", found: self.fields, limit: MAX_FIELDS });
        }
        Ok(())
    }

    fn flat(&mut self, body: &[u8]) -> Result<(), ImportError> {
        let mut reader = Reader { rest: body };
        while let Ok(Some(_)) = reader.field() {
            self.field()?;
        }
        Ok(())
    }

    fn node(&mut self, body: &[u8]) -> Result<(), ImportError> {
        let mut reader = Reader { rest: body };
        while let Ok(Some(field)) = reader.field() {
            self.field()?;
            if let Field::Bytes(NODE_ATTRIBUTE, attribute) = field {
                self.flat(attribute)?;
            }
        }
        Ok(())
    }

    fn function(&mut self, body: &[u8]) -> Result<(), ImportError> {
        let mut reader = Reader { rest: body };
        while let Ok(Some(field)) = reader.field() {
            self.field()?;
            match field {
                Field::Bytes(FUNCTION_NODE, node) => self.node(node)?,
                Field::Bytes(_, other) => self.flat(other)?,
                Field::Other(_) => {}
            }
        }
        Ok(())
    }

    fn graph(&mut self, body: &[u8]) -> Result<(), ImportError> {
        let mut reader = Reader { rest: body };
        while let Ok(Some(field)) = reader.field() {
            self.field()?;
            match field {
                Field::Bytes(GRAPH_NODE, node) => self.node(node)?,
                Field::Bytes(GRAPH_INITIALIZER | GRAPH_SPARSE, tensor) => self.flat(tensor)?,
                Field::Bytes(GRAPH_INPUT | GRAPH_OUTPUT | GRAPH_VALUE, info) => {
                    self.declared = self.declared.saturating_add(u64::try_from(info.len()).unwrap_or(u64::MAX));
                    if self.declared > MAX_DECLARED {
                        let what = "bytes in the declarations of values";
                        return Err(ImportError::TooLarge { what, found: self.declared, limit: MAX_DECLARED });
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}
