//! A model behind an address, by the Open Inference Protocol (version 2, JSON over HTTP).
//!
//! Servers that speak it: KServe, MLServer, Triton, OpenVINO Model Server, TorchServe.
//!
//! # Source
//! <https://github.com/kserve/open-inference-protocol>

mod address;
mod client;
mod declared;
mod message;
mod pause;
#[cfg(test)]
mod tests;

use std::path::Path;

use brinell_graph::{DType, Dim, Graph, Op, OpaqueOp, Shape};

pub use client::AUTHORIZATION;
use client::{Client, Patience};
use message::{Metadata, Refusal, Request, RequestOutput, RequestTensor, Response, TensorMetadata};

use crate::black_box::reals;
use crate::feed::arrange;
use crate::{Artefact, Buffer, Elements, EngineError, Port, Runtime, Session, Stage, View};

/// A model that a server answers for. As a [`Runtime`] it runs that model and no other.
pub struct Endpoint {
    client: Client,
    metadata: Metadata,
    version: String,
    /// The output that is asked for.
    output: usize,
}

impl Endpoint {
    /// Returns true for what is an address and no file: it begins with `http://` or `https://`.
    #[must_use]
    pub fn is_address(path: &Path) -> bool {
        path.to_str().is_some_and(|text| text.starts_with("http://") || text.starts_with("https://"))
    }

    /// Asks the server what it has at the address `http://HOST/v2/models/NAME` or `http://HOST/v2/models/NAME/versions/V`.
    ///
    /// # Errors
    /// [`EngineError::Endpoint`] where there is no such model, what the server says of it is absurd, or a user name or password stands in the address.
    pub fn connect(url: &str) -> Result<Self, EngineError> {
        Self::connect_with(url, Patience::USUAL)
    }

    fn connect_with(url: &str, patience: Patience) -> Result<Self, EngineError> {
        let client = Client::new(url, patience)?;
        let metadata = describe(&client)?;
        let version = if metadata.platform.is_empty() { "v2".to_owned() } else { metadata.platform.clone() };
        Ok(Self { client, metadata, version, output: 0 })
    }

    /// Asks for the output with this number alone; by default for the first.
    #[must_use]
    pub fn asking_for(self, output: usize) -> Self {
        Self { output, ..self }
    }

    /// Returns what the server says about the model as text that is the same whenever its answer means the same; its digest stands for the model in
    /// records, since the weights cannot be seen.
    #[must_use]
    pub fn identity(&self) -> String {
        identity(&self.client, &self.metadata)
    }

    /// Asks the server once more what it has, and returns the new identity.
    ///
    /// # Errors
    /// As [`Endpoint::connect`].
    pub fn identity_now(&self) -> Result<String, EngineError> {
        Ok(identity(&self.client, &describe(&self.client)?))
    }

    /// Returns a graph with the model's inputs and outputs and one opaque node between them. Sizes of the attacked input that the server leaves free are
    /// those that `artefact` says.
    ///
    /// # Errors
    /// [`EngineError::Endpoint`] where these do not fit.
    pub fn graph(&self, artefact: &Artefact) -> Result<Graph, EngineError> {
        let mut graph = Graph::new(self.metadata.name.clone());
        let dtype = |tensor: &TensorMetadata| tensor.dtype().unwrap_or(DType::String);
        let mut inputs = Vec::with_capacity(self.metadata.inputs.len());
        for input in &self.metadata.inputs {
            let mut sizes = shape(&input.shape);
            let attacked = artefact.input.as_deref().unwrap_or(&input.name) == input.name;
            if let Some(sample) = artefact.shape.as_ref().filter(|_| attacked) {
                sizes = sized(&sizes, sample).ok_or_else(|| {
                    let takes = sizes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                    self.client.error(format!("input `{}` needs [{takes}], which does not fit samples of shape {sample:?}", input.name))
                })?;
            }
            inputs.push(Some(graph.input(&input.name, dtype(input), sizes)));
        }
        let op = OpaqueOp {
            domain: "brinell.endpoint".to_owned(),
            op_type: "Endpoint".to_owned(),
            opset: 1,
            attributes: Vec::new(),
            reason: "the model is on a server".to_owned(),
            follows: false,
            captures: 0,
        };
        let names: Vec<Option<&str>> = self.metadata.outputs.iter().map(|output| Some(output.name.as_str())).collect();
        // Inference knows nothing of an opaque node, so that nothing about it can be wrong.
        if let Ok(outputs) = graph.push("endpoint", Op::Opaque(op), inputs, &names) {
            for (output, id) in self.metadata.outputs.iter().zip(outputs.into_iter().flatten()) {
                graph.declare(id, Some(dtype(output)), Some(shape(&output.shape)));
                graph.output(id);
            }
        }
        Ok(graph)
    }
}

