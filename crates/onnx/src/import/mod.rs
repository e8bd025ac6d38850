//! From messages to a [`Graph`].
//!
//! Nodes are taken in order. A rule of [`rule::RULES`] turns a node into operators of the graph; what has no rule, or has
//! parameters that are not constant, becomes opaque. Integer contents (shapes, axes) are followed symbolically beside the
//! graph in [`fold`], so that `Shape`, `Gather`, `Concat` chains resolve to payload.

mod attention;
mod attribute;
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
mod lp;
mod microsoft;
mod ml;
mod nbits;
mod norm;
mod opaque;
mod order;
mod pool;
mod quant;
mod recurrent;
mod reduce;
mod resize;
mod rule;
mod scale;
mod sequence;
mod size;
mod sparse;
mod symbol;
#[cfg(test)]
mod tests;
mod unpack;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::rc::Rc;

use brinell_graph::{DType, Dim, Graph, GraphError, NodeId, Op, Tensor, ValueId};
use prost::Message;
use prost::bytes::Bytes;

pub use self::ml::ClassLabels;
pub(crate) use self::opaque::{captured_names, inner_operators};
pub(crate) use self::order::listed;
pub use self::rule::{Operator, operators};

use self::attribute::Attributes;
use self::content::Content;
use self::function::Inlined;
pub use self::known::Known;
use self::order::Disorder;
use crate::error::ImportError;
use crate::foreign::{self, Foreign};
use crate::proto::{FunctionProto, GraphProto, ModelProto, NodeProto, OperatorSetId};
use crate::tensor::Source;
use crate::{mapping, tensor, version, wire};

/// A model as read.
#[derive(Debug, Clone)]
pub struct Model {
    /// The network, without anything that its outputs do not need.
    pub graph: Graph,
    /// Version of the file format.
    pub ir_version: i64,
    /// Version of the default operator domain; 0 where the model does not use it.
    pub opset: i64,
    /// Program that wrote the file; may be empty.
    pub producer: String,
    /// Its version; may be empty.
    pub producer_version: String,
    /// Other files that weights were read from, relative to the model's folder, sorted and each once.
    pub external: Vec<String>,
    /// What a classic classifier (domain `ai.onnx.ml`) calls its classes, in the order of its scores.
    pub class_labels: Option<ClassLabels>,
    /// Outputs that in the file are lists of maps from class to score; the graph returns the matrix of scores.
    pub maps: BTreeSet<String>,
    /// True where ONNX Runtime multiplies quantised weights with operands that it rounds to 8 bits too, so that its results differ from those of the graph by
    /// as much.
    pub coarse: bool,
    /// True where ONNX Runtime writes the scores of the two classes in reverse order, as it does for support vector machines without probabilities.
    pub reversed: bool,
}

/// A node that is carried along unread.
#[derive(Debug, Clone, PartialEq)]
pub struct OpaqueNode {
    /// Handle in the graph.
    pub id: NodeId,
    /// Name of the node.
    pub name: String,
    /// Operator, with its domain where that is not the default one.
    pub op: String,
    /// Why it is opaque.
    pub reason: String,
}

impl Model {
    /// Returns the nodes that could not be read, with reasons.
    #[must_use]
    pub fn opaque(&self) -> Vec<OpaqueNode> {
        let nodes = self.graph.opaque_nodes().map(|(id, name, op)| OpaqueNode {
            id,
            name: name.to_owned(),
            op: if op.domain.is_empty() { op.op_type.clone() } else { format!("{}.{}", op.domain, op.op_type) },
            reason: op.reason.clone(),
        });
        nodes.collect()
    }
}

/// Reads a model; external data is looked for in `folder` alone.
///
/// # Errors
/// [`ImportError`]. Unknown operators are no error, see [`Model::opaque`].
pub fn read(bytes: &[u8], folder: Option<&Path>) -> Result<Model, ImportError> {
    wire::probe(bytes).map_err(|error| foreign::named(error, bytes))?;
    read_checked(Bytes::copy_from_slice(bytes), Source { folder, file: None }, &Known::default())
}

/// Reads a model file; external data is looked for in its folder.
///
/// # Errors
/// [`ImportError`].
pub fn read_file(path: &Path) -> Result<Model, ImportError> {
    read_file_knowing(path, &Known::default())
}

