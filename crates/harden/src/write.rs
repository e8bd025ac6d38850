//! New numbers in the bytes of the original files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use brinell_onnx::Patch;
use brinell_record::FileError;

use crate::HardenError;
use crate::plan::Trained;
use crate::state::{replace, to_bytes};

/// Byte ranges that were filled anew, by file.
pub(crate) type Ranges = Vec<(String, usize, usize)>;

/// The other files that hold weights of a model, as it calls them, and where they lie beside the original and beside the copy.
pub(crate) fn external(model: &Path, output: &Path, locations: &[String]) -> Vec<(String, PathBuf, PathBuf)> {
    let beside = |file: &Path, location: &str| file.parent().unwrap_or(Path::new("")).join(location);
    locations.iter().map(|location| (location.clone(), beside(model, location), beside(output, location))).collect()
}

/// Checks that a model can be written to `output`: nothing is there, and no file of weights would be shared with the original.
///
/// # Errors
/// [`HardenError::Exists`], [`HardenError::ExternalBeside`], [`HardenError::File`] where the folder cannot be written to.
pub(crate) fn check_output(model: &Path, output: &Path, locations: &[String]) -> Result<(), HardenError> {
    if output.exists() {
        return Err(HardenError::Exists { path: output.to_path_buf() });
    }
    for (location, from, to) in external(model, output, locations) {
        let same = from.canonicalize().ok().zip(to.canonicalize().ok()).is_some_and(|(from, to)| from == to);
        if same {
            return Err(HardenError::ExternalBeside { model: model.to_path_buf(), location });
        }
        if to.exists() {
            return Err(HardenError::Exists { path: to });
        }
    }
    // Before hours of training, not after them.
    let parent = output.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(FileError::on("create", parent))?;
    std::fs::File::create_new(output).map_err(FileError::on("write", output))?;
    std::fs::remove_file(output).map_err(FileError::on("write", output))?;
    Ok(())
}

/// Writes the model with new weights and returns the ranges that are new.
///
/// # Errors
/// [`HardenError::File`], [`HardenError::Internal`] where the original is not what was read.
pub(crate) fn write(
    model: &Path,
    original: &[u8],
    output: &Path,
    locations: &[String],
    trained: &[Trained],
    weights: &[Vec<f32>],
    metadata: Vec<(String, String)>,
) -> Result<Ranges, HardenError> {
    let mut patches: BTreeMap<Option<String>, Patch> = BTreeMap::from([(None, Patch { metadata, ..Patch::default() })]);
    let mut ranges = Ranges::new();
    for (tensor, values) in trained.iter().zip(weights) {
        let patch = patches.entry(tensor.stored.location.clone()).or_default();
        if !patch.set(&tensor.stored, &to_bytes(values)) {
            return Err(HardenError::Internal { what: format!("the new values of tensor `{}` have the wrong size", tensor.stored.name) });
        }
        let file = tensor.stored.location.clone().unwrap_or_default();
        ranges.extend(tensor.stored.places.iter().map(|place| (file.clone(), place.start, place.end)));
    }
    let cut = |path: &Path| HardenError::Internal { what: format!("{} has become shorter since it was read", path.display()) };
    for (location, from, to) in external(model, output, locations) {
        let bytes = std::fs::read(&from).map_err(FileError::on("read", &from))?;
        let bytes = match patches.get(&Some(location)) {
            Some(patch) => patch.apply(&bytes).ok_or_else(|| cut(&from))?,
            None => bytes,
        };
        if let Some(parent) = to.parent() {
            std::fs::create_dir_all(parent).map_err(FileError::on("create", parent))?;
        }
        replace(&to, &bytes)?;
    }
    let bytes = patches.get(&None).and_then(|patch| patch.apply(original)).ok_or_else(|| cut(model))?;
    // Last, so that a model is never there without its weights.
    replace(output, &bytes)?;
    ranges.sort();
    Ok(ranges)
}
