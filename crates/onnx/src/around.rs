//! Nodes put around a model in its own bytes: everything else in the file stays as it is, weights and references to other files among it.

use std::collections::{BTreeMap, BTreeSet};

use brinell_graph::Graph;
use prost::Message;

use crate::error::{ExportError, ImportError};
use crate::export;
use crate::proto::{GraphProto, ModelProto, NodeProto, TensorProto};
use crate::rename::{GRAPH_INITIALIZER, GRAPH_OUTPUT, Renamed, copy, field};
use crate::wire;

/// Oldest opset that nodes are written in.
const OLDEST: i64 = 13;

const MODEL_GRAPH: u64 = 7;

/// Why nodes cannot be put around a model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WrapError {
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
    /// The model has no such output, or no such value that the nodes behind it read.
    #[error("the model has no {role} `{name}`")]
    Value {
        /// `output` or `value`.
        role: &'static str,
        /// Its name.
        name: String,
    },
    /// The graph to be put in front does not have one input and one output, or that behind the model has others than are named.
    #[error("what is put {place} a model has {found:?} inputs and outputs, not {expected:?}")]
    Ports {
        /// `in front of` or `behind`.
        place: &'static str,
        /// Inputs and outputs there are.
        found: [usize; 2],
        /// Inputs and outputs due.
        expected: [usize; 2],
    },
}

/// Nodes behind a model.
#[derive(Debug, Clone, Copy)]
pub struct Suffix<'a> {
    /// The nodes.
    pub graph: &'a Graph,
    /// Names of the values of the model that the inputs of the graph are, in their order.
    pub reads: &'a [&'a str],
    /// Names of the outputs of the file that the outputs of the graph become, in their order. One of them may be an output that the model has: it takes
    /// the place of that, and what the model says there can only be read by the suffix.
    pub makes: &'a [&'a str],
}

/// What is put around a model.
#[derive(Debug, Clone, Copy)]
pub struct Wrap<'a> {
    /// The input of the model.
    pub input: &'a str,
    /// Nodes between that input and all nodes that read it, in subgraphs too.
    pub prefix: Option<&'a Graph>,
    /// Nodes behind it.
    pub suffix: Option<Suffix<'a>>,
    /// Names of new values that do not begin with it get it in front.
    pub scope: &'a str,
    /// True where the prefix changes the number of rows, so that shapes that the file tells of values in between are dropped.
    pub reshaped: bool,
}

/// Returns a model with nodes around it.
///
/// # Guarantees
/// The model's inputs, weights and metadata are byte by byte what they were, and so are its outputs, behind which new ones stand; the nodes that are added are in
/// the model's own opset.
///
/// # Errors
/// [`WrapError`].
pub fn wrap(original: &[u8], wrap: &Wrap<'_>) -> Result<Vec<u8>, WrapError> {
    wire::probe(original)?;
    let model = ModelProto::decode(original).map_err(|e| ImportError::NotOnnx { detail: e.to_string() })?;
    let graph = model.graph.as_ref().ok_or_else(|| ImportError::NotOnnx { detail: "it holds no graph".to_owned() })?;
    let default = |domain: Option<&str>| matches!(domain, None | Some("" | "ai.onnx"));
    let imported = model.opset_import.iter().find(|set| default(set.domain.as_deref()));
    let opset = imported.and_then(|set| set.version).unwrap_or(0);
    if opset < OLDEST {
        return Err(WrapError::Opset { found: opset });
    }
    let taken = names(graph);
    let is_input = graph.input.iter().any(|value| value.name.as_deref() == Some(wrap.input));
    if !is_input || defaults(graph).contains(wrap.input) {
        return Err(WrapError::Input { name: wrap.input.to_owned() });
    }
    let front = wrap.prefix.map(|prefix| before(prefix, wrap, opset)).transpose()?.unwrap_or_default();
    let body = format!("{}/body", wrap.scope);
    let back = wrap.suffix.map(|suffix| behind(graph, &suffix, wrap, &body, opset)).transpose()?.unwrap_or_default();
    let replaced = wrap.suffix.and_then(|suffix| suffix.makes.iter().copied().find(|name| is_output(graph, name)));
    let added = || front.names().chain(back.names()).filter(|name| Some(*name) != replaced).chain(replaced.map(|_| body.as_str()));
    if let Some(name) = added().find(|name| taken.contains(*name)) {
        return Err(WrapError::Taken { name: name.to_owned() });
    }
    let mut read = BTreeMap::new();
    if wrap.prefix.is_some() {
        read.insert(wrap.input, front.end.as_str());
    }
    let made: BTreeMap<&str, &str> = replaced.map(|name| (name, body.as_str())).into_iter().collect();
    read.extend(&made);
    let renamed = Renamed { read, made, front: &front.nodes, back: &back.nodes, reshaped: wrap.reshaped };
    let broken = || ImportError::NotOnnx { detail: "it is not a protobuf message".to_owned() };
    let mut bytes = Vec::with_capacity(original.len() + (1 << 12));
    copy(original, &mut bytes, &mut |number, body, out| {
        if number != MODEL_GRAPH {
            return Ok(false);
        }
        let mut graph = renamed.graph(body)?;
        for weight in front.weights.iter().chain(&back.weights) {
            field(GRAPH_INITIALIZER, &weight.encode_to_vec(), &mut graph);
        }
        for output in &back.outputs {
            field(GRAPH_OUTPUT, output, &mut graph);
        }
        field(MODEL_GRAPH, &graph, out);
        Ok(true)
    })
    .ok_or_else(broken)?;
    Ok(bytes)
}

