//! A model that is a program of the host, such as a Python function: asked as it is, through one trait.
//!
//! What it answers is its own business; that its answers have the right size is not. A program that can also give the gradient of a weighted sum of its
//! outputs is attacked with gradients: losses are computed here and sent back as weights.

use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

use brinell_graph::{DType, Dim, Graph, Op, OpaqueOp};

use crate::{Elements, EngineError, Port, Preprocess, Runtime, Session, Stage, View};

/// A model of the host.
pub trait Foreign: Debug + Send + Sync {
    /// Returns the name that stands in records.
    fn name(&self) -> &str;

    /// Returns what runs it, as name and version.
    fn platform(&self) -> (&str, &str);

    /// Returns where it runs, such as `cpu`.
    fn device(&self) -> &str;

    /// Returns text that is the same for models that answer the same, as far as can be told; its digest stands for the model in records.
    ///
    /// # Errors
    /// What the host says.
    fn identity(&self) -> Result<String, String>;

    /// Returns the shape of one input.
    fn sample(&self) -> &[usize];

    /// Returns the number of values that it gives for each input; of one that names classes, the number of classes.
    fn width(&self) -> usize;

    /// Returns true where it names a class and gives no values.
    fn is_of_labels(&self) -> bool;

    /// Returns true where gradients may be asked for.
    fn has_gradient(&self) -> bool;

    /// Answers about `x` `[rows, ..sample]`: values `[rows, Z]`, or class numbers `[rows]`.
    ///
    /// # Errors
    /// What the host says.
    fn values(&self, x: &[f32], rows: usize) -> Result<Vec<f32>, String>;

    /// Answers about `x` with values `[rows, Z]`, and the gradient `[rows, ..sample]` of their sum weighted with `w` `[rows, Z]`.
    ///
    /// # Errors
    /// What the host says.
    fn pull(&self, x: &[f32], w: &[f32], rows: usize) -> Result<(Vec<f32>, Vec<f32>), String>;
}

/// Runs one model of the host, and no other.
#[derive(Debug, Clone)]
pub struct Host(Arc<dyn Foreign>);

impl Host {
    /// Wraps a model.
    #[must_use]
    pub fn new(model: Arc<dyn Foreign>) -> Self {
        Self(model)
    }

    /// Returns the model.
    #[must_use]
    pub fn model(&self) -> &Arc<dyn Foreign> {
        &self.0
    }

    /// Returns [`Foreign::identity`].
    ///
    /// # Errors
    /// [`EngineError::Foreign`].
    pub fn identity(&self) -> Result<String, EngineError> {
        self.0.identity().map_err(|reason| self.error(reason))
    }

    /// Returns a graph with the input and the output of the model and one opaque node between them.
    #[must_use]
    pub fn graph(&self) -> Graph {
        let mut graph = Graph::new(self.0.name().to_owned());
        let shape = std::iter::once(Dim::Batch(1)).chain(self.0.sample().iter().map(|&n| Dim::Fixed(n))).collect();
        let x = graph.input("x", DType::F32, shape);
        let op = OpaqueOp {
            domain: "brinell.foreign".to_owned(),
            op_type: "Foreign".to_owned(),
            opset: 1,
            attributes: Vec::new(),
            reason: "the model is a program of the host".to_owned(),
            follows: false,
            captures: 0,
        };
        // Inference knows nothing of an opaque node, so that nothing about it can be wrong.
        let scores = graph.push("foreign", Op::Opaque(op), vec![Some(x)], &[Some("scores")]).ok();
        if let Some(scores) = scores.and_then(|made| made.into_iter().flatten().next()) {
            graph.declare(scores, Some(DType::F32), Some(vec![Dim::Batch(1), Dim::Fixed(self.0.width())]));
            let labels = Op::ArgMax { axis: 1, keepdims: false, select_last: false };
            match self.0.is_of_labels().then(|| graph.add(labels, &[scores])) {
                Some(Ok(labels)) => graph.output(labels),
                _ => graph.output(scores),
            }
        }
        graph
    }

    fn error(&self, reason: String) -> EngineError {
        EngineError::Foreign { name: self.0.name().to_owned(), reason }
    }

    /// Asks for values, and holds them to their size.
    fn values(&self, x: &[f32], rows: usize) -> Result<Vec<f32>, EngineError> {
        let values = self.0.values(x, rows).map_err(|reason| self.error(reason))?;
        self.check("values", values, rows * if self.0.is_of_labels() { 1 } else { self.0.width() })
    }

    fn check(&self, what: &str, values: Vec<f32>, due: usize) -> Result<Vec<f32>, EngineError> {
        if values.len() == due { Ok(values) } else { Err(self.error(format!("it gave {} {what} where {due} were due", values.len()))) }
    }

    fn input(&self, sample: &[usize]) -> Port {
        Port { name: "x".to_owned(), dtype: DType::F32, shape: std::iter::once(None).chain(sample.iter().copied().map(Some)).collect() }
    }

