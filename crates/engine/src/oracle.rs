//! A model that one can query: preprocessing, model and loss as one graph, compiled once per loss.

use std::sync::Arc;

use brinell_autodiff::{AutodiffError, Loss, gradient_graph};
use brinell_graph::{DType, Dim, Graph, GraphError, Op, ResizeMode, ValueId};

use crate::{EngineError, Preprocess, Runtime, Session, Stage, View};

/// Why a model cannot be queried.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OracleError {
    /// The model's inputs or outputs are not those of a classifier.
    #[error("{0}")]
    Signature(SignatureError),
    /// Preprocessing does not fit the model.
    #[error("the preprocessing does not fit the model")]
    Graph(#[from] GraphError),
    /// The gradient cannot be built.
    #[error(transparent)]
    Autodiff(#[from] AutodiffError),
    /// The graph cannot be written for the runtime.
    #[error("the model cannot be written for the runtime")]
    Export(#[from] brinell_onnx::ExportError),
    /// The runtime refused.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A run gave outputs of an unexpected size.
    #[error("the runtime returned {found} values for `{output}` where {expected} were due")]
    Output {
        /// Name of the output.
        output: &'static str,
        /// Values returned.
        found: usize,
        /// Values due.
        expected: usize,
    },
}

/// What about a model's inputs and outputs is not those of a classifier.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// There is not exactly one input.
    #[error("the model has {0} inputs; a classifier with one input is needed")]
    Inputs(usize),
    /// The input is not f32.
    #[error("the model's input `{name}` holds {}; only float32 inputs can be attacked", dtype.map_or_else(|| "an unknown type".to_owned(), |dtype| format!("{dtype:?}")))]
    InputType {
        /// Name of the input.
        name: String,
        /// Its element type.
        dtype: Option<DType>,
    },
    /// A dimension other than the batch is free.
    #[error(
        "dimension {axis} of the model's input `{name}` is not fixed ({shape}); export the model with fixed sizes for all but the batch"
    )]
    Dynamic {
        /// Name of the input.
        name: String,
        /// Which dimension.
        axis: usize,
        /// The whole shape.
        shape: String,
    },
    /// The model has no output, or its first output is not a matrix of logits.
    #[error("the model's first output has shape {0}; logits of shape [B, K] are needed")]
    Output(String),
    /// The logits have fewer than two classes.
    #[error("the model has {0} logit; at least two classes are needed")]
    Classes(usize),
}

/// The shape of a model's input and output as a classifier.
#[derive(Debug, Clone, PartialEq)]
pub struct Signature {
    /// The input value.
    pub input: ValueId,
    /// Shape of one input, without the batch.
    pub sample: Vec<usize>,
    /// The batch size, where the model fixes it.
    pub fixed_batch: Option<usize>,
    /// The output that decides the prediction.
    pub output: ValueId,
    /// The logits: the output, or what stands before it where it is a softmax.
    pub logits: ValueId,
    /// Number of classes.
    pub classes: usize,
    /// True where the output is a softmax.
    pub softmax: bool,
}

impl Signature {
    /// Reads the signature of a classifier off its graph.
    ///
    /// # Errors
    /// [`SignatureError`] where there is no single f32 input of fixed size or no `[B, K]` output.
    pub fn of(graph: &Graph) -> Result<Self, SignatureError> {
        let &[input] = graph.inputs() else {
            return Err(SignatureError::Inputs(graph.inputs().len()));
        };
        let value = graph.value(input);
        if value.dtype != Some(DType::F32) {
            return Err(SignatureError::InputType { name: value.name.clone(), dtype: value.dtype });
        }
        let shape = value.shape.clone().unwrap_or_default();
        let (fixed_batch, rest) = match shape.split_first() {
            Some((Dim::Batch(1), rest)) => (None, rest),
            Some((Dim::Fixed(n), rest)) => (Some(*n), rest),
            _ => return Err(SignatureError::Dynamic { name: value.name.clone(), axis: 0, shape: shape_text(&shape) }),
        };
        let mut sample = Vec::with_capacity(rest.len());
        for (axis, dim) in rest.iter().enumerate() {
            let fixed = dim.fixed();
            sample.push(fixed.ok_or_else(|| SignatureError::Dynamic {
                name: value.name.clone(),
                axis: axis + 1,
                shape: shape_text(&shape),
            })?);
        }
        let output = graph.outputs().first().copied().ok_or_else(|| SignatureError::Output("none".to_owned()))?;
        let mut logits = output;
        let mut softmax = false;
        if let Some(node) = graph.nodes().iter().find(|node| node.outputs.contains(&Some(output)))
            && let (Op::Softmax { .. }, [Some(before)]) = (&node.op, node.inputs.as_slice())
        {
            logits = *before;
            softmax = true;
        }
        let out = graph.shape(output).map(<[Dim]>::to_vec);
        let classes = match out.as_deref() {
            Some([Dim::Batch(1) | Dim::Fixed(_), Dim::Fixed(k), rest @ ..]) if rest.iter().all(|dim| *dim == Dim::Fixed(1)) => *k,
            Some([Dim::Fixed(k)]) if fixed_batch == Some(1) => *k,
            Some(shape) => return Err(SignatureError::Output(shape_text(shape))),
            None => return Err(SignatureError::Output("that is not known before a run".to_owned())),
        };
        if classes < 2 {
            return Err(SignatureError::Classes(classes));
        }
        Ok(Self { input, sample, fixed_batch, output, logits, classes, softmax })
    }
}

