//! Finding out whether a file is an ONNX Runtime, and loading it once.
//!
//! The crate `ort` panics on a library that it cannot use, and the library stays for the life of the process, so every
//! file is tried by hand before `ort` sees it.
#![expect(unsafe_code, reason = "a shared library is opened and its C functions are called")]

use std::ffi::{CStr, c_char, c_int};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ort::environment::Environment;
use ort::logging::LogLevel;
use ort::sys::{ORT_API_VERSION, OrtApiBase};

use crate::ort::elf;
use crate::{EngineError, LibraryProblem};

/// The ONNX Runtime of this process.
#[derive(Clone)]
pub(crate) struct Loaded {
    pub(crate) path: PathBuf,
    pub(crate) version: String,
    pub(crate) minor: u32,
    pub(crate) providers: Vec<String>,
    pub(crate) environment: Environment,
}

static LOADED: Mutex<Option<Loaded>> = Mutex::new(None);

/// Returns the ONNX Runtime that this process has loaded, if any.
pub(crate) fn loaded() -> Option<Loaded> {
    LOADED.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Loads ONNX Runtime from a file, or returns it when it is loaded already.
///
/// # Errors
/// [`EngineError::Library`] when the file cannot serve, or when another file was loaded before.
pub(crate) fn load(path: &Path) -> Result<Loaded, EngineError> {
    let refuse_as = |problem: LibraryProblem| EngineError::Library { path: path.to_owned(), problem };
    let refuse = |reason: String| refuse_as(LibraryProblem::Unusable(reason));
    let version = inspect(path).map_err(|refusal| refuse_as(refusal.problem))?;
    let mut slot = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(loaded) = slot.as_ref() {
        if same_file(&loaded.path, path) {
            return Ok(loaded.clone());
        }
        return Err(refuse(format!("this process already runs {}", loaded.path.display())));
    }
    let minor = minor(&version).unwrap_or_default();
    let builder = ort::init_from(path).map_err(|error| refuse(error.to_string()))?;
    let quiet = Arc::new(|_: LogLevel, _: &str, _: &str, _: &str, _: &str| {});
    let environment = builder.with_telemetry(false).with_logger(quiet).build().map_err(|error| refuse(error.message().to_owned()))?;
    environment.set_log_level(LogLevel::Fatal);
    let loaded = Loaded { path: path.to_owned(), version, minor, providers: providers(), environment };
    *slot = Some(loaded.clone());
    Ok(loaded)
}

fn same_file(a: &Path, b: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    real(a) == real(b)
}

/// Why a file cannot serve as ONNX Runtime.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// Whether it is a library at all; false also where the system's loader finds none of this name.
    pub(crate) opens: bool,
    /// What is wrong with it.
    pub(crate) problem: LibraryProblem,
}

/// Returns the version of the ONNX Runtime in a file.
///
/// # Errors
/// Why the file cannot serve: it is no library, no ONNX Runtime, or too old.
pub(crate) fn inspect(path: &Path) -> Result<String, Refusal> {
    if elf::is_truncated(path) {
        return Err(Refusal { opens: false, problem: LibraryProblem::Unusable("the file is incomplete".to_owned()) });
    }
    // SAFETY: opening a library runs its constructors. The file is one that the user names or that Python or the
    // system would load under the same name.
    let library = unsafe { libloading::Library::new(path) };
    let library = library.map_err(|error| Refusal { opens: false, problem: LibraryProblem::Unusable(unreadable(path, &error)) })?;
    version(library).map_err(|problem| Refusal { opens: true, problem })
}