/// As [`read_file`], with more known about the inputs.
///
/// # Errors
/// [`ImportError`]; [`ImportError::BadInterface`] where the file contradicts what is known.
pub fn read_file_knowing(path: &Path, known: &Known) -> Result<Model, ImportError> {
    let failed = |source| ImportError::Io { path: path.to_owned(), source };
    let metadata = std::fs::metadata(path).map_err(failed)?;
    // Before it is opened: a pipe would wait for somebody to write.
    if !metadata.is_file() {
        if let Some(format) = Foreign::of_folder(path) {
            return Err(ImportError::Foreign { format });
        }
        return Err(ImportError::NotAFile { path: path.to_owned() });
    }
    let size = metadata.len();
    if size > wire::MAX_FILE {
        return Err(ImportError::TooLarge { what: "bytes", found: size, limit: wire::MAX_FILE });
    }
    let bytes = match usize::try_from(size) {
        Ok(size) => mapping::part(&std::fs::File::open(path).map_err(failed)?, metadata.len(), 0, size).map_err(failed)?,
        Err(_) => return Err(ImportError::TooLarge { what: "bytes", found: size, limit: wire::MAX_FILE }),
    };
    wire::probe(&bytes).map_err(|error| foreign::named(error, &bytes))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let file = mapping::place(path.canonicalize().map_err(failed)?, &metadata, 0);
    read_checked(bytes.clone(), Source { folder: Some(folder), file: Some((&file, &bytes)) }, known)
}

fn read_checked(bytes: Bytes, source: Source<'_>, known: &Known) -> Result<Model, ImportError> {
    let not_onnx = |e: prost::DecodeError| ImportError::NotOnnx { detail: e.to_string() };
    let mut proto = ModelProto::decode(bytes).map_err(not_onnx)?;
    let graph = proto.graph.take().ok_or_else(|| ImportError::NotOnnx { detail: "it holds no graph".to_owned() })?;
    let opsets = opsets(&proto.opset_import);
    if opsets.is_empty() {
        return Err(ImportError::NotOnnx { detail: "it does not say which opset it uses".to_owned() });
    }
    // A model of custom operators alone needs no default domain.
    let opset = opsets.get("").copied().unwrap_or(0);
    let uses_default = graph.node.iter().any(|node| domain(node.domain.as_deref()).is_empty());
    if (uses_default || opset != 0) && !(version::OLDEST..=version::NEWEST).contains(&opset) {
        return Err(ImportError::UnsupportedOpset { opset, oldest: version::OLDEST, newest: version::NEWEST });
    }
    let opsets = Rc::new(opsets);
    let nodes = in_order(function::inline(&graph.node, &proto.functions, &opsets)?, &graph)?;
    let read = |batched| import(&graph, &nodes, &proto.functions, source, known, batched);
    let Imported { graph, external, class_labels, maps, coarse, reversed } = match read(true) {
        // A model may mix the batch with other sizes and still run: then nothing is claimed about the batch.
        Err(first @ ImportError::BadNode { .. }) => read(false).map_err(|_| first)?,
        other => other?,
    };
    Ok(Model {
        graph,
        ir_version: proto.ir_version.unwrap_or(0),
        opset,
        producer: proto.producer_name.unwrap_or_default(),
        producer_version: proto.producer_version.unwrap_or_default(),
        external: external.into_iter().collect(),
        class_labels,
        maps,
        coarse,
        reversed,
    })
}

/// The nodes of a model, each behind what it needs.
fn in_order(nodes: Vec<Inlined>, graph: &GraphProto) -> Result<Vec<Inlined>, ImportError> {
    let inputs: HashSet<&str> = graph.input.iter().filter_map(|input| input.name.as_deref()).collect();
    let order = order::sorted(&nodes.iter().map(|(node, _)| node).collect::<Vec<_>>(), |name| inputs.contains(name));
    let order = order.map_err(|disorder| match disorder {
        Disorder::Cycle(nodes) => ImportError::Cycle { nodes },
        Disorder::Broken(at, problem) => nodes.get(at).map_or_else(
            || ImportError::NotOnnx { detail: problem.clone() },
            |(node, opsets)| {
                let domain = domain(node.domain.as_deref());
                let opset = opsets.get(&domain).copied().unwrap_or(1);
                let (node, op) = (order::name(node).to_owned(), node.op_type.clone().unwrap_or_default());
                ImportError::BadNode { node, op, domain, opset, problem: problem.clone() }
            },
        ),
    })?;
    Ok(arranged(nodes, &order))
}

/// The same nodes in another order.
fn arranged(nodes: Vec<Inlined>, order: &[usize]) -> Vec<Inlined> {
    let mut slots: Vec<Option<Inlined>> = nodes.into_iter().map(Some).collect();
    order.iter().filter_map(|&i| slots.get_mut(i).and_then(Option::take)).collect()
}

fn opsets(imports: &[OperatorSetId]) -> BTreeMap<String, i64> {
    imports.iter().map(|import| (domain(import.domain.as_deref()), import.version.unwrap_or(1))).collect()
}

