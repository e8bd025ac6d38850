use std::path::{Path, PathBuf};

use crate::skip::{Need, skip};

/// Returns a file or folder of the real models and data that stand beside the project, or `None` where it is absent; the calling test
/// is then skipped.
#[must_use]
pub fn shared_data(path: &str) -> Option<PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(path);
    if found.exists() {
        return Some(found);
    }
    skip(Need::SharedData, &format!("../shared/data/{path} is absent"));
    None
}
