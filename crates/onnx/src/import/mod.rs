//! From messages to a [`Graph`].
//!
//! Nodes are taken in order. A rule of [`rule::RULES`] turns a node into operators of the graph; what has no rule, or has
//! parameters that are not constant, becomes opaque. Integer contents (shapes, axes) are followed symbolically beside the
//! graph in [`fold`], so that `Shape`, `Gather`, `Concat` chains resolve to payload.

mod attention;
mod attribute;
mod classes;
mod constant;
mod content;
mod control;
mod einsum;
mod elementwise;
mod fold;
mod function;
mod grid;
mod index;
mod interface;
mod known;
mod layout;
mod linear;
mod literal;
mod lp;
mod microsoft;
mod ml;
mod names;
mod nbits;
mod norm;
mod opaque;
mod order;
mod pool;
mod quant;
mod read;
mod recurrent;
mod reduce;
mod resize;
mod rule;
mod scale;
mod sequence;
mod size;
mod sparse;
mod step;
mod symbol;
#[cfg(test)]
mod tests;
mod unpack;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use brinell_graph::{DType, Dim, Graph, GraphError, Op, ValueId};
use prost::bytes::Bytes;

pub use self::ml::ClassLabels;
pub(crate) use self::opaque::{captured_names, inner_operators};
pub(crate) use self::order::listed;
pub use self::read::{Model, OpaqueNode, read, read_file, read_file_knowing};
pub use self::rule::{Operator, operators};

use self::attribute::Attributes;
use self::content::Content;
use self::function::Inlined;
pub use self::known::Known;
use self::read::{arranged, domain, opsets};
use crate::error::ImportError;
use crate::proto::{FunctionProto, GraphProto, NodeProto};
use crate::tensor::Source;
use crate::version;

/// Why a rule does not apply.
enum Refusal {
    /// The node can be carried along as opaque.
    Opaque(String),
    /// The same, for want of a shape or a content that may be missing only because of an opaque node in front.
    Unknown(String),
    /// The node is wrong.
    Bad(String),
    /// The node's operands do not fit.
    Graph(GraphError),
}

impl From<GraphError> for Refusal {
    fn from(error: GraphError) -> Self {
        Self::Graph(error)
    }
}

fn opaque<T>(reason: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Opaque(reason.into()))
}

fn unknown<T>(reason: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Unknown(reason.into()))
}

fn bad<T>(problem: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Bad(problem.into()))
}

/// A node with everything looked up.
struct Node<'a> {
    name: &'a str,
    op: &'a str,
    domain: &'a str,
    opset: i64,
    /// All domains that hold where the node stands.
    opsets: &'a Rc<BTreeMap<String, i64>>,
    /// Version of the operator that holds in this opset; 0 where it is not known.
    version: i64,
    /// Constants of storage types are widened.
    inputs: Vec<Option<ValueId>>,
    /// Element types of the inputs as the file has them.
    stored: Vec<Option<DType>>,
    outputs: Vec<Option<&'a str>>,
    attributes: Attributes,
    encoded: &'a [Bytes],
}

impl Node<'_> {
    /// A required input.
    fn input(&self, i: usize) -> Result<ValueId, Refusal> {
        self.optional(i).ok_or_else(|| Refusal::Bad(format!("input {i} is missing")))
    }

    fn optional(&self, i: usize) -> Option<ValueId> {
        self.inputs.get(i).copied().flatten()
    }

    /// Element type of an input as the file has it.
    fn stored(&self, i: usize) -> Option<DType> {
        self.stored.get(i).copied().flatten()
    }

    /// True where an output beyond the first `n` is named.
    fn has_outputs_beyond(&self, n: usize) -> bool {
        self.outputs.iter().skip(n).any(Option::is_some)
    }
}

/// Elements that are folded in one model.
const FOLDED: usize = 1 << 23;

