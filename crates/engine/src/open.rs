//! Choosing a runtime.

use std::path::Path;
use std::sync::Arc;

use crate::discover::{self, Candidate, Origin};
use crate::ort::{self, Loaded, OnnxRuntime};
use crate::rten::Rten;
use crate::{Device, EngineError, Running, Runtime, RuntimeChoice};

/// Opens a runtime.
///
/// # Guarantees
/// [`RuntimeChoice::Auto`] takes ONNX Runtime where one is found and usable, else rten, and then [`Runtime::note`]
/// says why; a device other than the processor or a library that the user named is never given up silently.
/// One process can load one ONNX Runtime: once it has, later calls without a named library use the same.
///
/// # Errors
/// [`EngineError::NotFound`], [`EngineError::Library`] or [`EngineError::Device`] when the choice cannot be met.
pub fn open(running: &Running) -> Result<Arc<dyn Runtime>, EngineError> {
    if running.runtime == RuntimeChoice::Rten {
        return Ok(Arc::new(Rten::new(running, None)?));
    }
    match find(running) {
        Ok((library, note)) => Ok(Arc::new(OnnxRuntime::new(library, running, note)?)),
        Err(error) if running.runtime == RuntimeChoice::Auto && running.device == Device::Cpu && !is_named(&error, running) => {
            Ok(Arc::new(Rten::new(running, Some(format!("running on rten, which is about half as fast as ONNX Runtime: {error}")))?))
        }
        Err(error) => Err(error),
    }
}

/// Returns true when the error is about a library that the user asked for by name.
fn is_named(error: &EngineError, running: &Running) -> bool {
    matches!(error, EngineError::Library { .. }) && (running.onnxruntime.is_some() || discover::named_by_environment().is_some())
}

/// Loads the first usable ONNX Runtime; the note names the ones that were passed over.
fn find(running: &Running) -> Result<(Loaded, Option<String>), EngineError> {
    if running.onnxruntime.is_none()
        && let Some(loaded) = ort::loaded()
    {
        return Ok((loaded, None));
    }
    let mut refused: Vec<EngineError> = Vec::new();
    let search = discover::search(running.onnxruntime.as_deref())?;
    for Candidate { path, origin } in search.candidates {
        match ort::load(&path) {
            Err(_) if origin == Origin::System && ort::inspect(&path).is_err_and(|refusal| !refusal.opens) => {}
            Ok(loaded) => {
                let note = refused.first().map(|error| format!("{error}; using {} instead", loaded.path.display()));
                return Ok((loaded, note));
            }
            Err(error) if origin.is_named() => return Err(error),
            Err(error) => refused.push(error),
        }
    }
    Err(refused.into_iter().next().unwrap_or(EngineError::NotFound { looked: search.looked }))
}

/// Refuses a path that names something else than a file, before it is opened: a pipe would wait for somebody to write.
pub(crate) fn require_file(path: &Path) -> Result<(), EngineError> {
    let metadata = std::fs::metadata(path).map_err(|source| EngineError::Read { path: path.to_owned(), source })?;
    if metadata.is_file() { Ok(()) } else { Err(EngineError::NotAFile { path: path.to_owned() }) }
}
