//! From a path to a data set.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::array::{Samples, Spec};
use super::dataset::{Dataset, NamedArray};
use super::draw::{Kept, drawn};
use super::error::{At, DataError, DataErrorKind};
use super::input::Input;
use super::labels::{self, Asked};
use super::moments::Moments;
use super::options::LoadOptions;
use super::rows::Labels;
use super::truths::{self, TruthKind, Truths};
use super::{archive, cifar, csv, idx, images, npy, sheet, tensors};
use brinell_record::hash;

/// Formats of single files, as told by their first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Idx,
    Npy,
    Npz,
    Cifar,
    Safetensors,
    Image,
    Csv,
    Parquet,
}

/// Samples and, where the same file holds them, their labels.
pub(super) struct Contents {
    pub(super) samples: Samples,
    pub(super) labels: Option<Labels>,
    pub(super) arrays: Vec<NamedArray>,
    pub(super) format: &'static str,
}

/// Reads labelled samples; the [module](super) says which formats and conventions.
///
/// # Errors
///
/// [`DataError`] names the file at fault, what is wrong with it and, where something can be done about it, the remedy.
pub fn load(path: &Path, options: &LoadOptions) -> Result<Dataset, DataError> {
    if options.truth != TruthKind::Pairs {
        return if options.limit.is_some() { read(path, &drawn(path, options)?) } else { read(path, options) };
    }
    let pairs = options.pairs.as_deref().ok_or_else(|| DataError::new(path, DataErrorKind::NoPairs))?;
    truths::paired(read(path, &unlabelled(options))?, pairs, options)
}

/// Reads samples like [`load`], those of pairs by themselves: what a run or a check has stored of them.
///
/// # Errors
/// As [`load`].
pub fn load_alone(path: &Path, options: &LoadOptions) -> Result<Dataset, DataError> {
    read(path, options)
}

/// All samples of which pairs are made, without labels.
fn unlabelled(options: &LoadOptions) -> LoadOptions {
    LoadOptions { labels: None, limit: None, rows: None, ..options.clone() }
}

fn read(path: &Path, options: &LoadOptions) -> Result<Dataset, DataError> {
    let metadata = fs::metadata(path)
        .map_err(|error| if error.kind() == io::ErrorKind::NotFound { DataErrorKind::NotFound } else { error.into() })
        .at(path)?;
    if metadata.is_dir() {
        no_arrays(path, options)?;
        return images::folder(path, options);
    }
    if !metadata.is_file() {
        return Err(DataError::new(path, DataErrorKind::NotAFile));
    }
    let contents = match format(path)? {
        Some(Format::Image) => {
            no_arrays(path, options)?;
            return images::single(path, options);
        }
        Some(Format::Csv) => return csv::read(path, options),
        Some(Format::Parquet) => return csv::read_parquet(path, options),
        Some(Format::Idx) => array(path, "idx", options, idx::header)?,
        Some(Format::Npy) => array(path, "npy", options, npy::header)?,
        Some(Format::Npz) => archive::read(path, options)?,
        Some(Format::Safetensors) => tensors::read(path, options)?,
        Some(Format::Cifar) => {
            let mut input = Input::open(path).at(path)?;
            let (samples, labels, layout) = cifar::read(&mut input, metadata.len(), options).at(path)?;
            Contents { samples, labels: Some(Labels::One(labels)), arrays: Vec::new(), format: layout.name() }
        }
        None => return Err(DataError::new(path, DataErrorKind::UnknownFormat)),
    };
    label(path, contents, options)
}

/// Returns ranges and deviations of all samples that [`load`] would read without a limit; in memory is no more than a piece of the data at a time.
///
/// # Errors
/// As [`load`], labels aside.
pub fn moments(path: &Path, options: &LoadOptions) -> Result<Moments, DataError> {
    if fs::metadata(path).at(path)?.is_dir() {
        return images::moments(path, options);
    }
    let stream = |header: fn(&mut Input<'_>) -> Result<Spec, DataErrorKind>| {
        Input::open(path).and_then(|mut input| header(&mut input)?.moments(&mut input, options)).at(path)
    };
    match format(path)? {
        Some(Format::Idx) => stream(idx::header),
        Some(Format::Npy) => stream(npy::header),
        Some(Format::Npz) => archive::moments(path, options),
        Some(Format::Safetensors) => tensors::moments(path, options),
        Some(Format::Cifar) => {
            let size = fs::metadata(path).at(path)?.len();
            Input::open(path).and_then(|mut input| cifar::moments(&mut input, size)).at(path)
        }
        Some(Format::Csv) => csv::moments(path, options),
        Some(Format::Parquet) => csv::moments_of_parquet(path, options),
        Some(Format::Image) | None => Ok(Moments::of(&load(path, options)?)),
    }
}

/// Returns the digest that [`load`] gives, without decoding images or reading labels of tables.
///
/// # Errors
/// As [`load`], but for the content of images.
pub fn digest(path: &Path, options: &LoadOptions) -> Result<String, DataError> {
    if options.truth == TruthKind::Pairs {
        return digest_of(path, &unlabelled(options));
    }
    digest_of(path, options)
}