/// Asks the server what it has.
fn describe(client: &Client) -> Result<Metadata, EngineError> {
    let body = client.get(declared::LARGEST)?;
    let wrong = |what: String| client.error(format!("its description of the model does not follow the Open Inference Protocol: {what}"));
    let metadata: Metadata =
        serde_json::from_slice(&body).map_err(|error| wrong(said(&body).unwrap_or_else(|| words(&error.to_string()))))?;
    declared::check(&metadata).map_err(wrong)?;
    Ok(metadata)
}

fn identity(client: &Client, metadata: &Metadata) -> String {
    format!("{}\n{}", client.url, serde_json::to_string(metadata).unwrap_or_default())
}

/// What a server says in place of an answer.
fn said(body: &[u8]) -> Option<String> {
    serde_json::from_slice::<Refusal>(body).ok().map(|refusal| words(&refusal.error))
}

/// Words of a server as one line of bounded length, without what moves a cursor.
fn words(text: &str) -> String {
    let plain = |c: char| {
        if c.is_whitespace() {
            ' '
        } else if c.is_control() {
            char::REPLACEMENT_CHARACTER
        } else {
            c
        }
    };
    let mut chars = text.trim().chars().map(plain);
    let mut short: String = chars.by_ref().take(200).collect();
    if chars.next().is_some() {
        short.push_str("..");
    }
    short
}

/// The shape with these sizes behind the batch; `None` where it has others.
fn sized(shape: &[Dim], sample: &[usize]) -> Option<Shape> {
    let (first, rest) = shape.split_first()?;
    sample.iter().try_fold(1_usize, |n, &size| n.checked_mul(size)).filter(|&n| n > 0)?;
    let fits = rest.len() == sample.len() && rest.iter().zip(sample).all(|(dim, size)| dim.fixed().is_none_or(|fixed| fixed == *size));
    fits.then(|| std::iter::once(*first).chain(sample.iter().map(|&size| Dim::Fixed(size))).collect())
}

/// Batch first; what else is free stays free.
fn shape(extents: &[i64]) -> Shape {
    let dim = |(axis, &extent): (usize, &i64)| match (axis, usize::try_from(extent)) {
        (_, Ok(extent)) => Dim::Fixed(extent),
        (0, Err(_)) => Dim::Batch(1),
        (_, Err(_)) => Dim::Unknown,
    };
    extents.iter().enumerate().map(dim).collect()
}

impl Runtime for Endpoint {
    fn name(&self) -> &'static str {
        "endpoint"
    }

    fn version(&self) -> &str {
        &self.version
    }

    fn device(&self) -> &str {
        &self.client.url
    }

    fn compile(&self, _model: &brinell_onnx::Encoded) -> Result<Box<dyn Session>, EngineError> {
        Err(EngineError::Model {
            runtime: "the endpoint".to_owned(),
            stage: Stage::Load,
            model: "a graph".to_owned(),
            reason: "it can run only its own model".to_owned(),
        })
    }

    fn compile_file(&self, _path: &Path) -> Result<Box<dyn Session>, EngineError> {
        let port = |tensor: &TensorMetadata| Port {
            name: tensor.name.clone(),
            dtype: tensor.dtype().unwrap_or(DType::String),
            shape: tensor.shape.iter().map(|&extent| usize::try_from(extent).ok()).collect(),
        };
        Ok(Box::new(Remote {
            client: self.client.clone(),
            inputs: self.metadata.inputs.iter().map(port).collect(),
            datatypes: self.metadata.inputs.iter().map(|input| input.datatype.clone()).collect(),
            outputs: self.metadata.outputs.iter().map(port).collect(),
            output: self.output,
            order: Vec::new(),
        }))
    }
}

/// One conversation with the server.
struct Remote {
    client: Client,
    inputs: Vec<Port>,
    /// Types of the inputs, as the server calls them.
    datatypes: Vec<String>,
    outputs: Vec<Port>,
    /// The output that is asked for.
    output: usize,
    order: Vec<usize>,
}

