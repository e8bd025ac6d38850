//! Names changed in a model's own bytes: everything else in the file stays as it is, weights and references to other files among it.

use std::collections::BTreeMap;

use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};

use crate::proto::{NodeProto, ValueInfoProto};
use crate::wire::{Field, Reader};

pub(crate) const GRAPH_NODE: u64 = 1;
pub(crate) const GRAPH_INITIALIZER: u64 = 5;
pub(crate) const GRAPH_INPUT: u64 = 11;
pub(crate) const GRAPH_OUTPUT: u64 = 12;
pub(crate) const GRAPH_VALUE_INFO: u64 = 13;
const NODE_INPUT: u64 = 1;
const NODE_OUTPUT: u64 = 2;
const NODE_ATTRIBUTE: u64 = 5;
const ATTRIBUTE_GRAPH: u64 = 6;
const ATTRIBUTE_GRAPHS: u64 = 11;
const VALUE_NAME: u64 = 1;

/// Nodes that are put before and after those of a model, and what the model's nodes call some values from then on.
pub(crate) struct Renamed<'a> {
    /// New names of values that nodes read.
    pub(crate) read: BTreeMap<&'a str, &'a str>,
    /// New names of values that nodes of the graph itself make.
    pub(crate) made: BTreeMap<&'a str, &'a str>,
    /// Nodes in front.
    pub(crate) front: &'a [NodeProto],
    /// Nodes behind.
    pub(crate) back: &'a [NodeProto],
    /// True where shapes that the file tells of values in between are no longer theirs.
    pub(crate) reshaped: bool,
}

pub(crate) type Done = Result<bool, ()>;

impl Renamed<'_> {
    /// The graph of the model, with the new nodes before and after its own.
    pub(crate) fn graph(&self, body: &[u8]) -> Result<Vec<u8>, ()> {
        let mut out = Vec::with_capacity(body.len());
        // Nodes stand in the order in which they run, and a graph may begin with anything else.
        for node in self.front {
            field(GRAPH_NODE, &node.encode_to_vec(), &mut out);
        }
        copy(body, &mut out, &mut |number, body, out| {
            if number == GRAPH_NODE {
                field(GRAPH_NODE, &self.node(body, true)?, out);
            }
            Ok(number == GRAPH_NODE || (number == GRAPH_VALUE_INFO && self.reshaped))
        })
        .ok_or(())?;
        for node in self.back {
            field(GRAPH_NODE, &node.encode_to_vec(), &mut out);
        }
        Ok(out)
    }

    /// A node; `own` for one of the graph itself, which makes values of that graph.
    fn node(&self, body: &[u8], own: bool) -> Result<Vec<u8>, ()> {
        let mut out = Vec::with_capacity(body.len());
        copy(body, &mut out, &mut |number, body, out| match number {
            NODE_INPUT | NODE_OUTPUT => {
                let names = if number == NODE_INPUT { Some(&self.read) } else { Some(&self.made).filter(|_| own) };
                let name = names.and_then(|names| names.get(std::str::from_utf8(body).ok()?));
                if let Some(name) = name {
                    field(number, name.as_bytes(), out);
                }
                Ok(name.is_some())
            }
            NODE_ATTRIBUTE => {
                field(number, &self.attribute(body)?, out);
                Ok(true)
            }
            _ => Ok(false),
        })
        .ok_or(())?;
        Ok(out)
    }

    fn attribute(&self, body: &[u8]) -> Result<Vec<u8>, ()> {
        let mut out = Vec::with_capacity(body.len());
        copy(body, &mut out, &mut |number, body, out| {
            let is_graph = matches!(number, ATTRIBUTE_GRAPH | ATTRIBUTE_GRAPHS);
            if is_graph {
                field(number, &self.subgraph(body)?, out);
            }
            Ok(is_graph)
        })
        .ok_or(())?;
        Ok(out)
    }

    /// A subgraph may read values around it by name, unless it has one of that name itself.
    fn subgraph(&self, body: &[u8]) -> Result<Vec<u8>, ()> {
        let mut read = BTreeMap::new();
        for (&name, &other) in &self.read {
            if !hides(body, name)? {
                read.insert(name, other);
            }
        }
        let inner = Renamed { read, made: BTreeMap::new(), front: &[], back: &[], reshaped: false };
        let mut out = Vec::with_capacity(body.len());
        copy(body, &mut out, &mut |number, body, out| match number {
            GRAPH_NODE => {
                field(number, &inner.node(body, false)?, out);
                Ok(true)
            }
            GRAPH_OUTPUT => {
                let mut value = Vec::with_capacity(body.len());
                copy(body, &mut value, &mut |number, body, out| {
                    let name = std::str::from_utf8(body).ok().filter(|_| number == VALUE_NAME).and_then(|name| inner.read.get(name));
                    if let Some(name) = name {
                        field(number, name.as_bytes(), out);
                    }
                    Ok(name.is_some())
                })
                .ok_or(())?;
                field(number, &value, out);
                Ok(true)
            }
            _ => Ok(false),
        })
        .ok_or(())?;
        Ok(out)
    }
}