/// Nodes and weights that are added, in the names that they have in the file.
#[derive(Default)]
struct Added {
    nodes: Vec<NodeProto>,
    weights: Vec<TensorProto>,
    /// The value in which a prefix ends.
    end: String,
    /// New outputs of the file, encoded.
    outputs: Vec<Vec<u8>>,
}

impl Added {
    /// Nodes and weights of `graph`, whose values get the names that `known` has for them, and else names in the `scope`.
    fn new(graph: &Graph, opset: i64, scope: &str, known: &BTreeMap<String, String>) -> Result<Self, WrapError> {
        let (mut nodes, mut weights) = export::parts(graph, opset)?;
        for node in &mut nodes {
            node.input.iter_mut().chain(&mut node.output).for_each(|name| *name = scoped(name, scope, known));
            node.name.iter_mut().for_each(|name| *name = scoped(name, scope, &BTreeMap::new()));
        }
        weights.iter_mut().filter_map(|weight| weight.name.as_mut()).for_each(|name| *name = scoped(name, scope, known));
        Ok(Self { nodes, weights, ..Self::default() })
    }

    /// Names of the values that it makes.
    fn names(&self) -> impl Iterator<Item = &str> {
        let made = self.nodes.iter().flat_map(|node| node.output.iter());
        made.chain(self.weights.iter().filter_map(|weight| weight.name.as_ref())).map(String::as_str).filter(|name| !name.is_empty())
    }
}

fn scoped(name: &str, scope: &str, known: &BTreeMap<String, String>) -> String {
    match known.get(name) {
        Some(known) => known.clone(),
        None if name.is_empty() || name.starts_with(scope) => name.to_owned(),
        None => format!("{scope}/{name}"),
    }
}

fn before(prefix: &Graph, wrap: &Wrap<'_>, opset: i64) -> Result<Added, WrapError> {
    let (&[from], &[to]) = (prefix.inputs(), prefix.outputs()) else {
        let found = [prefix.inputs().len(), prefix.outputs().len()];
        return Err(WrapError::Ports { place: "in front of", found, expected: [1, 1] });
    };
    let known = BTreeMap::from([(prefix.value(from).name.clone(), wrap.input.to_owned())]);
    let end = scoped(&prefix.value(to).name, wrap.scope, &known);
    Ok(Added { end, ..Added::new(prefix, opset, wrap.scope, &known)? })
}