struct Importer<'a> {
    graph: Graph,
    by_name: HashMap<String, ValueId>,
    /// What the names that the bodies being unrolled have taken meant outside, innermost body last.
    scopes: Vec<HashMap<String, Option<ValueId>>>,
    functions: &'a [FunctionProto],
    source: Source<'a>,
    /// Nodes that unrolling has made.
    unrolled: usize,
    /// Tensors of bodies by the place of their bytes, which are kept.
    shared: HashMap<(usize, usize), (Bytes, String, ValueId)>,
    /// Lists of tensors, by the value that stands for them.
    sequences: HashMap<ValueId, Vec<ValueId>>,
    contents: HashMap<ValueId, Content>,
    /// What opaque nodes make, and what is made of it.
    tainted: HashSet<ValueId>,
    /// Elements that sparse tensors may still become.
    sparse: usize,
    /// Constants of storage types, widened.
    wide: HashMap<ValueId, ValueId>,
    /// Bytes that constants may still grow by when they are unpacked.
    room: usize,
    /// Elements that folding may still make: a small file must not ask for a lot of memory.
    fold_budget: usize,
    declared: HashMap<&'a str, (Option<DType>, Option<Vec<Dim>>)>,
    /// Files that initializers were read from.
    external: BTreeSet<String>,
    /// What the last classifier of `ai.onnx.ml` calls its classes.
    class_labels: Option<ClassLabels>,
    /// Results of ZipMap.
    maps: BTreeSet<String>,
    /// Weights of a few bits are multiplied with what is rounded to 8 bits.
    coarse: bool,
    /// A support vector machine for two classes has no probabilities.
    reversed: bool,
}

/// What [`import`] makes.
struct Imported {
    graph: Graph,
    external: BTreeSet<String>,
    class_labels: Option<ClassLabels>,
    /// Results of ZipMap.
    maps: BTreeSet<String>,
    /// Weights of a few bits are multiplied with what is rounded to 8 bits.
    coarse: bool,
    /// A support vector machine for two classes has no probabilities.
    reversed: bool,
}

fn import<'a>(
    proto: &'a GraphProto,
    nodes: &[Inlined],
    functions: &'a [FunctionProto],
    source: Source<'a>,
    known: &Known,
    batched: bool,
) -> Result<Imported, ImportError> {
    let mut importer = Importer {
        graph: Graph::new(proto.name.clone().unwrap_or_default()),
        by_name: HashMap::new(),
        scopes: Vec::new(),
        functions,
        source,
        unrolled: 0,
        shared: HashMap::new(),
        sequences: HashMap::new(),
        contents: HashMap::new(),
        tainted: HashSet::new(),
        sparse: sparse::DENSE,
        wide: HashMap::new(),
        room: unpack::ROOM,
        fold_budget: FOLDED,
        declared: HashMap::new(),
        external: BTreeSet::new(),
        class_labels: None,
        maps: BTreeSet::new(),
        coarse: false,
        reversed: false,
    };
    importer.interface(proto, known, batched)?;
    for (node, opsets) in nodes {
        importer.node(node, opsets)?;
    }
    importer.outputs(proto)?;
    let mut graph = importer.graph;
    let coarse = importer.coarse || has_dequantised_products(&graph);
    // With what no output needs: whoever runs the file may run that too.
    brinell_graph::budget(&graph)?;
    for (node, opsets) in nodes {
        let domain = domain(node.domain.as_deref());
        if !domain.is_empty() {
            let version = opsets.get(&domain).copied().unwrap_or(1);
            graph.domains.insert(domain, version);
        }
    }
    let graph = graph.dce().with_softmax();
    Ok(Imported {
        graph,
        external: importer.external,
        class_labels: importer.class_labels,
        maps: importer.maps,
        coarse,
        reversed: importer.reversed,
    })
}

