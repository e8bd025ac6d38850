//! Claims and their evidence, from within.

#![expect(clippy::unwrap_used, reason = "a test that meets an error fails")]

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use brinell::claims::{CheckOptions, CheckedClaim, ClaimError, ReplayOptions, Ruling, Source, check, replay};
use brinell::record::hash;
use brinell::{Running, RuntimeChoice, Silent};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A claim file beside the demo's model and data.
fn write(folder: &Path) -> PathBuf {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo");
    for name in ["ordinary.onnx", "images.idx3-ubyte", "labels.idx1-ubyte"] {
        std::fs::copy(demo.join(name), folder.join(name)).unwrap();
    }
    let model = hash::sha256_file(&folder.join("ordinary.onnx")).unwrap();
    let data = hash::sha256_files([folder.join("images.idx3-ubyte").as_path(), &folder.join("labels.idx1-ubyte")]).unwrap();
    let path = folder.join("claim.toml");
    let text = format!(
        r#"schema = "brinell.claim/1"
[[claim]]
id = "rate"
statement = "a third is answered right and stays right"
[claim.subject]
model = "ordinary.onnx"
sha256 = "{model}"
[claim.population]
data = "images.idx3-ubyte"
sha256 = "{data}"
n = 40
selection = "the first 40"
sampling = "exhaustive"
[claim.threat]
norm = "linf"
eps = "0.02"
attacks = ["fgsm"]
[claim.property]
kind = "rate"
at_least = 0.33
"#
    );
    std::fs::write(&path, text).unwrap();
    path
}

fn verdicts(path: &Path) -> Result<Vec<CheckedClaim>, ClaimError> {
    let options = CheckOptions { running: Running::on(RuntimeChoice::Rten), ..CheckOptions::default() };
    check(&[Source::read(path)?], &options, &AtomicBool::new(false), &mut Silent)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.retain(|path| !path.ends_with(".lock"));
    found.sort();
    found
}

#[test]
fn any_flipped_bit_of_claim_model_data_or_evidence_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path());
    let first = verdicts(&path).unwrap();
    assert_eq!(first[0].verdict.verdict, Ruling::Supported, "{:?}", first[0].verdict);
    let evidence = folder.path().join("claim.evidence/rate");
    let mut targets = files(&evidence);
    assert!(targets.len() >= 9, "{targets:?}");
    targets.extend(["claim.toml", "ordinary.onnx", "images.idx3-ubyte", "labels.idx1-ubyte"].map(|name| folder.path().join(name)));
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let flips = |path: &Path, rng: &mut ChaCha8Rng| -> Vec<(usize, u8)> {
        let len = std::fs::metadata(path).unwrap().len() as usize;
        // The first and the last byte, and some between.
        let mut places = vec![0, len - 1];
        places.extend((0..12).map(|_| rng.random_range(0..len)));
        places.into_iter().map(|at| (at, 1 << rng.random_range(0..8))).collect()
    };
    let kept: Vec<(&PathBuf, Vec<u8>)> = targets.iter().map(|target| (target, std::fs::read(target).unwrap())).collect();
    for (target, before) in &kept {
        for (at, bit) in flips(target, &mut rng) {
            let mut bytes = before.clone();
            bytes[at] ^= bit;
            std::fs::write(target, bytes).unwrap();
            let place = format!("bit {bit:#x} at {at} of {}", target.display());
            match verdicts(&path) {
                // Evidence of what seems another claim or another version is replaced, with the reason; other words around a claim are taken over.
                Ok(checked) => {
                    let reworded = target.ends_with("claim.toml") && checked[0].verdict.claim != first[0].verdict.claim;
                    let noticed = checked[0].verdict.verdict == Ruling::Stale || !checked[0].replaced.is_empty() || reworded;
                    assert!(noticed, "{place}");
                }
                // What can no longer be read is noticed by an error that names it.
                Err(error) => assert!(error.to_string().contains(&*target.file_name().unwrap().to_string_lossy()), "{place}: {error}"),
            }
        }
        kept.iter().for_each(|(path, bytes)| std::fs::write(path, bytes).unwrap());
    }
    let last = verdicts(&path).unwrap();
    assert!(last[0].unchanged);
    assert_eq!(last[0].verdict, first[0].verdict);
}

#[test]
fn replaying_finds_what_the_check_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path());
    let checked = verdicts(&path).unwrap();
    let replays = replay(&folder.path().join("claim.evidence"), &ReplayOptions::default(), &AtomicBool::new(false)).unwrap();
    assert_eq!(replays.len(), 1);
    assert!(!replays[0].witnesses.is_empty());
    assert_eq!(replays[0].judges, checked[0].verdict.judges);
    assert_eq!(replays[0].witnesses, checked[0].verdict.witnesses);
}
