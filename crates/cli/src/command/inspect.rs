//! `brinell inspect`

use std::fmt::Write;
use std::path::PathBuf;

use brinell_protocol::{Inspection, Port};
use clap::Args;

use super::audit::json;
use crate::console::print;
use crate::exit::Exit;
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// ONNX file
    #[arg(value_name = "MODEL")]
    model: PathBuf,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Inspect {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let inspection = brinell_protocol::inspect(&self.model)?;
        print(&if self.json { json(&inspection)? } else { text(&inspection) });
        Ok(Exit::Done)
    }
}

fn text(inspection: &Inspection) -> String {
    let mut out = String::new();
    let mut row = |name: &str, value: &str| {
        for (number, line) in wrap(value, 64).iter().enumerate() {
            let name = if number == 0 { name } else { "" };
            let _ = writeln!(out, "{name:<15} {line}");
        }
    };
    let ports = |ports: &[Port]| ports.iter().map(|p| format!("{} {} {}", p.name, p.dtype, p.shape)).collect::<Vec<_>>();
    row("model", &inspection.path);
    row("size", &bytes(inspection.bytes));
    row("sha256", &inspection.sha256);
    row("producer", &inspection.producer);
    row("opset", &format!("{} (IR {})", inspection.opset, inspection.ir_version));
    for (number, line) in ports(&inspection.inputs).iter().enumerate() {
        row(if number == 0 { "inputs" } else { "" }, line);
    }
    for (number, line) in ports(&inspection.outputs).iter().enumerate() {
        row(if number == 0 { "outputs" } else { "" }, line);
    }
    let operators: Vec<String> = inspection.operators.iter().map(|(name, count)| format!("{name} {count}")).collect();
    row("operators", &operators.join(", "));
    row("parameters", &count(inspection.parameters));
    row("MACs", &inspection.macs.map_or_else(|| "unknown".to_owned(), |macs| format!("{} a sample", count(macs))));
    row("batch", &inspection.batch);
    match (&inspection.classes, &inspection.not_a_classifier) {
        (Some(classes), _) => row("classes", &classes.to_string()),
        (None, Some(why)) => row("not audited", why),
        (None, None) => {}
    }
    row("softmax", if inspection.softmax { "yes, the attacks' losses use the values before it" } else { "no, the output is logits" });
    row(
        "differentiable",
        match (inspection.differentiable, inspection.obstacles.is_empty()) {
            (true, _) => "yes",
            (false, true) => "not examined",
            (false, false) => "no",
        },
    );
    for obstacle in &inspection.obstacles {
        row("", obstacle);
    }
    for node in &inspection.opaque {
        row("opaque", node);
    }
    out
}

fn bytes(n: u64) -> String {
    if n < 10_000 { format!("{n} bytes") } else { format!("{:.2} MB", n as f64 / 1e6) }
}

fn count(n: u64) -> String {
    match n {
        0..10_000 => n.to_string(),
        10_000..10_000_000 => format!("{:.1} thousand", n as f64 / 1e3),
        10_000_000..10_000_000_000 => format!("{:.1} million", n as f64 / 1e6),
        _ => format!("{:.1} billion", n as f64 / 1e9),
    }
}

/// Breaks text at blanks into lines of at most `width` characters; longer words stand alone.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        if let Some(line) = lines.last_mut() {
            if line.is_empty() {
                line.push_str(word);
            } else if line.chars().count() + 1 + word.chars().count() <= width {
                line.push(' ');
                line.push_str(word);
            } else {
                lines.push(word.to_owned());
            }
        }
    }
    lines
}
