//! The Python package: built as a wheel, installed into bare environments of two Python versions, and tested there. In the short form there is no wheel:
//! the library of the workspace's build stands beside the Python files.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What tests of the package need; the first environment has all of it, the second no more than pytest.
const REQUIREMENTS: &str = "python/tests/requirements.txt";

/// The oldest version that the package is for.
const OLDEST: u32 = 10;

/// Builds and tests; returns why nothing was done, where nothing was.
pub(crate) fn run(short: bool) -> Result<Option<&'static str>, String> {
    let python = python();
    let folder = crate::root().join("target/wheel");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(on(&folder))?;
    }
    let package = if short {
        Package::Folder(beside_library(&folder.join("package"))?)
    } else if quiet(&python, &["-m", "maturin", "--version"]) {
        Package::Wheel(wheel(&python, &folder)?)
    } else {
        return Ok(Some("no maturin is installed (`pip install maturin`)"));
    };
    test(&python, &folder.join("first"), &package, &["--requirement", REQUIREMENTS])?;
    let first = minor(&python);
    match others().into_iter().find(|other| minor(other).is_some_and(|found| found >= OLDEST && Some(found) != first)) {
        Some(other) => test(&other, &folder.join("second"), &package, &["numpy", "pytest"])?,
        None => println!("wheel: there is no second version of Python 3.{OLDEST} or newer"),
    }
    Ok(None)
}

/// What is tested.
enum Package {
    /// A wheel to install.
    Wheel(PathBuf),
    /// A folder in which Python finds the package.
    Folder(PathBuf),
}

fn wheel(python: &Path, folder: &Path) -> Result<PathBuf, String> {
    let build = ["-m", "maturin", "build", "--locked", "--profile", "dev", "--out"].map(OsStr::new);
    spoken("maturin", python, &[&build[..], &[folder.as_os_str()]].concat(), None)?;
    std::fs::read_dir(folder)
        .map_err(on(folder))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .ok_or_else(|| "wheel: maturin wrote none".to_owned())
}

/// Makes a folder with the Python files, the native part as the workspace's build has it, and the entry point of the fixture.
fn beside_library(folder: &Path) -> Result<PathBuf, String> {
    let library = crate::example::library("brinell-py")?;
    let package = folder.join("brinell");
    let facts = folder.join("brinell-0.dist-info");
    for made in [&package, &facts] {
        std::fs::create_dir_all(made).map_err(on(made))?;
    }
    let sources = crate::root().join("python/brinell");
    for entry in std::fs::read_dir(&sources).map_err(on(&sources))? {
        let path = entry.map_err(on(&sources))?.path();
        if let Some(name) = path.file_name().filter(|_| path.is_file()) {
            std::fs::copy(&path, package.join(name)).map_err(on(&path))?;
        }
    }
    std::fs::copy(&library, package.join("_native.abi3.so")).map_err(on(&library))?;
    let points = "[pytest11]\nbrinell = brinell.pytest_plugin\n[mlflow.model_evaluator]\nbrinell = brinell._mlflow_evaluator:Evaluator\n";
    for (name, text) in [("METADATA", "Name: brinell\nVersion: 0\n"), ("entry_points.txt", points)] {
        std::fs::write(facts.join(name), text).map_err(on(&facts))?;
    }
    Ok(folder.to_path_buf())
}

/// Puts the package and what its tests need into a new environment and runs them.
fn test(python: &Path, environment: &Path, package: &Package, more: &[&str]) -> Result<(), String> {
    println!("wheel: tests with {}", python.display());
    spoken("venv", python, &["-m".as_ref(), "venv".as_ref(), environment.as_os_str()], None)?;
    let inside = environment.join("bin/python");
    let mut install: Vec<&OsStr> = ["-m", "pip", "install", "--quiet"].map(OsStr::new).to_vec();
    install.extend(more.iter().map(OsStr::new));
    let path = match package {
        Package::Wheel(wheel) => {
            install.push(wheel.as_os_str());
            None
        }
        Package::Folder(folder) => Some(folder.as_path()),
    };
    spoken("pip", &inside, &install, None)?;
    // Not as `python -m pytest`, which would find the sources before the package.
    let pytest = environment.join("bin/pytest");
    let folder = crate::root().join("python");
    spoken(
        "pytest",
        &pytest,
        &["-q".as_ref(), "-c".as_ref(), folder.join("pytest.ini").as_os_str(), folder.join("tests").as_os_str()],
        path,
    )
}

/// Names the file that something went wrong with.
fn on(path: &Path) -> impl Fn(std::io::Error) -> String {
    move |error| format!("wheel: {}: {error}", path.display())
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

fn spoken(what: &str, program: &Path, arguments: &[&OsStr], packages: Option<&Path>) -> Result<(), String> {
    let mut command = Command::new(program);
    // The tests of the package find a runtime by themselves or do without.
    command.args(arguments).current_dir(crate::root()).env_remove("VIRTUAL_ENV");
    if let Some(packages) = packages {
        command.env("PYTHONPATH", packages);
    }
    let status = command.status().map_err(|error| format!("wheel: {}: {error}", program.display()))?;
    if status.success() { Ok(()) } else { Err(format!("wheel: {what} failed")) }
}