/// The nodes of a suffix; `body` is what an output is called from now on whose place it takes.
fn behind(model: &GraphProto, suffix: &Suffix<'_>, wrap: &Wrap<'_>, body: &str, opset: i64) -> Result<Added, WrapError> {
    let graph = suffix.graph;
    // Prefix and suffix may number their values alike.
    let scope = format!("{}.out", wrap.scope);
    let (found, expected) = ([graph.inputs().len(), graph.outputs().len()], [suffix.reads.len(), suffix.makes.len()]);
    if found != expected {
        return Err(WrapError::Ports { place: "behind", found, expected });
    }
    let values = names(model);
    if let Some(name) = suffix.reads.iter().find(|name| !values.contains(**name)) {
        return Err(WrapError::Value { role: "value", name: (*name).to_owned() });
    }
    let mut known = BTreeMap::new();
    for (&id, &name) in graph.inputs().iter().zip(suffix.reads) {
        let replaced = suffix.makes.contains(&name) && is_output(model, name);
        known.insert(graph.value(id).name.clone(), if replaced { body } else { name }.to_owned());
    }
    let mut outputs = Vec::new();
    for (&id, &name) in graph.outputs().iter().zip(suffix.makes) {
        known.insert(graph.value(id).name.clone(), name.to_owned());
        if !is_output(model, name) {
            outputs.push(export::value_info(graph, id, name)?.encode_to_vec());
        }
    }
    Ok(Added { outputs, ..Added::new(graph, opset, &scope, &known)? })
}

fn is_output(graph: &GraphProto, name: &str) -> bool {
    graph.output.iter().any(|value| value.name.as_deref() == Some(name))
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

#[cfg(test)]
mod tests {
    use brinell_graph::{DType, Dim, Graph, Op, Tensor, TensorData};

    use super::*;

    fn put_before(original: &[u8], input: &str, prefix: &Graph, scope: &str) -> Result<Vec<u8>, WrapError> {
        wrap(original, &Wrap { input, prefix: Some(prefix), suffix: None, scope, reshaped: false })
    }

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
        assert!(matches!(put_before(&bytes, "x", &prefix(), "front"), Err(WrapError::Taken { .. })));
        for name in ["w", "y", "nobody"] {
            assert!(matches!(put_before(&model(), name, &prefix(), "front"), Err(WrapError::Input { .. })), "{name}");
        }
        assert!(matches!(put_before(b"no model", "x", &prefix(), "front"), Err(WrapError::Import(_))));
        let mut two = prefix();
        let x = two.inputs()[0];
        two.output(x);
        assert!(matches!(put_before(&model(), "x", &two, "front"), Err(WrapError::Ports { found: [1, 2], .. })));
    }

    #[test]
    fn a_suffix_takes_the_place_of_an_output_and_adds_another() {
        let mut graph = Graph::new("suffix");
        let body = graph.input("body", DType::F32, vec![Dim::Batch(1), Dim::Fixed(2)]);
        let kept = graph.add(Op::Neg, &[body]).unwrap();
        let more = graph.add(Op::Exp, &[body]).unwrap();
        graph.set_outputs(vec![kept, more]);
        let around = |makes| Wrap {
            input: "x",
            prefix: None,
            suffix: Some(Suffix { graph: &graph, reads: &["y"], makes }),
            scope: "back",
            reshaped: false,
        };
        let read = crate::read(&wrap(&model(), &around(&["y", "more"])).unwrap(), None).unwrap().graph;
        let names: Vec<&str> = read.outputs().iter().map(|&id| read.value(id).name.as_str()).collect();
        assert_eq!(names, ["y", "z", "more"]);
        assert_eq!(read.nodes().iter().map(|node| node.op.name()).collect::<Vec<_>>(), ["Mul", "Neg", "Neg", "Exp"]);
        let read = crate::read(&wrap(&model(), &around(&["one", "more"])).unwrap(), None).unwrap().graph;
        assert_eq!(read.outputs().len(), 4);
        assert!(matches!(wrap(&model(), &around(&["y", "w"])), Err(WrapError::Taken { name }) if name == "w"));
        let missing = Wrap { suffix: Some(Suffix { graph: &graph, reads: &["q"], makes: &["y", "more"] }), ..around(&[]) };
        assert!(matches!(wrap(&model(), &missing), Err(WrapError::Value { name, .. }) if name == "q"));
    }
}
