use std::path::PathBuf;

use brinell_record::FileError;

/// Why a model cannot be defended, or a race not be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DefendError {
    /// Model and data cannot be used.
    #[error("{0}")]
    Subject(#[from] brinell_subject::SubjectError),
    /// A run on disk.
    #[error("{0}")]
    Ledger(#[from] brinell_ledger::LedgerError),
    /// A file.
    #[error("{0}")]
    File(#[from] FileError),
    /// A model cannot be asked.
    #[error("{0}")]
    Oracle(#[from] brinell_engine::OracleError),
    /// The runtime refused.
    #[error("{0}")]
    Engine(#[from] brinell_engine::EngineError),
    /// An attack is none.
    #[error("{0}")]
    Attack(#[from] brinell_attack::AttackError),
    /// The transform cannot be appended.
    #[error("the defence does not fit the model")]
    Graph(#[from] brinell_graph::GraphError),
    /// The transform cannot be written.
    #[error("the defence cannot be written for the runtime")]
    Export(#[from] brinell_onnx::ExportError),
    /// The transform cannot be put in front of the file.
    #[error("nothing can be put in front of {}", path.display())]
    Prefix {
        /// The model.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<brinell_onnx::WrapError>,
    },
    /// The threads cannot be started.
    #[error("cannot start threads")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// The model is behind an address.
    #[error("{} is an address: only a file can be defended", model.display())]
    Address {
        /// The address.
        model: PathBuf,
    },
    /// The file has a defence already.
    #[error("{} has a defence already: {defence}", model.display())]
    Already {
        /// The model.
        model: PathBuf,
        /// Its transforms.
        defence: String,
    },
    /// The model does not take any number of samples.
    #[error("{} has no free batch: it takes {batch} {} at a time", model.display(), if *batch == 1 { "sample" } else { "samples" })]
    Batch {
        /// The model.
        model: PathBuf,
        /// What it takes.
        batch: usize,
    },
    /// The model is of a kind that has no defence here.
    #[error("{} {what}, and has no defence here", model.display())]
    Unsupported {
        /// The model.
        model: PathBuf,
        /// What it does, such as `takes whole numbers`.
        what: String,
    },
    /// A transform does not take these samples.
    #[error("{transform} cannot be used: {reason}")]
    Transform {
        /// The transform.
        transform: String,
        /// Why.
        reason: String,
    },
    /// There are too few samples.
    #[error("there are {found} {what}; at least {needed} are needed")]
    TooFew {
        /// Which samples.
        what: String,
        /// How many are needed.
        needed: usize,
        /// How many there are.
        found: usize,
    },
    /// A share of ordinary samples that may be refused is none.
    #[error("a false-positive rate of {fpr} is not between 0 and 1")]
    Share {
        /// As given.
        fpr: f64,
    },
    /// The suspicion of a sample is no number.
    #[error("the suspicion of sample {sample} is not a finite number")]
    Score {
        /// The sample.
        sample: usize,
    },
    /// Nothing to defend with.
    #[error("no transform is given")]
    Nothing,
    /// A defence costs more clean accuracy than is allowed.
    #[error(
        "{transforms} costs {loss:.1} points of clean accuracy ({before} of {n} samples right without, {after} with), more than the {limit} that are allowed"
    )]
    CleanLoss {
        /// The transforms.
        transforms: String,
        /// Points lost.
        loss: f64,
        /// Samples right without it.
        before: usize,
        /// Samples right with it.
        after: usize,
        /// Samples.
        n: usize,
        /// Points that may be lost.
        limit: f64,
    },
    /// A file is there already.
    #[error("{} exists already", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file that was written computes something else than transform and model one after the other.
    #[error("the defended file computes something else than the defence and the model one after the other: a difference of {gap:.1e}")]
    NotEquivalent {
        /// Largest difference, relative to the largest output.
        gap: f64,
    },
    /// A race needs something else than was asked.
    #[error("a race needs {needs}; {found} is asked for")]
    Threat {
        /// What is needed.
        needs: &'static str,
        /// What was asked.
        found: String,
    },
    /// A detector needs samples for its threshold.
    #[error("{detector} needs samples for its threshold, and none are given")]
    NoCalibration {
        /// The detector.
        detector: String,
    },
    /// The same defence twice.
    #[error("{name} is given twice")]
    Twice {
        /// The defence.
        name: String,
    },
    /// Nothing to attack.
    #[error("{} gets none of the {n} samples right", model.display())]
    NothingRight {
        /// The model.
        model: PathBuf,
        /// Samples.
        n: usize,
    },
    /// Samples that must be others are the same.
    #[error("{count} of the samples that must be new are among those already used")]
    Overlap {
        /// Samples.
        count: usize,
    },
    /// The user stopped it.
    #[error("interrupted; the run can be resumed")]
    Interrupted,
}
