//! Shards of a run: each leaves a folder behind, and all of them together make the folder of the whole run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use brinell_record::{FileError, SHARD_SCHEMA, SampleRecord, Shard, ShardRecord, hash};

use super::folder::{Identity, StageLine, read_identity, write_json};
use super::found::Examples;
use super::lines;
use crate::LedgerError;

/// File that stands in the folder of a shard once it came to its end.
pub const SHARD_FILE: &str = "shard.json";

/// File that stands in the folder of a merged run until it is complete: what is there was copied, and may be thrown away.
const UNDER_WAY: &str = "merge.json";

/// Folder of the certificates of proofs, a file for each sample.
const CERTIFICATES: &str = "certificates";

/// All shards of one run, each of which came to its end.
#[derive(Debug, Clone)]
pub struct Shards {
    identity: Identity,
    /// By their numbers.
    shards: Vec<(PathBuf, ShardRecord)>,
    records: Vec<SampleRecord>,
}

impl Shards {
    /// Reads the folders of shards and checks that they make one run.
    ///
    /// # Guarantees
    /// The shards answer the same question about the same model, data and runtime; each of them is there once and complete, and every sample of the data
    /// stands in the one that it belongs to.
    ///
    /// # Errors
    /// [`LedgerError::NoShard`], [`LedgerError::ShardUnfinished`], [`LedgerError::ShardsDiffer`], [`LedgerError::ShardTwice`],
    /// [`LedgerError::ShardsMissing`], [`LedgerError::Damaged`], [`LedgerError::File`].
    pub fn read(folders: &[PathBuf]) -> Result<Self, LedgerError> {
        let mut first: Option<(&Path, Identity)> = None;
        let mut found: BTreeMap<Shard, &Path> = BTreeMap::new();
        for folder in folders {
            let (shard, identity) = identity_of(folder)?;
            if let Some((other, known)) = &first {
                same_run((other, known), (folder, &identity))?;
            }
            if let Some(other) = found.insert(shard, folder) {
                return Err(LedgerError::ShardTwice { shard, a: other.to_path_buf(), b: folder.clone() });
            }
            first = first.or(Some((folder, identity)));
        }
        let Some((_, identity)) = first else { return Err(LedgerError::ShardsMissing { count: 0, missing: Vec::new() }) };
        let count = found.keys().next().map_or(0, |shard| shard.count());
        let missing: Vec<usize> = {
            let there: BTreeSet<usize> = found.keys().map(|shard| shard.index()).collect();
            (0..count).filter(|index| !there.contains(index)).collect()
        };
        if !missing.is_empty() {
            return Err(LedgerError::ShardsMissing { count, missing });
        }
        let n = identity.facts.get(Identity::SAMPLES).and_then(|n| n.parse().ok()).unwrap_or(0);
        let (mut shards, mut records) = (Vec::with_capacity(count), Vec::with_capacity(n));
        let mut of_shards: Vec<Vec<usize>> = Vec::with_capacity(count);
        for (shard, folder) in found {
            let (record, samples) = read_shard(folder, shard)?;
            shards.push((folder.to_path_buf(), record));
            of_shards.push(samples.iter().map(|record| record.sample).collect());
            records.extend(samples);
        }
        records.sort_by_key(|record| record.sample);
        let all: Vec<usize> = records.iter().map(|record| record.sample).collect();
        for ((folder, record), samples) in shards.iter().zip(&of_shards) {
            if *samples != record.shard.of(&all) {
                let problem = format!("its samples are not those of shard {} of the {n} samples of the run", record.shard);
                return Err(LedgerError::Damaged { path: folder.join("record.jsonl"), problem });
            }
        }
        let drawn =
            identity.facts.get(Identity::DRAWN).map_or_else(|| all.iter().copied().eq(0..n), |digest| hash::sha256_json(&all) == *digest);
        if all.len() != n || !drawn {
            let path = shards.first().map_or_else(PathBuf::new, |(folder, _)| folder.join("run.json"));
            return Err(LedgerError::Damaged {
                path,
                problem: format!("the {} samples of all shards are not the {n} samples of the run", all.len()),
            });
        }
        Ok(Self { identity: Identity { shard: None, ..identity }, shards, records })
    }

