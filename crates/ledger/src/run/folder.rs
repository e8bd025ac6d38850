//! The folder of one run.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use brinell_record::{FileError, Question, SampleRecord, Shard, ShardMachine, ShardRecord};
use serde::{Deserialize, Serialize};

use super::found::{Examples, Found};
use super::lines::Lines;
use super::shard::SHARD_FILE;
use crate::LedgerError;

/// What a run is made of; a run resumes only where all of it is equal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// Schema of the folder.
    pub schema: String,
    /// What was asked.
    pub question: Question,
    /// What decides the result beyond the question, by name: digests of files, versions, attacks with their settings.
    pub facts: BTreeMap<String, String>,
    /// The share of the samples that it takes; `None` where it takes all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
}

impl Identity {
    /// Schema that this version writes.
    pub const SCHEMA: &'static str = "brinell.run/2";

    /// Name of the fact that says how many samples the data have.
    pub const SAMPLES: &'static str = "number of samples";

    /// Name of the fact that holds the digest of the samples' numbers, where they are not the first.
    pub const DRAWN: &'static str = "samples drawn over classes (sha256)";

    /// Returns the first thing that decides the result and is another one in `now`, with both values. Shares of the samples are not looked at.
    pub(super) fn difference(&self, now: &Self) -> Option<(String, String, String)> {
        if let Some((what, was, is)) = self.question.essence().differences(&now.question.essence()).into_iter().next() {
            let name = what.rsplit('.').next().unwrap_or(&what).replace('_', "-");
            return Some((name, was, is));
        }
        let missing = String::from("(nothing)");
        // What only one of the two knows explains what follows from it.
        let apart = |name: &&String| self.facts.contains_key(*name) != now.facts.contains_key(*name);
        let all = || self.facts.keys().chain(now.facts.keys());
        let values = |name: &String| (self.facts.get(name).unwrap_or(&missing).clone(), now.facts.get(name).unwrap_or(&missing).clone());
        let mut values = all().filter(apart).chain(all()).map(|name| (name, values(name)));
        values.find(|(_, (was, is))| was != is).map(|(name, (was, is))| (name.clone(), was, is))
    }
}

/// One line of `stages.jsonl`: what one stage found out about one sample, or that the stage is complete.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
#[expect(missing_docs, reason = "the fields are those of the driver's verdict")]
pub enum StageLine {
    /// A sample went through the stage.
    Sample {
        stage: usize,
        sample: u64,
        broken: bool,
        restart: u32,
        #[serde(with = "brinell_record::float")]
        margin: f64,
        forwards: u64,
        backwards: u64,
        rejected: u32,
        #[serde(default, skip_serializing_if = "is_zero")]
        astray: u32,
        zero_gradients: u32,
        non_finite: u32,
        exhausted: bool,
        #[serde(default, with = "brinell_record::float::option")]
        late_gain: Option<f64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        none_within: Option<f64>,
    },
    /// A proof of a sample was looked for, for so many seconds.
    Proof { sample: u64, certified: bool, seconds: f64 },
    /// Wall time that a process spent on the stage, and in it inside the model.
    Time { stage: usize, seconds: f64, model_seconds: f64 },
    /// A process of a shard begins on this machine.
    Machine { machine: ShardMachine },
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// The files of a run, open and locked.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    _lock: File,
    record: Lines,
    stages: Lines,
    found: Found,
}

/// What a folder held when it was opened.
#[derive(Debug, Default)]
pub struct Past {
    /// Lines of `record.jsonl`.
    pub records: Vec<SampleRecord>,
    /// Lines of `stages.jsonl`.
    pub stages: Vec<StageLine>,
}

