//! Golden cases: small graphs with inputs, outputs and gradients that another program computed.

mod attributes;
mod case;
mod op;

use std::path::{Path, PathBuf};

pub use case::{Case, CaseInput, CaseOutput, Differentiated, Variant};

/// Why a golden file could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GoldenError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The file is not what the generator writes.
    #[error("cannot parse {}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
    /// A case cannot be built.
    #[error("case `{case}`: {problem}")]
    Case {
        /// Name of the case.
        case: String,
        /// What is wrong.
        problem: String,
    },
    /// The graph refuses a node of a case.
    #[error("case `{case}` is refused by the graph")]
    Graph {
        /// Name of the case.
        case: String,
        /// What the graph says.
        #[source]
        source: brinell_graph::GraphError,
    },
}

/// Families of differentiable operators with golden cases; the losses are a family of their own, `loss`.
pub const GOLDEN_FAMILIES: [&str; 10] =
    ["elementwise", "arithmetic", "linear", "window", "normalise", "reduce", "layout", "index", "composite", "quant"];

/// Returns the folder of the golden files.
#[must_use]
pub fn golden_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden")
}

/// Returns the cases of one family, in the order of its file.
///
/// # Errors
/// [`GoldenError`] where the file is absent or not what the generator writes.
pub fn golden_cases(family: &str) -> Result<Vec<Case>, GoldenError> {
    let path = golden_dir().join(format!("{family}.json"));
    let text = std::fs::read_to_string(&path).map_err(|source| GoldenError::Read { path: path.clone(), source })?;
    serde_json::from_str(&text).map_err(|source| GoldenError::Parse { path, source })
}
