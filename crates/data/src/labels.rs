//! Where the labels of an array of samples come from.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::archive;
use super::array::Spec;
use super::error::{At, DataError, DataErrorKind};
use super::idx;
use super::input::Input;
use super::load::{self, Format};
use super::options::LoadOptions;
use super::rows::Labels;
use super::{csv, npy, tensors, text};

/// What the title of a file of labels may be.
const TITLES: &[&str] = &["label", "labels", "target", "class", "y"];

/// Labels that a caller asked for.
pub(super) enum Asked {
    /// Nothing was said.
    Beside,
    /// A file with one label per sample.
    File(PathBuf),
    /// One class for all samples.
    All(usize),
}

/// Resolves what the options say of labels: a file, or else a class index or name.
pub(super) fn asked(options: &LoadOptions) -> Result<Asked, DataError> {
    let Some(labels) = &options.labels else { return Ok(Asked::Beside) };
    if labels.is_file() {
        return Ok(Asked::File(labels.clone()));
    }
    let names = options.class_names.as_deref().unwrap_or_default();
    let Some(text) = labels.to_str() else { return Err(DataError::new(labels, DataErrorKind::LabelsNotFound)) };
    match options.class(text) {
        Ok(class) => Ok(Asked::All(class)),
        Err(_) if names.is_empty() => Err(DataError::new(labels, DataErrorKind::LabelsNotFound)),
        Err(unknown) => Err(DataError::new(labels, unknown.into())),
    }
}

/// Reads the labels of samples from a file of any format that can hold them.
pub(super) fn read(path: &Path, options: &LoadOptions) -> Result<Labels, DataError> {
    let array = |spec: Result<Spec, DataErrorKind>, input: &mut Input<'_>| spec.and_then(|spec| spec.labels(input)).at(path);
    let mut input = Input::open(path).at(path)?;
    match load::format(path)? {
        Some(Format::Idx) => array(idx::header(&mut input), &mut input),
        Some(Format::Npy) => npy::labels(&mut input).at(path),
        Some(Format::Npz) => archive::labels(path),
        Some(Format::Safetensors) => tensors::labels(path),
        Some(Format::Parquet) => csv::labels_of_parquet(path, options).at(path),
        Some(Format::Image | Format::Cifar) => Err(DataError::new(path, DataErrorKind::NoLabels)),
        Some(Format::Csv) => match csv::labels(path, options).at(path)? {
            Some(labels) => Ok(labels),
            None => lines(path, options).at(path),
        },
        None => lines(path, options).at(path),
    }
}

/// Reads one class index or name a line; the first line may be a title.
fn lines(path: &Path, options: &LoadOptions) -> Result<Labels, DataErrorKind> {
    const MAX_TEXT: u64 = 1 << 30;
    let mut text = String::new();
    let (stream, _) = text::open(path)?;
    stream.take(MAX_TEXT).read_to_string(&mut text)?;
    if text.contains('\0') {
        return Err(DataErrorKind::Malformed {
            format: "labels",
            reason: "it is not IDX, npy, npz, safetensors or text with one label per line".to_owned(),
        });
    }
    let class = |(index, line): (usize, &str)| {
        let cell = line.trim().trim_matches('"');
        options.class(cell).map_err(|unknown| DataErrorKind::ClassOfLine { line: index + 1, unknown })
    };
    let mut lines = text.trim_end().lines().enumerate().peekable();
    let is_title = |line: &str| TITLES.iter().any(|title| line.trim().trim_matches('"').eq_ignore_ascii_case(title));
    lines.next_if(|(index, line)| is_title(line) && class((*index, line)).is_err());
    Ok(Labels::Known(lines.map(class).collect::<Result<_, _>>()?))
}

/// Looks for the file of labels that belongs to a file of samples by its name.
pub(super) fn beside(path: &Path) -> Result<Option<PathBuf>, DataError> {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return Ok(None) };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let found =
        candidates(name).into_iter().map(|candidate| folder.join(candidate)).find(|candidate| candidate != path && candidate.is_file());
    if found.is_some() || !name.ends_with(".npy") {
        return Ok(found);
    }
    // `photos_224_u8.npy` belongs to `photos_labels.npy`: the longest common stem wins.
    let mut best: Option<(usize, PathBuf)> = None;
    for entry in fs::read_dir(folder).at(folder)? {
        let entry = entry.at(folder)?;
        let Some(stem) = entry.file_name().to_str().and_then(|other| other.strip_suffix("_labels.npy")).map(str::to_owned) else {
            continue;
        };
        if !stem.is_empty() && name.starts_with(&stem) && best.as_ref().is_none_or(|(len, _)| stem.len() > *len) {
            best = Some((stem.len(), entry.path()));
        }
    }
    Ok(best
        .map(|(_, found)| found)
        .or_else(|| Some(folder.join("labels.npy")).filter(|candidate| candidate != path && candidate.is_file())))
}

/// Returns the names to look for, the surest first.
fn candidates(name: &str) -> Vec<String> {
    let mut found = Vec::new();
    if name.contains("images") {
        let labels = name.replace("images", "labels");
        found.extend([labels.replace("idx3", "idx1").replace("idx4", "idx1"), labels]);
        for index in 0..found.len() {
            let other = found[index].strip_suffix(".gz").map_or_else(|| format!("{}.gz", found[index]), str::to_owned);
            found.push(other);
        }
    }
    if let Some(stem) = name.strip_suffix(".npy") {
        found.push(format!("{stem}_labels.npy"));
        let axis = |from: &str, to: &str| {
            stem.strip_prefix(from).filter(|rest| rest.is_empty() || rest.starts_with('_')).map(|rest| format!("{to}{rest}.npy"))
        };
        found.extend(axis("x", "y").into_iter().chain(axis("X", "y")).chain(axis("X", "Y")));
        found.extend(stem.strip_suffix("_x").map(|rest| format!("{rest}_y.npy")));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beside_the_samples_follow_custom() {
        assert!(candidates("t10k-images-idx3-ubyte").contains(&"t10k-labels-idx1-ubyte".to_owned()));
        assert!(candidates("t10k-images.idx3-ubyte.gz").contains(&"t10k-labels.idx1-ubyte".to_owned()));
        assert!(candidates("x_test.npy").contains(&"y_test.npy".to_owned()));
        assert!(candidates("X.npy").contains(&"y.npy".to_owned()));
        assert!(candidates("test_images.npy").contains(&"test_labels.npy".to_owned()));
        assert!(candidates("cifar_x.npy").contains(&"cifar_y.npy".to_owned()));
        assert!(candidates("xray.npy").iter().all(|name| name == "xray_labels.npy"));
    }

    #[test]
    fn the_longest_common_stem_wins() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["photos_labels.npy", "photos_big_labels.npy", "photograph_labels.npy", "labels.npy"] {
            fs::write(folder.path().join(name), b"").unwrap();
        }
        let found =
            |name: &str| beside(&folder.path().join(name)).unwrap().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
        assert_eq!(found("photos_224.npy").as_deref(), Some("photos_labels.npy"));
        assert_eq!(found("photos_big_224.npy").as_deref(), Some("photos_big_labels.npy"));
        assert_eq!(found("other.npy").as_deref(), Some("labels.npy"));
        assert_eq!(found("other.bin"), None);
    }
}
