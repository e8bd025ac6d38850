use std::path::PathBuf;

use brinell_data::{DataError, UnknownClass};
use brinell_record::{FileError, Scale};

/// Why a model and its data cannot be tested.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubjectError {
    /// A file cannot be read.
    #[error("{0}")]
    File(#[from] FileError),
    /// The model file cannot be read.
    #[error("cannot read the model {}", path.display())]
    Model {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Box<brinell_onnx::ImportError>,
    },
    /// The data cannot be used.
    #[error("{0}")]
    Data(#[from] DataError),
    /// The target or a label is no class of the model.
    #[error("{0}")]
    Class(#[from] UnknownClass),
    /// The model is no classifier, cannot be differentiated, or the runtime refuses it.
    #[error("{0}")]
    Oracle(#[source] brinell_engine::OracleError),
    /// A runtime cannot be used.
    #[error("{0}")]
    Engine(#[source] brinell_engine::EngineError),
    /// Data and model do not fit.
    #[error("{0}")]
    Preprocess(#[from] brinell_engine::PreprocessError),
    /// A model in double precision answers otherwise for the numbers of the data than for these in single precision.
    #[error(
        "{}: the model computes in double precision, but attacks change inputs in single precision; when sample {sample} is rounded to single precision, the answer changes from {} to {}",
        path.display(), class(*own), class(*rounded)
    )]
    Rounded {
        /// The data.
        path: PathBuf,
        /// Number of the sample.
        sample: usize,
        /// The class of the numbers as they are; `None` where an output is not finite.
        own: Option<usize>,
        /// The class of the rounded numbers.
        rounded: Option<usize>,
    },
    /// Preprocessing of images was asked for inputs that each take columns of a table.
    #[error("{option} cannot be used here: the model's inputs {inputs} take the columns of the table without change")]
    Joined {
        /// Names of the inputs.
        inputs: String,
        /// The option: `mean`, `std`, `layout` or `shape`.
        option: &'static str,
    },
    /// The ball or the box is unusable.
    #[error("{0}")]
    Threat(#[from] brinell_threat::ThreatError),
    /// What an input is to be held at does not fit it.
    #[error("{}: array `{name}` {problem}", path.display())]
    Held {
        /// The file with the array.
        path: PathBuf,
        /// Name of the input.
        name: String,
        /// What does not fit.
        problem: brinell_engine::HeldError,
    },
    /// The model refuses samples, and what is asked knows only models that always answer.
    #[error("{} refuses samples whose `{output}` is too high, but {work} needs a model that always answers", path.display())]
    Refuses {
        /// The model.
        path: PathBuf,
        /// The output by which it refuses.
        output: String,
        /// What is asked.
        work: &'static str,
    },
    /// Sizes that the model leaves free cannot be those of the data.
    #[error("the samples have shape {found:?}, but the model's input `{input}` needs [{takes}]")]
    Sample {
        /// Shape of a sample of the data.
        found: Vec<usize>,
        /// Name of the input.
        input: String,
        /// Its shape.
        takes: String,
    },
    /// Sizes that the model leaves free are those of the data, and its nodes do not take them.
    #[error("the samples have shape {found:?}, which the model does not accept")]
    Sized {
        /// Shape of a sample of the data.
        found: Vec<usize>,
        /// What is wrong.
        #[source]
        source: Box<SubjectError>,
    },
    /// The model's input takes whole numbers of a type that does not have all of the box.
    #[error(
        "the model's input `{input}` takes whole numbers ({dtype:?}), but after preprocessing the values would range from {lo} to {hi}"
    )]
    IntegerRange {
        /// Name of the input.
        input: String,
        /// Its type.
        dtype: brinell_graph::DType,
        /// Least value that the box allows.
        lo: f64,
        /// Largest value that the box allows.
        hi: f64,
    },
    /// The box allows numbers that pick no row of the table that the input picks rows of, or hardly any.
    #[error(
        "the model's input `{input}` is an index into an embedding with {rows} rows, so its values are whole numbers from 0 to {most}; the range {lo}..{hi} does not fit"
    )]
    EmbeddingRange {
        /// Name of the input.
        input: String,
        /// Rows of the table.
        rows: usize,
        /// Least value that the box allows.
        lo: f64,
        /// Largest value that the box allows.
        hi: f64,
        /// Largest number that picks a row.
        most: usize,
    },
    /// The ball is smaller than the step from one whole number to the next.
    #[error(
        "eps {eps} allows no change at all: the model's input `{input}` takes whole numbers ({dtype:?}), so the smallest possible change is {step} in units of the input's range"
    )]
    IntegerStep {
        /// Name of the input.
        input: String,
        /// Its type.
        dtype: brinell_graph::DType,
        /// Smallest change.
        step: f64,
        /// The radius.
        eps: f64,
        /// True where the values are features with units of their own, as in a table.
        features: bool,
    },
    /// The data are in another scale than the declared one.
    #[error("the data range from {least} to {most}, which fits the scale {other}, but the scale was given as {scale}")]
    OtherScale {
        /// Least value of the first samples.
        least: f32,
        /// Largest value of the first samples.
        most: f32,
        /// The declared scale.
        scale: Scale,
        /// The scale that the data are in.
        other: Scale,
    },
    /// Mean and deviation are those of another scale than the declared one.
    #[error("mean {mean:?} and standard deviation {std:?} fit the scale {other}, but the scale was given as {scale}")]
    OtherMoments {
        /// The mean; empty where none is given.
        mean: Vec<f32>,
        /// The deviation; empty where none is given.
        std: Vec<f32>,
        /// The declared scale.
        scale: Scale,
        /// The scale that they belong to.
        other: Scale,
    },
    /// The number of class names differs from the model's classes.
    #[error("{} names {found} classes, but the model has {classes}", path.display())]
    ClassCount {
        /// The file of names.
        path: PathBuf,
        /// Names in it.
        found: usize,
        /// Classes of the model.
        classes: usize,
    },
    /// The graph that attacks would query computes something else than the file.
    #[error(
        "{}: the graph that the attacks use gives other results than the file (relative difference {gap:.1e})",
        path.display()
    )]
    NotEquivalent {
        /// The file.
        path: PathBuf,
        /// Largest difference relative to the largest output.
        gap: f32,
    },
    /// A rule about a feature cannot be kept.
    #[error("[[feature]] `{column}`: {reason}")]
    Feature {
        /// The column as named, or its number.
        column: String,
        /// What is wrong.
        reason: String,
    },
    /// The model file was replaced while it was tested.
    #[error("{} changed during the test, from SHA-256 {before} to {now}; the results are not valid for either version", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
        /// Digest of what was read.
        before: String,
        /// Digest now.
        now: String,
    },
    /// The rows of what a model answers are not its samples.
    #[error("{}: the model's answers to {batch} samples in one request differ from its answers to single samples: {seem}", path.display())]
    Rows {
        /// The file, or the address.
        path: PathBuf,
        /// Samples that were asked about at once.
        batch: usize,
        /// What the rows seem to be.
        seem: &'static str,
    },
    /// A path looks like an address, and is none that a model is asked at.
    #[error("the address of the model must begin with http:// or https://")]
    Address,
    /// An attack that changes pictures on what is none.
    #[error("the attack {attack} works on images only, and samples of shape {shape:?} are not images")]
    NoPicture {
        /// The attack.
        attack: String,
        /// The shape of a sample.
        shape: Vec<usize>,
    },
    /// The task is not asked for as it should be.
    #[error("{0}")]
    Task(#[from] brinell_record::TaskError),
    /// A loss of classes is asked for, and the task is another one.
    #[error("this loss is defined for classification only, and the task is {task}")]
    LossOfTask {
        /// The task.
        task: brinell_record::TaskKind,
    },
    /// A target is asked for, and the task has none.
    #[error("a target class can only be given for classification, and the task is {task}")]
    Target {
        /// The task.
        task: brinell_record::TaskKind,
    },
    /// Several sigmoids are read as one class.
    #[error("the output `{output}` has {labels} sigmoids, one for each label, so the largest one is not the answer by itself")]
    Sigmoids {
        /// Name of the output.
        output: String,
        /// How many there are.
        labels: usize,
    },
    /// Several values that say something each by itself are read as one class.
    #[error(
        "the {labels} values of the output `{output}` seem to be labels that may apply together: each {why}, and their sum {sum}; the largest is no answer"
    )]
    Independent {
        /// Name of the output.
        output: String,
        /// How many there are.
        labels: usize,
        /// What shows that each stands alone.
        why: &'static str,
        /// What their sum shows.
        sum: &'static str,
    },
    /// Labels have probabilities by their values, and nothing says from which on one applies.
    #[error(
        "the values of the output `{output}` lie between 0 and 1 but do not come from a sigmoid, so it is not clear from which value on a label applies"
    )]
    Cut {
        /// Name of the output.
        output: String,
    },
    /// Pairs are given to a task without them.
    #[error("the task {task} does not use pairs of samples")]
    Pairs {
        /// The task.
        task: brinell_record::TaskKind,
    },
    /// The reference of a pair has no embedding.
    #[error("the model's embedding of the reference of pair {pair} is zero or not finite")]
    Reference {
        /// Number of the pair, from 0.
        pair: usize,
    },
    /// Pairs whose other inputs differ from sample to sample.
    #[error(
        "the model's other inputs have different values for each sample, which does not work with pairs: a pair has one row for two samples"
    )]
    HeldPairs,
    /// Nothing says what is right about a sample.
    #[error("the data contain no label for sample {sample}")]
    NoTruth {
        /// Its number.
        sample: usize,
    },
    /// The user stopped the work.
    #[error("interrupted")]
    Interrupted,
}

fn class(class: Option<usize>) -> String {
    class.map_or_else(|| "no class".to_owned(), |class| format!("class {class}"))
}

impl From<brinell_engine::EngineError> for SubjectError {
    fn from(error: brinell_engine::EngineError) -> Self {
        match error {
            brinell_engine::EngineError::Interrupted => Self::Interrupted,
            error => Self::Engine(error),
        }
    }
}

impl From<brinell_engine::OracleError> for SubjectError {
    fn from(error: brinell_engine::OracleError) -> Self {
        match error {
            brinell_engine::OracleError::Engine(error) => error.into(),
            error => Self::Oracle(error),
        }
    }
}
