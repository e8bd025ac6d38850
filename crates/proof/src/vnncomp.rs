//! Folders of instances, as the verification competition lays them out.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use brinell_engine::Running;
use brinell_record::FileError;
use brinell_subject::SubjectError;
use serde::Serialize;

use crate::{ProofError, verify};

/// An instance, and what was answered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Instance {
    /// The network, from the folder.
    pub onnx: String,
    /// The property, from the folder.
    pub vnnlib: String,
    /// The answer: `sat`, `unsat`, `unknown`, `timeout`, or `error`.
    pub answer: String,
    /// What is known, where the list says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// Wall-clock time.
    pub seconds: f64,
    /// Why there is no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl Instance {
    /// Returns true where answer and expectation contradict each other.
    #[must_use]
    pub fn is_wrong(&self) -> bool {
        matches!((self.answer.as_str(), self.expected.as_deref()), ("sat", Some("unsat")) | ("unsat", Some("sat")))
    }

    /// Returns true where `sat` or `unsat` was answered, and is not wrong.
    #[must_use]
    pub fn is_solved(&self) -> bool {
        matches!(self.answer.as_str(), "sat" | "unsat") && !self.is_wrong()
    }
}

/// A row of the list.
struct Row {
    onnx: String,
    vnnlib: String,
    seconds: f64,
    expected: Option<String>,
}

/// Decides the instances of a folder one after the other: those of `verdicts.csv`, which has a heading and says what is known, or of `instances.csv` (network,
/// property, seconds). `timeout` stands for the seconds of every instance, `matching` for a text that its files contain; one in `every` is taken.
///
/// # Errors
/// [`ProofError::File`], [`ProofError::Instances`]; what goes wrong with one instance stands in its place.
pub fn vnncomp(
    folder: &Path,
    (timeout, matching, every): (Option<f64>, &str, usize),
    running: &Running,
    stop: &AtomicBool,
    seen: &mut dyn FnMut(&Instance),
) -> Result<Vec<Instance>, ProofError> {
    let mut done = Vec::new();
    let rows = rows(folder)?.into_iter().filter(|row| row.onnx.contains(matching) || row.vnnlib.contains(matching));
    for row in rows.step_by(every.max(1)) {
        let begun = Instant::now();
        let deadline = Duration::try_from_secs_f64(timeout.unwrap_or(row.seconds)).ok().and_then(|time| begun.checked_add(time));
        let answered = verify(&folder.join(&row.vnnlib), (None, &folder.join(&row.onnx)), running, deadline, stop);
        if stop.load(Ordering::Relaxed) {
            return Err(SubjectError::Interrupted.into());
        }
        let (answer, problem) = match answered {
            Ok(answered) => (answered.answer.word(), None),
            Err(error) => {
                ("error", Some(std::error::Error::source(&error).map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))))
            }
        };
        let (Row { onnx, vnnlib, expected, .. }, answer) = (row, answer.to_owned());
        let instance = Instance { onnx, vnnlib, answer, expected, seconds: begun.elapsed().as_secs_f64(), problem };
        seen(&instance);
        done.push(instance);
    }
    Ok(done)
}

fn rows(folder: &Path) -> Result<Vec<Row>, ProofError> {
    let known = folder.join("verdicts.csv");
    let (path, is_known) = if known.is_file() { (known, true) } else { (folder.join("instances.csv"), false) };
    let text = std::fs::read_to_string(&path).map_err(FileError::on("read", &path))?;
    let lines = text.lines().enumerate().skip(usize::from(is_known)).filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(number, line)| {
            let wrong = |problem| ProofError::Instances { path: path.clone(), line: number + 1, problem };
            let cells: Vec<&str> = line.split(',').map(str::trim).collect();
            let [onnx, vnnlib, seconds, rest @ ..] = cells.as_slice() else {
                return Err(wrong("network, property and seconds are expected"));
            };
            let seconds = seconds.parse::<f64>().ok().filter(|seconds| *seconds > 0.0 && seconds.is_finite());
            let seconds = seconds.ok_or_else(|| wrong("the third column is not a time in seconds"))?;
            let expected = rest.first().filter(|_| is_known).map(|word| (*word).to_owned());
            Ok(Row { onnx: (*onnx).to_owned(), vnnlib: (*vnnlib).to_owned(), seconds, expected })
        })
        .collect()
}
