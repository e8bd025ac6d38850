//! Memory and time that a model costs: `footprint MODEL BATCH bare|forward|gradient [onnxruntime|rten]`.
//!
//! `bare` is the file as it is on the runtime; `forward` and `gradient` go through graph, rewriting and oracle. Prints the resident memory
//! of the process before anything is loaded, after one batch of zeros, and its peak (Linux), in MB.
#![expect(clippy::print_stdout, reason = "the figures are what the program is for")]

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use brinell_engine::{Answer, Artefact, Head, Loss, Oracle, Preprocess, Running, RuntimeChoice, Signature, View, open};

/// A line of /proc/self/status in MB.
fn resident(field: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok()).unwrap_or(f64::NAN) / 1000.0
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, batch, what, rest @ ..] = arguments.as_slice() else {
        return Err("usage: footprint MODEL BATCH bare|forward|gradient [onnxruntime|rten]".into());
    };
    let (path, batch) = (Path::new(path), batch.parse::<usize>()?);
    let choice = if rest.first().is_some_and(|name| name == "rten") { RuntimeChoice::Rten } else { RuntimeChoice::OnnxRuntime };
    let runtime = open(&Running::on(choice))?;
    let before = resident("VmRSS");
    let start = Instant::now();
    let loaded;
    if what == "bare" {
        let mut session = runtime.compile_file(path)?;
        loaded = start.elapsed();
        let port = session.inputs().first().cloned().ok_or("the model has no input")?;
        let shape: Vec<usize> = port.shape.iter().map(|size| size.unwrap_or(batch)).collect();
        let x = vec![0.0; shape.iter().product()];
        session.run(&[(&port.name, View::f32(&shape, &x))], &mut |_, _| {})?;
        report(before, loaded, start);
        return Ok(());
    }
    let model = brinell_onnx::read_file(path)?;
    let signature = Signature::of(&model.graph, &Artefact::default())?;
    let preprocess = Preprocess::new(&Artefact::default(), &signature.sample, &signature.sample)?;
    let mut oracle = Oracle::new(&model.graph, &preprocess, runtime, 1)?;
    drop(model);
    let x = vec![0.0; batch * oracle.sample_len()];
    let (classes, mut answer) = (vec![0; batch], Answer::default());
    let feeds = Loss::Margin.feed(oracle.width(), &classes, &classes);
    if what == "gradient" {
        oracle.prepare(Head::Fused(Loss::Margin))?;
        loaded = start.elapsed();
        oracle.fused(Loss::Margin, &x, &feeds, &mut answer)?;
    } else {
        loaded = start.elapsed();
        oracle.values(&x, &mut answer)?;
    }
    report(before, loaded, start);
    Ok(())
}

fn report(before: f64, loaded: std::time::Duration, start: Instant) {
    println!(
        "before {before:.0} MB, now {:.0} MB (anonymous {:.0}, files {:.0}), peak {:.0} MB; ready after {:.2} s, one batch after {:.2} s",
        resident("VmRSS"),
        resident("RssAnon"),
        resident("RssFile"),
        resident("VmHWM"),
        loaded.as_secs_f64(),
        start.elapsed().as_secs_f64()
    );
}
