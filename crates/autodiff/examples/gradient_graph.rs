//! Writes the gradient graph of a model: `gradient_graph MODEL OUT [LOSS]`.

use std::error::Error;

use brinell_autodiff::{Loss, gradient_graph};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, out, rest @ ..] = arguments.as_slice() else { return Err("usage: gradient_graph MODEL OUT [LOSS]".into()) };
    let loss = Loss::from_name(rest.first().map_or("ce", String::as_str))?;
    let model = brinell_onnx::read_file(model.as_ref())?;
    let graph = brinell_graph::rebatch(&model.graph).unwrap_or(model.graph);
    let (Some(&input), Some(&logits)) = (graph.inputs().first(), graph.outputs().first()) else {
        return Err("the model has no input or no output".into());
    };
    std::fs::write(out, brinell_onnx::write(&gradient_graph(&graph, logits, input, loss)?)?)?;
    Ok(())
}
