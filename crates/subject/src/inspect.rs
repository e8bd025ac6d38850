//! What a model is, and what can be done with it.

use std::collections::BTreeMap;

use brinell_autodiff::{Loss, gradient_graph, linear_graph};
use brinell_engine::{Artefact, Endpoint, InputPart, OracleError, Signature, SignatureError, class_logits};
use brinell_graph::{Dim, Graph, ValueId};
use brinell_record::{FileError, ModelInterface, Port, TaskKind, hash};
use serde::{Serialize, Serializer};

use crate::compared::{Compared, compared};
use crate::equivalence::checked_graph;
use crate::subject::{known, model_behind, read_model};
use crate::{Subject, SubjectError};

/// A model file described.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Inspection {
    /// The file as named by the user.
    pub path: String,
    /// Its size; 0 for a model behind an address.
    pub bytes: u64,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// Program that wrote it, with version.
    pub producer: String,
    /// Version of the ONNX file format.
    pub ir_version: i64,
    /// Opset of the default domain.
    pub opset: i64,
    /// Inputs without initializers.
    pub inputs: Vec<Port>,
    /// Outputs.
    pub outputs: Vec<Port>,
    /// Number of nodes by operator.
    pub operators: BTreeMap<String, usize>,
    /// Number of values in float initializers.
    pub parameters: u64,
    /// Multiply-accumulate operations for one sample; absent where shapes are unknown.
    pub macs: Option<u64>,
    /// Batch: `free`, or what it is fixed at and whether it can be freed.
    pub batch: String,
    /// Number of classes, where the model is a classifier.
    pub classes: Option<usize>,
    /// The input that is attacked, the output that decides, and how it is read; absent where the model is no classifier.
    pub interface: Option<ModelInterface>,
    /// True where several sigmoids side by side leave open whether a class or labels are meant, so that an audit needs a task.
    pub needs_task: bool,
    /// Why the model cannot be audited as it is, where it cannot.
    #[serde(serialize_with = "in_words")]
    pub not_a_classifier: Option<SignatureError>,
    /// True where the gradient with respect to the input can be built for every loss that is defined for so many classes.
    pub differentiable: bool,
    /// Nodes without a gradient, where there are such.
    pub obstacles: Vec<String>,
    /// Nodes that are carried along unread, with reasons.
    pub opaque: Vec<String>,
}

#[expect(clippy::ref_option, reason = "serde calls it with the field")]
fn in_words<S: Serializer>(error: &Option<SignatureError>, serializer: S) -> Result<S::Ok, S::Error> {
    error.as_ref().map(ToString::to_string).serialize(serializer)
}

/// Reads a model and describes it as the classifier that the user makes of it. Nothing is run.
///
/// # Errors
/// [`SubjectError::Model`] where the file is no ONNX model.
pub fn inspect(artefact: &Artefact) -> Result<Inspection, SubjectError> {
    let path = artefact.model.as_path();
    let (model, bytes, sha256) = if artefact.is_address() {
        let endpoint = Endpoint::connect(&path.to_string_lossy())?;
        // Nothing can be known of its size.
        (model_behind(&endpoint, artefact)?, 0, hash::sha256_bytes(endpoint.identity().as_bytes()))
    } else {
        let model = read_model(path, &known(artefact))?;
        let bytes = std::fs::metadata(path).map_err(FileError::on("read", path))?.len();
        (model, bytes, hash::sha256_file(path).map_err(FileError::on("read", path))?)
    };
    let graph = &model.graph;
    let signature = Signature::of(graph, artefact);
    let gradient = differentiate(graph, signature.as_ref().ok());
    let mut operators = BTreeMap::new();
    for node in graph.nodes() {
        *operators.entry(node.op.name().to_owned()).or_insert(0) += 1;
    }
    let cost = brinell_graph::cost(graph);
    Ok(Inspection {
        path: path.display().to_string(),
        bytes,
        sha256,
        producer: format!("{} {}", model.producer, model.producer_version).trim().to_owned(),
        ir_version: model.ir_version,
        opset: model.opset,
        inputs: ports(graph, graph.inputs()),
        outputs: ports(graph, graph.outputs()),
        operators,
        parameters: cost.parameters,
        macs: cost.macs,
        batch: batch(graph, signature.as_ref().ok()),
        classes: signature.as_ref().ok().map(|signature| signature.classes),
        interface: signature.as_ref().ok().map(|signature| describe(graph, signature)),
        needs_task: signature.as_ref().is_ok_and(|signature| {
            let named = model.class_labels.as_ref().is_some_and(|labels| labels.len() == signature.classes);
            signature.independent_sigmoids().is_some() && artefact.task.is_none() && !named
        }),
        not_a_classifier: signature.err(),
        differentiable: gradient.as_ref().is_some_and(Result::is_ok),
        obstacles: match gradient {
            Some(Err(error)) => error.to_string().lines().map(str::to_owned).collect(),
            _ => Vec::new(),
        },
        opaque: model.opaque().iter().map(|node| format!("{} ({}): {}", node.name, node.op, node.reason)).collect(),
    })
}

