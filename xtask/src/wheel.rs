//! The Python package: built as a wheel, installed into bare environments of two Python versions, and tested there.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What tests of the package need; the first environment has all of it, the second no more than pytest.
const REQUIREMENTS: &str = "python/tests/requirements.txt";

/// The oldest version that the package is for.
const OLDEST: u32 = 10;

/// Builds and tests; returns why nothing was done, where nothing was.
pub(crate) fn run() -> Result<Option<&'static str>, String> {
    let python = python();
    if !quiet(&python, &["-m", "maturin", "--version"]) {
        return Ok(Some("no maturin is installed (`pip install maturin`)"));
    }
    let folder = crate::root().join("target/wheel");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(|error| format!("wheel: {}: {error}", folder.display()))?;
    }
    let build = ["-m", "maturin", "build", "--locked", "--profile", "dev", "--out"].map(OsStr::new);
    spoken("maturin", &python, &[&build[..], &[folder.as_os_str()]].concat())?;
    let wheel = std::fs::read_dir(&folder)
        .map_err(|error| format!("wheel: {}: {error}", folder.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .ok_or("wheel: maturin wrote none")?;
    test(&python, &folder.join("first"), &wheel, &["--requirement", REQUIREMENTS])?;
    let first = minor(&python);
    match others().into_iter().find(|other| minor(other).is_some_and(|found| found >= OLDEST && Some(found) != first)) {
        Some(other) => test(&other, &folder.join("second"), &wheel, &["pytest"])?,
        None => println!("wheel: there is no second version of Python 3.{OLDEST} or newer"),
    }
    Ok(None)
}

/// Installs the wheel and what its tests need into a new environment and runs them.
fn test(python: &Path, environment: &Path, wheel: &Path, more: &[&str]) -> Result<(), String> {
    println!("wheel: tests with {}", python.display());
    spoken("venv", python, &["-m".as_ref(), "venv".as_ref(), environment.as_os_str()])?;
    let inside = environment.join("bin/python");
    let install = ["-m", "pip", "install", "--quiet"].map(OsStr::new);
    let more: Vec<&OsStr> = more.iter().map(OsStr::new).collect();
    spoken("pip", &inside, &[&install[..], &[wheel.as_os_str()], &more].concat())?;
    // Not as `python -m pytest`, which would find the sources before the package.
    let pytest = environment.join("bin/pytest");
    let folder = crate::root().join("python");
    spoken("pytest", &pytest, &["-q".as_ref(), "-c".as_ref(), folder.join("pytest.ini").as_os_str(), folder.join("tests").as_os_str()])
}

/// The Python of the active virtual environment, else that of the machine.
fn python() -> PathBuf {
    let active = std::env::var_os("VIRTUAL_ENV").map(|folder| PathBuf::from(folder).join("bin/python"));
    active.filter(|path| path.exists()).unwrap_or_else(|| PathBuf::from("python3"))
}

/// Interpreters that may be here: those on the path, and those that pyenv keeps, the oldest first.
fn others() -> Vec<PathBuf> {
    let versions = std::env::var_os("PYENV_ROOT").map(|root| PathBuf::from(root).join("versions"));
    let kept = versions.and_then(|folder| std::fs::read_dir(folder).ok()).into_iter().flatten();
    let mut kept: Vec<PathBuf> = kept.filter_map(|entry| Some(entry.ok()?.path().join("bin/python3"))).collect();
    kept.sort();
    (OLDEST..OLDEST + 10).map(|minor| PathBuf::from(format!("python3.{minor}"))).chain(kept).collect()
}

/// The N of Python 3.N; `None` where it does not run or is another Python.
fn minor(python: &Path) -> Option<u32> {
    let script = "import sys; print(*sys.version_info[:2])";
    let output = Command::new(python).args(["-c", script]).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
    text.trim().strip_prefix("3 ")?.parse().ok()
}

fn quiet(program: &Path, arguments: &[&str]) -> bool {
    let status = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

fn spoken(what: &str, program: &Path, arguments: &[&OsStr]) -> Result<(), String> {
    let status = Command::new(program)
        .args(arguments)
        .current_dir(crate::root())
        // The tests of the package find a runtime by themselves or do without.
        .env_remove("VIRTUAL_ENV")
        .status()
        .map_err(|error| format!("wheel: {}: {error}", program.display()))?;
    if status.success() { Ok(()) } else { Err(format!("wheel: {what} failed")) }
}
