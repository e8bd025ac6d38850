//! The native part of the Python package: what Python cannot do, with no logic of its own.
//!
//! Values cross as text: settings by the names of the command line, results as the JSON of the files of a run. What Python users see is made of it in
//! `python/brinell`.

mod error;
mod host;
mod work;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use brinell::record::{Form, SETTINGS, Shard, setting};
use brinell::{Artefact, Job, Loss, Question};
use brinell_cli::Failure;
use pyo3::prelude::*;
use serde::Serialize;

use crate::error::raised;

/// Settings by their names, each with its values.
type Given = Vec<(String, Vec<String>)>;

/// Runs a command line, the name of the program first, and returns its exit code.
#[pyfunction]
fn cli(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| brinell_cli::run(arguments))
}

/// Names the folder of the ONNX Runtime that this interpreter would import.
#[pyfunction]
fn look_in(folder: PathBuf) {
    brinell::machine::look_in(folder);
}

/// Lists every setting: name, help, and how many values it takes (`one`, `positional`, `list`, `repeated`, `switch`).
#[pyfunction]
fn settings() -> Vec<(&'static str, &'static str, &'static str)> {
    let form = |form| match form {
        Form::One => "one",
        Form::Positional => "positional",
        Form::List => "list",
        Form::Repeated => "repeated",
        Form::Switch => "switch",
    };
    SETTINGS.iter().map(|setting| (setting.name, setting.about, form(setting.form))).collect()
}

/// Audits a model into a folder.
///
/// `features` are the rules of features as a JSON array; `progress` is called with `(stage, done, total, surviving)` and cancels where it returns `False`.
#[pyfunction]
fn audit(
    py: Python<'_>,
    given: Given,
    features: &str,
    out: PathBuf,
    resume: bool,
    command: String,
    progress: Option<Py<PyAny>>,
) -> PyResult<()> {
    let question = question(&given, features).map_err(raised)?;
    let job = Job { out, resume, command };
    work::run(py, progress.as_ref(), move |stop, observer| brinell_cli::answer(&question, &job, stop, observer).map(drop))
}

/// Audits a Python object, see [`host::Object`], into a folder, otherwise as [`audit`]. What the object raises is raised.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "each crosses by its name")]
fn audit_host(
    py: Python<'_>,
    given: Given,
    features: &str,
    out: PathBuf,
    resume: bool,
    command: String,
    progress: Option<Py<PyAny>>,
    model: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let question = question(&given, features).map_err(raised)?;
    let job = Job { out, resume, command };
    let object = Arc::new(host::Object::new(model)?);
    let host = brinell::Host::new(object.clone());
    let done = work::run(py, progress.as_ref(), move |stop, observer| {
        let completed = brinell::audit_host(&question, &job, host, stop, observer)?;
        brinell_cli::write_report(&completed, &job.out)
    });
    match object.take_raised() {
        Some(error) if done.is_err() => Err(error),
        _ => done,
    }
}

/// Runs the attacks on one share of the samples, `I/N`, into a folder; goes on with a share that was begun there.
#[pyfunction]
fn audit_shard(
    py: Python<'_>,
    given: Given,
    features: &str,
    out: PathBuf,
    shard: &str,
    command: String,
    progress: Option<Py<PyAny>>,
) -> PyResult<()> {
    let question = question(&given, features).map_err(raised)?;
    let shard = share(shard).map_err(raised)?;
    let job = Job { resume: out.join("run.json").exists(), out, command };
    work::run(py, progress.as_ref(), move |stop, observer| {
        brinell::audit_shard(&question, &job, shard, stop, observer)?;
        Ok(())
    })
}

fn share(text: &str) -> Result<Shard, Failure> {
    let shard = if text == "auto" { Shard::of_environment(|name| std::env::var(name).ok()) } else { text.parse() };
    shard.map_err(Failure::from_error)
}

/// Makes one run of all its shards.
#[pyfunction]
fn merge(
    py: Python<'_>,
    shards: Vec<PathBuf>,
    given: Given,
    out: PathBuf,
    mixed: bool,
    command: String,
    progress: Option<Py<PyAny>>,
) -> PyResult<()> {
    let options = brinell::MergeOptions { out, settings: given, mixed, command };
    work::run(py, progress.as_ref(), move |stop, observer| {
        let completed = brinell::merge(&shards, &options, stop, observer)?;
        brinell_cli::write_report(&completed, &options.out)
    })
}

