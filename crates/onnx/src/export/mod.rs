//! From a [`Graph`] to ONNX bytes.
//!
//! The default opset is [`PREFERRED`]. Opaque nodes keep their meaning: where one of them changed between its own opset and
//! that one, the newest opset is taken in which none changed, and operators that are younger are written in terms of older ones.

mod apart;
mod assemble;
mod attribute;
mod layout;
mod lower;
mod opset;
mod quant;
mod shape;

use std::collections::{BTreeMap, HashMap, HashSet};

use brinell_graph::{DType, Dim, Graph, Node, Op, Place, Tensor, TensorData, ValueId};
use prost::Message;
use prost::bytes::Bytes;

use self::apart::Apart;
use crate::error::ExportError;
use crate::proto::{
    AttributeProto, DimensionProto, GraphProto, ModelProto, NodeProto, OperatorSetId, TensorProto, TensorShapeProto, TensorTypeProto,
    TypeProto, ValueInfoProto,
};
use crate::tensor;

/// Opset of what is written where nothing stands against it.
pub(crate) const PREFERRED: i64 = 20;

/// A model in ONNX's format.
#[derive(Debug, Clone, Default)]
pub struct Encoded {
    /// The model.
    pub bytes: Vec<u8>,
    /// The folder that the files lie in or below to which the model refers for its weights; `None` where it holds them all.
    pub folder: Option<String>,
    /// A place in each of these files.
    places: Vec<Place>,
}

impl Encoded {
    /// Returns true as long as the files to which the model refers are the ones that it was read from.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.places.iter().all(apart::is_as_read)
    }
}

impl From<Vec<u8>> for Encoded {
    /// A model that holds all its weights.
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, ..Self::default() }
    }
}

/// Writes a graph as an ONNX model. The symbolic batch becomes the dimension parameter `batch`.
///
/// # Errors
/// [`ExportError`]; [`ExportError::TooLarge`] from 2 GiB on, which [`write_apart`] may still write.
pub fn write(graph: &Graph) -> Result<Vec<u8>, ExportError> {
    encode(graph, None)
}

/// As [`write()`], but large weights that lie in the files that the graph was read from stay there, wherever in these files they are.
///
/// # Errors
/// [`ExportError`].
pub fn write_apart(graph: &Graph) -> Result<Encoded, ExportError> {
    let apart = Apart::of(graph);
    let bytes = encode(graph, apart.as_ref())?;
    let (folder, places) = apart.map(Apart::into_parts).unzip();
    Ok(Encoded { bytes, folder, places: places.unwrap_or_default() })
}

/// Checks that the files which weights of a graph lie in still have them; to be asked before all of them are gone through.
///
/// # Errors
/// [`ExportError::Cut`].
pub fn require_weights(graph: &Graph) -> Result<(), ExportError> {
    let mut ends: HashMap<&std::path::Path, (&Place, usize)> = HashMap::new();
    for (_, tensor) in graph.constants() {
        let (Some(place), TensorData::Raw { bytes, .. }) = (tensor.place(), tensor.data()) else { continue };
        let last = ends.entry(&place.file).or_insert((place, bytes.len()));
        if place.offset >= last.0.offset {
            *last = (place, bytes.len());
        }
    }
    match ends.into_values().find(|(place, len)| crate::mapping::is_cut(place, *len)) {
        Some((place, _)) => Err(ExportError::Cut { path: place.file.to_path_buf() }),
        None => Ok(()),
    }
}

fn encode(graph: &Graph, apart: Option<&Apart>) -> Result<Vec<u8>, ExportError> {
    require_weights(graph)?;
    let opset = opset::choose(graph)?;
    let mut writer = Writer::new(graph, opset, apart);
    writer.body()?;
    let mut inputs = Vec::new();
    for &id in graph.inputs() {
        inputs.push(value_info(graph, id, &graph.value(id).name)?);
    }
    let mut outputs = Vec::new();
    let mut taken: HashSet<ValueId> = graph.inputs().iter().copied().chain(graph.constants().map(|(id, _)| id)).collect();
    for &id in graph.outputs() {
        let mut name = graph.value(id).name.clone();
        if !taken.insert(id) {
            // An output must be the result of a node and stand in the list once.
            let copy = writer.fresh(&format!("{name}/output"));
            writer.push("Identity", vec![name], vec![copy.clone()], Vec::new());
            name = copy;
        }
        outputs.push(value_info(graph, id, &name)?);
    }
    let mut opset_import = vec![OperatorSetId { domain: Some(String::new()), version: Some(opset) }];
    opset_import
        .extend(writer.domains.iter().map(|(domain, &version)| OperatorSetId { domain: Some(domain.clone()), version: Some(version) }));
    let model = ModelProto {
        ir_version: Some(opset::ir_version(opset)),
        producer_name: Some("brinell".to_owned()),
        producer_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        graph: Some(GraphProto {
            node: writer.nodes,
            name: Some(if graph.name.is_empty() { "graph".to_owned() } else { graph.name.clone() }),
            initializer: Vec::new(),
            input: inputs,
            output: outputs,
            value_info: Vec::new(),
            sparse_initializer: Vec::new(),
        }),
        opset_import,
        functions: Vec::new(),
        metadata_props: Vec::new(),
    };
    assemble::assemble(model, writer.initializers)
}

