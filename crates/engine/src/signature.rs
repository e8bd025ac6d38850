//! The shape of a model's inputs and outputs, and what these mean.

use brinell_graph::{DType, Dim, Graph, ValueId};

use brinell_record::{Artefact, TaskError, TaskKind};

use crate::label::{self, Head};
use crate::{Ending, GatePort, InputPart, Meaning, Reading, ValueKind, ending};

/// What about a model's inputs and outputs is not those of a classifier.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// There is no input.
    #[error("the model has no input, so there is nothing to attack")]
    NoInput,
    /// There are several inputs, and none was chosen.
    #[error("the model has {} inputs, and it is not clear which one to attack: {}", inputs.len(), inputs.join(", "))]
    Inputs {
        /// Names, types and shapes.
        inputs: Vec<String>,
    },
    /// The input or output that was named is not there.
    #[error("the model has no {role} `{name}`; it has {}", found.join(", "))]
    NoPort {
        /// `input` or `output`.
        role: &'static str,
        /// The name given.
        name: String,
        /// Names, types and shapes of those that are there.
        found: Vec<String>,
    },
    /// The input does not hold numbers.
    #[error("the model's input `{name}` contains {}; only floating-point and whole numbers can be attacked", held(*dtype))]
    InputType {
        /// Name of the input.
        name: String,
        /// Its element type.
        dtype: Option<DType>,
    },
    /// A dimension other than the batch is free.
    #[error("the model does not fix dimension {axis} of its input `{name}` ({shape})")]
    Dynamic {
        /// Name of the input.
        name: String,
        /// Which dimension.
        axis: usize,
        /// The whole shape.
        shape: String,
    },
    /// The output is neither a matrix of logits nor a column of scores.
    #[error(
        "the model's output `{name}` has shape {shape}, but an audit needs logits of shape [B, K] or one score per sample{}",
        alternatives(others)
    )]
    Output {
        /// Name of the output.
        name: String,
        /// Its shape.
        shape: String,
        /// Names, types and shapes of the other outputs.
        others: Vec<String>,
    },
    /// The output is not floating point.
    #[error("the model's output `{name}` contains {}, but an audit needs floating-point numbers{}", held(*dtype), alternatives(others))]
    OutputType {
        /// Name of the output.
        name: String,
        /// Its element type.
        dtype: Option<DType>,
        /// Names, types and shapes of the other outputs.
        others: Vec<String>,
    },
    /// A threshold was given for a model with several logits.
    #[error(
        "a threshold works only for models with one score; the output `{name}` has {classes} values, and the largest decides the class"
    )]
    Threshold {
        /// Name of the output.
        name: String,
        /// Number of classes.
        classes: usize,
    },
    /// The threshold is none.
    #[error("the threshold {value} {problem}")]
    BadThreshold {
        /// As given.
        value: f64,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The task is not asked for as it should be.
    #[error("{0}")]
    Task(#[source] TaskError),
    /// The output is not what the task needs.
    #[error("the task {task} does not fit this model: the output `{name}` {problem}")]
    Misfit {
        /// Name of the output.
        name: String,
        /// The task.
        task: TaskKind,
        /// What does not fit.
        problem: &'static str,
    },
    /// As many of the best classes count as there are, so that every answer is right.
    #[error("with top-k = {k}, every answer would be right, because the model has {classes} classes")]
    TopK {
        /// How many count.
        k: usize,
        /// Classes of the model.
        classes: usize,
    },
    /// A chosen label is none of the model's.
    #[error("there is no label {label}: the model has {labels} labels, numbered from 0")]
    NoLabel {
        /// Its number.
        label: usize,
        /// Labels of the model.
        labels: usize,
    },
    /// The output has the largest values of all classes, without saying of which.
    #[error("the output `{name}` contains only the largest score, not which class has it{}", alternatives(others))]
    Largest {
        /// Name of the output.
        name: String,
        /// Names, types and shapes of the other outputs.
        others: Vec<String>,
    },
    /// The output names a class for each of several questions.
    #[error(
        "the model answers {targets} questions at once: its output `{name}` has shape {shape}, a class for each of them{}; one question is asked about",
        alternatives(others)
    )]
    Targets {
        /// Name of the output.
        name: String,
        /// Its shape.
        shape: String,
        /// How many questions.
        targets: usize,
        /// Names, types and shapes of the other outputs.
        others: Vec<String>,
    },
    /// Of the output and the threshold by which a model refuses only one is given.
    #[error("`{given}` is given without {missing}")]
    HalfGate {
        /// The setting.
        given: &'static str,
        /// What belongs to it.
        missing: &'static str,
    },
    /// The output by which a model is said to refuse is not one number for each sample.
    #[error("the suspicion must be one floating-point number for each sample, not {found}")]
    Suspicion {
        /// Name, type and shape of the output.
        found: String,
    },
    /// The model's only score is a softmax over itself.
    #[error("the output `{name}` is a softmax over a single value, so it is always 1")]
    Constant {
        /// Name of the output.
        name: String,
    },
}

