//! .npz archives that hold samples and labels.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use zip::ZipArchive;

use super::array::Numbers;
use super::dataset::NamedArray;
use super::draw::Kept;
use super::error::{At, DataError, DataErrorKind};
use super::input::Input;
use super::load::Contents;
use super::moments::Moments;
use super::npy;
use super::options::LoadOptions;
use super::rows::Labels;
use super::truths::TruthKind;

/// Names under which samples are looked for, in this order.
const SAMPLES: &[&str] = &["x", "X", "images", "data", "inputs", "x_test", "X_test", "x_adv"];
/// Names under which labels are looked for, in this order.
pub(super) const LABELS: &[&str] = &["y", "Y", "labels", "label", "targets", "y_test", "Y_test"];

type Archive = ZipArchive<BufReader<File>>;

/// Reads samples and, where they are there, labels.
pub(super) fn read(path: &Path, options: &LoadOptions) -> Result<Contents, DataError> {
    let mut archive = open(path).at(path)?;
    let names = names(&archive);
    let name = choose_samples(&names, options).at(path)?;
    let samples = entry(&mut archive, &name, |input| npy::header(input)?.pixels(input, options)).at(path)?;
    let mut arrays = Vec::new();
    for wanted in &options.arrays {
        let name = choose(&names, &[wanted.as_str()]).at(path)?;
        let (shape, numbers) = entry(&mut archive, &name, npy::plain).at(path)?;
        arrays.push(NamedArray { name, shape, numbers }.cut(samples.total, &Kept::of(options, samples.total)));
    }
    // What is no class is read apart.
    let labels = if options.truth == TruthKind::Classes { own_labels(path)? } else { None };
    Ok(Contents { samples, labels, arrays, format: "npz" })
}

/// Returns ranges and deviations of all samples.
pub(super) fn moments(path: &Path, options: &LoadOptions) -> Result<Moments, DataError> {
    let mut archive = open(path).at(path)?;
    let name = choose_samples(&names(&archive), options).at(path)?;
    entry(&mut archive, &name, |input| npy::header(input)?.moments(input, options)).at(path)
}

/// Reads the labels.
pub(super) fn labels(path: &Path) -> Result<Labels, DataError> {
    let mut archive = open(path).at(path)?;
    let name = choose(&names(&archive), LABELS).at(path)?;
    entry(&mut archive, &name, npy::labels).at(path)
}

/// Reads the labels, where there are some.
pub(super) fn own_labels(path: &Path) -> Result<Option<Labels>, DataError> {
    let mut archive = open(path).at(path)?;
    choose(&names(&archive), LABELS).ok().map(|name| entry(&mut archive, &name, npy::labels).at(path)).transpose()
}

/// Reads the labels as they are stored, where there are some.
pub(super) fn plain_labels(path: &Path) -> Result<Option<(Vec<usize>, Numbers)>, DataError> {
    let mut archive = open(path).at(path)?;
    let Ok(name) = choose(&names(&archive), LABELS) else { return Ok(None) };
    entry(&mut archive, &name, npy::plain).at(path).map(Some)
}

/// Reads one array of numbers from a .npz file, in f64.
///
/// # Errors
/// The file is no archive, has no such array, or holds something else in it.
pub fn reals(path: &Path, name: &str) -> Result<Vec<f64>, DataError> {
    let mut archive = open(path).at(path)?;
    let name = choose(&names(&archive), &[name]).at(path)?;
    match entry(&mut archive, &name, npy::plain).at(path)?.1 {
        Numbers::Whole(values) => Ok(values.into_iter().map(|value| value as f64).collect()),
        Numbers::Real(values) => Ok(values),
        Numbers::Text(_) => Err(DataError::new(path, DataErrorKind::ElementType { found: "text".to_owned(), accepted: "numbers" })),
    }
}

/// Reads one array of whole numbers from a .npz file.
///
/// # Errors
/// The file is no archive, has no such array, or holds something else in it.
pub fn numbers(path: &Path, name: &str) -> Result<Vec<usize>, DataError> {
    let mut archive = open(path).at(path)?;
    let name = choose(&names(&archive), &[name]).at(path)?;
    let labels = entry(&mut archive, &name, npy::labels).at(path)?;
    labels.classes(&LoadOptions::default(), &mut Vec::new()).at(path)
}

/// Returns the name of the array that holds the samples: the one asked for where it is there, else one of the usual names.
pub(super) fn choose_samples(found: &[String], options: &LoadOptions) -> Result<String, DataErrorKind> {
    let own = options.input.as_deref().into_iter();
    choose(found, &own.chain(SAMPLES.iter().copied()).collect::<Vec<_>>())
}

/// Returns the first of the `wanted` names that is there.
pub(super) fn choose(found: &[String], wanted: &[&str]) -> Result<String, DataErrorKind> {
    wanted.iter().find(|name| found.iter().any(|other| other == *name)).map(|name| (*name).to_owned()).ok_or_else(|| {
        let mut found = found.to_vec();
        found.sort();
        DataErrorKind::NoArray { wanted: wanted.join(", "), found }
    })
}

fn open(path: &Path) -> Result<Archive, DataErrorKind> {
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(DataErrorKind::NotAFile);
    }
    ZipArchive::new(BufReader::new(file)).map_err(malformed)
}

fn malformed(error: impl std::fmt::Display) -> DataErrorKind {
    DataErrorKind::Malformed { format: "npz", reason: error.to_string() }
}

fn names(archive: &Archive) -> Vec<String> {
    archive.file_names().flatten().map(|name| name.strip_suffix(".npy").unwrap_or(&name).to_owned()).collect()
}

fn entry<T>(archive: &mut Archive, name: &str, read: impl FnOnce(&mut Input<'_>) -> Result<T, DataErrorKind>) -> Result<T, DataErrorKind> {
    let file = archive.by_name(&format!("{name}.npy")).map_err(malformed)?;
    let packed = file.compressed_size();
    read(&mut Input::unpacked(file, packed)).map_err(|kind| match kind {
        // A wrong checksum or a broken compressed stream is the archive's fault, not the system's.
        DataErrorKind::Io(error) => malformed(error),
        other => other,
    })
}