impl Session for Remote {
    fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    fn run(&mut self, feeds: &[(&str, View<'_>)], sink: &mut dyn FnMut(usize, View<'_>)) -> Result<(), EngineError> {
        arrange(&self.inputs, feeds, &mut self.order)?;
        let Some(output) = self.outputs.get(self.output) else { return Ok(()) };
        let mut inputs = Vec::with_capacity(self.inputs.len());
        for ((port, datatype), &feed) in self.inputs.iter().zip(&self.datatypes).zip(&self.order) {
            let Some((_, view)) = feeds.get(feed) else { continue };
            if let Some(value) = not_finite(view.data) {
                return Err(EngineError::Feed { name: port.name.clone(), reason: format!("{value} cannot be written in JSON") });
            }
            inputs.push(RequestTensor { name: &port.name, shape: view.shape, datatype, data: view.data });
        }
        let request = Request { inputs, outputs: [RequestOutput { name: &output.name }] };
        let body = serde_json::to_vec(&request).map_err(|error| self.client.error(error.to_string()))?;
        // The input that is attacked comes first, and has a row for each sample.
        let rows = feeds.first().and_then(|(_, view)| view.shape.first()).copied().unwrap_or(1).max(1);
        let answer = self.client.post("infer", body, declared::largest_answer(&self.outputs, rows))?;
        let (shape, values) = self.read(&answer, output, rows)?;
        sink(self.output, View { shape: &shape, data: values.elements() });
        Ok(())
    }
}

impl Remote {
    /// Reads the output that was asked for out of an answer about that many rows, and holds it to what the server declares.
    fn read(&self, answer: &[u8], output: &Port, rows: usize) -> Result<(Vec<usize>, Buffer), EngineError> {
        let name = &output.name;
        let response: Response = serde_json::from_slice(answer).map_err(|error| match said(answer) {
            Some(said) => self.client.error(format!("it returned an error: {said}")),
            None => self.client.error(format!("its answer does not follow the protocol: {}", words(&error.to_string()))),
        })?;
        if let Some(version) = response.model_version.as_deref().filter(|version| !version.is_empty()) {
            self.client.check_version(version)?;
        }
        let mut found = response.outputs.into_iter().filter(|tensor| tensor.name == *name);
        let tensor = found.next().ok_or_else(|| self.client.error(format!("its answer does not contain the output `{name}`")))?;
        if found.next().is_some() {
            return Err(self.client.error(format!("its answer has the output `{name}` twice")));
        }
        let declared = declared::datatype(output.dtype);
        if let Some(datatype) = tensor.datatype.filter(|datatype| datatype != declared) {
            return Err(self.client.error(format!("`{name}` is declared as {declared}, but the answer has {}", words(&datatype))));
        }
        let due = declared::due(output, rows);
        let text = declared::shape_text;
        let wanted = || {
            format!("`{name}` is declared as {}, so the answer for {rows} sample(s) must have shape {}", text(&output.shape), text(&due))
        };
        if let Some(shape) = tensor.shape {
            let extent = |(extent, due): (&i64, &Option<usize>)| usize::try_from(*extent).is_ok_and(|n| due.is_none_or(|due| due == n));
            if shape.len() != due.len() || !shape.iter().zip(&due).all(extent) {
                return Err(self.client.error(format!("{}, but its shape is {}", wanted(), words(&format!("{shape:?}")))));
            }
        }
        let no_numbers = || self.client.error(format!("`{name}` is declared as {declared}, but the answer contains something else"));
        let mut values = Buffer::empty(output.dtype).ok_or_else(no_numbers)?;
        let n = tensor.data.values.len();
        let known: usize = due.iter().flatten().product();
        let fits = if due.contains(&None) { n > 0 && known > 0 && n.is_multiple_of(known) } else { n == known };
        if tensor.data.others {
            return Err(no_numbers());
        }
        if !fits {
            return Err(self.client.error(format!("{}, but it has {n} values", wanted())));
        }
        if !tensor.data.values.iter().all(|&value| values.push_real(value)) {
            return Err(no_numbers());
        }
        // One free extent follows from the number of values; of several only their product is known.
        let mut left = n / known.max(1);
        let shape = due.into_iter().map(|extent| extent.unwrap_or_else(|| std::mem::replace(&mut left, 1))).collect();
        Ok((shape, values))
    }
}

/// Returns the first real number that is not finite.
fn not_finite(data: Elements<'_>) -> Option<f64> {
    let mut values = Vec::new();
    reals(data, &mut values);
    values.into_iter().find(|value| !value.is_finite())
}
