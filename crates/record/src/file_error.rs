//! A file that cannot be read or written.

use std::path::{Path, PathBuf};

/// What was tried with which file, and the system's reason.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} {}", path.display())]
pub struct FileError {
    /// What was tried, such as `read`.
    pub doing: &'static str,
    /// The file.
    pub path: PathBuf,
    /// The system's reason.
    #[source]
    pub source: std::io::Error,
}

impl FileError {
    /// Returns a conversion for I/O errors on `path`.
    pub fn on(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self { doing, path, source }
    }
}
