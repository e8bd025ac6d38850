//! Choosing a runtime.

use std::path::Path;
use std::sync::Arc;

use crate::discover::{self, Candidate, Origin};
use crate::ort::{self, Loaded, OnnxRuntime};
use crate::rten::Rten;
use crate::{Device, EngineError, Runtime, RuntimeChoice, RuntimeSettings};

/// Opens a runtime.
///
/// # Guarantees
/// [`RuntimeChoice::Auto`] takes ONNX Runtime where one is found and usable, else rten, and then [`Runtime::note`]
/// says why; a device other than the processor or a library that the user named is never given up silently.
/// One process can load one ONNX Runtime: once it has, later calls without a named library use the same.
///
/// # Errors
/// [`EngineError::NotFound`], [`EngineError::Library`] or [`EngineError::Device`] when the choice cannot be met.
pub fn open(choice: RuntimeChoice, settings: &RuntimeSettings) -> Result<Arc<dyn Runtime>, EngineError> {
    if choice == RuntimeChoice::Rten {
        return Ok(Arc::new(Rten::new(settings, None)?));
    }
    match find(settings) {
        Ok((library, note)) => Ok(Arc::new(OnnxRuntime::new(library, settings, note)?)),
        Err(error) if choice == RuntimeChoice::Auto && settings.device == Device::Cpu && !is_named(&error, settings) => {
            Ok(Arc::new(Rten::new(settings, Some(format!("running on rten, about half as fast as ONNX Runtime: {error}")))?))
        }
        Err(error) => Err(error),
    }
}

/// Returns true when the error is about a library that the user asked for by name.
fn is_named(error: &EngineError, settings: &RuntimeSettings) -> bool {
    matches!(error, EngineError::Library { .. }) && (settings.library.is_some() || discover::named_by_environment().is_some())
}

/// Loads the first usable ONNX Runtime; the note names the ones that were passed over.
fn find(settings: &RuntimeSettings) -> Result<(Loaded, Option<String>), EngineError> {
    if settings.library.is_none()
        && let Some(loaded) = ort::loaded()
    {
        return Ok((loaded, None));
    }
    let mut refused: Vec<EngineError> = Vec::new();
    let search = discover::search(settings.library.as_deref())?;
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