/// True where a subgraph has a value of this name itself.
fn hides(body: &[u8], name: &str) -> Result<bool, ()> {
    let mut hides = false;
    each(body, &mut |number, body| {
        hides |= match number {
            GRAPH_INPUT => ValueInfoProto::decode(body).is_ok_and(|value| value.name.as_deref() == Some(name)),
            GRAPH_INITIALIZER => crate::proto::TensorProto::decode(body).is_ok_and(|tensor| tensor.name.as_deref() == Some(name)),
            GRAPH_NODE => {
                let mut makes = false;
                let whole = each(body, &mut |number, body| makes |= number == NODE_OUTPUT && body == name.as_bytes());
                makes || whole.is_none()
            }
            _ => false,
        };
    })
    .ok_or(())?;
    Ok(hides)
}

/// Appends a field that holds bytes.
pub(crate) fn field(number: u64, body: &[u8], out: &mut Vec<u8>) {
    encode_key(u32::try_from(number).unwrap_or(0), WireType::LengthDelimited, out);
    encode_varint(u64::try_from(body.len()).unwrap_or(u64::MAX), out);
    out.extend_from_slice(body);
}

/// Shows every field that holds bytes; `None` where the message is broken.
fn each(message: &[u8], see: &mut dyn FnMut(u64, &[u8])) -> Option<()> {
    let mut reader = Reader { rest: message };
    while let Some(found) = reader.field().ok()? {
        if let Field::Bytes(number, body) = found {
            see(number, body);
        }
    }
    Some(())
}

/// Writes something else for a field with this number and content, or asks for a copy.
pub(crate) type Instead<'a> = &'a mut dyn FnMut(u64, &[u8], &mut Vec<u8>) -> Done;

/// Copies a message field by field; `instead` writes a field in another form and says that it has. `None` where the message is broken.
pub(crate) fn copy(message: &[u8], out: &mut Vec<u8>, instead: Instead<'_>) -> Option<()> {
    let mut reader = Reader { rest: message };
    let mut before = 0;
    while let Some(found) = reader.field().ok()? {
        let end = message.len().checked_sub(reader.rest.len())?;
        let written = match found {
            Field::Bytes(number, body) => instead(number, body, out).ok()?,
            Field::Other(_) => false,
        };
        if !written {
            out.extend_from_slice(message.get(before..end)?);
        }
        before = end;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subgraphs_read_it_too_unless_they_have_a_value_of_that_name() {
        // if (c) { x } else { -x }, written by hand: a node `If` whose branches read x by name.
        let branch = |op: &str, made: &str, local: bool| {
            let mut graph = Vec::new();
            if local {
                field(GRAPH_INPUT, &ValueInfoProto { name: Some("x".to_owned()), r#type: None }.encode_to_vec(), &mut graph);
            }
            let node = NodeProto {
                input: vec!["x".to_owned()],
                output: vec![made.to_owned()],
                op_type: Some(op.to_owned()),
                ..NodeProto::default()
            };
            field(GRAPH_NODE, &node.encode_to_vec(), &mut graph);
            let mut attribute = Vec::new();
            field(ATTRIBUTE_GRAPH, &graph, &mut attribute);
            attribute
        };
        let names = BTreeMap::from([("x", "front.0")]);
        let front = Renamed { read: names, made: BTreeMap::new(), front: &[], back: &[], reshaped: false };
        let read = |attribute: &[u8]| {
            let mut names = Vec::new();
            each(attribute, &mut |_, graph| {
                each(graph, &mut |number, node| {
                    if number == GRAPH_NODE {
                        names.extend(NodeProto::decode(node).unwrap().input);
                    }
                })
                .unwrap();
            })
            .unwrap();
            names
        };
        assert_eq!(read(&front.attribute(&branch("Neg", "a", false)).unwrap()), ["front.0"]);
        assert_eq!(read(&front.attribute(&branch("Neg", "a", true)).unwrap()), ["x"]);
        assert_eq!(read(&front.attribute(&branch("Neg", "x", false)).unwrap()), ["x"]);
    }
}