/// The default domain has two names.
fn domain(domain: Option<&str>) -> String {
    match domain {
        None | Some("ai.onnx") => String::new(),
        Some(other) => other.to_owned(),
    }
}

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
    Ok(Imported {
        graph: graph.dce(),
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
            return opaque(format!("version {} of the operator is not known", node.version));
        }
        if let Some(unknown) = node.attributes.names().find(|name| !rule.attributes.contains(name)) {
            return opaque(format!("unknown attribute `{unknown}`"));
        }
        (rule.import)(self, node)
    }

    /// Pushes an operator that produces the outputs of `node`.
    fn emit(&mut self, node: &Node<'_>, op: Op, inputs: Vec<Option<ValueId>>) -> Result<(), Refusal> {
        let ids = self.push(node.name, op, inputs, &node.outputs)?;
        for (id, name) in ids.iter().zip(&node.outputs) {
            if let (Some(id), Some(name)) = (id, name) {
                self.bind(name, *id);
            }
        }
        Ok(())
    }

    /// Pushes an operator, or the constants that it makes.
    fn push(
        &mut self,
        name: &str,
        op: Op,
        inputs: Vec<Option<ValueId>>,
        outputs: &[Option<&str>],
    ) -> Result<Vec<Option<ValueId>>, Refusal> {
        let folded = self.fold(&op, &inputs);
        if let Some(tensors) = self.known_outputs(&op, &inputs, &folded, outputs.len()) {
            return Ok(outputs.iter().zip(tensors).map(|(name, tensor)| name.map(|name| self.graph.constant(name, tensor))).collect());
        }
        let tainted = inputs.iter().flatten().any(|id| self.tainted.contains(id));
        let ids = self.graph.push(name, op, inputs, outputs)?;
        if tainted {
            self.tainted.extend(ids.iter().flatten());
        }
        for (id, content) in ids.iter().zip(folded) {
            if let Some(id) = id {
                self.contents.insert(*id, content);
            }
        }
        Ok(ids)
    }

    /// Gives a value a name, until the body that is being unrolled ends.
    fn bind(&mut self, name: &str, id: ValueId) {
        let before = self.by_name.insert(name.to_owned(), id);
        if let Some(scope) = self.scopes.last_mut() {
            scope.entry(name.to_owned()).or_insert(before);
        }
    }

    /// Pushes an operator that stands before the last one of `node`.
    fn step(&mut self, node: &Node<'_>, op: Op, inputs: &[ValueId]) -> Result<ValueId, Refusal> {
        let name = format!("{}/{}", node.name, op.name());
        let inputs = inputs.iter().copied().map(Some).collect();
        let ids = self.push(&name, op, inputs, &[Some(&name)])?;
        ids.into_iter().flatten().next().ok_or_else(|| Refusal::Bad("operator without output".to_owned()))
    }

    /// True where the body being unrolled, or the model, has given a value that name.
    fn is_taken(&self, name: &str) -> bool {
        match self.scopes.last() {
            Some(scope) => scope.contains_key(name),
            None => self.by_name.contains_key(name),
        }
    }

    /// Pushes an operator with several outputs that stands before the last one of `node`.
    fn step_many(&mut self, node: &Node<'_>, op: Op, inputs: &[ValueId], n: usize) -> Result<Vec<ValueId>, Refusal> {
        let name = format!("{}/{}", node.name, op.name());
        let inputs = inputs.iter().copied().map(Some).collect();
        let names: Vec<String> = (0..n).map(|i| format!("{name}_{i}")).collect();
        let names: Vec<Option<&str>> = names.iter().map(|name| Some(name.as_str())).collect();
        Ok(self.push(&name, op, inputs, &names)?.into_iter().flatten().collect())
    }

    fn constant(&mut self, node: &Node<'_>, tensor: Tensor) -> ValueId {
        self.graph.constant(&format!("{}/constant", node.name), tensor)
    }

    /// A scalar of the floating-point type of `like`.
    fn number(&mut self, node: &Node<'_>, like: ValueId, value: f64) -> Result<ValueId, Refusal> {
        self.filled(node, like, &[], value)
    }

    /// A constant of the floating-point type of `like` with the same number everywhere.
    fn filled(&mut self, node: &Node<'_>, like: ValueId, shape: &[usize], value: f64) -> Result<ValueId, Refusal> {
        let Some(dtype) = self.graph.value(like).dtype else {
            return unknown(format!("the type of `{}` is not known", self.graph.value(like).name));
        };
        match tensor::filled(dtype, shape, value) {
            Some(tensor) => Ok(self.constant(node, tensor)),
            None => opaque(format!("`{}` holds {dtype:?}", self.graph.value(like).name)),
        }
    }

    /// The result of a step becomes the output of `node`.
    fn finish(&mut self, node: &Node<'_>, value: ValueId) -> Result<(), Refusal> {
        self.emit(node, Op::Identity, vec![Some(value)])
    }

    /// Shape of a value, or the refusal that says that it is needed.
    fn shape(&self, id: ValueId) -> Result<Vec<Dim>, Refusal> {
        match self.graph.shape(id) {
            Some(shape) => Ok(shape.to_vec()),
            None => unknown(format!("the shape of `{}` is not known", self.graph.value(id).name)),
        }
    }

    fn rank(&self, id: ValueId) -> Result<usize, Refusal> {
        self.shape(id).map(|shape| shape.len())
    }
}
