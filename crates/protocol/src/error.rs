use std::path::PathBuf;

use crate::data::{DataError, UnknownClass};

/// Why an audit cannot start or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// An attack needs a radius where none is given.
    #[error("attack {attack} needs a radius: give --eps instead of --minimum-norm, or attacks that look for the nearest example: {others}")]
    RadiusOfAttack {
        /// The attack.
        attack: String,
        /// Attacks that need none, in this norm.
        others: String,
    },
    /// An attack needs to see more of the model than the attacker may.
    #[error("attack {attack} needs {needs} access, and --knowledge grants {knowledge}; attacks that fit: {others}")]
    KnowledgeOfAttack {
        /// The attack.
        attack: String,
        /// What it needs to see.
        needs: &'static str,
        /// What it may see.
        knowledge: &'static str,
        /// Attacks that need no more.
        others: String,
    },
    /// An attack needs the gradient of a model that has none.
    #[error(
        "attack {attack} needs the gradient of the model; attack it by its scores with --knowledge score, or by its predictions with --knowledge label"
    )]
    NoGradient {
        /// The attack.
        attack: String,
        /// Why there is none.
        #[source]
        source: Box<brinell_engine::OracleError>,
    },
    /// Sizes that the model leaves free cannot be those of the data.
    #[error(
        "samples of shape {found:?} do not fit the model's input `{input}` [{takes}]; give data that do, or say the sizes of one sample with --shape"
    )]
    Sample {
        /// Shape of a sample of the data.
        found: Vec<usize>,
        /// Name of the input.
        input: String,
        /// Its shape.
        takes: String,
    },
    /// Sizes that the model leaves free are those of the data, and its nodes do not take them.
    #[error(
        "the model does not take samples of shape {found:?}, which is that of the data; give other data, or say the sizes of one sample with --shape"
    )]
    Sized {
        /// Shape of a sample of the data.
        found: Vec<usize>,
        /// What is wrong.
        #[source]
        source: Box<ProtocolError>,
    },
    /// A case of the attacks' contract cannot be run.
    #[error("the self-test cannot run")]
    Contract(#[from] brinell_contract::HarnessError),
    /// An attack does not work in the norm.
    #[error("attack {attack} does not work in {norm}, but in {norms}; attacks for {norm}: {others}")]
    NormOfAttack {
        /// The attack.
        attack: String,
        /// The norm of the plan.
        norm: &'static str,
        /// Norms of the attack.
        norms: String,
        /// Attacks that work in the norm.
        others: String,
    },
    /// A claim file cannot be checked or written.
    #[error(transparent)]
    Claim(#[from] crate::claim::ClaimError),
    /// Evidence or a run cannot be replayed.
    #[error(transparent)]
    Replay(#[from] crate::replay::ReplayError),
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
    #[error(transparent)]
    Data(#[from] DataError),
    /// The target or a label is no class of the model.
    #[error(transparent)]
    Class(#[from] UnknownClass),
    /// The model is no classifier, cannot be differentiated, or the runtime refuses it.
    #[error(transparent)]
    Oracle(#[from] brinell_engine::OracleError),
    /// A runtime cannot be used.
    #[error(transparent)]
    Engine(#[from] brinell_engine::EngineError),
    /// Data and model do not fit.
    #[error(transparent)]
    Preprocess(#[from] brinell_engine::PreprocessError),
    /// The ball or the box is unusable.
    #[error(transparent)]
    Threat(#[from] brinell_threat::ThreatError),
    /// An attack is unknown or misconfigured.
    #[error(transparent)]
    Attack(#[from] brinell_attack::AttackError),
    /// The model's input takes whole numbers of a type that does not have all of the box.
    #[error(
        "the model's input `{input}` takes whole numbers ({dtype:?}), but values from {lo} to {hi} would reach it; check --scale, --mean and --std"
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
        "the numbers of the model's input `{input}` pick rows of an embedding with {rows} rows, and {lo}..{hi} is no range of such names; say which may stand there in brinell.toml: [[feature]] columns = [\"*\"], min = 0, max = {most}, integer = true, keep = [numbers of padding and marks], and attack with --norm l0 --eps N, N places that may change (docs/tables.md); for gradients export the model from its embeddings on"
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
        "the model's input `{input}` takes whole numbers ({dtype:?}), so that the smallest change is {step} in units of --scale, and eps is {eps}; for pixels give --scale 0..255 and eps on that scale, such as 8 instead of 8/255"
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
        "{}: the graph that attacks query gives other results than the file does (relative difference {gap:.1e}); please report this model",
        path.display()
    )]
    NotEquivalent {
        /// The file.
        path: PathBuf,
        /// Largest difference relative to the largest output.
        gap: f32,
    },
    /// A file of the run cannot be read or written.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// What was tried: `create`, `write`, `read`, `lock`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The folder holds a run already.
    #[error("{} holds a run already; continue it with --resume, or choose another folder with --out", path.display())]
    OutExists {
        /// The folder.
        path: PathBuf,
    },
    /// There is no run to go on with.
    #[error("{} holds no run that could be resumed; leave out --resume to start one", path.display())]
    NothingToResume {
        /// The folder.
        path: PathBuf,
    },
    /// Another process is writing to the folder.
    #[error("another run is writing to {}; wait for it, or choose another folder with --out", path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// The run on disk was made with something else.
    #[error("cannot resume {}: {what} changed from {before} to {now}; start a new run in another folder with --out", path.display())]
    Stale {
        /// The folder.
        path: PathBuf,
        /// What differs.
        what: String,
        /// Its value in the run on disk.
        before: String,
        /// Its value now.
        now: String,
    },
    /// The folder holds no run that came to its end.
    #[error(
        "{} holds no finished run: {}",
        path.display(),
        if *stopped { "it was stopped; finish it with `brinell audit --resume --out` and its settings" } else { "there is no summary.json in it" }
    )]
    NoRun {
        /// The folder.
        path: PathBuf,
        /// True where a run was begun.
        stopped: bool,
    },
    /// Another version wrote the file.
    #[error("{} has the schema {found}, and this version reads {expected}; use the version that wrote it, or audit again", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// Schema that it names.
        found: String,
        /// Schema that is read.
        expected: &'static str,
    },
    /// The summary of a run says something else than its record.
    #[error(
        "{}: summary.json says that {what} is {summary}, but record.jsonl gives {record}; the run was changed after it ended, so audit again",
        path.display()
    )]
    Disagrees {
        /// The folder.
        path: PathBuf,
        /// The figure.
        what: String,
        /// Its value in the summary.
        summary: String,
        /// Its value in the record.
        record: String,
    },
    /// Two runs cannot be compared sample by sample.
    #[error("{} and {} cannot be compared sample by sample: {what}: {a} and {b}; audit both models on the same samples", run_a.display(), run_b.display())]
    NotPaired {
        /// Folder of the first run.
        run_a: PathBuf,
        /// Folder of the second run.
        run_b: PathBuf,
        /// What differs.
        what: &'static str,
        /// Its value in the first run.
        a: String,
        /// Its value in the second run.
        b: String,
    },
    /// A file of the run does not hold what Brinell writes there.
    #[error("{} is damaged: {problem}; start a new run in another folder with --out", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A rule about a feature cannot be kept.
    #[error("[[feature]] `{column}`: {reason}")]
    Feature {
        /// The column as named, or its number.
        column: String,
        /// What is wrong.
        reason: String,
    },
    /// An attack reads trees, and there are none that it could read.
    #[error(
        "attack {attack} reads the trees of the model, which it cannot: {reason}; attack it by its scores or labels instead (--suite score, --suite label)"
    )]
    NoTrees {
        /// The attack.
        attack: String,
        /// Why not.
        reason: String,
    },
    /// The user stopped the run.
    #[error("interrupted; continue with --resume")]
    Interrupted,
}

impl ProtocolError {
    /// Returns a conversion for I/O errors on `path`.
    pub(crate) fn io(doing: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { doing, path, source }
    }
}