fn shape_text(shape: &[Dim]) -> String {
    let dims: Vec<String> = shape.iter().map(ToString::to_string).collect();
    format!("[{}]", dims.join(", "))
}

/// What a batch was answered.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// Logits `[B, K]`.
    pub logits: Vec<f32>,
    /// Loss `[B]`; empty after a forward.
    pub loss: Vec<f32>,
    /// Gradient `[B, ..sample]`; empty after a forward.
    pub gradient: Vec<f32>,
}

/// A classifier that takes stored samples and answers with logits and gradients, for any batch up to what the model allows.
pub struct Oracle {
    runtime: Arc<dyn Runtime>,
    graph: Graph,
    input: ValueId,
    logits: ValueId,
    forward: Box<dyn Session>,
    gradient: Option<(Loss, Box<dyn Session>)>,
    sample: Vec<usize>,
    sample_len: usize,
    classes: usize,
    fixed_batch: Option<usize>,
    call: Call,
    label_one_hot: Vec<f32>,
    target_one_hot: Vec<f32>,
}

impl Oracle {
    /// Puts `preprocess` in front of `model` and compiles the forward pass.
    ///
    /// # Errors
    /// [`OracleError`] where the model is no classifier or the runtime refuses it.
    pub fn new(model: &Graph, preprocess: &Preprocess, runtime: Arc<dyn Runtime>) -> Result<Self, OracleError> {
        let signature = Signature::of(model).map_err(OracleError::Signature)?;
        refuse_wrong_arithmetic(model, runtime.as_ref())?;
        let batch = signature.fixed_batch.map_or(Dim::Batch(1), Dim::Fixed);
        let mut graph = Graph::new("brinell");
        let sample = preprocess.sample_shape().to_vec();
        let shape = std::iter::once(batch).chain(sample.iter().map(|&n| Dim::Fixed(n))).collect();
        let input = graph.input("x", DType::F32, shape);
        let ready = preprocess.append(&mut graph, input, batch)?;
        let values = graph.splice(model, &[(signature.input, ready)])?;
        let mut logits = values.get(&signature.logits).copied().ok_or(OracleError::Signature(SignatureError::Inputs(0)))?;
        let flat = vec![batch, Dim::Fixed(signature.classes)];
        if graph.shape(logits) != Some(&flat) {
            logits = graph.add(Op::Reshape { shape: flat }, &[logits])?;
        }
        graph.set_outputs(vec![logits]);
        let forward = runtime.compile(&brinell_onnx::write(&graph)?)?;
        let lone = if runtime.name() == "rten" { 2 } else { 1 };
        let at_least = signature.fixed_batch.unwrap_or(lone);
        Ok(Self {
            runtime,
            graph,
            input,
            logits,
            forward,
            gradient: None,
            sample_len: sample.iter().product(),
            sample,
            classes: signature.classes,
            fixed_batch: signature.fixed_batch,
            call: Call { at_least, x: Vec::new(), shape: Vec::new() },
            label_one_hot: Vec::new(),
            target_one_hot: Vec::new(),
        })
    }

    /// Returns the number of classes K.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Returns the shape of one stored sample.
    #[must_use]
    pub fn sample_shape(&self) -> &[usize] {
        &self.sample
    }

    /// Returns the number of values of one sample.
    #[must_use]
    pub fn sample_len(&self) -> usize {
        self.sample_len
    }

    /// Returns the batch size where the model fixes it.
    #[must_use]
    pub fn fixed_batch(&self) -> Option<usize> {
        self.fixed_batch
    }

    /// Makes sure that gradients of `loss` can be asked for. Only the newest loss is kept, since each holds a copy of the
    /// weights.
    ///
    /// # Errors
    /// [`OracleError::Autodiff`] lists every operator that has no gradient; [`OracleError::Engine`] where the runtime refuses.
    pub fn prepare(&mut self, loss: Loss) -> Result<(), OracleError> {
        if self.gradient.as_ref().is_some_and(|(kept, _)| *kept == loss) {
            return Ok(());
        }
        self.gradient = None;
        let graph = gradient_graph(&self.graph, self.logits, self.input, loss)?;
        self.gradient = Some((loss, self.runtime.compile(&brinell_onnx::write(&graph)?)?));
        Ok(())
    }

