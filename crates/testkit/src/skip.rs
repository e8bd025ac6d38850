use std::io::Write;

/// What a test may need beyond Rust.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// An ONNX Runtime in one of the places that are looked at.
    OnnxRuntime,
    /// The real models and data that stand beside the project.
    SharedData,
    /// Python with the schemas and readers of `tests/outputs`.
    Readers,
    /// A Chromium in the path.
    Browser,
    /// A shared library that is no ONNX Runtime.
    ForeignLibrary,
    /// mdBook.
    Book,
    /// A shell that is not part of every system, such as zsh or fish.
    Shell,
}

impl Need {
    /// Returns the word that stands for it in [`INSTALLED`] and in the list of skips.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OnnxRuntime => "onnxruntime",
            Self::SharedData => "shared-data",
            Self::Readers => "readers",
            Self::Browser => "browser",
            Self::ForeignLibrary => "foreign-library",
            Self::Book => "book",
            Self::Shell => "shell",
        }
    }
}

/// The environment variable that names the file to which skips are appended, one a line; `cargo xtask ci` sets it and shows the list.
pub const LIST: &str = "BRINELL_SKIPS";

/// The environment variable with the names of needs that are installed, between spaces: to skip for one of them fails the test.
pub const INSTALLED: &str = "BRINELL_INSTALLED";

/// Says that the calling test, or a part of it, is skipped, and puts it on the list.
///
/// # Panics
/// Where [`INSTALLED`] says that what is needed is there, and where the list cannot be written.
pub fn skip(need: Need, reason: &str) {
    #[expect(clippy::print_stderr, reason = "a test that is skipped must say so")]
    {
        eprintln!("skipped: {reason}");
    }
    let package = std::env::var("CARGO_PKG_NAME").unwrap_or_default();
    let thread = std::thread::current();
    let entry = skip_entry(&package, thread.name().unwrap_or_default(), need, reason);
    assert_eq!(entry.as_ref().err(), None);
    let (Some(list), Ok(entry)) = (std::env::var_os(LIST), entry) else { return };
    let file = std::fs::OpenOptions::new().create(true).append(true).open(&list);
    // In one piece, as other tests write at the same time.
    let written = file.and_then(|mut file| file.write_all(entry.as_bytes()));
    assert!(written.is_ok(), "the list of skips cannot be written: {written:?}");
}

/// Returns the line of the list for a skip: package, test, need and reason, between tabs.
///
/// # Errors
/// In words, where [`INSTALLED`] says that what is needed is there.
pub fn skip_entry(package: &str, test: &str, need: Need, reason: &str) -> Result<String, String> {
    let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
    if is_installed(need, &std::env::var(INSTALLED).unwrap_or_default()) {
        return Err(format!("{test} is skipped, although {} should be installed: {reason}", need.name()));
    }
    Ok(format!("{package}\t{test}\t{}\t{reason}\n", need.name()))
}

fn is_installed(need: Need, installed: &str) -> bool {
    installed.split_whitespace().any(|name| name == need.name())
}

#[cfg(test)]
mod tests {
    use super::{Need, is_installed, skip_entry};

    #[test]
    fn a_line_stays_one_line() {
        // Whether it is installed is up to who runs this.
        let entry = skip_entry("p", "a::b", Need::ForeignLibrary, "no\n library");
        assert_eq!(entry.as_deref(), Ok("p\ta::b\tforeign-library\tno library\n"));
    }

    #[test]
    fn what_is_installed_goes_by_whole_words() {
        assert!(is_installed(Need::Browser, "onnxruntime browser"));
        assert!(!is_installed(Need::Browser, "browsers") && !is_installed(Need::Browser, ""));
    }
}