fn version(library: libloading::Library) -> Result<String, LibraryProblem> {
    let unusable = |reason: &str| LibraryProblem::Unusable(reason.to_owned());
    let base = {
        // SAFETY: `OrtGetApiBase` has had this signature in every release that has it.
        let get = unsafe { library.get::<unsafe extern "system" fn() -> *const OrtApiBase>(b"OrtGetApiBase\0") }
            .map_err(|_| unusable("it is a shared library without ONNX Runtime's `OrtGetApiBase`"))?;
        // SAFETY: the function takes nothing and returns a static table or null.
        unsafe { get() }
    };
    // An ONNX Runtime stays mapped for good: unloading a C++ library with threads of its own is not safe.
    std::mem::forget(library);
    // SAFETY: the table is static and starts with these two functions in every release.
    let base = unsafe { base.as_ref() }.ok_or_else(|| unusable("its `OrtGetApiBase` returns nothing"))?;
    // SAFETY: returns a static string that ends in a null byte.
    let version = unsafe { (base.GetVersionString)() };
    if version.is_null() {
        return Err(unusable("it does not report its version"));
    }
    // SAFETY: not null, see above.
    let version = unsafe { CStr::from_ptr(version) }.to_string_lossy().into_owned();
    let old = || LibraryProblem::TooOld { version: version.clone(), least: ORT_API_VERSION };
    if minor(&version).is_none_or(|minor| minor < ORT_API_VERSION) {
        return Err(old());
    }
    // SAFETY: takes a number and returns a static table or null.
    let api = unsafe { (base.GetApi)(ORT_API_VERSION) };
    if api.is_null() { Err(old()) } else { Ok(version) }
}

fn unreadable(path: &Path, error: &libloading::Error) -> String {
    let text = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    let prefix = format!("{}: ", path.display());
    text.strip_prefix(&prefix).unwrap_or(&text).to_owned()
}

/// Returns the minor version of release 1.x; a later major version counts as far ahead.
fn minor(version: &str) -> Option<u32> {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
    match (parts.next()??, parts.next()??) {
        (0, _) => None,
        (1, minor) => Some(minor),
        _ => Some(u32::MAX),
    }
}

/// Opens CUDA's libraries where they lie in Python packages beside ONNX Runtime's own, where the system's loader would
/// not find them.
///
/// Nothing is said when some do not open: the execution provider names what it lacks.
pub(crate) fn preload_cuda(onnxruntime: &Path) {
    // The library lies in PACKAGES/onnxruntime/capi.
    let Some(packages) = onnxruntime.ancestors().nth(3) else { return };
    let list = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect::<Vec<_>>();
    let folders = list(&packages.join("nvidia")).into_iter().map(|package| package.join("lib"));
    let mut waiting: Vec<PathBuf> = folders.flat_map(|folder| list(&folder)).filter(|file| is_cuda(file)).collect();
    // A library opens once those that it needs are open, whatever the order of the folders.
    loop {
        let before = waiting.len();
        // SAFETY: opening a library runs its constructors; these belong to the packages of the chosen ONNX Runtime.
        waiting.retain(|file| unsafe { libloading::Library::new(file) }.map(std::mem::forget).is_err());
        if waiting.len() == before {
            return;
        }
    }
}

/// Returns true for the libraries that ONNX Runtime's CUDA provider links to.
fn is_cuda(file: &Path) -> bool {
    const NEEDED: [&str; 7] = ["libcudart", "libcublas", "libcudnn", "libcufft", "libcurand", "libnvrtc", "libnvJitLink"];
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.contains(".so") && NEEDED.iter().any(|prefix| name.starts_with(prefix))
}

/// Returns the execution providers that the loaded library was built with.
fn providers() -> Vec<String> {
    let api = ort::api();
    let mut names: *mut *mut c_char = std::ptr::null_mut();
    let mut count: c_int = 0;
    // SAFETY: both pointers are valid for writing; the library allocates the list.
    let status = unsafe { (api.GetAvailableProviders)(&raw mut names, &raw mut count) };
    if !status.0.is_null() || names.is_null() {
        return vec!["CPUExecutionProvider".to_owned()];
    }
    let list = (0..usize::try_from(count).unwrap_or_default())
        // SAFETY: the list holds `count` strings that end in a null byte.
        .map(|index| unsafe { CStr::from_ptr(*names.add(index)) }.to_string_lossy().into_owned())
        .collect();
    // SAFETY: the list came from `GetAvailableProviders` and is released once.
    let _ = unsafe { (api.ReleaseAvailableProviders)(names, count) };
    list
}

#[cfg(test)]
mod tests {
    #[test]
    fn minor_versions_are_read() {
        assert_eq!(super::minor("1.23.2"), Some(23));
        assert_eq!(super::minor("1.17.0-dev"), Some(17));
        assert_eq!(super::minor("2.0.0"), Some(u32::MAX));
        assert_eq!(super::minor("0.5.0"), None);
        assert_eq!(super::minor("unknown"), None);
    }
}