impl RunFolder {
    /// Opens the folder for a new run, or for going on with one.
    ///
    /// # Errors
    /// [`LedgerError::OutExists`], [`LedgerError::NothingToResume`], [`LedgerError::Locked`],
    /// [`LedgerError::Stale`], [`LedgerError::Damaged`], [`LedgerError::File`].
    pub fn open(path: &Path, identity: &Identity, width: usize, resume: bool) -> Result<(Self, Past), LedgerError> {
        let identity_path = path.join("run.json");
        let exists = identity_path.exists();
        if resume && !exists {
            return Err(LedgerError::NothingToResume { path: path.to_path_buf() });
        }
        let foreign = ["run.json", "record.jsonl", "summary.json", "adversarial.npz", "report.html", SHARD_FILE];
        if !resume && foreign.iter().any(|name| path.join(name).exists()) {
            return Err(LedgerError::OutExists { path: path.to_path_buf() });
        }
        std::fs::create_dir_all(path).map_err(FileError::on("create the folder", path))?;
        let lock_path = path.join(".lock");
        let lock = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&lock_path)
            .map_err(FileError::on("write to the folder", path))?;
        lock.try_lock().map_err(|error| match error {
            std::fs::TryLockError::WouldBlock => LedgerError::Locked { path: path.to_path_buf() },
            std::fs::TryLockError::Error(source) => FileError { doing: "lock", path: lock_path.clone(), source }.into(),
        })?;
        if exists {
            compare(path, &identity_path, identity)?;
        } else {
            write_json(&identity_path, identity)?;
        }
        let (record, records) = Lines::open(&path.join("record.jsonl"))?;
        let (stages, stage_lines) = Lines::open(&path.join("stages.jsonl"))?;
        let broken = |line: &&StageLine| matches!(line, StageLine::Sample { broken: true, .. });
        // An example whose line a kill kept from being written counts as not found.
        let found = Found::open(&path.join("found.bin"), width)?.keep_first(stage_lines.iter().filter(broken).count())?;
        let past = Past { records, stages: stage_lines };
        for line in &past.stages {
            if let StageLine::Sample { sample, broken: true, .. } = line
                && !found.contains(*sample)
            {
                return Err(LedgerError::Damaged {
                    path: path.join("found.bin"),
                    problem: format!("the adversarial input of sample {sample} is missing"),
                });
            }
        }
        Ok((Self { path: path.to_path_buf(), _lock: lock, record, stages, found }, past))
    }

    /// Returns the folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps what a stage found out about a sample; the adversarial input goes first.
    ///
    /// # Errors
    /// [`LedgerError::File`], for instance on a full disk.
    pub fn keep(&mut self, line: &StageLine, x_adv: Option<&[f32]>) -> Result<(), LedgerError> {
        if let (StageLine::Sample { sample, .. }, Some(x_adv)) = (line, x_adv) {
            self.found.append(*sample, x_adv)?;
        }
        self.stages.append(line)
    }

    /// Appends the final word on a sample.
    ///
    /// # Errors
    /// [`LedgerError::File`], for instance on a full disk.
    pub fn decide(&mut self, record: &SampleRecord) -> Result<(), LedgerError> {
        self.record.append(record)
    }

    /// Puts the lines of all samples into their order at the end of a run, so that its bytes do not tell how often it was stopped.
    ///
    /// # Errors
    /// [`LedgerError::File`].
    pub fn settle(&self, samples: &[SampleRecord]) -> Result<(), LedgerError> {
        super::lines::write_whole(&self.path.join("record.jsonl"), samples)
    }

    /// Says that the shard came to its end.
    ///
    /// # Errors
    /// [`LedgerError::File`].
    pub fn end_shard(&self, record: &ShardRecord) -> Result<(), LedgerError> {
        write_json(&self.path.join(SHARD_FILE), record)
    }

    /// Returns a reader of the adversarial inputs stored so far, for use while the run goes on.
    ///
    /// # Errors
    /// [`LedgerError::File`].
    pub fn examples(&self) -> Result<Examples, LedgerError> {
        self.found.examples()
    }

    /// Reads the adversarial input of a broken sample.
    ///
    /// # Errors
    /// [`LedgerError::File`], [`LedgerError::Damaged`].
    pub fn adversarial(&mut self, sample: u64) -> Result<Vec<f32>, LedgerError> {
        self.found.read(sample)
    }
}

fn compare(folder: &Path, identity_path: &Path, now: &Identity) -> Result<(), LedgerError> {
    let stale = |what: &str, before: &str, now: &str| LedgerError::Stale {
        path: folder.to_path_buf(),
        what: what.to_owned(),
        before: before.to_owned(),
        now: now.to_owned(),
    };
    let before = read_identity(identity_path)?;
    let share = |identity: &Identity| identity.shard.map_or_else(|| "(nothing)".to_owned(), |shard| shard.to_string());
    let shards = (before.shard != now.shard).then(|| ("shard".to_owned(), share(&before), share(now)));
    match shards.or_else(|| before.difference(now)) {
        Some((what, was, is)) => Err(stale(&what, &was, &is)),
        None => Ok(()),
    }
}

/// Reads `run.json`.
///
/// # Errors
/// [`LedgerError::Schema`] where another version wrote it, [`LedgerError::Damaged`], [`LedgerError::File`].
pub fn read_identity(path: &Path) -> Result<Identity, LedgerError> {
    let damaged = |error: serde_json::Error| LedgerError::Damaged { path: path.to_path_buf(), problem: error.to_string() };
    let bytes = std::fs::read(path).map_err(FileError::on("read", path))?;
    let value: serde_json::Value = serde_json::from_slice(&bytes).map_err(damaged)?;
    let found = value.get("schema").and_then(serde_json::Value::as_str).unwrap_or("none");
    if found != Identity::SCHEMA {
        return Err(LedgerError::Schema { path: path.to_path_buf(), found: found.to_owned(), expected: Identity::SCHEMA });
    }
    serde_json::from_value(value).map_err(damaged)
}

/// Writes a JSON file in one step: complete under another name, then renamed.
///
/// # Errors
/// [`LedgerError::File`].
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), LedgerError> {
    let bytes = serde_json::to_vec_pretty(value);
    write_whole(path, bytes)
}

/// Writes a JSON file on one line, in one step.
///
/// # Errors
/// [`LedgerError::File`].
pub fn write_json_line<T: Serialize>(path: &Path, value: &T) -> Result<(), LedgerError> {
    write_whole(path, serde_json::to_vec(value))
}

fn write_whole(path: &Path, bytes: serde_json::Result<Vec<u8>>) -> Result<(), LedgerError> {
    let mut bytes = bytes.map_err(|error| LedgerError::Damaged { path: path.to_path_buf(), problem: error.to_string() })?;
    bytes.push(b'\n');
    let partial = path.with_extension("partial");
    std::fs::write(&partial, bytes).map_err(FileError::on("write", &partial))?;
    Ok(std::fs::rename(&partial, path).map_err(FileError::on("write", path))?)
}