/// True where weights of at most 8 bits are dequantised for a product: ONNX Runtime fuses the two, and rounds the other operand.
fn has_dequantised_products(graph: &Graph) -> bool {
    let is_constant = |id: &Option<ValueId>| id.is_some_and(|id| graph.constant_of(id).is_some());
    let weights = |node: &&brinell_graph::Node| {
        matches!(node.op, Op::Quant(brinell_graph::Quant::DequantizeLinear { .. })) && node.inputs.first().is_some_and(is_constant)
    };
    let weights: HashSet<Option<ValueId>> = graph.nodes().iter().filter(weights).flat_map(|node| node.outputs.iter().copied()).collect();
    graph.nodes().iter().any(|node| matches!(node.op, Op::MatMul) && node.inputs.get(1).is_some_and(|id| weights.contains(id)))
}

impl<'a> Importer<'a> {
    fn node(&mut self, proto: &NodeProto, opsets: &Rc<BTreeMap<String, i64>>) -> Result<(), ImportError> {
        let op = proto.op_type.as_deref().unwrap_or_default();
        let domain = domain(proto.domain.as_deref());
        let opset = opsets.get(&domain).copied().unwrap_or(1);
        let name = order::name(proto);
        let fail =
            |problem: String| ImportError::BadNode { node: name.to_owned(), op: op.to_owned(), domain: domain.clone(), opset, problem };

        let mut inputs = Vec::with_capacity(proto.input.len());
        for input in &proto.input {
            inputs.push(match self.by_name.get(input) {
                Some(&id) => Some(id),
                None if input.is_empty() => None,
                None => return Err(fail(format!("input `{input}` is not produced before it is used"))),
            });
        }
        let mut outputs: Vec<Option<&str>> = proto.output.iter().map(|o| Some(o.as_str()).filter(|o| !o.is_empty())).collect();
        let mut own = HashSet::new();
        if let Some(twice) = outputs.iter().flatten().find(|output| self.is_taken(output) || !own.insert(**output)) {
            return Err(fail(format!("output `{twice}` is produced twice")));
        }
        while inputs.last() == Some(&None) {
            inputs.pop();
        }
        while outputs.len() > 1 && outputs.last() == Some(&None) {
            outputs.pop();
        }
        let attributes = Attributes::decode(&proto.attribute).map_err(|e| fail(format!("an attribute cannot be decoded: {e}")))?;
        let version = if domain.is_empty() { version::since(op, opset).unwrap_or(0) } else { 0 };
        let stored = inputs.iter().map(|id| self.graph.value((*id)?).dtype).collect();
        let widened = inputs.iter().map(|id| id.map(|id| self.widened(id))).collect();
        let encoded = proto.attribute.as_slice();
        let mut node = Node { name, op, domain: &domain, opset, opsets, version, inputs: widened, stored, outputs, attributes, encoded };
        let applied = self.apply(&node);
        // What is carried along has its operands as they are.
        node.inputs = inputs;
        match applied {
            Ok(()) => Ok(()),
            Err(Refusal::Opaque(reason)) => self.opaque(&node, reason, false).map_err(fail),
            Err(Refusal::Unknown(reason)) => {
                let follows = node.inputs.iter().flatten().any(|id| self.tainted.contains(id));
                self.opaque(&node, reason, follows).map_err(fail)
            }
            Err(Refusal::Bad(problem)) => Err(fail(problem)),
            Err(Refusal::Graph(GraphError::Shape { problem, .. })) => Err(fail(problem)),
            Err(Refusal::Graph(other)) => Err(fail(other.to_string())),
        }
    }

    fn apply(&mut self, node: &Node<'_>) -> Result<(), Refusal> {
        let Some(rule) = rule::find(node.domain, node.op) else {
            return opaque(if node.domain.is_empty() { "unknown operator" } else { "operator of another domain" });
        };
        if node.domain.is_empty() && (node.version == 0 || node.version > rule.newest) {
            return opaque(format!("version {} of the operator is unknown", node.version));
        }
        if let Some(unknown) = node.attributes.names().find(|name| !rule.attributes.contains(name)) {
            return opaque(format!("unknown attribute `{unknown}`"));
        }
        (rule.import)(self, node)
    }
}
