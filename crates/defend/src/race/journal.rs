//! What a race has found out so far: nothing is attacked twice after a kill.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use brinell_ledger::LedgerError;
use brinell_ledger::run::{Examples, Frames, Lines, write_json};
use brinell_record::FileError;
use serde::{Deserialize, Serialize};

use crate::DefendError;

/// Where a sample is attacked: samples of the race or fresh ones, round, and step of the round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) fresh: bool,
    pub(crate) round: usize,
    pub(crate) step: usize,
}

/// A line of `record.jsonl`: what a step did to a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Line {
    #[serde(flatten)]
    pub(crate) place: Place,
    pub(crate) sample: usize,
    /// The file is wrong about what the step ends with.
    pub(crate) broken: bool,
    /// The file refuses the sample as it is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) refused: bool,
    pub(crate) forwards: u64,
    pub(crate) backwards: u64,
}

/// A line of `times.jsonl`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct TimeLine {
    #[serde(flatten)]
    place: Place,
    seconds: f64,
}

/// The open folder of a race.
pub(crate) struct Journal {
    folder: PathBuf,
    _lock: File,
    record: Lines,
    times: Lines,
    /// Examples made on the model without a defence, by step.
    made: BTreeMap<(bool, usize), Frames>,
    known: BTreeMap<Place, BTreeMap<usize, Line>>,
    seconds: BTreeMap<Place, f64>,
}

/// What a race leaves.
pub(crate) const RACE: &str = "race.json";
const IDENTITY: &str = "run.json";

impl Journal {
    /// Opens the folder of a race that is told by `identity`; with `resume` it goes on where it stopped.
    ///
    /// # Errors
    /// [`LedgerError`] where the folder holds another race, or none to go on with.
    pub(crate) fn open<T: Serialize>(folder: &Path, identity: &T, resume: bool) -> Result<Self, DefendError> {
        let path = folder.join(IDENTITY);
        let exists = path.exists();
        if resume && !exists {
            return Err(LedgerError::NothingToResume { path: folder.to_path_buf() }.into());
        }
        if !resume && (exists || folder.join(RACE).exists()) {
            return Err(LedgerError::OutExists { path: folder.to_path_buf() }.into());
        }
        std::fs::create_dir_all(folder).map_err(FileError::on("create the folder", folder))?;
        let lock_path = folder.join(".lock");
        let lock = File::options().write(true).create(true).truncate(false).open(&lock_path).map_err(FileError::on("open", &lock_path))?;
        lock.try_lock().map_err(|_| LedgerError::Locked { path: folder.to_path_buf() })?;
        let fresh = folder.join("run.json.new");
        write_json(&fresh, identity)?;
        if exists {
            let read = |path: &Path| std::fs::read_to_string(path).map_err(FileError::on("read", path));
            let (before, now) = (read(&path)?, read(&fresh)?);
            std::fs::remove_file(&fresh).map_err(FileError::on("remove", &fresh))?;
            if let Some((before, now)) = before.lines().zip(now.lines()).find(|(before, now)| before != now) {
                let [before, now] = [before, now].map(|line| line.trim().trim_end_matches(',').to_owned());
                let what = now.split(':').next().unwrap_or_default().trim_matches('"').to_owned();
                return Err(LedgerError::Stale { path: folder.to_path_buf(), what, before, now }.into());
            }
        } else {
            std::fs::rename(&fresh, &path).map_err(FileError::on("write", &path))?;
        }
        let (record, lines): (_, Vec<Line>) = Lines::open(&folder.join("record.jsonl"))?;
        let (times, time_lines): (_, Vec<TimeLine>) = Lines::open(&folder.join("times.jsonl"))?;
        let mut known: BTreeMap<Place, BTreeMap<usize, Line>> = BTreeMap::new();
        for line in lines {
            known.entry(line.place).or_default().insert(line.sample, line);
        }
        let mut seconds = BTreeMap::new();
        for line in time_lines {
            *seconds.entry(line.place).or_default() += line.seconds;
        }
        Ok(Self { folder: folder.to_path_buf(), _lock: lock, record, times, made: BTreeMap::new(), known, seconds })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What a step did to the samples that it has seen.
    pub(crate) fn lines(&self, place: Place) -> impl Iterator<Item = &Line> {
        self.known.get(&place).into_iter().flat_map(BTreeMap::values)
    }

    pub(crate) fn line(&self, place: Place, sample: usize) -> Option<&Line> {
        self.known.get(&place)?.get(&sample)
    }

    pub(crate) fn seconds(&self, place: Place) -> f64 {
        self.seconds.get(&place).copied().unwrap_or_default()
    }

    /// Keeps what a step did to a sample; an example for the step of some number that goes with it is written first.
    ///
    /// # Errors
    /// [`LedgerError::File`].
    pub(crate) fn keep(&mut self, line: Line, example: Option<(usize, &[f32])>) -> Result<(), LedgerError> {
        if let Some((step, x_adv)) = example {
            self.frames(line.place.fresh, step, x_adv.len())?.append(line.sample as u64, x_adv)?;
        }
        self.record.append(&line)?;
        self.known.entry(line.place).or_default().insert(line.sample, line);
        Ok(())
    }

    /// Keeps the time that a step took.
    ///
    /// # Errors
    /// [`LedgerError::File`].
    pub(crate) fn took(&mut self, place: Place, seconds: f64) -> Result<(), LedgerError> {
        *self.seconds.entry(place).or_default() += seconds;
        self.times.append(&TimeLine { place, seconds })
    }

    fn frames(&mut self, fresh: bool, step: usize, width: usize) -> Result<&mut Frames, LedgerError> {
        let path = self.folder.join(format!("made-{}{step}.bin", if fresh { "fresh-" } else { "" }));
        match self.made.entry((fresh, step)) {
            std::collections::btree_map::Entry::Occupied(entry) => Ok(entry.into_mut()),
            std::collections::btree_map::Entry::Vacant(entry) => Ok(entry.insert(Frames::open(&path, width)?)),
        }
    }

    /// Returns a reader of the examples that a step made.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub(crate) fn examples(&mut self, fresh: bool, step: usize, width: usize) -> Result<Examples, LedgerError> {
        self.frames(fresh, step, width)?.examples()
    }
}
