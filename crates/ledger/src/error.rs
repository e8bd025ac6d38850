use std::path::PathBuf;

use brinell_record::FileError;

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
