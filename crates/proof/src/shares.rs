//! Runs of certificates that are divided among machines: one shard, and the run that all shards make together.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use brinell_ledger::LedgerError;
use brinell_record::{FileError, Question, Shard, hash, setting};
use brinell_subject::{Case, Subject};
use serde::{Deserialize, Serialize};

use crate::certificates::name;
use crate::certify::{Identity, LINES, QUESTION, SUMMARY, certify_share, identity_at, lines_at, write_json};
use crate::{CertifiedSample, CertifyJob, CertifySummary, ProofError, Prover};

/// Name of the file that a shard leaves when it has come to its end.
const SHARD: &str = "shard.json";
/// Value of [`CertifyShard::schema`].
const SCHEMA: &str = "brinell.certify-shard/1";

/// What a shard says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CertifyShard {
    /// Always `brinell.certify-shard/1`.
    pub schema: String,
    /// Which shard of how many.
    pub shard: Shard,
    /// Its samples.
    pub samples: usize,
    /// SHA-256 of its `certify.jsonl`.
    pub lines_sha256: String,
    /// What was asked.
    pub question: Question,
}

/// How shards are merged.
#[derive(Debug, Clone, Default)]
pub struct MergeCertified {
    /// Folder of the merged run.
    pub out: PathBuf,
    /// Settings by name that take the place of those of the shards: where files are now, and what executes the model.
    pub settings: Vec<(String, Vec<String>)>,
    /// The command line, for the record.
    pub command: String,
}

/// Certifies the samples of one shard, as [`certify`](crate::certify()) does with all of them, and writes no figures.
///
/// # Errors
/// As [`certify`](crate::certify()).
pub fn certify_shard(
    question: &Question,
    job: &CertifyJob,
    shard: Shard,
    stop: &AtomicBool,
    seen: &mut dyn FnMut(&CertifiedSample, usize),
) -> Result<CertifyShard, ProofError> {
    let (_, _, lines) = certify_share(question, job, Some(shard), stop, seen)?;
    let path = job.out.join(LINES);
    let done = CertifyShard {
        schema: SCHEMA.to_owned(),
        shard,
        samples: lines.len(),
        lines_sha256: hash::sha256_file(&path).map_err(FileError::on("read", &path))?,
        question: question.clone(),
    };
    write_json(&job.out.join(SHARD), &done)?;
    Ok(done)
}

/// Returns true where a folder holds a run of certificates or a part of one.
#[must_use]
pub fn is_certify_folder(folder: &Path) -> bool {
    folder.join(QUESTION).is_file()
}

/// Makes one run of all its shards, with their certificates; [`recheck`](crate::recheck()) checks them like those of any run.
///
/// # Errors
/// [`ProofError::Ledger`] where shards are missing, twice, unfinished, changed, or of several runs, or where model or data are others here.
pub fn merge_certified(folders: &[PathBuf], options: &MergeCertified) -> Result<CertifySummary, ProofError> {
    let found = shards(folders)?;
    let Some((_, (_, identity, first, _))) = found.first_key_value() else {
        return Err(LedgerError::ShardsMissing { count: 0, missing: Vec::new() }.into());
    };
    let mut question = first.question.clone();
    for (name, values) in &options.settings {
        setting(name).and_then(|setting| setting.put(&mut question, values)).map_err(ProofError::from)?;
    }
    let case = Case::new(Subject::open(&question.artefact, &question.population)?, &question)?;
    let prover = Prover::new(&case.subject, &case.preprocess)?;
    for (what, before, now) in [("model", &identity.model, &case.subject.sha256), ("data", &identity.data, &case.data.sha256)] {
        if before != now {
            let (what, before, now) = (what.to_owned(), before.clone(), now.clone());
            return Err(LedgerError::ShardsElsewhere { what, before, now }.into());
        }
    }
    let all: Vec<usize> = case.data.samples().collect();
    let mut lines: Vec<CertifiedSample> = Vec::with_capacity(all.len());
    for (shard, (folder, _, _, own)) in &found {
        let samples: Vec<usize> = own.iter().map(|line| line.sample).collect();
        if samples != shard.of(&all) {
            let problem = format!("its samples are not those of shard {shard} of the {} samples of the run", all.len());
            return Err(LedgerError::Damaged { path: folder.join(LINES), problem }.into());
        }
        lines.extend(own.iter().cloned());
    }
    lines.sort_by_key(|line| line.sample);
    if options.out.join(QUESTION).exists() {
        return Err(ProofError::Exists { folder: options.out.clone() });
    }
    std::fs::create_dir_all(&options.out).map_err(FileError::on("create", &options.out))?;
    for (folder, _, _, own) in found.values() {
        for line in own.iter().filter(|line| line.certificate) {
            let (from, to) = (folder.join(name(line.sample)), options.out.join(name(line.sample)));
            let parent = to.parent().unwrap_or(&options.out);
            std::fs::create_dir_all(parent).map_err(FileError::on("create", parent))?;
            std::fs::copy(&from, &to).map_err(FileError::on("copy", &from))?;
        }
    }
    let path = options.out.join(LINES);
    let text: Result<Vec<String>, _> = lines.iter().map(serde_json::to_string).collect();
    let text = text.map_err(|error| FileError::on("write", &path)(error.into()))?.join("\n");
    std::fs::write(&path, text + "\n").map_err(FileError::on("write", &path))?;
    let whole = Identity { shard: None, ..identity.clone() };
    let job = CertifyJob {
        out: options.out.clone(),
        resume: true,
        timeout: whole.timeout,
        largest: whole.largest,
        command: options.command.clone(),
    };
    let uncheckable = prover.checker().err().map(ToString::to_string);
    let summary = crate::certify::summary(&question, &job, &case, &lines, uncheckable);
    write_json(&options.out.join(QUESTION), &whole)?;
    write_json(&options.out.join(SUMMARY), &summary)?;
    Ok(summary)
}

