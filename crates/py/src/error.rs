//! Errors on their way to Python.

use brinell_cli::Failure;
use pyo3::PyErr;

pyo3::create_exception!(_native, NativeError, pyo3::exceptions::PyException, "An error with its exit code, message and hints.");

/// Makes an exception with the arguments `(exit_code, message, hints)`.
pub(crate) fn raised(failure: Failure) -> PyErr {
    NativeError::new_err((failure.exit_code(), failure.message().to_owned(), failure.hints().to_vec()))
}
