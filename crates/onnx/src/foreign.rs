//! Files of other formats that are taken for ONNX models.

use std::path::Path;

use crate::ImportError;

/// What a file is that is no ONNX model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Foreign {
    /// Weights or a module saved by PyTorch.
    Torch,
    /// A Python object, as scikit-learn's models are stored by pickle and joblib.
    Pickle,
    /// A Keras model, as `.h5` or `.keras`.
    Keras,
    /// A folder or file of TensorFlow's SavedModel.
    SavedModel,
    /// A TensorFlow Lite model.
    TfLite,
    /// Weights in safetensors.
    Safetensors,
    /// A quantised language model for llama.cpp.
    Gguf,
    /// A model of XGBoost.
    XgBoost,
    /// A model of LightGBM.
    LightGbm,
    /// A model of CatBoost.
    CatBoost,
    /// The network of OpenVINO.
    OpenVino,
    /// A web page.
    Html,
    /// The text that stands for a file in Git LFS.
    GitLfs,
}

impl Foreign {
    /// Returns what the file is, in words with their article.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Torch => "a PyTorch file",
            Self::Pickle => "a pickled Python object",
            Self::Keras => "a Keras model",
            Self::SavedModel => "a TensorFlow SavedModel",
            Self::TfLite => "a TensorFlow Lite model",
            Self::Safetensors => "a file of weights (safetensors)",
            Self::Gguf => "a GGUF model",
            Self::XgBoost => "an XGBoost model",
            Self::LightGbm => "a LightGBM model",
            Self::CatBoost => "a CatBoost model",
            Self::OpenVino => "an OpenVINO model",
            Self::Html => "a web page",
            Self::GitLfs => "a Git LFS pointer",
        }
    }

    /// Recognises a file by its first bytes.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        let begins = |magic: &[u8]| bytes.starts_with(magic);
        let head = bytes.get(..bytes.len().min(HEAD)).unwrap_or_default();
        let holds = |text: &[u8]| head.windows(text.len()).any(|window| window == text);
        let text = head.trim_ascii_start();
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let opens = |tag: &[u8]| text.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag));
        Some(if begins(b"PK\x03\x04") {
            match () {
                () if holds(b"data.pkl") => Self::Torch,
                () if holds(b"config.json") || holds(b"metadata.json") => Self::Keras,
                () => return None,
            }
        } else if begins(b"\x80") && holds(LEGACY_TORCH) {
            Self::Torch
        } else if begins(b"\x80") && bytes.get(1).is_some_and(|protocol| (2..=5).contains(protocol)) {
            Self::Pickle
        } else if begins(b"\x89HDF\r\n\x1a\n") {
            Self::Keras
        } else if bytes.get(4..8) == Some(b"TFL3") {
            Self::TfLite
        } else if begins(b"GGUF") {
            Self::Gguf
        } else if begins(b"CBM1") {
            Self::CatBoost
        } else if begins(b"version https://git-lfs") {
            Self::GitLfs
        } else if opens(b"<!doctype html") || opens(b"<html") {
            Self::Html
        } else if opens(b"<") && holds(b"<net ") {
            Self::OpenVino
        } else if begins(b"tree\n") || begins(b"tree\r\n") {
            Self::LightGbm
        } else if begins(b"{L") || (opens(b"{") && holds(b"\"learner\"")) {
            Self::XgBoost
        } else if bytes.get(8) == Some(&b'{') && length(bytes).is_some_and(|header| header < 100_000_000) {
            Self::Safetensors
        } else {
            return None;
        })
    }

    /// Recognises a folder that is a model.
    pub(crate) fn of_folder(path: &Path) -> Option<Self> {
        path.join("saved_model.pb").is_file().then_some(Self::SavedModel)
    }
}

/// Bytes that are looked at.
const HEAD: usize = 4096;

/// The number with which files of PyTorch before 1.6 begin, as pickle writes it.
const LEGACY_TORCH: &[u8] = b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19";

/// The length of the header with which safetensors begins.
fn length(bytes: &[u8]) -> Option<u64> {
    bytes.get(..8)?.try_into().ok().map(u64::from_le_bytes)
}

/// Says what the file is, where the error is that it is no ONNX model.
pub(crate) fn named(error: ImportError, bytes: &[u8]) -> ImportError {
    match error {
        ImportError::NotOnnx { .. } | ImportError::Truncated { .. } => {
            Foreign::of(bytes).map_or(error, |format| ImportError::Foreign { format })
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_recognised_by_their_first_bytes() {
        let safetensors = [&40u64.to_le_bytes()[..], b"{\"w\":{}}"].concat();
        for (bytes, format) in [
            (&b"PK\x03\x04\x14\x00model/data.pkl"[..], Some(Foreign::Torch)),
            (b"PK\x03\x04\x14\x00metadata.json", Some(Foreign::Keras)),
            (b"PK\x03\x04\x14\x00word/document.xml", None),
            (b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", Some(Foreign::Torch)),
            (b"\x80\x04\x95\x00", Some(Foreign::Pickle)),
            (b"\x89HDF\r\n\x1a\n\x00", Some(Foreign::Keras)),
            (b"\x1c\x00\x00\x00TFL3", Some(Foreign::TfLite)),
            (b"\n <!DOCTYPE html><html>", Some(Foreign::Html)),
            (b"<?xml version=\"1.0\"?>\n<net name=\"a\">", Some(Foreign::OpenVino)),
            (b"version https://git-lfs.github.com/spec/v1\n", Some(Foreign::GitLfs)),
            (b"tree\nversion=v4\n", Some(Foreign::LightGbm)),
            (b"{\"learner\":{}}", Some(Foreign::XgBoost)),
            (&safetensors, Some(Foreign::Safetensors)),
            (b"\x08\x08\x12\x07pytorch", None),
            (b"", None),
        ] {
            assert_eq!(Foreign::of(bytes), format, "{bytes:?}");
        }
    }

    #[test]
    fn other_errors_stay_what_they_are() {
        let named = |bytes: &[u8]| crate::read(bytes, None).unwrap_err();
        assert!(matches!(named(b"<html></html>"), ImportError::Foreign { format: Foreign::Html }));
        assert!(matches!(named(b"no model"), ImportError::NotOnnx { .. }));
        assert!(matches!(named(b""), ImportError::Empty));
    }
}