/// A gradient graph as ONNX.
#[derive(Debug, Clone)]
pub struct GradientFile {
    /// The bytes of the file.
    pub bytes: Vec<u8>,
    /// The batch that it keeps, and why, where the model's is fixed and could not be freed.
    pub fixed_batch: Option<(usize, String)>,
    /// What the runtimes at hand make of it.
    pub compared: Vec<Compared>,
}

/// Writes the gradient graph of a model under a loss. A batch that is fixed at 1 is freed where the freed graph computes on
/// random points what the file computes.
///
/// # Errors
/// [`SubjectError::Model`], [`SubjectError::Oracle`] where the model is no classifier or has operators without a gradient, [`SubjectError::LossOfTask`].
pub fn gradient_file(artefact: &Artefact, loss: Loss) -> Result<GradientFile, SubjectError> {
    let (graph, why_not) = checked_graph(Subject::load(artefact)?)?;
    let signature = Signature::of(&graph, artefact).map_err(OracleError::Signature)?;
    let task = signature.meaning.kind();
    if task != TaskKind::Classification {
        return Err(SubjectError::LossOfTask { task });
    }
    let gradient = gradient(&graph, &signature, loss)?;
    let bytes = brinell_onnx::write(&gradient).map_err(OracleError::Export)?;
    let compared = compared(Subject::load(artefact)?, &graph, loss);
    Ok(GradientFile { bytes, fixed_batch: signature.fixed_batch.zip(why_not), compared })
}

/// Builds the gradient for every loss that is defined for the number of classes.
fn differentiate(graph: &Graph, signature: Option<&Signature>) -> Option<Result<(), OracleError>> {
    let signature = signature?;
    if !signature.meaning.kind().is_of_classes() {
        let mut graph = graph.clone();
        let values = class_logits(&mut graph, signature, signature.logits).map_err(OracleError::from);
        let linear = values.and_then(|values| Ok(linear_graph(&graph, &[values], signature.input, None)?));
        return Some(linear.map(|_| ()));
    }
    let mut losses = Loss::ALL.into_iter().filter(|loss| loss.min_classes() <= signature.classes);
    Some(losses.try_for_each(|loss| gradient(graph, signature, loss).map(|_| ())))
}

fn gradient(graph: &Graph, signature: &Signature, loss: Loss) -> Result<Graph, OracleError> {
    let mut graph = graph.clone();
    let logits = class_logits(&mut graph, signature, signature.logits)?;
    Ok(gradient_graph(&graph, logits, signature.input, loss)?)
}

fn ports(graph: &Graph, ids: &[ValueId]) -> Vec<Port> {
    ids.iter().map(|&id| port(graph, id)).collect()
}

/// Describes an input or output.
pub(crate) fn port(graph: &Graph, id: ValueId) -> Port {
    let value = graph.value(id);
    Port {
        name: value.name.clone(),
        dtype: value.dtype.map_or_else(|| "unknown".to_owned(), |dtype| format!("{dtype:?}").to_lowercase()),
        shape: value.shape.as_ref().map_or_else(
            || "unknown".to_owned(),
            |shape| format!("[{}]", shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
        ),
    }
}

/// Describes an input of the file that takes some of the attacked values.
fn part(part: &InputPart) -> Port {
    let sizes: Vec<String> = std::iter::once("B".to_owned()).chain(part.shape.iter().map(usize::to_string)).collect();
    Port { name: part.name.clone(), dtype: format!("{:?}", part.dtype).to_lowercase(), shape: format!("[{}]", sizes.join(", ")) }
}

/// Says how a model is read as a classifier.
pub(crate) fn describe(graph: &Graph, signature: &Signature) -> ModelInterface {
    let read = |id: ValueId| id == signature.output || signature.gate.as_ref().is_some_and(|gate| gate.value == id);
    let outputs = graph.outputs().iter().filter(|&&id| !read(id));
    ModelInterface {
        input: port(graph, signature.input),
        parts: signature.parts.iter().map(part).collect(),
        held: signature.held.iter().map(|held| port(graph, held.value)).collect(),
        output: port(graph, signature.output),
        defence: None,
        surrogates: Vec::new(),
        other_outputs: outputs.map(|&id| graph.value(id).name.clone()).collect(),
        ending: signature.reading.ending.name().to_owned(),
        task: Some(signature.meaning.kind()).filter(|task| *task != TaskKind::Classification),
        threshold: signature.reading.threshold,
        shape: None,
    }
}

fn batch(graph: &Graph, signature: Option<&Signature>) -> String {
    let input = signature.map(|signature| signature.input).or_else(|| graph.inputs().first().copied());
    let first = input.and_then(|id| graph.shape(id)).and_then(|shape| shape.first()).copied();
    match first {
        Some(Dim::Batch(_)) => "free".to_owned(),
        Some(Dim::Fixed(n)) => match brinell_graph::rebatch(graph) {
            Ok(_) => format!("fixed at {n}; Brinell makes it variable"),
            Err(error) => format!("fixed at {n}: {error}"),
        },
        _ => "unknown".to_owned(),
    }
}
