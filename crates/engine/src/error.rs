//! Why a model could not be run.

use std::fmt;
use std::path::PathBuf;

use brinell_graph::DType;

/// Where in a model's life a runtime refused it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Loading and optimising the model.
    Load,
    /// Executing it.
    Run,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Load => "load",
            Self::Run => "run",
        })
    }
}

/// Why a file cannot serve as ONNX Runtime.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LibraryProblem {
    /// Its release lacks functions that are called.
    #[error("version {version} is too old; 1.{least} or newer is needed")]
    TooOld {
        /// The release.
        version: String,
        /// Minor version of the oldest release that has all functions.
        least: u32,
    },
    /// It is no library, no ONNX Runtime, or another one is at work.
    #[error("{0}")]
    Unusable(String),
}

/// What can go wrong between a model and its runtime.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// No ONNX Runtime was found.
    #[error("no ONNX Runtime found ({looked})")]
    NotFound {
        /// Where was looked.
        looked: String,
    },

    /// A file cannot serve as ONNX Runtime.
    #[error("{} cannot be used as ONNX Runtime: {problem}", path.display())]
    Library {
        /// The file.
        path: PathBuf,
        /// What is wrong with it; its message is part of this error's, so that it is no source of its own.
        problem: LibraryProblem,
    },

    /// The runtime does not have the device that was asked for.
    #[error("{runtime} cannot run on device {device}: {reason}; available: {}", available.join(", "))]
    Device {
        /// The runtime.
        runtime: String,
        /// The device that was asked for.
        device: String,
        /// Why not.
        reason: String,
        /// What the runtime offers instead.
        available: Vec<String>,
        /// Whether it is this build of the runtime that lacks it, so that another one may have it.
        not_built_in: bool,
    },

    /// A file could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },

    /// A path names a folder, a pipe or a device.
    #[error("{} is not a regular file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },

    /// The runtime lacks operators that the model uses.
    #[error("{runtime} does not support these operators of {model}: {}", operators.join(", "))]
    Operators {
        /// The runtime.
        runtime: String,
        /// The model's file, or what stands for it.
        model: String,
        /// The operators, without repeats.
        operators: Vec<String>,
    },

    /// The runtime refuses the model.
    #[error("{runtime} cannot {stage} {model}: {reason}")]
    Model {
        /// The runtime.
        runtime: String,
        /// When it was refused.
        stage: Stage,
        /// The model's file, or what stands for it.
        model: String,
        /// The runtime's own words.
        reason: String,
    },

    /// An input or output has an element type that is not a number.
    #[error("{runtime} does not support the type {dtype} of `{port}` in {model}")]
    PortType {
        /// The runtime.
        runtime: String,
        /// The model's file, or what stands for it.
        model: String,
        /// The input or output.
        port: String,
        /// The element type, in the runtime's words.
        dtype: String,
    },

    /// A model behind an address does not answer as it should.
    #[error("{url}: {reason}")]
    Endpoint {
        /// The address.
        url: String,
        /// What is wrong, in the server's words where it has some.
        reason: String,
        /// The status that the server answered with, where it refused.
        status: Option<u16>,
    },

    /// A model that is a program of the host failed.
    #[error("{name}: {reason}")]
    Foreign {
        /// The model.
        name: String,
        /// What is wrong, in the words of the host where it has some.
        reason: String,
    },

    /// An output has more rows than samples were given.
    #[error(
        "the output `{output}` has {rows} rows for {samples} sample{}, so a row is not a sample; it may be a detection, a box or a step in time",
        if *samples == 1 { "" } else { "s" }
    )]
    Rows {
        /// Name of the output.
        output: String,
        /// Its first extent.
        rows: usize,
        /// Samples that were given.
        samples: usize,
    },

    /// The user stopped the work while a call waited.
    #[error("interrupted")]
    Interrupted,

    /// A feed does not fit the model.
    #[error("input `{name}`: {reason}")]
    Feed {
        /// The input.
        name: String,
        /// What does not fit.
        reason: String,
    },

    /// A whole number is too large for the integers that the runtime computes in.
    #[error("input `{name}`: {value} is too large, because {runtime} computes integers in {bits} bits")]
    TooWide {
        /// The runtime.
        runtime: String,
        /// The input.
        name: String,
        /// The number.
        value: i64,
        /// Bits of the runtime's integers.
        bits: u32,
    },

    /// A feed has another element type than the input.
    #[error("input `{name}` needs {expected:?} elements, but {found:?} were given")]
    FeedType {
        /// The input.
        name: String,
        /// The model's element type.
        expected: DType,
        /// The feed's element type.
        found: DType,
    },
}
