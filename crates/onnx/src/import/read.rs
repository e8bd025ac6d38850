//! From a file to a model: the parts that are not its nodes, and the order in which these are read.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;
use std::rc::Rc;

use brinell_graph::{Graph, NodeId};
use prost::Message;
use prost::bytes::Bytes;

use super::function::{self, Inlined};
use super::known::Known;
use super::ml::ClassLabels;
use super::order::{self, Disorder};
use super::{Imported, classes, import, names};
use crate::error::ImportError;
use crate::foreign::{self, Foreign};
use crate::proto::{GraphProto, ModelProto, OperatorSetId};
use crate::tensor::Source;
use crate::{mapping, version, wire};

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
    /// Keys and values of the metadata.
    pub metadata: BTreeMap<String, String>,
    /// Names of the features, where the metadata list them.
    pub features: Option<Vec<String>>,
    /// What a classic classifier (domain `ai.onnx.ml`) calls its classes, in the order of its scores.
    pub class_labels: Option<ClassLabels>,
    /// Lists of names in the metadata that may be those of the classes, the likeliest first.
    pub class_lists: Vec<Vec<String>>,
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
    /// Returns what the file calls that many classes: what a classic classifier calls its own, else what the metadata say.
    #[must_use]
    pub fn class_names(&self, n_classes: usize) -> Option<Vec<String>> {
        let own = self.class_labels.as_ref().filter(|labels| labels.len() == n_classes).map(ClassLabels::names);
        own.or_else(|| self.class_lists.iter().find(|names| names.len() == n_classes).cloned())
    }

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
    let graph = proto.graph.take().ok_or_else(|| ImportError::NotOnnx { detail: "it contains no graph".to_owned() })?;
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
        metadata: proto.metadata_props.iter().filter_map(|entry| Some((entry.key.clone()?, entry.value.clone()?))).collect(),
        features: names::features(&proto.metadata_props),
        class_labels,
        class_lists: classes::classes(&proto.metadata_props),
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
pub(super) fn arranged(nodes: Vec<Inlined>, order: &[usize]) -> Vec<Inlined> {
    let mut slots: Vec<Option<Inlined>> = nodes.into_iter().map(Some).collect();
    order.iter().filter_map(|&i| slots.get_mut(i).and_then(Option::take)).collect()
}

pub(super) fn opsets(imports: &[OperatorSetId]) -> BTreeMap<String, i64> {
    imports.iter().map(|import| (domain(import.domain.as_deref()), import.version.unwrap_or(1))).collect()
}

/// The default domain has two names.
pub(super) fn domain(domain: Option<&str>) -> String {
    match domain {
        None | Some("ai.onnx") => String::new(),
        Some(other) => other.to_owned(),
    }
}