type Found = BTreeMap<Shard, (PathBuf, Identity, CertifyShard, Vec<CertifiedSample>)>;

/// Reads shards, all of one run and each of them once.
fn shards(folders: &[PathBuf]) -> Result<Found, ProofError> {
    let mut found = Found::new();
    for folder in folders {
        let identity = identity_at(folder)?;
        let Some(shard) = identity.shard else {
            return Err(LedgerError::NoShard { path: folder.clone(), holds: "a whole run" }.into());
        };
        let done = finished(folder, shard)?;
        let lines = lines_at(folder)?;
        if let Some((other, known, ..)) = found.first_key_value().map(|(_, first)| first) {
            same(other, known, folder, &identity)?;
        }
        if let Some((a, ..)) = found.insert(shard, (folder.clone(), identity, done, lines)) {
            return Err(LedgerError::ShardTwice { shard, a, b: folder.clone() }.into());
        }
    }
    let count = found.keys().next().map_or(0, |shard| shard.count());
    let missing: Vec<usize> = (0..count).filter(|&index| !found.keys().any(|shard| shard.index() == index)).collect();
    if missing.is_empty() { Ok(found) } else { Err(LedgerError::ShardsMissing { count, missing }.into()) }
}

fn finished(folder: &Path, shard: Shard) -> Result<CertifyShard, ProofError> {
    let path = folder.join(SHARD);
    if !path.is_file() {
        return Err(LedgerError::ShardUnfinished { path: folder.to_path_buf(), shard }.into());
    }
    let damaged = |path: &Path, problem: String| LedgerError::Damaged { path: path.to_path_buf(), problem };
    let bytes = std::fs::read(&path).map_err(FileError::on("read", &path))?;
    let done: CertifyShard = serde_json::from_slice(&bytes).map_err(|error| damaged(&path, error.to_string()))?;
    if done.schema != SCHEMA {
        return Err(LedgerError::Schema { path, found: done.schema, expected: SCHEMA }.into());
    }
    let lines = folder.join(LINES);
    let digest = hash::sha256_file(&lines).map_err(FileError::on("read", &lines))?;
    if done.shard != shard || digest != done.lines_sha256 {
        return Err(damaged(&lines, "it is not the file with which the shard ended".to_owned()).into());
    }
    Ok(done)
}

/// Requires that two shards are of one run, and of one division of it.
fn same(a: &Path, in_a: &Identity, b: &Path, in_b: &Identity) -> Result<(), ProofError> {
    let facts = |identity: &Identity| {
        [
            ("version", identity.version.clone()),
            ("model", identity.model.clone()),
            ("data", identity.data.clone()),
            ("question", identity.question.clone()),
            ("timeout", identity.timeout.to_string()),
            ("largest", identity.largest.to_string()),
            ("number of shards", identity.shard.map_or(1, Shard::count).to_string()),
        ]
    };
    for ((what, in_a), (_, in_b)) in facts(in_a).into_iter().zip(facts(in_b)) {
        if in_a != in_b {
            return Err(LedgerError::ShardsDiffer { a: a.into(), b: b.into(), what: what.to_owned(), in_a, in_b }.into());
        }
    }
    Ok(())
}