fn held(dtype: Option<DType>) -> String {
    dtype.map_or_else(|| "an unknown type".to_owned(), |dtype| format!("{dtype:?}"))
}

fn alternatives(ports: &[String]) -> String {
    if ports.is_empty() { String::new() } else { format!("; its other outputs are {}", ports.join(", ")) }
}

/// An input that is not attacked.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldPort {
    /// The value in the graph.
    pub value: ValueId,
    /// Its name.
    pub name: String,
    /// Its element type.
    pub dtype: DType,
    /// Its shape, with the batch where it has one.
    pub shape: Vec<Dim>,
}

/// Where the samples of a call stand in the attacked input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchAxis {
    /// Along the first axis.
    Leading,
    /// Nowhere: the input is one sample.
    Absent,
}

/// The shape of a model's inputs and outputs as a classifier.
#[derive(Debug, Clone, PartialEq)]
pub struct Signature {
    /// The input that is attacked.
    pub input: ValueId,
    /// Its name.
    pub input_name: String,
    /// Its element type.
    pub dtype: DType,
    /// Shape of one input, without the batch.
    pub sample: Vec<usize>,
    /// Where the samples of a call stand.
    pub batch: BatchAxis,
    /// The batch size, where the model fixes it; 1 where it has no batch.
    pub fixed_batch: Option<usize>,
    /// The inputs of the file that the attacked values are divided among; empty where one takes them all.
    pub parts: Vec<InputPart>,
    /// The other inputs.
    pub held: Vec<HeldPort>,
    /// The output that decides the prediction.
    pub output: ValueId,
    /// Its name.
    pub output_name: String,
    /// Its place among the outputs.
    pub output_index: usize,
    /// Place of an output that names the class beside the scores that decide, where there is one.
    pub label_index: Option<usize>,
    /// Column of each class in the output of the file; absent where the columns are the classes.
    pub columns: Option<Vec<usize>>,
    /// The values that losses use: the output, or what stands before it where it is a softmax or a sigmoid.
    pub logits: ValueId,
    /// How the output becomes a class.
    pub reading: Reading,
    /// Number of values of a sample that losses use: the classes of a classifier, 2 where its output is one score; else the labels, the numbers or the size
    /// of an embedding.
    pub classes: usize,
    /// What the output means.
    pub meaning: Meaning,
    /// The output by which the model refuses samples, where it does.
    pub gate: Option<GatePort>,
    /// True where no loss can be part of the model's graph, so that losses are fed as weights of the values.
    pub weighs: bool,
}

