//! Both runtimes execute the same models with the same results.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use brinell_engine::{Runtime, RuntimeChoice, RuntimeSettings, Session, View, open};

fn rten() -> Arc<dyn Runtime> {
    open(RuntimeChoice::Rten, &RuntimeSettings::default()).unwrap()
}

/// Returns ONNX Runtime, or says that it is skipped.
fn onnxruntime() -> Option<Arc<dyn Runtime>> {
    match open(RuntimeChoice::OnnxRuntime, &RuntimeSettings::default()) {
        Ok(runtime) => Some(runtime),
        Err(error) => {
            println!("skipped on ONNX Runtime: {error}");
            None
        }
    }
}

fn shared(folder: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(folder);
    if !path.is_dir() {
        println!("skipped: {} is absent", path.display());
        return None;
    }
    Some(path)
}

fn models(folder: &str) -> Vec<PathBuf> {
    let Some(path) = shared(folder) else { return Vec::new() };
    let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let mut models: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|e| e == "onnx")).collect();
    models.sort();
    models
}

/// Pseudo-random numbers in 0..1.
fn noise(len: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1_u64 << 24) as f32
    };
    (0..len).map(|_| next()).collect()
}

fn run(session: &mut dyn Session, shape: &[usize], x: &[f32]) -> Vec<f32> {
    let name = session.inputs()[0].name.clone();
    let mut out = Vec::new();
    session
        .run(&[(&name, View::f32(shape, x))], &mut |index, view| {
            if index == 0 {
                out.extend_from_slice(view.data.as_f32().unwrap());
            }
        })
        .unwrap();
    out
}

fn batch_of_one(session: &dyn Session) -> Vec<usize> {
    session.inputs()[0].shape.iter().map(|extent| extent.unwrap_or(1)).collect()
}

fn close(a: &[f32], b: &[f32], tolerance: f32, what: &str) {
    assert_eq!(a.len(), b.len(), "{what}");
    let scale = a.iter().fold(1.0_f32, |m, v| m.max(v.abs()));
    let worst = a.iter().zip(b).fold(0.0_f32, |m, (x, y)| m.max((x - y).abs()));
    assert!(worst <= tolerance * scale, "{what}: they differ by {worst} at scale {scale}");
}

#[test]
fn every_classifier_gives_the_same_logits_on_both_runtimes() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let rten = rten();
    for folder in ["mnist", "cifar10", "imagenet"] {
        for path in models(folder) {
            let what = path.display().to_string();
            let mut a = onnxruntime.compile_file(&path).unwrap();
            let mut b = rten.compile_file(&path).unwrap();
            assert_eq!(a.inputs(), b.inputs(), "{what}");
            assert_eq!(a.outputs().len(), b.outputs().len(), "{what}");
            let shape = batch_of_one(a.as_ref());
            let x = noise(shape.iter().product(), 7);
            close(&run(a.as_mut(), &shape, &x), &run(b.as_mut(), &shape, &x), 1e-4, &what);
        }
    }
}
