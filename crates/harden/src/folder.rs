//! The folder of a training run.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use brinell_record::{EpochLine, FileError, HardenIdentity, StepLine};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::HardenError;
use crate::state::replace;

/// Writes a value as JSON, whole or not at all.
///
/// # Errors
/// [`HardenError::File`].
pub(crate) fn json(path: &Path, value: &impl Serialize) -> Result<(), HardenError> {
    let text = serde_json::to_string_pretty(value).map_err(|error| HardenError::Internal { what: error.to_string() })?;
    replace(path, format!("{text}\n").as_bytes())
}

/// Files of a training run: what was asked, every step and epoch, checkpoints.
pub(crate) struct Folder {
    path: PathBuf,
    steps: Option<File>,
}

pub(crate) const RUN: &str = "run.json";
const STEPS: &str = "steps.jsonl";
const EPOCHS: &str = "epochs.jsonl";

impl Folder {
    /// Begins a run, or opens one to go on with.
    ///
    /// # Errors
    /// [`HardenError::Exists`] where a run is there already, [`HardenError::Resume`] where there is none.
    pub(crate) fn open(path: &Path, resume: bool) -> Result<Self, HardenError> {
        let run = path.join(RUN);
        if resume && !run.is_file() {
            return Err(HardenError::Resume { folder: path.to_path_buf(), what: format!("it has no {RUN}") });
        }
        if !resume && run.exists() {
            return Err(HardenError::Exists { path: run });
        }
        std::fs::create_dir_all(path).map_err(FileError::on("create", path))?;
        Ok(Self { path: path.to_path_buf(), steps: None })
    }

    pub(crate) fn last(&self) -> PathBuf {
        self.path.join("last.ckpt")
    }

    pub(crate) fn best(&self) -> PathBuf {
        self.path.join("best.ckpt")
    }

    /// Reads what the run was begun with.
    ///
    /// # Errors
    /// [`HardenError::Resume`] where it cannot be read.
    pub(crate) fn identity(&self) -> Result<HardenIdentity, HardenError> {
        let path = self.path.join(RUN);
        let text = std::fs::read_to_string(&path).map_err(FileError::on("read", &path))?;
        serde_json::from_str(&text)
            .map_err(|error| HardenError::Resume { folder: self.path.clone(), what: format!("its {RUN} cannot be read: {error}") })
    }

    /// Writes what the run is begun with.
    ///
    /// # Errors
    /// [`HardenError::File`].
    pub(crate) fn begin(&self, identity: &HardenIdentity) -> Result<(), HardenError> {
        self.json(RUN, identity)
    }

    /// Writes a file as JSON, whole or not at all.
    ///
    /// # Errors
    /// [`HardenError::File`].
    pub(crate) fn json(&self, name: &str, value: &impl Serialize) -> Result<(), HardenError> {
        json(&self.path.join(name), value)
    }

    /// Adds a step.
    ///
    /// # Errors
    /// [`HardenError::File`].
    pub(crate) fn step(&mut self, line: &StepLine) -> Result<(), HardenError> {
        let path = self.path.join(STEPS);
        let file = match &mut self.steps {
            Some(file) => file,
            None => self.steps.insert(append(&path)?),
        };
        write_line(file, &path, line)
    }

    /// Adds an epoch.
    ///
    /// # Errors
    /// [`HardenError::File`].
    pub(crate) fn epoch(&self, line: &EpochLine) -> Result<(), HardenError> {
        let path = self.path.join(EPOCHS);
        write_line(&mut append(&path)?, &path, line)
    }

    /// Reads all epochs.
    ///
    /// # Errors
    /// [`HardenError::File`].
    pub(crate) fn epochs(&self) -> Result<Vec<EpochLine>, HardenError> {
        lines(&self.path.join(EPOCHS))
    }

    /// Reads all steps.
    ///
    /// # Errors
    /// [`HardenError::File`].
    pub(crate) fn steps(&self) -> Result<Vec<StepLine>, HardenError> {
        lines(&self.path.join(STEPS))
    }

    /// Drops all steps and epochs.
    ///
    /// # Errors
    /// [`HardenError::File`].
    pub(crate) fn clear(&mut self) -> Result<(), HardenError> {
        self.steps = None;
        rewrite::<StepLine>(&self.path.join(STEPS), &[])?;
        rewrite::<EpochLine>(&self.path.join(EPOCHS), &[])
    }

    /// Drops steps from this one on and the epochs that they belong to, and what a kill left half written.
    ///
    /// # Errors
    /// [`HardenError::File`].
    pub(crate) fn cut(&mut self, step: usize) -> Result<(), HardenError> {
        self.steps = None;
        let steps: Vec<StepLine> = self.steps()?.into_iter().take_while(|line| line.step < step).collect();
        let epochs: Vec<EpochLine> = self.epochs()?.into_iter().take_while(|line| line.steps <= step).collect();
        rewrite(&self.path.join(STEPS), &steps)?;
        rewrite(&self.path.join(EPOCHS), &epochs)
    }
}

fn append(path: &Path) -> Result<File, HardenError> {
    Ok(OpenOptions::new().create(true).append(true).open(path).map_err(FileError::on("write", path))?)
}

fn text(line: &impl Serialize) -> Result<String, HardenError> {
    serde_json::to_string(line).map(|text| text + "\n").map_err(|error| HardenError::Internal { what: error.to_string() })
}

fn write_line(file: &mut File, path: &Path, line: &impl Serialize) -> Result<(), HardenError> {
    // In one piece, so that only the last line can be half written.
    Ok(file.write_all(text(line)?.as_bytes()).map_err(FileError::on("write", path))?)
}

fn rewrite<T: Serialize>(path: &Path, list: &[T]) -> Result<(), HardenError> {
    let all: String = list.iter().map(text).collect::<Result<_, _>>()?;
    replace(path, all.as_bytes())
}

/// Reads complete lines; the first that cannot be read ends them.
fn lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, HardenError> {
    let Ok(file) = File::open(path) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for line in BufReader::new(file).lines() {
        match serde_json::from_str(&line.map_err(FileError::on("read", path))?) {
            Ok(value) => found.push(value),
            Err(_) => break,
        }
    }
    Ok(found)
}