    /// Returns what the whole run is made of.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Returns what is known of each shard, by number.
    pub fn shards(&self) -> impl Iterator<Item = &ShardRecord> {
        self.shards.iter().map(|(_, record)| record)
    }

    /// Returns the lines of all samples, by sample.
    #[must_use]
    pub fn records(&self) -> &[SampleRecord] {
        &self.records
    }

    /// Returns two of the shards whose machines compute differently, with what these compute with.
    #[must_use]
    pub fn mixed(&self) -> Option<[(Shard, String); 2]> {
        let mut all = self.shards().flat_map(|record| record.machines.iter().map(|machine| (record.shard, machine.arithmetic())));
        let first = all.next()?;
        let other = all.find(|(_, arithmetic)| *arithmetic != first.1)?;
        Some([first, other])
    }

    /// Writes what the shards found into a folder, sample by sample, as if one run had and had been stopped before its end.
    ///
    /// # Errors
    /// [`LedgerError::OutExists`] where another run is there, [`LedgerError::Damaged`], [`LedgerError::File`].
    pub fn write(&self, out: &Path) -> Result<(), LedgerError> {
        let taken = ["run.json", "record.jsonl", "summary.json", "adversarial.npz", CERTIFICATES, SHARD_FILE];
        if !out.join(UNDER_WAY).exists() && taken.iter().any(|name| out.join(name).exists()) {
            return Err(LedgerError::OutExists { path: out.to_path_buf() });
        }
        std::fs::create_dir_all(out).map_err(FileError::on("create the folder", out))?;
        let folders: Vec<&Path> = self.shards.iter().map(|(folder, _)| folder.as_path()).collect();
        write_json(&out.join(UNDER_WAY), &folders)?;
        for name in ["run.json", "record.jsonl", "stages.jsonl", "found.bin", "summary.json"] {
            remove(&out.join(name))?;
        }
        copy_certificates(&folders, &out.join(CERTIFICATES))?;
        let mut lines_of: BTreeMap<u64, Vec<StageLine>> = BTreeMap::new();
        let mut times = Vec::new();
        let mut examples: Vec<Examples> = Vec::with_capacity(self.shards.len());
        for (folder, _) in &self.shards {
            for line in lines::read(&folder.join("stages.jsonl"))? {
                match line {
                    StageLine::Sample { sample, .. } | StageLine::Proof { sample, .. } => lines_of.entry(sample).or_default().push(line),
                    StageLine::Time { .. } => times.push(line),
                    StageLine::Machine { .. } => {}
                }
            }
            examples.push(Examples::open(&folder.join("found.bin"))?);
        }
        self.write_found(&out.join("found.bin"), &lines_of, &mut examples)?;
        let lines: Vec<StageLine> = lines_of.into_values().flatten().chain(times).collect();
        lines::write_whole(&out.join("stages.jsonl"), &lines)?;
        write_json(&out.join("run.json"), &self.identity)
    }

    fn write_found(&self, path: &Path, lines: &BTreeMap<u64, Vec<StageLine>>, examples: &mut [Examples]) -> Result<(), LedgerError> {
        let place = |sample: u64| self.records.binary_search_by_key(&sample, |record| record.sample as u64).ok();
        let mut file = BufWriter::new(File::create(path).map_err(FileError::on("write", path))?);
        for (&sample, lines) in lines {
            if lines.iter().any(|line| matches!(line, StageLine::Sample { broken: true, .. })) {
                let Some(of_shard) = place(sample).and_then(|place| examples.get_mut(place % self.shards.len())) else { continue };
                let frame = super::found::frame(sample, &of_shard.read(sample)?);
                file.write_all(&frame).map_err(FileError::on("write to", path))?;
            }
        }
        Ok(file.flush().map_err(FileError::on("write to", path))?)
    }