/// Returns the nodes and initializers of a graph in the forms of one opset, 13 or newer.
///
/// # Errors
/// [`ExportError`].
pub(crate) fn parts(graph: &Graph, opset: i64) -> Result<(Vec<NodeProto>, Vec<TensorProto>), ExportError> {
    let mut writer = Writer::new(graph, opset, None);
    writer.body()?;
    Ok((writer.nodes, writer.initializers))
}

pub(crate) fn value_info(graph: &Graph, id: ValueId, name: &str) -> Result<ValueInfoProto, ExportError> {
    let value = graph.value(id);
    let Some(dtype) = value.dtype else { return Err(ExportError::UnknownType { value: value.name.clone() }) };
    let dimension = |&d: &Dim| match d {
        Dim::Fixed(n) => DimensionProto { dim_value: i64::try_from(n).ok(), dim_param: None },
        Dim::Batch(1) => DimensionProto { dim_value: None, dim_param: Some("batch".to_owned()) },
        Dim::Batch(k) => DimensionProto { dim_value: None, dim_param: Some(format!("{k}*batch")) },
        Dim::Unknown => DimensionProto { dim_value: None, dim_param: None },
    };
    let shape = value.shape.as_ref().map(|shape| TensorShapeProto { dim: shape.iter().map(dimension).collect() });
    let tensor_type = Some(TensorTypeProto { elem_type: Some(tensor::dtype_number(dtype)), shape });
    Ok(ValueInfoProto { name: Some(name.to_owned()), r#type: Some(TypeProto { tensor_type }) })
}

struct Writer<'a> {
    graph: &'a Graph,
    opset: i64,
    /// Names of values.
    names: Names,
    node_names: Names,
    nodes: Vec<NodeProto>,
    initializers: Vec<TensorProto>,
    /// Where weights may stay, if any may.
    apart: Option<&'a Apart>,
    /// Name of the value that holds the batch size as a vector of one element.
    batch: Option<String>,
    /// Domains beside the default one, with their versions.
    domains: BTreeMap<String, i64>,
}

/// Names that are taken.
#[derive(Default)]
struct Names {
    taken: HashSet<String>,
    /// The last number that was put behind a name, so that many of one name do not all begin at 1.
    last: HashMap<String, usize>,
}

impl Names {
    /// Takes `base`, with a number behind it where it is taken.
    fn unique(&mut self, base: &str) -> String {
        if self.taken.insert(base.to_owned()) {
            return base.to_owned();
        }
        let n = self.last.entry(base.to_owned()).or_insert(1);
        loop {
            *n += 1;
            let name = format!("{base}_{n}");
            if self.taken.insert(name.clone()) {
                return name;
            }
        }
    }
}

/// A node with the names that its ONNX form uses.
struct Call<'a> {
    node: &'a Node,
    inputs: Vec<String>,
    outputs: Vec<String>,
}

impl Call<'_> {
    fn input(&self, i: usize) -> String {
        self.inputs.get(i).cloned().unwrap_or_default()
    }

    fn output(&self) -> String {
        self.outputs.first().cloned().unwrap_or_default()
    }

    fn fail(&self, problem: impl Into<String>) -> ExportError {
        ExportError::Node { node: self.node.name.clone(), op: self.node.op.name().to_owned(), problem: problem.into() }
    }
}

impl<'a> Writer<'a> {
    fn new(graph: &'a Graph, opset: i64, apart: Option<&'a Apart>) -> Self {
        Self {
            graph,
            opset,
            names: Names { taken: graph.values().map(|(_, value)| value.name.clone()).collect(), last: HashMap::new() },
            node_names: Names::default(),
            nodes: Vec::new(),
            initializers: Vec::new(),
            apart,
            batch: None,
            domains: graph.domains.clone(),
        }
    }

    /// Writes all constants and nodes.
    fn body(&mut self) -> Result<(), ExportError> {
        for (id, constant) in self.graph.constants() {
            self.initializer(&self.graph.value(id).name, constant)?;
        }
        self.graph.nodes().iter().try_for_each(|node| self.node(node))
    }
}

