//! What executes the model.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::words::{WordError, by_text, words};

/// Runtime, device and how calls are cut.
///
/// | Name | Default | Meaning |
/// |---|---|---|
/// | `runtime` | `auto` | software that executes the model |
/// | `onnxruntime` | looked for | ONNX Runtime's shared library, or a folder with it |
/// | `device` | `cpu` | where the model runs |
/// | `threads` | all cores | threads of one run |
/// | `batch` | by size | samples in one call of the model |
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the table says it")]
pub struct Running {
    #[serde(default)]
    pub runtime: RuntimeChoice,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub onnxruntime: Option<PathBuf>,
    #[serde(default)]
    pub device: Device,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads: Option<NonZeroUsize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<NonZeroUsize>,
}

impl Running {
    /// Any device and library, on this runtime.
    #[must_use]
    pub fn on(runtime: RuntimeChoice) -> Self {
        Self { runtime, ..Self::default() }
    }

    /// Returns the threads of one run: what was asked for, else the available cores.
    #[must_use]
    pub fn thread_count(&self) -> NonZeroUsize {
        self.threads.or_else(|| std::thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN)
    }
}

/// Which runtime executes models.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RuntimeChoice {
    /// ONNX Runtime where one is found and usable, else rten.
    #[default]
    Auto,
    /// ONNX Runtime or an error.
    OnnxRuntime,
    /// rten, which is always there.
    Rten,
}

words!(RuntimeChoice, "runtime", Auto = "auto", OnnxRuntime = "onnxruntime", Rten = "rten");

/// The device that models run on: the processor, or an accelerator by the name of its execution provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Device {
    /// The processor.
    #[default]
    Cpu,
    /// NVIDIA, card N.
    Cuda(u32),
    /// NVIDIA TensorRT, card N.
    TensorRt(u32),
    /// AMD ROCm, card N.
    Rocm(u32),
    /// AMD MIGraphX, card N.
    MiGraphX(u32),
    /// DirectX 12 on Windows, adapter N.
    DirectMl(u32),
    /// Apple Core ML.
    CoreMl,
    /// Intel OpenVINO.
    OpenVino,
}

impl Device {
    /// The names that [`Device`] is parsed from.
    pub const NAMES: &'static [&'static str] =
        &["cpu", "cuda[:N]", "tensorrt[:N]", "rocm[:N]", "migraphx[:N]", "directml[:N]", "coreml", "openvino"];
}

impl FromStr for Device {
    type Err = WordError;

    fn from_str(text: &str) -> Result<Self, WordError> {
        let unknown = || WordError::new("device", text, Self::NAMES);
        let (kind, card) = match text.split_once(':') {
            Some((kind, card)) => (kind, Some(card.parse::<u32>().map_err(|_| unknown())?)),
            None => (text, None),
        };
        let index = card.unwrap_or(0);
        match (kind, card) {
            ("cuda", _) => Ok(Self::Cuda(index)),
            ("tensorrt", _) => Ok(Self::TensorRt(index)),
            ("rocm", _) => Ok(Self::Rocm(index)),
            ("migraphx", _) => Ok(Self::MiGraphX(index)),
            ("directml", _) => Ok(Self::DirectMl(index)),
            ("cpu", None) => Ok(Self::Cpu),
            ("coreml", None) => Ok(Self::CoreMl),
            ("openvino", None) => Ok(Self::OpenVino),
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(n) => write!(f, "cuda:{n}"),
            Self::TensorRt(n) => write!(f, "tensorrt:{n}"),
            Self::Rocm(n) => write!(f, "rocm:{n}"),
            Self::MiGraphX(n) => write!(f, "migraphx:{n}"),
            Self::DirectMl(n) => write!(f, "directml:{n}"),
            Self::CoreMl => f.write_str("coreml"),
            Self::OpenVino => f.write_str("openvino"),
        }
    }
}

by_text!(Device);
