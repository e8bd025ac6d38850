use std::path::{Path, PathBuf};

use brinell_record::{FileError, Shard};

/// What is wrong with a run or with evidence on disk.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// A file cannot be read or written.
    #[error("{0}")]
    File(#[from] FileError),
    /// The folder holds a run already.
    #[error("{} already contains a run", path.display())]
    OutExists {
        /// The folder.
        path: PathBuf,
    },
    /// There is no run to go on with.
    #[error("{} contains no run to continue", path.display())]
    NothingToResume {
        /// The folder.
        path: PathBuf,
    },
    /// Another process is writing to the folder.
    #[error("another run is writing to {}", path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// Another check is writing to the evidence.
    #[error("another check is writing to {}", path.display())]
    Busy {
        /// The folder of the evidence.
        path: PathBuf,
    },
    /// The run on disk was made with something else.
    #[error("cannot continue the run in {}: {what} changed from {before} to {now}", path.display())]
    Stale {
        /// The folder.
        path: PathBuf,
        /// What differs.
        what: String,
        /// Its value in the run on disk.
        before: String,
        /// Its value now.
        now: String,
    },
    /// The folder holds no run that came to its end.
    #[error("{} contains no finished run: {}", path.display(), if *stopped { "it was stopped" } else { "summary.json is missing" })]
    NoRun {
        /// The folder.
        path: PathBuf,
        /// True where a run was begun.
        stopped: bool,
    },
    /// The folder holds a part of a run, which has no figures of its own.
    #[error("{} holds shard {shard} of a run, and no whole run", path.display())]
    OneShard {
        /// The folder.
        path: PathBuf,
        /// The shard.
        shard: Shard,
    },
    /// The folder holds no shard that could be merged.
    #[error("{} holds {holds}, and no shard of one", path.display())]
    NoShard {
        /// The folder.
        path: PathBuf,
        /// What it holds.
        holds: &'static str,
    },
    /// A shard did not come to its end.
    #[error("shard {shard} in {} is not finished", path.display())]
    ShardUnfinished {
        /// The folder.
        path: PathBuf,
        /// The shard.
        shard: Shard,
    },
    /// Two folders hold the same shard.
    #[error("shard {shard} is there twice: in {} and in {}", a.display(), b.display())]
    ShardTwice {
        /// The shard.
        shard: Shard,
        /// One folder.
        a: PathBuf,
        /// The other folder.
        b: PathBuf,
    },
    /// Shards are not there.
    #[error("{} of {count} shards are missing: {}", missing.len(), names(missing, *count))]
    ShardsMissing {
        /// Number of shards.
        count: usize,
        /// Numbers of those that are not there.
        missing: Vec<usize>,
    },
    /// Two shards are not of one run.
    #[error("{} and {} are not shards of one run: {what} is {in_a} and {in_b}", a.display(), b.display())]
    ShardsDiffer {
        /// Folder of one shard.
        a: Box<Path>,
        /// Folder of the other.
        b: Box<Path>,
        /// What differs.
        what: String,
        /// Its value in the first.
        in_a: String,
        /// Its value in the second.
        in_b: String,
    },
    /// Shards were made with something else than what is there to merge them.
    #[error("the shards were made with another {what}: {before}, and here it is {now}")]
    ShardsElsewhere {
        /// What differs.
        what: String,
        /// Its value in the shards.
        before: String,
        /// Its value now.
        now: String,
    },
    /// Another version wrote the file.
    #[error("{} has schema {found}, but this version of the program reads {expected}", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// Schema that it names.
        found: String,
        /// Schema that is read.
        expected: &'static str,
    },
    /// The summary of a run says something else than its record.
    #[error(
        "{} was changed after the run ended: {what} is {summary} in summary.json but {record} according to record.jsonl",
        path.display()
    )]
    Disagrees {
        /// The folder.
        path: PathBuf,
        /// The figure.
        what: String,
        /// Its value in the summary.
        summary: String,
        /// Its value in the record.
        record: String,
    },
    /// Two runs cannot be compared sample by sample.
    #[error("{} and {} cannot be compared sample by sample: {what}: {a} and {b}", run_a.display(), run_b.display())]
    NotPaired {
        /// Folder of the first run.
        run_a: PathBuf,
        /// Folder of the second run.
        run_b: PathBuf,
        /// What differs.
        what: &'static str,
        /// Its value in the first run.
        a: String,
        /// Its value in the second run.
        b: String,
    },
    /// A file of the run does not hold what Brinell writes there.
    #[error("{} is damaged: {problem}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A file of the evidence is not what was written.
    #[error("the evidence in {} was tampered with: {problem}", path.display())]
    Tampered {
        /// The folder.
        path: PathBuf,
        /// What differs.
        problem: String,
    },
}

/// Names shards by their numbers, the first ones where there are many.
fn names(missing: &[usize], count: usize) -> String {
    const SHOWN: usize = 16;
    let names: Vec<String> = missing.iter().take(SHOWN).map(|index| format!("{index}/{count}")).collect();
    format!("{}{}", names.join(", "), if missing.len() > SHOWN { ", .." } else { "" })
}
