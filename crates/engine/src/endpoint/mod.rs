//! A model behind an address, by the Open Inference Protocol (version 2, JSON over HTTP).
//!
//! Servers that speak it: KServe, MLServer, Triton, OpenVINO Model Server, TorchServe.
//!
//! # Source
//! <https://github.com/kserve/open-inference-protocol>

mod client;
mod message;

use std::path::Path;

use brinell_graph::{DType, Dim, Graph, Op, OpaqueOp, Shape};

pub use client::AUTHORIZATION;
use client::Client;
use message::{Metadata, Request, RequestOutput, RequestTensor, Response, TensorMetadata};

use crate::{EngineError, Port, Runtime, Session, Stage, View};

/// A model that a server answers for. As a [`Runtime`] it runs that model and no other.
pub struct Endpoint {
    client: Client,
    metadata: Metadata,
    version: String,
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
    /// [`EngineError::Endpoint`] where there is no such model, or where it does not take one tensor of numbers and give one.
    pub fn connect(url: &str) -> Result<Self, EngineError> {
        let client = Client::new(url);
        if !client.url.contains("/v2/models/") {
            return Err(client.error("name the model as the server does: http://HOST/v2/models/NAME, or ..NAME/versions/V"));
        }
        let body = client.get()?;
        let metadata: Metadata = serde_json::from_slice(&body).map_err(|error| {
            client.error(format!("what it says about the model is not the Open Inference Protocol's metadata: {error}"))
        })?;
        if let [input] = metadata.inputs.as_slice()
            && input.datatype != "FP32"
        {
            return Err(client.error(format!("input `{}` takes {}; only FP32 can be asked", input.name, input.datatype)));
        }
        let version = if metadata.platform.is_empty() { "v2".to_owned() } else { metadata.platform.clone() };
        Ok(Self { client, metadata, version })
    }

    /// Returns what the server says about the model as text that is the same whenever its answer means the same; its digest stands for the model in
    /// records, since the weights cannot be seen.
    #[must_use]
    pub fn identity(&self) -> String {
        format!("{}\n{}", self.client.url, serde_json::to_string(&self.metadata).unwrap_or_default())
    }

    /// Returns a graph with the model's inputs and outputs and one opaque node between them.
    #[must_use]
    pub fn graph(&self) -> Graph {
        let mut graph = Graph::new(self.metadata.name.clone());
        let dtype = |tensor: &TensorMetadata| tensor.dtype().unwrap_or(DType::String);
        let inputs = self.metadata.inputs.iter().map(|input| Some(graph.input(&input.name, dtype(input), shape(&input.shape)))).collect();
        let op = OpaqueOp {
            domain: "brinell.endpoint".to_owned(),
            op_type: "Endpoint".to_owned(),
            opset: 1,
            attributes: Vec::new(),
            reason: "the model is behind an address".to_owned(),
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
        graph
    }
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
            reason: "it runs its own model only".to_owned(),
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
            outputs: self.metadata.outputs.iter().map(port).collect(),
            values: Vec::new(),
        }))
    }
}

/// One conversation with the server.
struct Remote {
    client: Client,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    values: Vec<f32>,
}

impl Session for Remote {
    fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    fn run(&mut self, feeds: &[(&str, View<'_>)], sink: &mut dyn FnMut(usize, View<'_>)) -> Result<(), EngineError> {
        let (Some((name, view)), Some(output)) = (feeds.first(), self.outputs.first()) else { return Ok(()) };
        let data = view.data.as_f32().unwrap_or_default();
        if let Some(value) = data.iter().find(|value| !value.is_finite()) {
            return Err(EngineError::Feed { name: (*name).to_owned(), reason: format!("{value} cannot be written in JSON") });
        }
        let request = Request {
            inputs: [RequestTensor { name, shape: view.shape, datatype: "FP32", data }],
            outputs: [RequestOutput { name: &output.name }],
        };
        let body = serde_json::to_vec(&request).map_err(|error| self.client.error(error.to_string()))?;
        let answer = self.client.post("infer", &body)?;
        let response: Response =
            serde_json::from_slice(&answer).map_err(|error| self.client.error(format!("its answer is not the protocol's: {error}")))?;
        let tensor = response.outputs.iter().find(|tensor| tensor.name == output.name);
        let tensor = tensor.ok_or_else(|| self.client.error(format!("its answer lacks the output `{}`", output.name)))?;
        self.values.clear();
        tensor.data.flatten(&mut self.values);
        let rows = view.shape.first().copied().unwrap_or(1).max(1);
        if self.values.is_empty() || !self.values.len().is_multiple_of(rows) {
            return Err(self.client.error(format!("`{}` has {} values for {rows} inputs", output.name, self.values.len())));
        }
        sink(0, View::f32(&[rows, self.values.len() / rows], &self.values));
        Ok(())
    }
}
