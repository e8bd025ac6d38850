//! Execution providers: what ONNX Runtime calls the devices it can use.

use ort::ep::{self, ExecutionProviderDispatch};

use crate::Device;

/// The first minor version whose CUDA provider knows `use_tf32`.
const TF32_OPTION: u32 = 18;

/// Returns the providers to register for a device, in order of preference; a provider that does not start is an error.
///
/// TF32 is switched off: it keeps 10 bits of the mantissa, and logits must be those of the model as it was written.
pub(crate) fn dispatches(device: Device, minor: u32) -> Vec<ExecutionProviderDispatch> {
    let cuda = |card: u32| {
        let provider = ep::CUDA::default().with_device_id(card.cast_signed());
        if minor >= TF32_OPTION { provider.with_tf32(false).build() } else { provider.build() }
    };
    let providers = match device {
        Device::Cpu => vec![],
        Device::Cuda(card) => vec![cuda(card)],
        Device::TensorRt(card) => vec![ep::TensorRT::default().with_device_id(card.cast_signed()).build(), cuda(card)],
        Device::Rocm(card) => vec![ep::ROCm::default().with_device_id(card.cast_signed()).build()],
        Device::MiGraphX(card) => vec![ep::MIGraphX::default().with_device_id(card.cast_signed()).build()],
        Device::DirectMl(card) => vec![ep::DirectML::default().with_device_id(card.cast_signed()).build()],
        Device::CoreMl => vec![ep::CoreML::default().build()],
        Device::OpenVino => vec![ep::OpenVINO::default().build()],
    };
    providers.into_iter().map(ExecutionProviderDispatch::error_on_failure).collect()
}

/// Returns what to install for a device, as the end of a sentence.
/// Returns ONNX Runtime's name of the execution provider that serves a device.
pub(crate) fn name(device: Device) -> &'static str {
    match device {
        Device::Cpu => "CPUExecutionProvider",
        Device::Cuda(_) => "CUDAExecutionProvider",
        Device::TensorRt(_) => "TensorrtExecutionProvider",
        Device::Rocm(_) => "ROCMExecutionProvider",
        Device::MiGraphX(_) => "MIGraphXExecutionProvider",
        Device::DirectMl(_) => "DmlExecutionProvider",
        Device::CoreMl => "CoreMLExecutionProvider",
        Device::OpenVino => "OpenVINOExecutionProvider",
    }
}

pub(crate) fn remedy(device: Device) -> &'static str {
    match device {
        Device::Cuda(_) | Device::TensorRt(_) => " (install one that has it with `pip install onnxruntime-gpu`)",
        Device::DirectMl(_) => " (install one that has it with `pip install onnxruntime-directml`)",
        Device::OpenVino => " (install one that has it with `pip install onnxruntime-openvino`)",
        Device::Rocm(_) | Device::MiGraphX(_) => " (install one that has it from AMD's package index)",
        Device::Cpu | Device::CoreMl => "",
    }
}