    /// Returns a session from stored samples and weights to values, their weighted sums and the gradients of these.
    pub(crate) fn gradient(&self, preprocess: &Preprocess) -> Box<dyn Session> {
        let port = |name: &str| Port { name: name.to_owned(), dtype: DType::F32, shape: vec![None, Some(self.0.width())] };
        let outputs = vec![
            port("values"),
            Port { shape: vec![None], ..port("loss") },
            Port { name: "gradient".to_owned(), ..self.input(preprocess.sample_shape()) },
        ];
        Box::new(Pulling {
            host: self.clone(),
            preprocess: preprocess.clone(),
            inputs: vec![self.input(preprocess.sample_shape()), port("w")],
            outputs,
        })
    }
}

impl Runtime for Host {
    fn name(&self) -> &str {
        self.0.platform().0
    }

    fn version(&self) -> &str {
        self.0.platform().1
    }

    fn device(&self) -> &str {
        self.0.device()
    }

    fn compile(&self, _model: &brinell_onnx::Encoded) -> Result<Box<dyn Session>, EngineError> {
        Err(EngineError::Model {
            runtime: self.0.platform().0.to_owned(),
            stage: Stage::Load,
            model: "a graph".to_owned(),
            reason: "it runs its own model only".to_owned(),
        })
    }

    fn compile_file(&self, _path: &Path) -> Result<Box<dyn Session>, EngineError> {
        let (name, dtype) = if self.0.is_of_labels() { ("labels", DType::I64) } else { ("scores", DType::F32) };
        let extents = std::iter::once(None).chain((!self.0.is_of_labels()).then_some(Some(self.0.width())));
        let output = Port { name: name.to_owned(), dtype, shape: extents.collect() };
        Ok(Box::new(Asking { host: self.clone(), inputs: vec![self.input(self.0.sample())], outputs: vec![output] }))
    }
}

/// The model as it is.
struct Asking {
    host: Host,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
}

impl Session for Asking {
    fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    fn run(&mut self, feeds: &[(&str, View<'_>)], sink: &mut dyn FnMut(usize, View<'_>)) -> Result<(), EngineError> {
        let x = feeds.first().and_then(|(_, view)| view.data.as_f32()).unwrap_or_default();
        let rows = feeds.first().and_then(|(_, view)| view.shape.first()).copied().unwrap_or(1);
        let values = self.host.values(x, rows)?;
        if !self.host.0.is_of_labels() {
            sink(0, View::f32(&[rows, self.host.0.width()], &values));
            return Ok(());
        }
        let classes = self.host.0.width();
        if let Some(wrong) = values.iter().find(|&&label| !(label >= 0.0 && label.fract() == 0.0 && (label as usize) < classes)) {
            return Err(self.host.error(format!("it gave the label {wrong}, and labels are whole numbers from 0 to {}", classes - 1)));
        }
        let labels: Vec<i64> = values.iter().map(|&label| label as i64).collect();
        sink(0, View { shape: &[rows], data: Elements::I64(&labels) });
        Ok(())
    }
}

/// The model with preprocessing in front, asked for gradients.
struct Pulling {
    host: Host,
    preprocess: Preprocess,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
}

impl Session for Pulling {
    fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    fn run(&mut self, feeds: &[(&str, View<'_>)], sink: &mut dyn FnMut(usize, View<'_>)) -> Result<(), EngineError> {
        let fed =
            |wanted: &str| feeds.iter().find(|(name, _)| *name == wanted).and_then(|(_, view)| view.data.as_f32()).unwrap_or_default();
        let (stored, w, width) = (fed("x"), fed("w"), self.host.0.width());
        let len = self.preprocess.sample_shape().iter().product::<usize>().max(1);
        let rows = stored.len() / len;
        let (mut ready, mut one) = (Vec::with_capacity(stored.len()), Vec::new());
        for x in stored.chunks_exact(len) {
            self.preprocess.apply(x, &mut one);
            ready.extend_from_slice(&one);
        }
        let (values, pulled) = self.host.0.pull(&ready, w, rows).map_err(|reason| self.host.error(reason))?;
        let values = self.host.check("values", values, rows * width)?;
        let pulled = self.host.check("gradient values", pulled, stored.len())?;
        let mut gradient = Vec::with_capacity(stored.len());
        for row in pulled.chunks_exact(len) {
            self.preprocess.pull_back(row, &mut one);
            gradient.extend_from_slice(&one);
        }
        let weighted = values.chunks_exact(width.max(1)).zip(w.chunks_exact(width.max(1)));
        let loss: Vec<f32> = weighted.map(|(z, w)| z.iter().zip(w).map(|(z, w)| z * w).sum()).collect();
        sink(0, View::f32(&[rows, width], &values));
        sink(1, View::f32(&[rows], &loss));
        let shape: Vec<usize> = std::iter::once(rows).chain(self.preprocess.sample_shape().iter().copied()).collect();
        sink(2, View::f32(&shape, &gradient));
        Ok(())
    }
}
