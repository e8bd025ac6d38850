use std::path::PathBuf;

use brinell_graph::DType;

/// Why a file could not be read as an ONNX model. An operator that is not known is no error: its node becomes opaque.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// There are no bytes.
    #[error("the file is empty")]
    Empty,
    /// The bytes are something else.
    #[error("this is not an ONNX model: {detail}")]
    NotOnnx {
        /// What gave it away.
        detail: String,
    },
    /// The file is of another format, which is known.
    #[error("this is {}, not an ONNX model", format.words())]
    Foreign {
        /// The format.
        format: crate::Foreign,
    },
    /// The bytes end too early.
    #[error("the ONNX model is incomplete: {missing} bytes are missing at the end")]
    Truncated {
        /// Bytes that a length promises beyond the end.
        missing: u64,
    },
    /// A count or size is beyond the limits of this reader.
    #[error("the model has {found} {what}; the limit is {limit}")]
    TooLarge {
        /// What is counted.
        what: &'static str,
        /// How many there are.
        found: u64,
        /// How many are allowed.
        limit: u64,
    },
    /// The model's opset is outside of what is understood.
    #[error("opset {opset} of the default domain is not supported; opsets {oldest} to {newest} are")]
    UnsupportedOpset {
        /// Opset of the model.
        opset: i64,
        /// Oldest one that is read.
        oldest: i64,
        /// Newest one that is read.
        newest: i64,
    },
    /// A file with weights is not there or too short.
    #[error("tensor `{tensor}`: cannot read external data from {}", path.display())]
    ExternalData {
        /// Name of the tensor.
        tensor: String,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Weights in another file, and no folder was given to look in.
    #[error("tensor `{tensor}` is stored in another file, and the folder of the model is unknown")]
    NoFolder {
        /// Name of the tensor.
        tensor: String,
    },
    /// The place of external data is not inside the model's folder.
    #[error("tensor `{tensor}`: the external data `{location}` are outside the model's folder")]
    Escapes {
        /// Name of the tensor.
        tensor: String,
        /// Where the model says that the data is.
        location: String,
    },
    /// A tensor whose parts contradict each other.
    #[error("tensor `{tensor}`: {problem}")]
    BadTensor {
        /// Name of the tensor.
        tensor: String,
        /// What is wrong.
        problem: String,
    },
    /// An input or output that cannot be used.
    #[error("graph {role} `{name}`: {problem}")]
    BadInterface {
        /// `input` or `output`.
        role: &'static str,
        /// Its name.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// A node that contradicts itself or its surroundings.
    #[error("node `{node}` ({op}{}, opset {opset}): {problem}", if domain.is_empty() { String::new() } else { format!(" of {domain}") })]
    BadNode {
        /// Name of the node, or of its first output.
        node: String,
        /// Operator.
        op: String,
        /// Domain, empty for the default one.
        domain: String,
        /// Version of the domain.
        opset: i64,
        /// What is wrong.
        problem: String,
    },
    /// The model asks for sizes that no model needs.
    #[error("{0}")]
    Excess(#[from] brinell_graph::Excess),
    /// Nodes that wait for each other, so that none can run.
    #[error("the nodes {} form a cycle: each needs the results of another", crate::import::listed(nodes))]
    Cycle {
        /// Names of the nodes, or of their first outputs, each behind one that needs it.
        nodes: Vec<String>,
    },
    /// The path names something else than a file: a folder, a pipe, a device.
    #[error("{} is not a regular file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// The file itself could not be read.
    #[error("cannot read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

/// Why a graph could not be written as an ONNX model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The operators need opsets that do not meet.
    #[error("node `{node}` ({op}) cannot be written in the same file as the other nodes: {problem}")]
    Opset {
        /// Name of the node.
        node: String,
        /// Operator.
        op: String,
        /// What does not meet.
        problem: String,
    },
    /// An operator has no ONNX form for these shapes.
    #[error("node `{node}` ({op}): {problem}")]
    Node {
        /// Name of the node.
        node: String,
        /// Operator.
        op: String,
        /// What is missing.
        problem: String,
    },
    /// An input or output whose element type is not known.
    #[error("the element type of `{value}` is unknown")]
    UnknownType {
        /// Name of the value.
        value: String,
    },
    /// A constant that has no ONNX form.
    #[error("constant `{value}` of type {dtype:?}: {problem}")]
    Constant {
        /// Name of the value.
        value: String,
        /// Element type.
        dtype: DType,
        /// What is wrong.
        problem: &'static str,
    },
    /// A file that weights lie in has become shorter since the model was read.
    #[error("{} has become shorter since the model was read from it", path.display())]
    Cut {
        /// The file.
        path: PathBuf,
    },
    /// A graph cannot be said in the operators that a runtime has.
    #[error("the model cannot be expressed in operators that the runtime supports")]
    Graph(#[source] Box<brinell_graph::GraphError>),
    /// The message would be longer than protobuf allows.
    #[error("the model has {bytes} bytes, but a single file can have at most 2 GiB")]
    TooLarge {
        /// Size of the message.
        bytes: u64,
    },
}