    /// Says that the merged run is complete.
    ///
    /// # Errors
    /// [`LedgerError::File`].
    pub fn complete(&self, out: &Path) -> Result<(), LedgerError> {
        remove(&out.join(UNDER_WAY))
    }
}

/// Puts the certificates of all shards into one folder, where there are any.
fn copy_certificates(shards: &[&Path], out: &Path) -> Result<(), LedgerError> {
    match std::fs::remove_dir_all(out) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(FileError::on("delete", out)(error).into()),
        _ => {}
    }
    for folder in shards.iter().map(|shard| shard.join(CERTIFICATES)).filter(|folder| folder.is_dir()) {
        std::fs::create_dir_all(out).map_err(FileError::on("create the folder", out))?;
        for entry in std::fs::read_dir(&folder).map_err(FileError::on("read", &folder))? {
            let entry = entry.map_err(FileError::on("read", &folder))?;
            std::fs::copy(entry.path(), out.join(entry.file_name())).map_err(FileError::on("copy", &entry.path()))?;
        }
    }
    Ok(())
}

fn remove(path: &Path) -> Result<(), LedgerError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(FileError::on("delete", path)(error).into()),
        _ => Ok(()),
    }
}

/// Reads which shard of what is in a folder.
fn identity_of(folder: &Path) -> Result<(Shard, Identity), LedgerError> {
    let no_shard = |holds| LedgerError::NoShard { path: folder.to_path_buf(), holds };
    let path = folder.join("run.json");
    if !path.is_file() {
        return Err(no_shard("no run"));
    }
    let identity = read_identity(&path)?;
    let shard = identity.shard.ok_or_else(|| no_shard("a whole run"))?;
    Ok((shard, identity))
}

fn same_run((path_a, a): (&Path, &Identity), (path_b, b): (&Path, &Identity)) -> Result<(), LedgerError> {
    let count = |identity: &Identity| identity.shard.map_or(0, Shard::count).to_string();
    let counts = (count(a) != count(b)).then(|| ("number of shards".to_owned(), count(a), count(b)));
    match counts.or_else(|| a.difference(b)) {
        None => Ok(()),
        Some((what, in_a, in_b)) => Err(LedgerError::ShardsDiffer { a: path_a.into(), b: path_b.into(), what, in_a, in_b }),
    }
}

/// Reads one shard and checks that it is complete and of one piece.
fn read_shard(folder: &Path, shard: Shard) -> Result<(ShardRecord, Vec<SampleRecord>), LedgerError> {
    let path = folder.join(SHARD_FILE);
    if !path.is_file() {
        return Err(LedgerError::ShardUnfinished { path: folder.to_path_buf(), shard });
    }
    let damaged = |path: &Path, problem: String| LedgerError::Damaged { path: path.to_path_buf(), problem };
    let bytes = std::fs::read(&path).map_err(FileError::on("read", &path))?;
    let record: ShardRecord = serde_json::from_slice(&bytes).map_err(|error| damaged(&path, error.to_string()))?;
    if record.schema != SHARD_SCHEMA {
        return Err(LedgerError::Schema { path, found: record.schema, expected: SHARD_SCHEMA });
    }
    if record.shard != shard {
        return Err(damaged(&path, format!("it speaks of shard {}, and run.json of shard {shard}", record.shard)));
    }
    let path = folder.join("record.jsonl");
    let digest = hash::sha256_file(&path).map_err(FileError::on("read", &path))?;
    if digest != record.record_sha256 {
        return Err(damaged(&path, format!("its SHA-256 is {digest}, and was {} when the shard ended", record.record_sha256)));
    }
    let samples: Vec<SampleRecord> = lines::read(&path)?;
    Ok((record, samples))
}
