use std::path::{Path, PathBuf};
use std::sync::Once;

/// Returns the folder with the real models and data that stands beside the project, or `None` where it is absent; the
/// first such call prints that tests are skipped for it.
#[must_use]
pub fn shared_data() -> Option<PathBuf> {
    static SKIPPED: Once = Once::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    if folder.is_dir() {
        return Some(folder);
    }
    #[expect(clippy::print_stderr, reason = "a test that is skipped must say so")]
    SKIPPED.call_once(|| eprintln!("skipped: ../shared/data is absent, so the real models are not tested"));
    None
}