fn question(given: &Given, features: &str) -> Result<Question, Failure> {
    let mut question = Question::of(given.iter().map(|(name, values)| (name.as_str(), values.as_slice()))).map_err(Failure::from_error)?;
    question.threat.feature = serde_json::from_str(features).map_err(Failure::from_error)?;
    if question.artefact.scale.is_none() && brinell::data::is_table(&question.population.data) {
        question.artefact.scale = Some(brinell::Scale::Data);
    }
    Ok(question)
}

/// What is said of a model, from settings.
fn artefact(model: PathBuf, given: &Given) -> Result<Artefact, Failure> {
    let mut question = Question::default();
    for (name, values) in given {
        setting(name).and_then(|setting| setting.put(&mut question, values)).map_err(Failure::from_error)?;
    }
    Ok(Artefact { model, ..question.artefact })
}

/// Describes a model as JSON.
#[pyfunction]
fn inspect(py: Python<'_>, model: PathBuf, given: Given) -> PyResult<String> {
    py.detach(|| json(&brinell::inspect(&artefact(model, &given)?)?)).map_err(raised)
}

/// Returns an ONNX file that computes logits, loss and gradient of a model.
#[pyfunction]
fn gradient(py: Python<'_>, model: PathBuf, loss: &str, given: Given) -> PyResult<Vec<u8>> {
    py.detach(|| {
        let loss = Loss::from_name(loss).map_err(Failure::from_error)?;
        Ok(brinell::gradient_file(&artefact(model, &given)?, loss)?.bytes)
    })
    .map_err(raised)
}

/// Reads a finished run and returns its summary and its samples as JSON, after checking that they agree.
#[pyfunction]
fn load(py: Python<'_>, folder: PathBuf) -> PyResult<(String, String)> {
    py.detach(|| {
        let run = brinell::runs::read(&folder)?;
        Ok((json(&run.summary)?, json(&run.samples)?))
    })
    .map_err(raised)
}

/// Compares two runs and returns the comparison as JSON.
#[pyfunction]
fn compare(py: Python<'_>, a: PathBuf, b: PathBuf) -> PyResult<String> {
    py.detach(|| json(&brinell::runs::compare(&a, &b)?)).map_err(raised)
}

/// Decides claims and returns the verdicts as JSON.
#[pyfunction]
fn check(py: Python<'_>, claims: Vec<PathBuf>, given: Given, budget: Option<f64>, fresh: bool, command: String) -> PyResult<String> {
    let (sender, verdicts) = std::sync::mpsc::channel();
    work::run(py, None, move |stop, observer| {
        let mut sources = Vec::new();
        for path in &claims {
            for file in brinell::claims::files(path)? {
                sources.push(brinell::claims::Source::read(&file)?);
            }
        }
        let running = running(&given)?;
        let budget = budget.map(std::time::Duration::try_from_secs_f64).transpose().map_err(Failure::from_error)?;
        let options = brinell::claims::CheckOptions { running, budget, fresh, command };
        let decided = brinell::claims::check(&sources, &options, stop, observer)?;
        // The other end waits for the work to end.
        let _ = sender.send(json(&decided)?);
        Ok(())
    })?;
    Ok(verdicts.recv().unwrap_or_default())
}

/// Judges counterexamples again and returns the opinions as JSON.
#[pyfunction]
fn replay(py: Python<'_>, evidence: PathBuf, model: Option<PathBuf>, data: Option<PathBuf>, given: Given) -> PyResult<String> {
    let options = brinell::claims::ReplayOptions { model, other: None, data, running: running(&given).map_err(raised)? };
    let never = AtomicBool::new(false);
    py.detach(|| json(&brinell::claims::replay(&evidence, &options, &never)?)).map_err(raised)
}

fn running(given: &Given) -> Result<brinell::Running, Failure> {
    let mut question = Question::default();
    for (name, values) in given {
        setting(name).and_then(|setting| setting.put(&mut question, values)).map_err(Failure::from_error)?;
    }
    Ok(question.running)
}

fn json(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(Failure::from_error)
}

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add("NativeError", module.py().get_type::<error::NativeError>())?;
    for function in [
        wrap_pyfunction!(cli, module)?,
        wrap_pyfunction!(look_in, module)?,
        wrap_pyfunction!(settings, module)?,
        wrap_pyfunction!(audit, module)?,
        wrap_pyfunction!(audit_host, module)?,
        wrap_pyfunction!(audit_shard, module)?,
        wrap_pyfunction!(merge, module)?,
        wrap_pyfunction!(inspect, module)?,
        wrap_pyfunction!(gradient, module)?,
        wrap_pyfunction!(load, module)?,
        wrap_pyfunction!(compare, module)?,
        wrap_pyfunction!(check, module)?,
        wrap_pyfunction!(replay, module)?,
    ] {
        module.add_function(function)?;
    }
    Ok(())
}
