//! Nodes put in front of a model in its own bytes: everything else in the file stays as it is, weights and references to other files among it.

use std::collections::BTreeSet;

use brinell_graph::Graph;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};

use crate::error::{ExportError, ImportError};
use crate::export;
use crate::proto::{GraphProto, ModelProto, NodeProto, ValueInfoProto};
use crate::wire::{self, Field, Reader};

/// Oldest opset that nodes are written in.
const OLDEST: i64 = 13;

const MODEL_GRAPH: u64 = 7;
const GRAPH_NODE: u64 = 1;
const GRAPH_INITIALIZER: u64 = 5;
const GRAPH_INPUT: u64 = 11;
const GRAPH_OUTPUT: u64 = 12;
const NODE_INPUT: u64 = 1;
const NODE_OUTPUT: u64 = 2;
const NODE_ATTRIBUTE: u64 = 5;
const ATTRIBUTE_GRAPH: u64 = 6;
const ATTRIBUTE_GRAPHS: u64 = 11;
const VALUE_NAME: u64 = 1;

/// Why nodes cannot be put in front of a model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrefixError {
    /// The bytes are no model.
    #[error("{0}")]
    Import(#[from] ImportError),
    /// The nodes cannot be written.
    #[error("{0}")]
    Export(#[from] ExportError),
    /// The model's opset is older than any form in which the nodes are written.
    #[error("the model uses opset {found}; the oldest opset that nodes are added in is {OLDEST}")]
    Opset {
        /// Opset of the model.
        found: i64,
    },
    /// The model has no such input, or has a default for it.
    #[error("the model has no input `{name}` without a default")]
    Input {
        /// Its name.
        name: String,
    },
    /// A name is taken.
    #[error("the model has a value `{name}` already")]
    Taken {
        /// The name.
        name: String,
    },
    /// The graph to be put in front does not have one input and one output.
    #[error("what is put in front of a model must have one input and one output, not {inputs} and {outputs}")]
    Ports {
        /// Inputs.
        inputs: usize,
        /// Outputs.
        outputs: usize,
    },
}

/// Returns a model with the nodes of `prefix` between its input called `input` and all nodes that read it, in subgraphs too. Names of the prefix
/// that do not begin with `scope` get it in front; its input becomes that of the model.
///
/// # Guarantees
/// The model's inputs, outputs, weights and metadata are byte by byte what they were; the nodes that are added are in the model's own opset.
///
/// # Errors
/// [`PrefixError`].
pub fn put_before(original: &[u8], input: &str, prefix: &Graph, scope: &str) -> Result<Vec<u8>, PrefixError> {
    wire::probe(original)?;
    let model = ModelProto::decode(original).map_err(|e| ImportError::NotOnnx { detail: e.to_string() })?;
    let graph = model.graph.as_ref().ok_or_else(|| ImportError::NotOnnx { detail: "it holds no graph".to_owned() })?;
    let default = |domain: Option<&str>| matches!(domain, None | Some("" | "ai.onnx"));
    let imported = model.opset_import.iter().find(|set| default(set.domain.as_deref()));
    let opset = imported.and_then(|set| set.version).unwrap_or(0);
    if opset < OLDEST {
        return Err(PrefixError::Opset { found: opset });
    }
    let (&[from], &[to]) = (prefix.inputs(), prefix.outputs()) else {
        return Err(PrefixError::Ports { inputs: prefix.inputs().len(), outputs: prefix.outputs().len() });
    };
    let taken = names(graph);
    let is_input = graph.input.iter().any(|value| value.name.as_deref() == Some(input));
    if !is_input || defaults(graph).contains(input) {
        return Err(PrefixError::Input { name: input.to_owned() });
    }
    let (own, end) = (prefix.value(from).name.as_str(), prefix.value(to).name.as_str());
    let (mut nodes, mut weights) = export::parts(prefix, opset)?;
    let scoped = |name: &mut String| {
        if name == own {
            input.clone_into(name);
        } else if !name.is_empty() && !name.starts_with(scope) {
            *name = format!("{scope}/{name}");
        }
    };
    for node in &mut nodes {
        node.input.iter_mut().chain(&mut node.output).chain(&mut node.name).for_each(scoped);
    }
    weights.iter_mut().filter_map(|weight| weight.name.as_mut()).for_each(scoped);
    let mut last = end.to_owned();
    scoped(&mut last);
    let added = nodes.iter().flat_map(|node| node.output.iter()).chain(weights.iter().filter_map(|weight| weight.name.as_ref()));
    if let Some(name) = added.into_iter().find(|name| taken.contains(name.as_str())) {
        return Err(PrefixError::Taken { name: name.clone() });
    }
    let front = Front { input, end: &last, nodes: &nodes };
    let broken = || ImportError::NotOnnx { detail: "it is not a protobuf message".to_owned() };
    let mut bytes = Vec::with_capacity(original.len() + (1 << 12));
    copy(original, &mut bytes, &mut |number, body, out| {
        if number != MODEL_GRAPH {
            return Ok(false);
        }
        let mut graph = front.graph(body)?;
        for weight in &weights {
            field(GRAPH_INITIALIZER, &weight.encode_to_vec(), &mut graph);
        }
        field(MODEL_GRAPH, &graph, out);
        Ok(true)
    })
    .ok_or_else(broken)?;
    Ok(bytes)
}

/// Every name that a graph uses for a value.
fn names(graph: &GraphProto) -> BTreeSet<String> {
    let nodes = graph.node.iter().flat_map(|node| node.input.iter().chain(&node.output)).cloned();
    let ports = graph.input.iter().chain(&graph.output).filter_map(|value| value.name.clone());
    nodes.chain(ports).chain(defaults(graph)).collect()
}

/// Names of the initializers.
fn defaults(graph: &GraphProto) -> BTreeSet<String> {
    let name = |encoded: &prost::bytes::Bytes| crate::proto::TensorProto::decode(encoded.clone()).ok()?.name;
    graph.initializer.iter().filter_map(name).collect()
}

/// What is put in front.
struct Front<'a> {
    input: &'a str,
    end: &'a str,
    nodes: &'a [NodeProto],
}

