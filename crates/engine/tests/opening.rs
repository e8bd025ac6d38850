//! What cannot serve as a runtime or device is refused with a reason.

use std::path::{Path, PathBuf};

use brinell_engine::{Device, EngineError, Running, RuntimeChoice, doctor, open};
use brinell_testkit::{Need, skip};

fn refusal(choice: RuntimeChoice, settings: &Running) -> String {
    open(&Running { runtime: choice, ..settings.clone() }).err().map_or_else(|| "opened".to_owned(), |error| error.to_string())
}

fn with_library(path: impl Into<PathBuf>) -> Running {
    Running { onnxruntime: Some(path.into()), ..Running::default() }
}

#[test]
fn a_library_that_is_none_is_refused_even_under_auto() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    for choice in [RuntimeChoice::Auto, RuntimeChoice::OnnxRuntime] {
        let text = refusal(choice, &with_library(here.join("Cargo.toml")));
        assert!(text.contains("Cargo.toml cannot be used as ONNX Runtime: "), "{text}");
        let text = refusal(choice, &with_library("/nowhere/libonnxruntime.so"));
        assert!(text.ends_with("the file does not exist"), "{text}");
        let text = refusal(choice, &with_library(here.join("src")));
        assert!(text.ends_with("the folder contains no ONNX Runtime library"), "{text}");
    }
}

#[test]
fn a_library_of_something_else_is_refused() {
    let candidates = ["/lib/x86_64-linux-gnu/libc.so.6", "/lib/aarch64-linux-gnu/libc.so.6", "/lib64/libc.so.6", "/usr/lib/libc.so.6"];
    let Some(libc) = candidates.iter().find(|path| Path::new(path).exists()) else {
        skip(Need::ForeignLibrary, "no C library at a known place");
        return;
    };
    let text = refusal(RuntimeChoice::OnnxRuntime, &with_library(libc));
    assert!(text.contains("without ONNX Runtime's `OrtGetApiBase`"), "{text}");

    let whole = std::fs::read(libc).unwrap();
    let cut = std::env::temp_dir().join(format!("brinell-truncated-{}.so", std::process::id()));
    std::fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let text = refusal(RuntimeChoice::OnnxRuntime, &with_library(&cut));
    std::fs::remove_file(&cut).unwrap();
    assert!(text.ends_with("the file is incomplete"), "{text}");
}

#[test]
fn rten_has_no_devices_but_the_processor() {
    let settings = Running { device: Device::Cuda(0), ..Running::default() };
    let text = refusal(RuntimeChoice::Rten, &settings);
    assert!(text.starts_with("rten cannot run on device cuda:0"), "{text}");
}

#[test]
fn a_device_is_never_given_up_silently() {
    let settings = Running { device: Device::Cuda(0), ..Running::default() };
    match open(&Running { runtime: RuntimeChoice::Auto, ..settings.clone() }) {
        Ok(runtime) => assert_eq!((runtime.name(), runtime.device()), ("onnxruntime", "cuda:0")),
        Err(EngineError::Device { available, .. }) => assert!(available.iter().any(|name| name == "CPUExecutionProvider")),
        Err(error) => assert!(matches!(error, EngineError::NotFound { .. }), "{error}"),
    }
}

#[test]
fn auto_says_why_it_is_slow() {
    let runtime = open(&Running::on(RuntimeChoice::Auto)).unwrap();
    match runtime.name() {
        "rten" => assert!(runtime.note().is_some_and(|note| note.contains("no ONNX Runtime found")), "{:?}", runtime.note()),
        name => assert_eq!(name, "onnxruntime"),
    }
}

#[test]
fn devices_are_read_as_they_are_written() {
    for (text, device) in
        [("cpu", Device::Cpu), ("cuda:0", Device::Cuda(0)), ("tensorrt:2", Device::TensorRt(2)), ("coreml", Device::CoreMl)]
    {
        assert_eq!(text.parse::<Device>().unwrap(), device);
        assert_eq!(device.to_string(), text);
    }
    assert_eq!("cuda".parse::<Device>().unwrap(), Device::Cuda(0));
    for text in ["", "gpu", "cuda:", "cuda:x", "cpu:1", "coreml:0"] {
        assert!(text.parse::<Device>().is_err(), "{text}");
    }
}

#[test]
fn the_doctor_reports_what_it_finds() {
    let doctor = doctor();
    assert!(doctor.processor.cores >= 1 && !doctor.rten.is_empty(), "{doctor:?}");
    assert_eq!(doctor.chosen.is_some(), doctor.providers.iter().any(|name| name == "CPUExecutionProvider"));
}
