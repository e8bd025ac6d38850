//! What the user says about where and how models run.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;

use crate::EngineError;

/// How a runtime executes models.
///
/// | Name | Default | Meaning |
/// |---|---|---|
/// | `threads` | `None` | threads of one run; `None` takes the available cores |
/// | `device` | `cpu` | where models run |
/// | `library` | `None` | ONNX Runtime's shared library or a folder with it; `None` looks for one |
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuntimeSettings {
    /// Threads of one run.
    pub threads: Option<NonZeroUsize>,
    /// Where models run.
    pub device: Device,
    /// ONNX Runtime's shared library, or a folder that holds it.
    pub library: Option<PathBuf>,
}

impl RuntimeSettings {
    /// Returns the threads of one run: what was asked for, else the available cores.
    #[must_use]
    pub fn thread_count(&self) -> NonZeroUsize {
        self.threads.or_else(|| std::thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN)
    }
}

/// Which runtime executes models.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RuntimeChoice {
    /// ONNX Runtime where one is found and usable, else rten.
    #[default]
    Auto,
    /// ONNX Runtime or an error.
    OnnxRuntime,
    /// rten, which is always there.
    Rten,
}

impl FromStr for RuntimeChoice {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<Self, EngineError> {
        match text {
            "auto" => Ok(Self::Auto),
            "onnxruntime" => Ok(Self::OnnxRuntime),
            "rten" => Ok(Self::Rten),
            _ => Err(EngineError::UnknownRuntime { name: text.to_owned() }),
        }
    }
}

impl fmt::Display for RuntimeChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::OnnxRuntime => "onnxruntime",
            Self::Rten => "rten",
        })
    }
}

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
    pub const NAMES: &'static str = "cpu, cuda[:N], tensorrt[:N], rocm[:N], migraphx[:N], directml[:N], coreml, openvino";

    /// Returns ONNX Runtime's name of the execution provider that serves this device.
    #[must_use]
    pub fn provider(self) -> &'static str {
        match self {
            Self::Cpu => "CPUExecutionProvider",
            Self::Cuda(_) => "CUDAExecutionProvider",
            Self::TensorRt(_) => "TensorrtExecutionProvider",
            Self::Rocm(_) => "ROCMExecutionProvider",
            Self::MiGraphX(_) => "MIGraphXExecutionProvider",
            Self::DirectMl(_) => "DmlExecutionProvider",
            Self::CoreMl => "CoreMLExecutionProvider",
            Self::OpenVino => "OpenVINOExecutionProvider",
        }
    }
}

impl FromStr for Device {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<Self, EngineError> {
        let unknown = || EngineError::UnknownDevice { name: text.to_owned() };
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
