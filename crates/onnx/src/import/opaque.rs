//! Nodes that are carried along unread.

use std::collections::HashSet;

use brinell_graph::{Dim, Op, OpaqueOp, Shape, ValueId};
use prost::Message;
use prost::bytes::Bytes;

use super::{Importer, Node};
use crate::proto::{AttributeProto, GraphProto};

/// Nesting of subgraphs that is followed.
const MAX_DEPTH: u32 = 32;

impl Importer<'_> {
    /// Pushes `node` as it is; `follows` says that this is for want of something that an opaque node in front hides. Values that its subgraphs use by name become additional inputs, so that they stay alive.
    pub(super) fn opaque(&mut self, node: &Node<'_>, reason: String, follows: bool) -> Result<(), String> {
        let mut captured: Vec<ValueId> = Vec::new();
        let mut seen = HashSet::new();
        for name in captures(node.attributes.iter(), 0)? {
            let Some(&id) = self.by_name.get(&name) else { continue };
            // Its subgraphs find values by name, which those of an unrolled body have lost.
            if self.graph.value(id).name != name {
                return Err(format!("its subgraph uses `{name}` from a loop body that is unrolled"));
            }
            if seen.insert(id) {
                captured.push(id);
            }
        }
        if !self.scopes.is_empty() {
            // A body is repeated, and with it what is not read.
            self.unrolled = self.unrolled.saturating_add(node.encoded.iter().map(|bytes| bytes.len() / 256).sum());
        }
        let op = Op::Opaque(OpaqueOp {
            domain: node.domain.to_owned(),
            op_type: node.op.to_owned(),
            opset: node.opset,
            attributes: node.encoded.iter().map(|bytes| bytes.to_vec()).collect(),
            reason,
            follows,
            captures: captured.len(),
        });
        let mut inputs = node.inputs.clone();
        inputs.extend(captured.into_iter().map(Some));
        let ids = self.graph.push(node.name, op, inputs, &node.outputs).map_err(|e| e.to_string())?;
        if let (Some(Some(made)), Some(shape)) = (ids.first(), self.made_shape(node)) {
            self.graph.declare(*made, None, Some(shape));
        }
        for (id, name) in ids.iter().zip(&node.outputs) {
            if let (Some(id), Some(name)) = (id, name) {
                self.bind(name, *id);
                self.declare(name, *id);
                self.tainted.insert(*id);
            }
        }
        Ok(())
    }
}

impl Importer<'_> {
    /// The shape of what a node makes up by itself, as attributes or constants say: so many numbers may be made that it must be known.
    fn made_shape(&self, node: &Node<'_>) -> Option<Shape> {
        let numbers = |place: usize| self.graph.constant_of(node.optional(place)?)?.to_f64();
        let number = |place: usize| numbers(place)?.first().copied();
        match node.op {
            "RandomNormal" | "RandomUniform" => {
                let sizes = node.attributes.ints("shape").ok()??;
                sizes.into_iter().map(|n| usize::try_from(n).ok().map(Dim::Fixed)).collect()
            }
            "RandomNormalLike" | "RandomUniformLike" | "Bernoulli" => self.graph.shape(node.optional(0)?).map(<[Dim]>::to_vec),
            "Range" => Some(vec![size((number(1)? - number(0)?) / number(2)?)]),
            "HannWindow" | "HammingWindow" | "BlackmanWindow" => Some(vec![size(number(0)?)]),
            "MelWeightMatrix" => Some(vec![size((number(1)? / 2.0).floor() + 1.0), size(number(0)?)]),
            "Multinomial" => {
                let batch = *self.graph.shape(node.optional(0)?)?.first()?;
                Some(vec![batch, Dim::Fixed(usize::try_from(node.attributes.int_or("sample_size", 1).ok()?).ok()?)])
            }
            "MaxUnpool" => Some(numbers(2)?.into_iter().map(size).collect()),
            _ => None,
        }
    }
}

/// The next whole number from 0 on; the largest one where there is none.
#[expect(clippy::as_conversions, reason = "the conversion saturates, and what is no number is 0")]
fn size(numbers: f64) -> Dim {
    Dim::Fixed(numbers.ceil() as usize)
}

/// Names that the subgraphs among encoded attributes use and do not define.
pub(crate) fn captured_names(attributes: &[Vec<u8>]) -> Result<Vec<String>, String> {
    let decoded = attributes.iter().map(|bytes| AttributeProto::decode(bytes.as_slice())).collect::<Result<Vec<_>, _>>();
    captures(decoded.map_err(|e| format!("an attribute cannot be decoded: {e}"))?.iter(), 0)
}

/// Operators of the default domain in the subgraphs among encoded attributes.
pub(crate) fn inner_operators(attributes: &[Vec<u8>]) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    let mut pending: Vec<(Bytes, u32)> = attributes.iter().map(|bytes| (Bytes::copy_from_slice(bytes), 0)).collect();
    while let Some((encoded, depth)) = pending.pop() {
        let attribute = AttributeProto::decode(encoded).map_err(|e| format!("an attribute cannot be decoded: {e}"))?;
        for graph in attribute.g.iter().chain(&attribute.graphs) {
            if depth >= MAX_DEPTH {
                return Err(format!("subgraphs are nested more than {MAX_DEPTH} deep"));
            }
            crate::wire::check_subgraph(graph).map_err(|e| e.to_string())?;
            let graph = GraphProto::decode(graph.clone()).map_err(|e| format!("a subgraph cannot be decoded: {e}"))?;
            for node in graph.node {
                pending.extend(node.attribute.into_iter().map(|bytes| (bytes, depth + 1)));
                if super::domain(node.domain.as_deref()).is_empty() {
                    found.extend(node.op_type);
                }
            }
        }
    }
    Ok(found)
}

/// Names that the subgraphs among `attributes` use and do not define.
pub(super) fn captures<'a>(attributes: impl Iterator<Item = &'a AttributeProto>, depth: u32) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    for attribute in attributes {
        for encoded in attribute.g.iter().chain(&attribute.graphs) {
            if depth >= MAX_DEPTH {
                return Err(format!("subgraphs are nested more than {MAX_DEPTH} deep"));
            }
            crate::wire::check_subgraph(encoded).map_err(|e| e.to_string())?;
            let graph = GraphProto::decode(encoded.clone()).map_err(|e| format!("a subgraph cannot be decoded: {e}"))?;
            outer_names(&graph, depth, &mut names)?;
        }
    }
    Ok(names)
}

fn outer_names(graph: &GraphProto, depth: u32, names: &mut Vec<String>) -> Result<(), String> {
    let mut local: HashSet<String> = graph.input.iter().filter_map(|input| input.name.clone()).collect();
    for encoded in &graph.initializer {
        let tensor = crate::proto::TensorProto::decode(encoded.clone()).map_err(|e| format!("a tensor cannot be decoded: {e}"))?;
        local.extend(tensor.name);
    }
    // Its nodes may stand in any order.
    local.extend(graph.node.iter().flat_map(|node| node.output.iter().cloned()));
    for node in &graph.node {
        let attributes = node.attribute.iter().map(|bytes| AttributeProto::decode(bytes.clone())).collect::<Result<Vec<_>, _>>();
        let attributes = attributes.map_err(|e| format!("an attribute cannot be decoded: {e}"))?;
        let inner = captures(attributes.iter(), depth + 1)?;
        names.extend(node.input.iter().cloned().chain(inner).filter(|name| !name.is_empty() && !local.contains(name)));
    }
    names.extend(graph.output.iter().filter_map(|output| output.name.clone()).filter(|name| !local.contains(name)));
    Ok(())
}