fn digest_of(path: &Path, options: &LoadOptions) -> Result<String, DataError> {
    if path.is_dir() {
        hash::sha256_files(images::files(path, &drawn(path, options)?)?.iter().map(PathBuf::as_path)).at(path)
    } else if matches!(format(path)?, Some(Format::Csv | Format::Parquet)) {
        // What the labels of a table mean may stand in the model alone.
        hash::sha256_files(sheet::files(path, options).iter().map(PathBuf::as_path)).at(path)
    } else {
        Ok(read(path, options)?.sha256)
    }
}

/// Refuses data that cannot hold the arrays asked for.
fn no_arrays(path: &Path, options: &LoadOptions) -> Result<(), DataError> {
    match options.arrays.as_slice() {
        [] => Ok(()),
        names => Err(DataError::new(path, DataErrorKind::OneArray { names: names.to_vec() })),
    }
}

fn array(
    path: &Path,
    format: &'static str,
    options: &LoadOptions,
    header: impl FnOnce(&mut Input<'_>) -> Result<Spec, DataErrorKind>,
) -> Result<Contents, DataError> {
    let mut input = Input::open(path).at(path)?;
    let samples = header(&mut input).and_then(|spec| spec.pixels(&mut input, options)).at(path)?;
    Ok(Contents { samples, labels: None, arrays: Vec::new(), format })
}

/// Gives the samples their labels: those asked for, else those in the same file, else those of the file beside it.
fn label(path: &Path, contents: Contents, options: &LoadOptions) -> Result<Dataset, DataError> {
    if options.truth != TruthKind::Classes {
        if contents.arrays.is_empty() {
            no_arrays(path, options)?;
        }
        return truths::label(path, contents, options);
    }
    let Contents { mut samples, labels: own, arrays, format } = contents;
    if arrays.is_empty() {
        no_arrays(path, options)?;
    }
    let (found, label_path) = match (labels::asked(options)?, own) {
        (Asked::All(class), _) => (Labels::OneForAll { class, samples: samples.total }, None),
        (Asked::File(file), _) => (labels::read(&file, options)?, Some(file)),
        (Asked::Beside, Some(labels)) => (labels, None),
        (Asked::Beside, None) => {
            let file = labels::beside(path)?.ok_or_else(|| DataError::new(path, DataErrorKind::NoLabels))?;
            (labels::read(&file, options)?, Some(file))
        }
    };
    let of = label_path.as_deref().unwrap_or(path);
    if found.len() != samples.total {
        return Err(DataError::new(of, DataErrorKind::CountMismatch { samples: samples.total, labels: found.len() }));
    }
    let labels = found.classes(options, &mut samples.notes).at(of)?;
    let labels = Kept::of(options, samples.total).pick(labels, 1);
    let mut files = vec![path.to_path_buf()];
    files.extend(label_path.clone());
    let parts = Parts {
        samples,
        labels,
        truths: Truths::Classes,
        label_path,
        format,
        class_names: options.class_names.clone(),
        ids: Vec::new(),
        columns: Vec::new(),
        files,
    };
    Ok(Dataset { arrays, ..dataset(path, parts)? })
}

/// Everything a data set is made of but its digest.
pub(super) struct Parts {
    pub(super) samples: Samples,
    pub(super) labels: Vec<usize>,
    pub(super) truths: Truths,
    pub(super) label_path: Option<PathBuf>,
    pub(super) format: &'static str,
    pub(super) class_names: Option<Vec<String>>,
    pub(super) ids: Vec<String>,
    /// Names of the features, where they have some.
    pub(super) columns: Vec<String>,
    /// Every file read, in the order in which they are hashed.
    pub(super) files: Vec<PathBuf>,
}

pub(super) fn dataset(path: &Path, parts: Parts) -> Result<Dataset, DataError> {
    let Parts { samples, labels, truths, label_path, format, class_names, ids, columns, files } = parts;
    let Samples { pixels, exact, notes, shape, n, total, rows } = samples;
    if n == 0 {
        return Err(DataError::new(path, DataErrorKind::Empty));
    }
    let sha256 = hash::sha256_files(files.iter().map(PathBuf::as_path)).at(path)?;
    Ok(Dataset {
        path: path.to_path_buf(),
        label_path,
        pixels,
        exact,
        shape,
        labels,
        truths,
        n,
        total,
        rows,
        format,
        class_names,
        ids,
        columns,
        resized: 0,
        arrays: Vec::new(),
        notes,
        sha256,
    })
}

/// Tells the format of a file by how it begins and, for CIFAR binaries, which begin with anything, by the suffix `.bin`.
pub(super) fn format(path: &Path) -> Result<Option<Format>, DataError> {
    let start = Input::open(path).and_then(|mut input| input.up_to(16)).at(path)?;
    let suffix = |wanted: &str| path.extension().is_some_and(|suffix| suffix.eq_ignore_ascii_case(wanted));
    Ok(if start.starts_with(npy::MAGIC) {
        Some(Format::Npy)
    } else if start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06") {
        Some(Format::Npz)
    } else if images::is_image(&start) {
        Some(Format::Image)
    } else if suffix("bin") {
        Some(Format::Cifar)
    } else if idx::is_idx(&start) {
        Some(Format::Idx)
    } else if tensors::is_safetensors(&start) {
        Some(Format::Safetensors)
    } else if start.starts_with(b"PAR1") {
        Some(Format::Parquet)
    } else if csv::is_table(path) {
        Some(Format::Csv)
    } else {
        None
    })
}
