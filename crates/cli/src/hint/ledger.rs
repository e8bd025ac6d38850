//! Hints for errors of runs and evidence on disk.

use std::error::Error;

use brinell::errors::{FileError, LedgerError};

use super::as_a;

pub(super) fn hint(error: &(dyn Error + 'static)) -> Option<String> {
    as_a(error).and_then(ledger).or_else(|| as_a(error).and_then(file)).map(str::to_owned)
}

fn ledger(error: &LedgerError) -> Option<&'static str> {
    match error {
        LedgerError::OutExists { .. } => Some("continue it with --resume, or choose another folder with --out"),
        LedgerError::NothingToResume { .. } => Some("leave out --resume to start a new run"),
        LedgerError::Locked { .. } => Some("wait until it ends, or choose another folder with --out"),
        LedgerError::Busy { .. } => Some("wait until it ends"),
        LedgerError::Stale { .. } | LedgerError::Damaged { .. } => Some("start a new run in another folder with --out"),
        LedgerError::NoRun { stopped: true, .. } => Some("finish it with `brinell audit --resume --out FOLDER`"),
        LedgerError::Schema { .. } => Some("use the version of Brinell that wrote it, or run the audit again"),
        LedgerError::Disagrees { .. } => Some("run the audit again"),
        LedgerError::OneShard { .. } => Some("make one run of all shards with `brinell merge SHARD.. --out DIR`"),
        LedgerError::NoShard { .. } => Some("give the folders of runs that were started with --shard"),
        LedgerError::ShardUnfinished { .. } => Some("finish it with `brinell audit --resume --out FOLDER`"),
        LedgerError::ShardTwice { .. } => Some("leave one of them out"),
        LedgerError::ShardsMissing { .. } => Some("give the folders of all shards"),
        LedgerError::ShardsDiffer { .. } => Some("audit all shards with the same command line but for --shard and --out"),
        LedgerError::ShardsElsewhere { .. } => {
            Some("name the files of the shards with --model, --data, --labels and --classes, and use their runtime")
        }
        LedgerError::NotPaired { .. } => Some("audit both models on the same data with the same --limit"),
        _ => None,
    }
}

fn file(error: &FileError) -> Option<&'static str> {
    let full = error.source.kind() == std::io::ErrorKind::StorageFull;
    full.then_some("no finished result is lost: free some space, then continue with --resume")
}