impl Signature {
    /// Reads the signature of a classifier off its graph.
    ///
    /// # Errors
    /// [`SignatureError`] where `artefact` names no input or output of it, or these are not those of a classifier.
    pub fn of(graph: &Graph, artefact: &Artefact) -> Result<Self, SignatureError> {
        let (input, others) = attacked(graph, artefact.input.as_deref())?;
        let value = graph.value(input);
        let dtype = value.dtype.filter(|dtype| !matches!(dtype, DType::Bool | DType::String));
        let dtype = dtype.ok_or_else(|| SignatureError::InputType { name: value.name.clone(), dtype: value.dtype })?;
        let shape = value.shape.clone().unwrap_or_default();
        let dynamic = |axis| SignatureError::Dynamic { name: value.name.clone(), axis, shape: shape_text(&shape) };
        let (output_index, output) = decisive(graph, artefact.output.as_deref())?;
        let (batch, fixed_batch, rest) = match shape.split_first() {
            Some((Dim::Fixed(n), rest)) if is_one_sample(*n, rest, graph.shape(output)) => (BatchAxis::Absent, Some(1), shape.as_slice()),
            Some((Dim::Batch(1), rest)) => (BatchAxis::Leading, None, rest),
            Some((Dim::Fixed(n), rest)) => (BatchAxis::Leading, Some(*n), rest),
            _ => return Err(dynamic(0)),
        };
        let sample = rest.iter().enumerate().map(|(axis, dim)| dim.fixed().ok_or_else(|| dynamic(axis + 1))).collect::<Result<_, _>>()?;
        let held = others.into_iter().map(|id| held_port(graph, id)).collect::<Result<_, _>>()?;
        let out = graph.value(output);
        let others = || ports(graph, graph.outputs().iter().copied().filter(|&other| other != output));
        if let Some(targets) = targets(graph, output) {
            let shape = graph.shape(output).map_or_else(String::new, shape_text);
            return Err(SignatureError::Targets { name: out.name.clone(), shape, targets, others: others() });
        }
        let width = width(graph, output, fixed_batch)?;
        let labels = match label::head(graph, output) {
            Some(Head::Labels { scores, classes, width: named }) if named == width => Some((scores, classes)),
            Some(Head::Largest) => return Err(SignatureError::Largest { name: out.name.clone(), others: others() }),
            _ => None,
        };
        if labels.is_none() && !out.dtype.is_some_and(DType::is_float) {
            return Err(SignatureError::OutputType { name: out.name.clone(), dtype: out.dtype, others: others() });
        }
        let (logits, reading, classes) = if let Some((scores, classes)) = labels {
            if artefact.threshold.is_some() {
                return Err(SignatureError::Threshold { name: out.name.clone(), classes });
            }
            let reading = Reading { ending: Ending::Labels { classes, width }, threshold: None };
            (ending::before(graph, scores, classes).0, reading, classes)
        } else if Meaning::looks_behind(artefact.task()) {
            let (logits, ending) = ending::before(graph, output, width);
            if width == 1 && ending == Ending::Softmax {
                return Err(SignatureError::Constant { name: out.name.clone() });
            }
            if artefact.task() == TaskKind::Multilabel {
                (logits, Reading { ending, threshold: None }, width)
            } else {
                let threshold = threshold(&out.name, width, ending, artefact.threshold)?;
                (logits, Reading { ending, threshold }, width.max(2))
            }
        } else {
            (output, Reading::LOGITS, width)
        };
        let meaning = Meaning::of(artefact, &out.name, width, reading.ending)?;
        Ok(Self {
            input,
            input_name: value.name.clone(),
            dtype,
            sample,
            batch,
            fixed_batch,
            parts: Vec::new(),
            held,
            output,
            output_name: out.name.clone(),
            output_index,
            label_index: label_beside(graph, output).filter(|_| classes > 1),
            columns: None,
            logits,
            reading,
            classes,
            meaning,
            gate: GatePort::of(graph, artefact, fixed_batch)?,
            weighs: false,
        })
    }

    /// Returns the inputs of a graph that are not attacked, and its batch size where it fixes that. What comes out of the graph does not matter.
    ///
    /// # Errors
    /// [`SignatureError`] where `artefact` names no input, or the type of another one is not known.
    pub fn held_of(graph: &Graph, artefact: &Artefact) -> Result<(Vec<HeldPort>, Option<usize>), SignatureError> {
        let (input, others) = attacked(graph, artefact.input.as_deref())?;
        let first = graph.shape(input).and_then(|shape| shape.first()?.fixed());
        let output = decisive(graph, artefact.output.as_deref()).ok().and_then(|(_, output)| graph.shape(output));
        let rest = graph.shape(input).and_then(|shape| shape.get(1..)).unwrap_or_default();
        let batch = first.map(|n| if is_one_sample(n, rest, output) { 1 } else { n });
        Ok((others.into_iter().map(|id| held_port(graph, id)).collect::<Result<_, _>>()?, batch))
    }

    /// Returns the values that the output has for one sample.
    #[must_use]
    pub fn width(&self) -> usize {
        self.reading.values(self.classes)
    }

    /// True where the attacked input takes whole numbers, so that what is fed to the file is rounded.
    #[must_use]
    pub fn takes_integers(&self) -> bool {
        !self.dtype.is_float()
    }

    /// Returns what the value in one place of a sample is to the model.
    #[must_use]
    pub fn kind(&self, place: usize) -> ValueKind {
        let own = self.parts.iter().find(|part| (part.start..part.start + part.len()).contains(&place));
        own.map_or(if self.takes_integers() { ValueKind::Whole } else { ValueKind::Real }, InputPart::kind)
    }
}

