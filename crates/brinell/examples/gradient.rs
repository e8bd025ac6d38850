//! Writes the gradient of a model as an ONNX file: `cargo run --example gradient -- MODEL.onnx OUT.onnx`.
#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use brinell::{Artefact, Loss, gradient_file};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [model, out] = &std::env::args().skip(1).collect::<Vec<_>>()[..] else {
        return Err("usage: gradient MODEL.onnx OUT.onnx".into());
    };
    let gradient = gradient_file(&Artefact::of(model), Loss::CrossEntropy)?;
    std::fs::write(out, &gradient.bytes)?;
    println!("{out}: {} bytes; inputs: the model's own and label_one_hot; outputs: logits, loss, gradient", gradient.bytes.len());
    Ok(())
}