type Done = Result<bool, ()>;

impl Front<'_> {
    /// The graph of the model, with the new nodes before its own.
    fn graph(&self, body: &[u8]) -> Result<Vec<u8>, ()> {
        let mut out = Vec::with_capacity(body.len());
        // Nodes stand in the order in which they run, and a graph may begin with anything else.
        for node in self.nodes {
            field(GRAPH_NODE, &node.encode_to_vec(), &mut out);
        }
        copy(body, &mut out, &mut |number, body, out| {
            if number == GRAPH_NODE {
                field(GRAPH_NODE, &self.node(body)?, out);
            }
            Ok(number == GRAPH_NODE)
        })
        .ok_or(())?;
        Ok(out)
    }

    fn node(&self, body: &[u8]) -> Result<Vec<u8>, ()> {
        let mut out = Vec::with_capacity(body.len());
        copy(body, &mut out, &mut |number, body, out| match number {
            NODE_INPUT if body == self.input.as_bytes() => {
                field(number, self.end.as_bytes(), out);
                Ok(true)
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
        if self.hides(body)? {
            return Ok(body.to_vec());
        }
        let mut out = Vec::with_capacity(body.len());
        copy(body, &mut out, &mut |number, body, out| match number {
            GRAPH_NODE => {
                field(number, &self.node(body)?, out);
                Ok(true)
            }
            GRAPH_OUTPUT => {
                let mut value = Vec::with_capacity(body.len());
                copy(body, &mut value, &mut |number, body, out| {
                    let same = number == VALUE_NAME && body == self.input.as_bytes();
                    if same {
                        field(number, self.end.as_bytes(), out);
                    }
                    Ok(same)
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

    /// True where a subgraph makes a value of the input's name itself.
    fn hides(&self, body: &[u8]) -> Result<bool, ()> {
        let mut hides = false;
        each(body, &mut |number, body| {
            hides |= match number {
                GRAPH_INPUT => ValueInfoProto::decode(body).is_ok_and(|value| value.name.as_deref() == Some(self.input)),
                GRAPH_INITIALIZER => crate::proto::TensorProto::decode(body).is_ok_and(|tensor| tensor.name.as_deref() == Some(self.input)),
                GRAPH_NODE => {
                    let mut makes = false;
                    let whole = each(body, &mut |number, body| makes |= number == NODE_OUTPUT && body == self.input.as_bytes());
                    makes || whole.is_none()
                }
                _ => false,
            };
        })
        .ok_or(())?;
        Ok(hides)
    }
}

fn field(number: u64, body: &[u8], out: &mut Vec<u8>) {
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
type Instead<'a> = &'a mut dyn FnMut(u64, &[u8], &mut Vec<u8>) -> Done;

/// Copies a message field by field; `instead` writes a field in another form and says that it has. `None` where the message is broken.
fn copy(message: &[u8], out: &mut Vec<u8>, instead: Instead<'_>) -> Option<()> {
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
    use brinell_graph::{DType, Dim, Graph, Op, Tensor, TensorData};

    use super::*;

    /// x * w, and x itself, as `y` and `z`.
    fn model() -> Vec<u8> {
        let mut graph = Graph::new("model");
        let x = graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(2)]);
        let w = graph.constant("w", Tensor::new(vec![2], TensorData::F32(vec![2.0, 3.0])).unwrap());
        let y = graph.push("times", Op::Mul, vec![Some(x), Some(w)], &[Some("y")]).unwrap()[0].unwrap();
        let z = graph.push("minus", Op::Neg, vec![Some(x)], &[Some("z")]).unwrap()[0].unwrap();
        graph.set_outputs(vec![y, z]);
        crate::write(&graph).unwrap()
    }

    fn prefix() -> Graph {
        let mut graph = Graph::new("prefix");
        let own = graph.input("own", DType::F32, vec![Dim::Batch(1), Dim::Fixed(2)]);
        let seven = graph.scalar(7.0);
        let many = graph.add(Op::Mul, &[own, seven]).unwrap();
        let whole = graph.push("front.0", Op::Round, vec![Some(many)], &[Some("front.0")]).unwrap()[0].unwrap();
        graph.output(whole);
        graph
    }

    #[test]
    fn every_reader_of_the_input_reads_what_was_put_in_front() {
        let original = model();
        let bytes = put_before(&original, "x", &prefix(), "front").unwrap();
        let read = crate::read(&bytes, None).unwrap();
        let graph = &read.graph;
        let names = |list: &[brinell_graph::ValueId]| list.iter().map(|&id| graph.value(id).name.clone()).collect::<Vec<_>>();
        assert_eq!((names(graph.inputs()), names(graph.outputs())), (vec!["x".to_owned()], vec!["y".to_owned(), "z".to_owned()]));
        let end = graph.find("front.0").unwrap();
        let readers = graph.nodes().iter().filter(|node| node.inputs.contains(&Some(end))).count();
        assert_eq!(readers, 2);
        assert_eq!(graph.nodes().iter().filter(|node| node.inputs.contains(&Some(graph.inputs()[0]))).count(), 1);
        assert!(bytes.len() > original.len());
    }

    #[test]
    fn names_that_are_taken_and_inputs_that_are_none_are_refused() {
        let bytes = put_before(&model(), "x", &prefix(), "front").unwrap();
        assert!(matches!(put_before(&bytes, "x", &prefix(), "front"), Err(PrefixError::Taken { .. })));
        for name in ["w", "y", "nobody"] {
            assert!(matches!(put_before(&model(), name, &prefix(), "front"), Err(PrefixError::Input { .. })), "{name}");
        }
        assert!(matches!(put_before(b"no model", "x", &prefix(), "front"), Err(PrefixError::Import(_))));
        let mut two = prefix();
        let x = two.inputs()[0];
        two.output(x);
        assert!(matches!(put_before(&model(), "x", &two, "front"), Err(PrefixError::Ports { inputs: 1, outputs: 2 })));
    }

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
        let front = Front { input: "x", end: "front.0", nodes: &[] };
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
