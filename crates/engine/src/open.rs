//! Choosing a runtime.

use std::sync::Arc;

use crate::{EngineError, Runtime, RuntimeChoice, RuntimeSettings};

/// Opens a runtime.
///
/// # Guarantees
/// [`RuntimeChoice::Auto`] takes ONNX Runtime where one is found and usable, else rten, and then [`Runtime::note`]
/// says why; a device other than the processor or a library named in `settings` is never given up silently.
///
/// # Errors
/// [`EngineError::NotFound`], [`EngineError::Library`] or [`EngineError::Device`] when the choice cannot be met.
pub fn open(choice: RuntimeChoice, settings: &RuntimeSettings) -> Result<Arc<dyn Runtime>, EngineError> {
    let _ = (choice, settings);
    Err(EngineError::NotFound { looked: "nowhere yet".to_owned() })
}
