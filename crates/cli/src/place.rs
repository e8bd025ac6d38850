//! Where a file is, as other software is told.

use std::path::{Component, Path, PathBuf};

/// Returns the path of `path` from the root of the repository around the current folder, with `/` between its parts; from the current
/// folder where there is no repository, and from the root of the file system where it lies outside of both.
pub(crate) fn of(path: &Path) -> String {
    let Ok(here) = std::env::current_dir().and_then(std::fs::canonicalize) else { return join(path) };
    let root = here.ancestors().find(|folder| folder.join(".git").exists()).unwrap_or(&here);
    // A record may be told where its model is not; links are followed where it is.
    let whole = std::fs::canonicalize(path).unwrap_or_else(|_| normal(&here.join(path)));
    whole.strip_prefix(root).map_or_else(|_| join(&whole), join)
}

/// Resolves `.` and `..` by name.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}

fn join(path: &Path) -> String {
    let parts: Vec<_> =
        path.components().filter(|part| !matches!(part, Component::RootDir)).map(|part| part.as_os_str().to_string_lossy()).collect();
    format!(
        "{}{}",
        if path.has_root() && !matches!(path.components().next(), Some(Component::Prefix(_))) { "/" } else { "" },
        parts.join("/")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told_from_the_root_of_the_repository() {
        // Tests run in the folder of their crate.
        assert_eq!(of(Path::new("src/main.rs")), "crates/cli/src/main.rs");
        assert_eq!(of(Path::new("../../no such/./a/../b.onnx")), "no such/b.onnx");
        assert_eq!(of(Path::new("/no such/b.onnx")), "/no such/b.onnx");
    }
}