/// True where an input whose first size is `n`, before `rest`, must be one sample, since there are not as many rows in the output. A row of numbers that
/// becomes as many is one sample too, and no batch of single numbers.
fn is_one_sample(n: usize, rest: &[Dim], output: Option<&[Dim]>) -> bool {
    match output {
        Some([]) => n > 1,
        Some([Dim::Fixed(k)]) => n > 1 && (*k != n || rest.is_empty()),
        Some([Dim::Fixed(1), _, ..]) => n > 1,
        _ => false,
    }
}

/// Rows of `width` values, each with its columns rearranged.
pub(crate) fn order(columns: Option<&[usize]>, width: usize, values: Vec<f64>) -> Vec<f64> {
    match columns {
        None => values,
        Some(columns) => {
            values.chunks_exact(width.max(1)).flat_map(|row| columns.iter().filter_map(|&column| row.get(column)).copied()).collect()
        }
    }
}

/// Returns the input that is attacked, and the others.
fn attacked(graph: &Graph, name: Option<&str>) -> Result<(ValueId, Vec<ValueId>), SignatureError> {
    let inputs = graph.inputs();
    let chosen = match (name, inputs) {
        (_, []) => return Err(SignatureError::NoInput),
        (None, &[only]) => only,
        (None, _) => return Err(SignatureError::Inputs { inputs: ports(graph, inputs.iter().copied()) }),
        (Some(name), _) => named(graph, "input", name, inputs)?.1,
    };
    Ok((chosen, inputs.iter().copied().filter(|&id| id != chosen).collect()))
}

/// Returns the output that decides, and its place.
fn decisive(graph: &Graph, name: Option<&str>) -> Result<(usize, ValueId), SignatureError> {
    let missing = || SignatureError::NoPort { role: "output", name: name.unwrap_or_default().to_owned(), found: Vec::new() };
    match name {
        None => scores(graph).ok_or_else(missing),
        Some(name) => named(graph, "output", name, graph.outputs()),
    }
}

/// The first output, unless it is a class beside which the scores of all classes stand.
fn scores(graph: &Graph) -> Option<(usize, ValueId)> {
    let mut outputs = graph.outputs().iter().copied().enumerate();
    let first = outputs.next()?;
    let value = graph.value(first.1);
    if label::head(graph, first.1) == Some(Head::Largest) {
        // The classes that have the largest values stand beside them.
        let names = |(_, id): &(usize, ValueId)| matches!(label::head(graph, *id), Some(Head::Labels { .. }));
        return outputs.find(names).or(Some(first));
    }
    let one_each = |shape: &[Dim]| shape.iter().skip(1).all(|dim| *dim == Dim::Fixed(1));
    let is_class = matches!(value.dtype, Some(DType::I64 | DType::String)) && graph.shape(first.1).is_some_and(one_each);
    let are_scores = |(_, id): &(usize, ValueId)| {
        graph.value(*id).dtype.is_some_and(DType::is_float) && graph.shape(*id).is_some_and(|shape| shape.len() == 2)
    };
    if matches!(value.dtype, Some(DType::I64 | DType::String)) && several(graph, first.1).is_some() {
        // Labels that each apply or not, beside the scores of as many.
        let as_many = |output: &(usize, ValueId)| are_scores(output) && several(graph, output.1) == several(graph, first.1);
        return outputs.find(as_many).or(Some(first));
    }
    if is_class { outputs.find(are_scores).or(Some(first)) } else { Some(first) }
}

/// The second size of a matrix with several columns.
fn several(graph: &Graph, id: ValueId) -> Option<usize> {
    match graph.shape(id)? {
        [_, Dim::Fixed(columns)] if *columns > 1 => Some(*columns),
        _ => None,
    }
}

/// The number of questions that a model answers with a class each: an output of that name holds a whole number or a word for each of them, and is no choice of
/// the best classes of a row of scores.
fn targets(graph: &Graph, output: ValueId) -> Option<usize> {
    let value = graph.value(output);
    let named = matches!(value.dtype, Some(DType::I64 | DType::String)) && names_class(&value.name);
    several(graph, output).filter(|_| named && label::head(graph, output).is_none())
}

