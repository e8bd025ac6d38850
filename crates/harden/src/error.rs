use std::path::PathBuf;

use brinell_record::FileError;

/// Why a model cannot be hardened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HardenError {
    /// Model and data cannot be used.
    #[error("{0}")]
    Subject(#[from] brinell_subject::SubjectError),
    /// Data cannot be used.
    #[error("{0}")]
    Data(#[from] brinell_data::DataError),
    /// The audits at the end.
    #[error("{0}")]
    Audit(#[from] brinell_audit::AuditError),
    /// A run on disk.
    #[error("{0}")]
    Ledger(#[from] brinell_ledger::LedgerError),
    /// A file.
    #[error("{0}")]
    File(#[from] FileError),
    /// A graph of training cannot be built.
    #[error("{0}")]
    Oracle(#[from] brinell_engine::OracleError),
    /// The runtime refused.
    #[error("{0}")]
    Engine(#[from] brinell_engine::EngineError),
    /// A loss cannot be differentiated.
    #[error("{0}")]
    Autodiff(#[from] brinell_autodiff::AutodiffError),
    /// A graph of training cannot be written for the runtime.
    #[error("the training graph cannot be written for the runtime")]
    Export(#[from] brinell_onnx::ExportError),
    /// The model file cannot be read.
    #[error("cannot read the model {}", path.display())]
    Import {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Box<brinell_onnx::ImportError>,
    },
    /// The threads cannot be started.
    #[error("cannot start threads")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// The model is behind an address.
    #[error("{} is an address, but only a file can be trained", model.display())]
    Address {
        /// The address.
        model: PathBuf,
    },
    /// There is nothing to train.
    #[error("none of the {tensors} tensors of {} can be trained{}", model.display(), reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}")))]
    NothingToTrain {
        /// The model.
        model: PathBuf,
        /// Tensors that hold numbers.
        tensors: usize,
        /// Why, where all of them have the same reason.
        reason: Option<String>,
    },
    /// The model computes with quantised numbers.
    #[error("{} is quantised ({operator}), and quantised weights cannot be trained", model.display())]
    Quantised {
        /// The model.
        model: PathBuf,
        /// The first operator that does.
        operator: String,
    },
    /// The model is of a kind that is not trained.
    #[error("{} {what}, which cannot be trained", model.display())]
    Unsupported {
        /// The model.
        model: PathBuf,
        /// What it does, such as `takes whole numbers`.
        what: String,
    },
    /// A name or pattern fits no tensor that could be trained.
    #[error("no trainable tensor is named `{pattern}`; the trainable tensors are {}", names.join(", "))]
    NoSuchTensor {
        /// The pattern.
        pattern: String,
        /// Names of those that can.
        names: Vec<String>,
    },
    /// The norm is not one that training attacks in.
    #[error("training supports the norms linf and l2, not {norm}")]
    Norm {
        /// The norm.
        norm: &'static str,
    },
    /// The threat is not one that training attacks.
    #[error("training needs a radius above 0, and no target class; {what}")]
    Threat {
        /// What was asked instead.
        what: String,
    },
    /// A setting is outside its range.
    #[error("{setting} is {value}; {range}")]
    Setting {
        /// The setting.
        setting: &'static str,
        /// Its value.
        value: String,
        /// What is allowed.
        range: &'static str,
    },
    /// Two of training, validation and test samples are the same file.
    #[error("{} is given as {first} data and as {second} data", path.display())]
    SameFile {
        /// The file.
        path: PathBuf,
        /// One use.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// Samples of two parts are the same.
    #[error("{shared} of {n} {part} samples are also in the training data {}", path.display())]
    Overlap {
        /// `validation` or `test`.
        part: &'static str,
        /// Samples that stand in both.
        shared: usize,
        /// Samples of the part.
        n: usize,
        /// The training data.
        path: PathBuf,
    },
    /// A part has too few samples.
    #[error("{n} {part} samples are too few; at least {least} are needed")]
    TooFew {
        /// `training`, `validation` or `test`.
        part: &'static str,
        /// Samples.
        n: usize,
        /// Samples needed.
        least: usize,
    },
    /// The samples of a part have another shape than those of training.
    #[error("{part} samples have shape {found:?}, but training samples have shape {expected:?}")]
    Shape {
        /// `validation` or `test`.
        part: &'static str,
        /// Their shape.
        found: Vec<usize>,
        /// That of training samples.
        expected: Vec<usize>,
    },
    /// The model's loss is no number before anything was trained.
    #[error("the loss of the model is already {loss} before the first step")]
    LossAtStart {
        /// The loss.
        loss: f64,
    },
    /// Training broke down again after it was rolled back.
    #[error("training {what} at step {step}; it had already been rolled back once")]
    BrokeDown {
        /// `collapsed`, `diverged` or `learned nothing`.
        what: &'static str,
        /// The step.
        step: usize,
    },
    /// No epoch is more robust than the model was.
    #[error("training did not help: in no epoch did more validation samples survive than with the original model ({robust} of {n})")]
    NoGain {
        /// Samples that survive.
        robust: usize,
        /// Validation samples.
        n: usize,
    },
    /// No clean weight of a curve made the model more robust.
    #[error("none of the {weights} clean weights made the model more robust on the validation samples")]
    NoWeightGains {
        /// Clean weights that were tried.
        weights: usize,
    },
    /// Not even one epoch fits into the time.
    #[error("one epoch takes about {epoch:.0} s, but only {budget:.0} s are allowed")]
    Budget {
        /// Seconds of one epoch.
        epoch: f64,
        /// Seconds allowed.
        budget: f64,
    },
    /// The file to write exists.
    #[error("{} exists already", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The weights lie in a file of their own, which the new model would share with the old one.
    #[error("the weights of {} are stored in {location}; the hardened model would overwrite them, because its weights need a file of the same name in the same folder", model.display())]
    ExternalBeside {
        /// The model.
        model: PathBuf,
        /// The file of the weights.
        location: String,
    },
    /// The folder holds no training run, or another one.
    #[error("the run in {} cannot be continued: {what}", folder.display())]
    Resume {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        what: String,
    },
    /// What was written does not compute what was trained.
    #[error("the outputs of the written file differ from those of the trained model by {gap:.1e}")]
    NotEquivalent {
        /// Largest difference of an output.
        gap: f64,
    },
    /// The user stopped.
    #[error("interrupted")]
    Interrupted,
    /// A runtime answered with another number of values than was due, or a file contradicts itself.
    #[error("{what}")]
    Internal {
        /// What was found.
        what: String,
    },
}
