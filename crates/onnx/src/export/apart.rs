//! Weights that stay in the files which they were read from.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use brinell_graph::{Graph, Place, Tensor, TensorData};

/// Bytes of the smallest weight that stays where it is.
const SMALLEST: usize = 16 * 1024;

/// What a model's references are relative to, and what they may refer to.
pub(super) struct Apart {
    folder: String,
    /// Files, and their names seen from the folder.
    files: HashMap<PathBuf, String>,
    /// A place in each of the files.
    places: Vec<Place>,
}

impl Apart {
    /// Looks at the files that large weights of `graph` were read from. One that has been changed since is left alone: what was mapped of it
    /// may be another file by now. `None` where no file is left, or where they have no folder in common.
    pub(super) fn of(graph: &Graph) -> Option<Self> {
        let mut files: HashMap<PathBuf, String> = HashMap::new();
        let (mut places, mut changed): (Vec<Place>, Vec<&Path>) = (Vec::new(), Vec::new());
        let mut common: Option<PathBuf> = None;
        for (place, _) in graph.constants().filter_map(|(_, tensor)| large(tensor)) {
            let file: &Path = &place.file;
            if files.contains_key(file) || changed.contains(&file) {
                continue;
            }
            if !is_as_read(place) {
                changed.push(file);
                continue;
            }
            let folder = common.get_or_insert_with(|| file.parent().unwrap_or(file).to_path_buf());
            while !file.starts_with(&folder) {
                if !folder.pop() {
                    return None;
                }
            }
            files.insert(file.to_path_buf(), String::new());
            places.push(place.clone());
        }
        let folder = common?;
        for (file, name) in &mut files {
            *name = name_from(&folder, file)?;
        }
        Some(Self { folder: folder.to_str()?.to_owned(), files, places })
    }

    /// Returns the folder, and a place in each of the files.
    pub(super) fn into_parts(self) -> (String, Vec<Place>) {
        (self.folder, self.places)
    }

    /// Returns file, offset and length of a weight that stays where it is.
    pub(super) fn locate(&self, tensor: &Tensor) -> Option<(&str, u64, usize)> {
        let (place, len) = large(tensor)?;
        Some((self.files.get(&*place.file)?, place.offset, len))
    }
}

/// Returns place and length of a large weight that lies in a file.
fn large(tensor: &Tensor) -> Option<(&Place, usize)> {
    match (tensor.place(), tensor.data()) {
        (Some(place), TensorData::Raw { bytes, .. }) if bytes.len() >= SMALLEST => Some((place, bytes.len())),
        _ => None,
    }
}

/// True where the file is the one that was read.
pub(super) fn is_as_read(place: &Place) -> bool {
    let modified = std::fs::metadata(&place.file).and_then(|metadata| metadata.modified()).ok();
    modified.is_some() && modified == place.modified
}

/// Returns the name of `file` seen from `folder`, as ONNX writes it.
fn name_from(folder: &Path, file: &Path) -> Option<String> {
    let mut parts = Vec::new();
    for component in file.strip_prefix(folder).ok()?.components() {
        let Component::Normal(part) = component else { return None };
        parts.push(part.to_str()?);
    }
    Some(parts.join("/"))
}
