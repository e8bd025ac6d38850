//! rten, the runtime that is always there.

mod guard;
mod session;
mod sixteen;
mod support;

use std::path::Path;
use std::sync::Arc;

use brinell_graph::Graph;
use brinell_onnx::{Encoded, ExportError};
use rten::{LoadError, LoadErrorKind, Model, ModelOptions, ThreadPool};

pub use self::guard::is_guarded;
use crate::header::Header;
use crate::rten::session::RtenSession;
use crate::{Device, EngineError, Running, Runtime, Session, Stage};

/// The version of rten that is compiled in.
pub(crate) const VERSION: &str = "0.27.0";

const NAME: &str = "rten";

/// Nodes up to which a model is optimised: rten's search for nodes that can be fused takes time in the square of the longest chain.
const OPTIMIZED: usize = 4000;

/// rten on the processor.
///
/// # Guarantees
/// `f64` and `f16` models are computed in `f32`, and `i64` in `i32` (a value that does not fit is an error): rten has
/// no other types. Ports keep the types that the file declares, and values are converted at the border.
pub(crate) struct Rten {
    pool: Arc<ThreadPool>,
    note: Option<String>,
}

impl Rten {
    pub(crate) fn new(running: &Running, note: Option<String>) -> Result<Self, EngineError> {
        if running.device != Device::Cpu {
            return Err(EngineError::Device {
                runtime: NAME.to_owned(),
                device: running.device.to_string(),
                reason: "it has no accelerators".to_owned(),
                available: vec!["cpu".to_owned()],
                not_built_in: false,
            });
        }
        Ok(Self { pool: Arc::new(ThreadPool::with_num_threads(running.thread_count().get())), note })
    }

    fn session(
        &self,
        header: &Header,
        what: &str,
        load: impl FnOnce() -> Result<Model, LoadError> + Send,
    ) -> Result<Box<dyn Session>, EngineError> {
        let loaded = guard::first(header.nodes, load).map_err(|reason| failure(what, reason))?;
        let model = loaded.map_err(|error| refusal(&error, header, what))?;
        Ok(Box::new(RtenSession::new(model, header, Arc::clone(&self.pool), what, None)?))
    }

    /// A session on a file that rten refuses, in the operators that it is read as; `None` where a part of it is unread, or rten refuses that too.
    fn as_read(&self, path: &Path, what: &str, refusal: &EngineError) -> Option<Box<dyn Session>> {
        let model = brinell_onnx::read_file(path).ok().filter(|model| model.opaque().is_empty())?;
        let encoded = self.encode(&model.graph).ok()?;
        let header = Header::read(&encoded.bytes)?;
        let loaded = guard::first(header.nodes, || options(header.nodes).load(encoded.bytes)).ok()?.ok()?;
        let note = format!("{refusal}; it runs {what} instead, with equivalent operators");
        let session = RtenSession::new(loaded, &header, Arc::clone(&self.pool), what, Some(note)).ok()?;
        Some(Box::new(session))
    }
}

impl Runtime for Rten {
    fn name(&self) -> &str {
        NAME
    }

    fn version(&self) -> &str {
        VERSION
    }

    fn device(&self) -> &str {
        "cpu"
    }

    fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    fn encode(&self, graph: &Graph) -> Result<Encoded, ExportError> {
        let wide = sixteen::widened(graph).map_err(|error| ExportError::Graph(Box::new(error)))?;
        Ok(brinell_onnx::write(wide.as_ref().unwrap_or(graph))?.into())
    }

    fn compile(&self, model: &Encoded) -> Result<Box<dyn Session>, EngineError> {
        let what = "the generated model";
        let header = read_header(&model.bytes, what)?;
        let bytes = model.bytes.clone();
        self.session(&header, what, || options(header.nodes).load(bytes))
    }

    fn compile_file(&self, path: &Path) -> Result<Box<dyn Session>, EngineError> {
        let what = path.display().to_string();
        crate::open::require_file(path)?;
        let bytes = std::fs::read(path).map_err(|source| EngineError::Read { path: path.to_owned(), source })?;
        let header = read_header(&bytes, &what)?;
        let (external, bodies, nodes) = (header.external, header.nested, header.nodes);
        let direct = if bodies {
            // Its plans lose what a body inside a body takes from outside both.
            Err(failure(&what, "it has nested subgraphs".to_owned()))
        } else {
            self.session(&header, &what, || if external { options(nodes).load_file(path) } else { options(nodes).load(bytes) })
        };
        direct.or_else(|refusal| self.as_read(path, &what, &refusal).ok_or(refusal))
    }
}

fn failure(what: &str, reason: String) -> EngineError {
    EngineError::Model { runtime: NAME.to_owned(), stage: Stage::Load, model: what.to_owned(), reason }
}

/// How a model of so many nodes is loaded.
fn options(nodes: usize) -> ModelOptions {
    let mut options = ModelOptions::with_all_ops();
    options.prepack_weights(true);
    options.enable_optimization(nodes <= OPTIMIZED);
    options
}

fn read_header(model: &[u8], what: &str) -> Result<Header, EngineError> {
    Header::read(model).ok_or_else(|| failure(what, "not an ONNX model, or incomplete".to_owned()))
}

/// Turns a load error into one that names all operators that are missing, not only the first.
fn refusal(error: &LoadError, header: &Header, what: &str) -> EngineError {
    let operators = if error.kind() == LoadErrorKind::OperatorInvalid { support::missing(header) } else { Vec::new() };
    if operators.is_empty() {
        failure(what, error.to_string())
    } else {
        EngineError::Operators { runtime: NAME.to_owned(), model: what.to_owned(), operators }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_version_is_the_locked_one() {
        let lock = include_str!("../../../Cargo.lock");
        let after = lock.split("name = \"rten\"\nversion = \"").nth(1).unwrap();
        assert!(after.starts_with(&format!("{}\"", super::VERSION)));
    }
}
