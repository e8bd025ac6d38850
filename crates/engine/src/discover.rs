//! Where an ONNX Runtime may lie on this machine.

use std::env;
use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::{EngineError, LibraryProblem};

/// The environment variable that names the library.
const VARIABLE: &str = "ORT_DYLIB_PATH";

/// How long a Python interpreter may take to say where its packages lie.
const PATIENCE: Duration = Duration::from_secs(3);

/// Folder of the library that the host of this process would import.
static HOST: OnceLock<PathBuf> = OnceLock::new();

/// Names the folder that holds the ONNX Runtime of the program that this library is part of, a Python interpreter for one. It is looked at before the
/// active environment. The first folder named in a process counts.
pub fn look_in(folder: PathBuf) {
    let _ = HOST.set(folder);
}

/// A file that may be an ONNX Runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The file, or a bare file name for the system's loader to find.
    pub path: PathBuf,
    /// What led to it.
    pub origin: Origin,
}

/// What led to a candidate, in the order in which they are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The settings name it.
    Settings,
    /// The environment variable `ORT_DYLIB_PATH`.
    Variable,
    /// The package that the program around this library would import.
    Package,
    /// The active virtual or conda environment.
    Environment,
    /// A folder `.venv` here or above.
    Folder,
    /// The Python on the path.
    Python,
    /// The system's library path.
    System,
}

impl Origin {
    /// Returns true when the user named this very file, so that another one must not stand in for it.
    #[must_use]
    pub fn is_named(self) -> bool {
        matches!(self, Self::Settings | Self::Variable)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Settings => "settings",
            Self::Variable => VARIABLE,
            Self::Package => "installed package",
            Self::Environment => "active environment",
            Self::Folder => ".venv folder",
            Self::Python => "Python on the path",
            Self::System => "system libraries",
        })
    }
}

/// The candidates, best first, and in words where they were looked for.
pub(crate) struct Search {
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) looked: String,
}

/// Returns the library that the environment names.
pub(crate) fn named_by_environment() -> Option<PathBuf> {
    env::var_os(VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Looks for ONNX Runtime: where the user says, and only there, or in all usual places.
///
/// # Errors
/// [`EngineError::Library`] when the user names a path that holds no library.
pub(crate) fn search(library: Option<&Path>) -> Result<Search, EngineError> {
    let named = match library {
        Some(path) => Some((path.to_owned(), Origin::Settings)),
        None => named_by_environment().map(|path| (path, Origin::Variable)),
    };
    if let Some((path, origin)) = named {
        let file = resolve(&path)?;
        return Ok(Search {
            candidates: vec![Candidate { path: file, origin }],
            looked: format!("{} is named by: {origin}", path.display()),
        });
    }
    let mut candidates = Vec::new();
    let mut looked = Vec::new();
    if let Some(folder) = HOST.get() {
        candidates.extend(in_folder(folder).map(|path| Candidate { path, origin: Origin::Package }));
        looked.push(format!("{} ({})", folder.display(), Origin::Package));
    }
    let mut add = |origin: Origin, prefixes: &[PathBuf]| {
        for prefix in prefixes {
            looked.push(format!("{} ({origin})", prefix.display()));
            candidates.extend(in_prefix(prefix).into_iter().map(|path| Candidate { path, origin }));
        }
        !candidates.is_empty()
    };
    add(Origin::Environment, &active());
    add(Origin::Folder, &beside());
    let mut prefixes: Vec<PathBuf> = interpreters().iter().filter_map(|python| prefix_of(python)).collect();
    prefixes.dedup();
    if !add(Origin::Python, &prefixes) {
        add(Origin::Python, &ask_python());
    }
    looked.push("the system's library path".to_owned());
    candidates.extend(system().into_iter().map(|path| Candidate { path, origin: Origin::System }));
    let mut seen = Vec::new();
    candidates.retain(|candidate| {
        let real = candidate.path.canonicalize().unwrap_or_else(|_| candidate.path.clone());
        let new = !seen.contains(&real);
        seen.push(real);
        new
    });
    Ok(Search { candidates, looked: format!("looked in {}", looked.join(", ")) })
}

/// Turns what the user named, a file or a folder, into the library's file.
fn resolve(path: &Path) -> Result<PathBuf, EngineError> {
    let refuse = |reason: &str| EngineError::Library { path: path.to_owned(), problem: LibraryProblem::Unusable(reason.to_owned()) };
    if path.is_dir() {
        let inside = ["", "lib", "capi", "onnxruntime/capi"].iter().find_map(|sub| in_folder(&path.join(sub)));
        return inside.or_else(|| in_prefix(path).into_iter().next()).ok_or_else(|| refuse("the folder contains no ONNX Runtime library"));
    }
    if path.exists() { Ok(path.to_owned()) } else { Err(refuse("the file does not exist")) }
}

/// Returns the library in a folder, the one with the longest version where there are several.
fn in_folder(folder: &Path) -> Option<PathBuf> {
    let files = std::fs::read_dir(folder).ok()?.flatten();
    let names = files.filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| is_library(name));
    names.max_by_key(|name| (name.len(), name.clone())).map(|name| folder.join(name))
}

/// Returns true for `libonnxruntime.so.1.23.2`, `libonnxruntime.1.23.2.dylib`, `onnxruntime.dll` and the like.
fn is_library(name: &str) -> bool {
    let Some(rest) = name.strip_prefix(DLL_PREFIX).and_then(|rest| rest.strip_prefix("onnxruntime")) else { return false };
    let version = |text: &str| text.is_empty() || (text.starts_with('.') && text.chars().all(|c| c == '.' || c.is_ascii_digit()));
    rest.split_once(DLL_SUFFIX).is_some_and(|(before, after)| version(before) && version(after))
}

/// Returns the libraries of the `onnxruntime` packages under an interpreter's prefix.
fn in_prefix(prefix: &Path) -> Vec<PathBuf> {
    packages(prefix).iter().filter_map(|folder| in_folder(&folder.join("onnxruntime").join("capi"))).collect()
}

/// Returns the folders in which an interpreter with this prefix keeps packages.
fn packages(prefix: &Path) -> Vec<PathBuf> {
    let mut folders = vec![prefix.join("Lib").join("site-packages"), prefix.join("lib").join("python3").join("dist-packages")];
    for lib in ["lib", "lib64", "local/lib"] {
        let Ok(entries) = std::fs::read_dir(prefix.join(lib)) else { continue };
        let mut versions: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| is_python3(path)).collect();
        versions.sort();
        for version in versions.into_iter().rev() {
            folders.extend([version.join("site-packages"), version.join("dist-packages")]);
        }
    }
    folders.retain(|folder| folder.is_dir());
    folders
}

