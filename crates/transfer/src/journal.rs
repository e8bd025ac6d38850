//! What a run has found out so far: nothing is asked twice after a kill.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use brinell_ledger::LedgerError;
use brinell_ledger::run::{Examples, Frames, Lines, write_json};
use brinell_record::FileError;
use serde::{Deserialize, Serialize};

use crate::TransferError;
use crate::contender::Answer;

/// What a model is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Shown {
    /// The images themselves.
    Clean,
    /// Uniform noise on them.
    Noise,
    /// The examples of the source of this number.
    Example(usize),
    /// The changes of the source of this number, each on another image.
    Shuffled(usize),
}

/// A line of `answers.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct AnswerLine {
    shown: Shown,
    model: usize,
    /// Number of the first image among those that are shown.
    from: usize,
    /// Class of the model for each image from there on; -1 where its numbers were not finite, -2 where there was no answer.
    answers: Vec<i64>,
}

/// A line of `made.jsonl`: an example was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MadeLine {
    pub(crate) source: usize,
    pub(crate) sample: usize,
    pub(crate) forwards: u64,
    pub(crate) backwards: u64,
    pub(crate) zero: bool,
}

/// The open folder of a run.
pub(crate) struct Journal {
    folder: PathBuf,
    _lock: File,
    answers: Mutex<Lines>,
    made: Lines,
    frames: Vec<Frames>,
    pub(crate) known: BTreeMap<(Shown, usize), Vec<Answer>>,
    pub(crate) examples: BTreeMap<(usize, usize), MadeLine>,
}

/// Files of a run that has not ended.
const UNDER_WAY: [&str; 2] = ["answers.jsonl", "made.jsonl"];
/// What a run leaves.
pub(crate) const MATRIX: &str = "matrix.json";
const IDENTITY: &str = "run.json";

impl Journal {
    /// Opens the folder of a run that is told by `identity`; with `resume` it goes on where it stopped.
    ///
    /// # Errors
    /// [`LedgerError`] where the folder holds another run, or none to go on with.
    pub(crate) fn open<T: Serialize>(
        folder: &Path,
        identity: &T,
        sources: usize,
        width: usize,
        resume: bool,
    ) -> Result<Self, TransferError> {
        let path = folder.join(IDENTITY);
        let exists = path.exists();
        if resume && !exists {
            return Err(LedgerError::NothingToResume { path: folder.to_path_buf() }.into());
        }
        if !resume && (exists || folder.join(MATRIX).exists()) {
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
        let (answers, answer_lines): (_, Vec<AnswerLine>) = Lines::open(&folder.join("answers.jsonl"))?;
        let (made, made_lines): (_, Vec<MadeLine>) = Lines::open(&folder.join("made.jsonl"))?;
        let frames: Vec<Frames> = (0..sources)
            .map(|source| {
                let kept = made_lines.iter().filter(|line| line.source == source).count();
                Frames::open(&frames_path(folder, source), width)?.keep_first(kept)
            })
            .collect::<Result<_, LedgerError>>()?;
        let mut known: BTreeMap<(Shown, usize), Vec<Answer>> = BTreeMap::new();
        for line in answer_lines {
            let list = known.entry((line.shown, line.model)).or_default();
            list.truncate(line.from);
            list.extend(line.answers.iter().map(|code| decode(*code)));
        }
        let examples = made_lines.into_iter().map(|line| ((line.source, line.sample), line)).collect();
        Ok(Self { folder: folder.to_path_buf(), _lock: lock, answers: Mutex::new(answers), made, frames, known, examples })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Keeps an example; the values go first.
    ///
    /// # Errors
    /// [`LedgerError::File`].
    pub(crate) fn keep(&mut self, line: MadeLine, x_adv: &[f32]) -> Result<(), LedgerError> {
        if let Some(frames) = self.frames.get_mut(line.source) {
            frames.append(line.sample as u64, x_adv)?;
        }
        self.made.append(&line)?;
        self.examples.insert((line.source, line.sample), line);
        Ok(())
    }

    /// Keeps what a model says of some images.
    ///
    /// # Errors
    /// [`LedgerError::File`].
    pub(crate) fn answered(&self, shown: Shown, model: usize, from: usize, answers: &[Answer]) -> Result<(), LedgerError> {
        let line = AnswerLine { shown, model, from, answers: answers.iter().map(|answer| encode(*answer)).collect() };
        self.answers.lock().unwrap_or_else(std::sync::PoisonError::into_inner).append(&line)
    }

    /// Returns a reader of the examples of one source.
    ///
    /// # Errors
    /// [`LedgerError`] where there is no such source.
    pub(crate) fn reader(&self, source: usize) -> Result<Examples, LedgerError> {
        let missing = || LedgerError::Damaged { path: frames_path(&self.folder, source), problem: "it is not open".to_owned() };
        self.frames.get(source).ok_or_else(missing)?.examples()
    }

    /// Removes what only an unfinished run needs.
    ///
    /// # Errors
    /// [`FileError`].
    pub(crate) fn clear(self) -> Result<(), FileError> {
        let Self { folder, answers, made, frames, _lock, .. } = self;
        let n = frames.len();
        drop((answers, made, frames));
        let names = UNDER_WAY.into_iter().map(|name| folder.join(name)).chain((0..n).map(|source| frames_path(&folder, source)));
        for path in names.chain([folder.join(".lock")]) {
            std::fs::remove_file(&path).map_err(FileError::on("remove", &path))?;
        }
        Ok(())
    }
}

fn frames_path(folder: &Path, source: usize) -> PathBuf {
    folder.join(format!("made-{source}.bin"))
}

fn encode(answer: Answer) -> i64 {
    match answer {
        Answer::Class(class) => i64::try_from(class).unwrap_or(i64::MAX),
        Answer::NotFinite => -1,
        Answer::None => -2,
    }
}

fn decode(code: i64) -> Answer {
    match usize::try_from(code) {
        Ok(class) => Answer::Class(class),
        Err(_) if code == -1 => Answer::NotFinite,
        Err(_) => Answer::None,
    }
}