impl Writer<'_> {
    fn node(&mut self, node: &Node) -> Result<(), ExportError> {
        let name = |id: &Option<ValueId>| id.map(|id| self.graph.value(id).name.clone()).unwrap_or_default();
        let call = Call { node, inputs: node.inputs.iter().map(name).collect(), outputs: node.outputs.iter().map(name).collect() };
        let before = self.nodes.len();
        self.lower(&call)?;
        // onnxruntime wants node names to be distinct where there are any.
        let name = Some(&node.name).filter(|name| !name.is_empty()).map(|name| self.node_names.unique(name));
        if let Some(last) = self.nodes.get_mut(before..).and_then(<[NodeProto]>::last_mut) {
            last.name = name;
        }
        Ok(())
    }

    fn push(&mut self, op: &str, inputs: Vec<String>, outputs: Vec<String>, attributes: Vec<AttributeProto>) {
        let attribute = attributes.iter().map(|a| Bytes::from(a.encode_to_vec())).collect();
        self.nodes.push(NodeProto { input: inputs, output: outputs, name: None, op_type: Some(op.to_owned()), attribute, domain: None });
    }

    /// Pushes a node before the last one of `call` and returns the name of its output.
    fn step(&mut self, call: &Call<'_>, op: &str, inputs: Vec<String>, attributes: Vec<AttributeProto>) -> String {
        let output = self.fresh(&format!("{}/{op}", call.output()));
        self.push(op, inputs, vec![output.clone()], attributes);
        output
    }

    fn fresh(&mut self, base: &str) -> String {
        self.names.unique(base)
    }

    fn initializer(&mut self, name: &str, tensor: &Tensor) -> Result<(), ExportError> {
        let fail = |problem| ExportError::Constant { value: name.to_owned(), dtype: tensor.dtype(), problem };
        let mut proto = TensorProto {
            dims: tensor.shape().iter().filter_map(|&n| i64::try_from(n).ok()).collect(),
            data_type: Some(tensor::dtype_number(tensor.dtype())),
            name: Some(name.to_owned()),
            ..TensorProto::default()
        };
        if tensor.dtype() == DType::String {
            proto.string_data = tensor::strings(tensor.data()).ok_or_else(|| fail("its bytes are not a list of strings"))?;
        } else if let Some((location, offset, len)) = self.apart.and_then(|apart| apart.locate(tensor)) {
            tensor::refer(&mut proto, location, offset, len);
        } else {
            proto.raw_data = Some(tensor::to_bytes(tensor.data()));
        }
        self.initializers.push(proto);
        Ok(())
    }

    /// Adds a vector of integers beside `call` and returns its name.
    fn ints(&mut self, call: &Call<'_>, what: &str, values: Vec<i64>) -> Result<String, ExportError> {
        let name = self.fresh(&format!("{}/{what}", call.output()));
        self.initializer(&name, &Tensor::ints(values))?;
        Ok(name)
    }

    /// Adds an integer scalar beside `call` and returns its name.
    fn int(&mut self, call: &Call<'_>, what: &str, value: i64) -> Result<String, ExportError> {
        let name = self.fresh(&format!("{}/{what}", call.output()));
        match Tensor::new(Vec::new(), TensorData::I64(vec![value])) {
            Some(tensor) => self.initializer(&name, &tensor)?,
            None => return Err(call.fail("a scalar must have one element")),
        }
        Ok(name)
    }

    /// Adds a scalar of the type of the first input beside `call` and returns its name.
    fn scalar(&mut self, call: &Call<'_>, what: &str, value: f32) -> Result<String, ExportError> {
        let dtype = call.node.inputs.first().copied().flatten().and_then(|id| self.graph.value(id).dtype).unwrap_or(DType::F32);
        let Some(tensor) = tensor::filled(dtype, &[], f64::from(value)) else {
            return Err(call.fail(format!("it does not support {dtype:?}")));
        };
        let name = self.fresh(&format!("{}/{what}", call.output()));
        self.initializer(&name, &tensor)?;
        Ok(name)
    }

    fn shape_of(&self, id: Option<ValueId>) -> Option<&[Dim]> {
        id.and_then(|id| self.graph.shape(id))
    }

    /// Requires an opset for a form that has no older equivalent.
    fn needs(&self, call: &Call<'_>, opset: i64, what: &str) -> Result<(), ExportError> {
        if self.opset >= opset {
            return Ok(());
        }
        Err(ExportError::Opset {
            node: call.node.name.clone(),
            op: call.node.op.name().to_owned(),
            problem: format!("{what} needs opset {opset}, but nodes that were kept unchanged allow only {}", self.opset),
        })
    }
}

fn is_opaque_default(op: &Op) -> Option<&brinell_graph::OpaqueOp> {
    match op {
        Op::Opaque(op) if op.domain.is_empty() => Some(op),
        _ => None,
    }
}