/// The place of an output that names a class for each sample beside `scores`, by its type and name.
fn label_beside(graph: &Graph, scores: ValueId) -> Option<usize> {
    let is_label = |&id: &ValueId| {
        let value = graph.value(id);
        let is_name = matches!(value.dtype, Some(DType::I64 | DType::I32 | DType::String));
        let one_each = value.shape.as_ref().is_none_or(|shape| shape.iter().skip(1).all(|dim| *dim == Dim::Fixed(1)));
        id != scores && is_name && one_each && names_class(&value.name)
    };
    graph.outputs().iter().position(is_label)
}

/// True for what outputs that name classes are called.
fn names_class(name: &str) -> bool {
    ["label", "class"].iter().any(|word| name.to_lowercase().contains(word))
}

pub(crate) fn named(graph: &Graph, role: &'static str, name: &str, ids: &[ValueId]) -> Result<(usize, ValueId), SignatureError> {
    let found = ids.iter().copied().enumerate().find(|&(_, id)| graph.value(id).name == name);
    found.ok_or_else(|| SignatureError::NoPort { role, name: name.to_owned(), found: ports(graph, ids.iter().copied()) })
}

fn held_port(graph: &Graph, id: ValueId) -> Result<HeldPort, SignatureError> {
    let value = graph.value(id);
    match value.dtype {
        Some(dtype) => Ok(HeldPort { value: id, name: value.name.clone(), dtype, shape: value.shape.clone().unwrap_or_default() }),
        None => Err(SignatureError::InputType { name: value.name.clone(), dtype: None }),
    }
}

/// Returns the number of values that an output has for one sample.
pub(crate) fn width(graph: &Graph, output: ValueId, fixed_batch: Option<usize>) -> Result<usize, SignatureError> {
    // All values of a sample along one axis, wherever that stands.
    let along_one = |rest: &[Dim]| {
        let sizes: Option<Vec<usize>> = rest.iter().map(|dim| dim.fixed()).collect();
        sizes.filter(|sizes| sizes.iter().filter(|&&size| size != 1).count() <= 1).map(|sizes| sizes.iter().product())
    };
    let shape = graph.shape(output);
    let width = match shape {
        // Rows that cannot be counted before a run are taken for samples; a run that has others is refused.
        Some([Dim::Batch(1) | Dim::Fixed(_) | Dim::Unknown, rest @ ..]) if !rest.is_empty() => along_one(rest),
        Some([Dim::Fixed(k)]) if fixed_batch == Some(1) => Some(*k),
        Some([Dim::Batch(1) | Dim::Unknown]) => Some(1),
        Some([Dim::Fixed(n)]) if fixed_batch == Some(*n) => Some(1),
        Some([]) if fixed_batch == Some(1) => Some(1),
        _ => None,
    };
    width.filter(|&width| width > 0).ok_or_else(|| SignatureError::Output {
        name: graph.value(output).name.clone(),
        shape: shape.map_or_else(|| "unknown before a run".to_owned(), shape_text),
        others: ports(graph, graph.outputs().iter().copied().filter(|&other| other != output)),
    })
}

/// Returns the threshold of a single score; `None` where there are several values.
fn threshold(name: &str, width: usize, ending: Ending, given: Option<f64>) -> Result<Option<f64>, SignatureError> {
    let bad = |value, problem| Err(SignatureError::BadThreshold { value, problem });
    match (width, given, ending) {
        (1, None, Ending::Sigmoid) => Ok(Some(0.5)),
        (1, None, _) => Ok(Some(0.0)),
        (1, Some(value), _) if !value.is_finite() => bad(value, "is not a finite number"),
        (1, Some(value), Ending::Sigmoid) if !(value > 0.0 && value < 1.0) => {
            bad(value, "can never be reached, because the score is a sigmoid and lies between 0 and 1")
        }
        (1, given, _) => Ok(given),
        (_, Some(_), _) => Err(SignatureError::Threshold { name: name.to_owned(), classes: width }),
        (_, None, _) => Ok(None),
    }
}

pub(crate) fn ports(graph: &Graph, ids: impl Iterator<Item = ValueId>) -> Vec<String> {
    ids.map(|id| {
        let value = graph.value(id);
        let dtype = value.dtype.map_or_else(|| "of unknown type".to_owned(), |dtype| format!("{dtype:?}").to_lowercase());
        format!("`{}` {dtype} {}", value.name, value.shape.as_deref().map_or_else(|| "of unknown shape".to_owned(), shape_text))
    })
    .collect()
}

fn shape_text(shape: &[Dim]) -> String {
    let dims: Vec<String> = shape.iter().map(ToString::to_string).collect();
    format!("[{}]", dims.join(", "))
}
