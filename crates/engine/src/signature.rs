//! The shape of a model's input and output as a classifier.

use brinell_graph::{DType, Dim, Graph, Op, ValueId};

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
    /// The output is not f32.
    #[error("the model's output `{name}` holds {}; only float32 outputs can be judged", dtype.map_or_else(|| "an unknown type".to_owned(), |dtype| format!("{dtype:?}")))]
    OutputType {
        /// Name of the output.
        name: String,
        /// Its element type.
        dtype: Option<DType>,
    },
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

/// Where in the outputs of a file the scores of the classes stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scores {
    /// Number of the output.
    pub output: usize,
    /// Column of each class; absent where the columns are the classes.
    pub columns: Option<Vec<usize>>,
}

impl Scores {
    /// Adds rows of `classes` scores to `out`, in the order of the classes.
    pub fn append(&self, values: &[f32], classes: usize, out: &mut Vec<f32>) {
        match &self.columns {
            None => out.extend_from_slice(values),
            Some(columns) => {
                for row in values.chunks_exact(classes.max(1)) {
                    out.extend(columns.iter().filter_map(|&column| row.get(column)));
                }
            }
        }
    }
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
        let output = scores(graph).ok_or_else(|| SignatureError::Output("none".to_owned()))?;
        let mut logits = output;
        let mut softmax = false;
        let mut end = output;
        while let Some(node) = graph.nodes().iter().find(|node| node.outputs.contains(&Some(end))) {
            match (&node.op, node.inputs.as_slice()) {
                (Op::Identity, &[Some(before)]) => end = before,
                (Op::Softmax { .. }, &[Some(before)]) => {
                    logits = before;
                    softmax = true;
                    break;
                }
                _ => break,
            }
        }
        let out = graph.shape(output).map(<[Dim]>::to_vec);
        let classes = match out.as_deref() {
            Some([Dim::Batch(1) | Dim::Fixed(_), Dim::Fixed(k), rest @ ..]) if rest.iter().all(|dim| *dim == Dim::Fixed(1)) => *k,
            Some([Dim::Fixed(k)]) if fixed_batch == Some(1) => *k,
            Some(shape) => return Err(SignatureError::Output(shape_text(shape))),
            None => return Err(SignatureError::Output("that is not known before a run".to_owned())),
        };
        let value = graph.value(output);
        if value.dtype != Some(DType::F32) {
            return Err(SignatureError::OutputType { name: value.name.clone(), dtype: value.dtype });
        }
        if classes < 2 {
            return Err(SignatureError::Classes(classes));
        }
        Ok(Self { input, sample, fixed_batch, output, logits, classes, softmax })
    }
}

/// The output that decides: the first, unless it is a class beside which the scores of all classes stand.
fn scores(graph: &Graph) -> Option<ValueId> {
    let first = graph.outputs().first().copied()?;
    let is_class =
        matches!(graph.value(first).dtype, Some(DType::I64 | DType::String)) && graph.shape(first).is_some_and(|shape| shape.len() <= 1);
    let is_scores = |id: &ValueId| graph.value(*id).dtype == Some(DType::F32) && graph.shape(*id).is_some_and(|shape| shape.len() == 2);
    if is_class { graph.outputs().iter().copied().find(is_scores).or(Some(first)) } else { Some(first) }
}

fn shape_text(shape: &[Dim]) -> String {
    let dims: Vec<String> = shape.iter().map(ToString::to_string).collect();
    format!("[{}]", dims.join(", "))
}