    /// Asks for the logits of `x` `[B, ..sample]`.
    ///
    /// # Errors
    /// [`OracleError::Engine`] where the run fails, [`OracleError::Output`] where it returns something else than logits.
    pub fn logits(&mut self, x: &[f32], answer: &mut Answer) -> Result<(), OracleError> {
        answer.loss.clear();
        answer.gradient.clear();
        let batch = x.len() / self.sample_len.max(1);
        let (x, shape) = self.call.fill(x, &self.sample, batch);
        run(self.forward.as_mut(), &[("x", View::f32(shape, x))], [&mut answer.logits])?;
        take_len("logits", &mut answer.logits, batch * self.classes)
    }

    /// Asks for logits, loss and gradient of `x` `[B, ..sample]` under the loss that was prepared.
    ///
    /// # Errors
    /// As [`Oracle::prepare`] and [`Oracle::logits`].
    pub fn gradient(&mut self, loss: Loss, x: &[f32], labels: &[usize], targets: &[usize], answer: &mut Answer) -> Result<(), OracleError> {
        self.prepare(loss)?;
        let Some((_, session)) = &mut self.gradient else {
            return Ok(());
        };
        let (batch, classes, values) = (x.len() / self.sample_len.max(1), self.classes, x.len());
        let (x, shape) = self.call.fill(x, &self.sample, batch);
        let rows = shape.first().copied().unwrap_or(batch);
        one_hot(labels, classes, rows, &mut self.label_one_hot);
        one_hot(targets, classes, rows, &mut self.target_one_hot);
        let hot_shape = [rows, classes];
        let all = [
            ("x", View::f32(shape, x)),
            ("label_one_hot", View::f32(&hot_shape, &self.label_one_hot)),
            ("target_one_hot", View::f32(&hot_shape, &self.target_one_hot)),
        ];
        let wanted: Vec<(&str, View<'_>)> =
            all.into_iter().filter(|(name, _)| session.inputs().iter().any(|port| port.name == *name)).collect();
        run(session.as_mut(), &wanted, [&mut answer.logits, &mut answer.loss, &mut answer.gradient])?;
        take_len("logits", &mut answer.logits, batch * classes)?;
        take_len("loss", &mut answer.loss, batch)?;
        take_len("gradient", &mut answer.gradient, values)
    }
}

/// Refuses what a runtime computes otherwise than ONNX says, without telling.
fn refuse_wrong_arithmetic(model: &Graph, runtime: &dyn Runtime) -> Result<(), EngineError> {
    let cubic = |op: &Op| matches!(op, Op::Resize(attrs) if attrs.mode == ResizeMode::Cubic);
    match model.nodes().iter().find(|node| runtime.name() == "rten" && cubic(&node.op)) {
        None => Ok(()),
        Some(node) => Err(EngineError::Model {
            runtime: runtime.name().to_owned(),
            stage: Stage::Load,
            model: format!("node `{}`", node.name),
            reason: "its cubic Resize does not follow ONNX; use ONNX Runtime (--runtime onnxruntime)".to_owned(),
        }),
    }
}

/// The input of one call, filled up with copies of its last row where the model fixes its batch. On rten a lone sample
/// runs as a pair: it would be computed by other kernels than a batch, with other last bits.
struct Call {
    at_least: usize,
    x: Vec<f32>,
    shape: Vec<usize>,
}

impl Call {
    fn fill<'a>(&'a mut self, x: &'a [f32], sample: &[usize], batch: usize) -> (&'a [f32], &'a [usize]) {
        let rows = batch.max(self.at_least);
        self.shape.clear();
        self.shape.push(rows);
        self.shape.extend_from_slice(sample);
        if rows == batch {
            return (x, &self.shape);
        }
        self.x.clear();
        self.x.extend_from_slice(x);
        let last = x.len() - x.len() / batch.max(1);
        for _ in batch..rows {
            self.x.extend_from_slice(x.get(last..).unwrap_or_default());
        }
        (&self.x, &self.shape)
    }
}

/// Drops the rows of copies and checks that all others are there.
fn take_len(output: &'static str, values: &mut Vec<f32>, expected: usize) -> Result<(), OracleError> {
    if values.len() < expected {
        return Err(OracleError::Output { output, found: values.len(), expected });
    }
    values.truncate(expected);
    Ok(())
}

/// Runs a session and copies its first outputs.
fn run<const N: usize>(session: &mut dyn Session, feeds: &[(&str, View<'_>)], mut outputs: [&mut Vec<f32>; N]) -> Result<(), EngineError> {
    for output in &mut outputs {
        output.clear();
    }
    session.run(feeds, &mut |index, view| {
        if let (Some(output), Some(values)) = (outputs.get_mut(index), view.data.as_f32()) {
            output.extend_from_slice(values);
        }
    })
}

/// Writes `[rows, n_classes]`; rows beyond `classes` repeat the last one.
fn one_hot(classes: &[usize], n_classes: usize, rows: usize, out: &mut Vec<f32>) {
    out.clear();
    out.resize(rows * n_classes, 0.0);
    let classes = classes.iter().chain(std::iter::repeat(classes.last().unwrap_or(&usize::MAX)));
    for (row, &class) in out.chunks_exact_mut(n_classes.max(1)).zip(classes) {
        if let Some(cell) = row.get_mut(class) {
            *cell = 1.0;
        }
    }
}