fn is_python3(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("python3."))
}

fn active() -> Vec<PathBuf> {
    ["VIRTUAL_ENV", "CONDA_PREFIX"].iter().filter_map(env::var_os).filter(|value| !value.is_empty()).map(PathBuf::from).collect()
}

fn beside() -> Vec<PathBuf> {
    let Ok(here) = env::current_dir() else { return Vec::new() };
    here.ancestors().map(|folder| folder.join(".venv")).filter(|folder| folder.is_dir()).collect()
}

/// Returns the names under which the system's loader may find the library, and places where it does not look by itself.
fn system() -> Vec<PathBuf> {
    let mut paths = vec![PathBuf::from(format!("{DLL_PREFIX}onnxruntime{DLL_SUFFIX}"))];
    if DLL_SUFFIX == ".so" {
        paths.push(format!("{DLL_PREFIX}onnxruntime{DLL_SUFFIX}.1").into());
    }
    paths.extend(["/usr/local/lib", "/opt/homebrew/lib"].iter().filter_map(|folder| in_folder(Path::new(folder))));
    paths
}

/// Returns the interpreters on the path, the first of each name.
fn interpreters() -> Vec<PathBuf> {
    let folders: Vec<PathBuf> = env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default();
    let first = |name: &str| folders.iter().map(|folder| folder.join(name)).find(|file| file.is_file());
    let mut found: Vec<PathBuf> =
        ["python3", "python"].iter().filter_map(|name| first(&format!("{name}{}", env::consts::EXE_SUFFIX))).collect();
    found.dedup();
    found
}

/// Returns an interpreter's prefix without running it: that of its virtual environment, else of the program it links to.
fn prefix_of(python: &Path) -> Option<PathBuf> {
    let above = |file: &Path| file.parent().and_then(Path::parent).map(Path::to_owned);
    let environment = above(python).filter(|prefix| prefix.join("pyvenv.cfg").is_file());
    environment.or_else(|| above(&python.canonicalize().ok()?))
}

/// Asks the Python on the path where its packages lie, for launchers that are not the interpreter itself.
fn ask_python() -> Vec<PathBuf> {
    let Some(python) = interpreters().into_iter().next() else { return Vec::new() };
    let mut command = Command::new(python);
    command.args(["-I", "-S", "-c", "import sys; print(sys.prefix)"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let Ok(mut child) = command.spawn() else { return Vec::new() };
    let start = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(_)) => break,
            Ok(None) if start.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(2)),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                return Vec::new();
            }
        }
    }
    let output = child.wait_with_output().map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    output.ok().filter(|prefix| !prefix.is_empty()).map(PathBuf::from).into_iter().collect()
}
