//! Hints for errors of runtimes and of a model's interface.

use std::error::Error;

use brinell::Device;
use brinell::errors::{EngineError, LibraryProblem, OracleError, PreprocessError, SignatureError};

use super::as_a;

pub(super) fn hint(error: &(dyn Error + 'static)) -> Option<String> {
    let hint = as_a(error).and_then(engine);
    let hint = hint.or_else(|| as_a(error).and_then(signature));
    let hint = hint.or_else(|| as_a(error).and_then(preprocess));
    hint.or_else(|| as_a(error).and_then(oracle))
}

fn engine(error: &EngineError) -> Option<String> {
    match error {
        EngineError::NotFound { .. } => Some(
            "install it with `pip install onnxruntime`, give the path of its library with --onnxruntime PATH, or use --runtime rten"
                .to_owned(),
        ),
        EngineError::Library { problem: LibraryProblem::TooOld { .. }, .. } => {
            Some("update it with `pip install --upgrade onnxruntime`, or use --runtime rten".to_owned())
        }
        EngineError::Device { runtime, device, not_built_in, .. } => accelerator(runtime, device, *not_built_in),
        EngineError::Operators { runtime, .. } | EngineError::PortType { runtime, .. } => other_runtime(runtime).map(str::to_owned),
        EngineError::Model { runtime, .. } | EngineError::TooWide { runtime, .. } if runtime == "rten" => {
            other_runtime(runtime).map(str::to_owned)
        }
        EngineError::Endpoint { status: Some(401 | 403), .. } => {
            Some(format!("set the environment variable {} to the value of the Authorization header", brinell::AUTHORIZATION))
        }
        EngineError::Endpoint { status: Some(300..=399), .. } => Some("use the address that it redirects to".to_owned()),
        _ => None,
    }
}

/// What may run a model that this runtime does not.
fn other_runtime(runtime: &str) -> Option<&'static str> {
    match runtime {
        "rten" => Some("try ONNX Runtime: --runtime onnxruntime"),
        "onnxruntime" => Some("try the other runtime: --runtime rten"),
        _ => None,
    }
}

/// What brings an accelerator that the runtime lacks.
fn accelerator(runtime: &str, device: &str, not_built_in: bool) -> Option<String> {
    if runtime == "rten" {
        return Some("accelerators need ONNX Runtime: --runtime onnxruntime".to_owned());
    }
    let device = device.parse::<Device>().ok().filter(|_| not_built_in)?;
    let package = match device {
        Device::Cuda(_) | Device::TensorRt(_) => "onnxruntime-gpu",
        Device::DirectMl(_) => "onnxruntime-directml",
        Device::OpenVino => "onnxruntime-openvino",
        Device::Rocm(_) | Device::MiGraphX(_) => return Some("install a build that has it from AMD's package index".to_owned()),
        Device::Cpu | Device::CoreMl => return None,
    };
    Some(format!("install a build with this device: `pip install {package}`"))
}

fn signature(error: &SignatureError) -> Option<String> {
    let hint = match error {
        SignatureError::Inputs { .. } => {
            "to attack all inputs, give a table with one column per input; to attack one, give --input NAME, and a table or one .npz or .safetensors file with a column or array for every input, named like the input"
        }
        SignatureError::Dynamic { .. } => {
            "give the shape of one sample with --shape, such as --shape 3,224,224; an audit takes it from the data"
        }
        SignatureError::Output { others, .. } | SignatureError::OutputType { others, .. } if !others.is_empty() => {
            "choose another output with --output NAME"
        }
        SignatureError::Threshold { .. } => "leave out --threshold",
        SignatureError::Misfit { .. } => "give another --task, or another --output NAME",
        SignatureError::TopK { .. } => "give a smaller --top-k",
        SignatureError::NoLabel { .. } => "check --only-labels",
        SignatureError::Targets { .. } => {
            "convert a model with one target: one estimator of a multi-output classifier, or a model that was trained on one target"
        }
        SignatureError::Constant { .. } => "export the model without the softmax",
        _ => return None,
    };
    Some(hint.to_owned())
}

fn preprocess(error: &PreprocessError) -> Option<String> {
    match error {
        PreprocessError::Channels { option, .. } => Some(format!("give --{option} one value, or one for each channel")),
        PreprocessError::Value { option, .. } => Some(format!("check --{option}")),
        PreprocessError::NotAnImage { .. } => Some("leave out --layout".to_owned()),
        _ => None,
    }
}

fn oracle(error: &OracleError) -> Option<String> {
    match error {
        OracleError::NoGradient => Some("use attacks without gradients: --knowledge score or --knowledge label".to_owned()),
        OracleError::Memory(shortage) if shortage.rows > 1 => {
            Some("evaluate fewer samples at a time with --batch N, such as --batch 1".to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::accelerator;

    #[test]
    fn what_to_install_depends_on_what_is_missing() {
        assert!(accelerator("ONNX Runtime 1.23.2", "cuda:0", true).unwrap().contains("onnxruntime-gpu"));
        assert_eq!(accelerator("ONNX Runtime 1.23.2", "cuda:0", false), None);
        assert!(accelerator("rten", "cuda:0", false).unwrap().contains("--runtime onnxruntime"));
    }
}
