//! `brinell inspect`

use std::fmt::Write;
use std::path::PathBuf;

use brinell::Inspection;
use brinell::record::{ModelInterface, Port, TaskKind};
use clap::Args;

use super::audit::json;
use crate::console::print;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::hint::hints;
use crate::settings::Ports;

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// ONNX file
    #[arg(value_name = "MODEL")]
    model: PathBuf,

    #[command(flatten)]
    ports: Ports,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Inspect {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let inspection = brinell::inspect(&self.ports.artefact(&self.model)?)?;
        let certifiable = brinell::proofs::certifiable(&inspection, &self.ports.artefact(&self.model)?);
        if self.json {
            let obstacle = certifiable.as_ref().err().map(ToString::to_string);
            print(&json(&Described { inspection: &inspection, certifiable: certifiable.is_ok(), not_certifiable: obstacle })?);
        } else {
            let why = match &certifiable {
                Ok(()) => "yes".to_owned(),
                Err(error) => format!("no: {}", crate::failure::chain(error)),
            };
            print(&format!("{}{:<15} {}\n", text(&inspection), "certifiable", wrap(&why, 64).join(&format!("\n{:16}", ""))));
        }
        Ok(Exit::Done)
    }
}

/// A model described, with what certificates need.
#[derive(serde::Serialize)]
struct Described<'i> {
    #[serde(flatten)]
    inspection: &'i Inspection,
    /// True where every operator of the model can be bounded.
    certifiable: bool,
    /// What is in the way.
    not_certifiable: Option<String>,
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
    // Of a model behind an address these are not known.
    let is_file = inspection.bytes > 0;
    if is_file {
        row("size", &bytes(inspection.bytes));
    }
    row("sha256", &inspection.sha256);
    if is_file {
        row("producer", &inspection.producer);
        row("opset", &format!("{} (IR {})", inspection.opset, inspection.ir_version));
    }
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
        (Some(classes), _) => {
            let task = inspection.interface.as_ref().and_then(|interface| interface.task);
            let name = match task {
                None | Some(TaskKind::Classification | TaskKind::TopK) => "classes",
                Some(TaskKind::Multilabel) => "labels",
                Some(TaskKind::Regression | TaskKind::Embedding) => "values",
            };
            row(name, &classes.to_string());
        }
        (None, Some(why)) => {
            row("not audited", &why.to_string());
            hints(why).iter().for_each(|hint| row("", &format!("hint: {hint}")));
        }
        (None, None) => {}
    }
    if let Some(interface) = &inspection.interface {
        row("attacked", &attacked(interface));
        row("decides", &decides(interface, inspection.needs_task));
    }
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

/// Says which input is attacked, and what becomes of the others and of its numbers.
fn attacked(interface: &ModelInterface) -> String {
    let input = &interface.input;
    let mut text = input.name.clone();
    if !input.dtype.starts_with('f') && !input.dtype.starts_with("bf") {
        text += ", rounded to whole numbers before the model evaluates it";
    }
    if !interface.held.is_empty() {
        let held: Vec<&str> = interface.held.iter().map(|port| port.name.as_str()).collect();
        text += &format!("; not attacked: {} (from arrays with these names in the data)", held.join(", "));
    }
    text
}

/// Says which output decides, and how.
fn decides(interface: &ModelInterface, needs_task: bool) -> String {
    let name = &interface.output.name;
    match interface.task {
        Some(TaskKind::Multilabel) => return format!("{name}: one label per value; each applies or not"),
        Some(TaskKind::Regression) => return format!("{name}: its values are numbers"),
        Some(TaskKind::Embedding) => return format!("{name}: its values are an embedding"),
        _ => {}
    }
    match (interface.threshold, interface.ending.as_str()) {
        (Some(threshold), "sigmoid") => {
            format!("{name}: class 1 if it is at least {threshold}, else 0; it is a sigmoid, and attacks use the value before it")
        }
        (Some(threshold), _) => format!("{name}: class 1 if it is at least {threshold}, else 0"),
        (None, "logits") => format!("{name}: the class with the largest value; the values are logits"),
        (None, "sigmoid") if needs_task => format!(
            "{name}: not clear yet; it has several sigmoids, so an audit needs --task multilabel if several labels can apply, or --task classification if exactly one class does"
        ),
        (None, ending) => format!("{name}: the class with the largest value; it is a {ending}, and attacks use the values before it"),
    }
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
