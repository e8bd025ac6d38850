//! `brinell init`

use std::path::{Path, PathBuf};

use brinell::record::Port;
use brinell::{Artefact, Inspection};
use clap::Args;

use crate::console::print;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::settings::FILE;

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// ONNX file to be audited
    #[arg(value_name = "MODEL")]
    model: PathBuf,

    /// Labelled data to audit it on
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,

    /// File to write, which must not exist yet
    #[arg(short, long, value_name = "OUT", default_value = FILE)]
    out: PathBuf,
}

impl Init {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        if self.out.exists() {
            return Err(Failure::input(format!("{} exists already; edit it, or choose another file with --out", self.out.display())));
        }
        let inspection = brinell::inspect(&Artefact::of(&self.model))?;
        // Paths in the file are relative to its folder, which may be another than this one.
        let beside = self.out.parent().is_none_or(|folder| folder.as_os_str().is_empty());
        let seen = |path: &Path| if beside { path.to_path_buf() } else { std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf()) };
        let text = render(&seen(&self.model), self.data.as_deref().map(seen).as_deref(), &inspection);
        std::fs::write(&self.out, text).map_err(|error| Failure::input(format!("cannot write {}: {error}", self.out.display())))?;
        let todo = if self.data.is_none() { "set `data`, check" } else { "check" };
        print(&format!("{}: {todo} the preprocessing and the radius, then run `brinell audit`\n", self.out.display()));
        Ok(Exit::Done)
    }
}

fn render(model: &Path, data: Option<&Path>, inspection: &Inspection) -> String {
    let input = inspection.inputs.first().map_or_else(String::new, |port| format!("{:?} {} {}", port.name, port.dtype, port.shape));
    let classes = inspection.classes.map_or_else(|| "unknown".to_owned(), |classes| classes.to_string());
    let notes: Vec<String> = inspection
        .not_a_classifier
        .iter()
        .map(|why| format!("# attention: {why}"))
        .chain(
            (!inspection.differentiable && inspection.not_a_classifier.is_none())
                .then(|| "# attention: the model cannot be differentiated, see `brinell inspect`".to_owned()),
        )
        .collect();
    let ports = ports(inspection);
    let whole = inspection.inputs.first().is_some_and(|port| port.dtype.starts_with(['u', 'i']));
    let (scale, eps) = if whole { ("0..255", "8") } else { ("0..1", "8/255") };
    let channels = if input.contains(", 3, ") || input.ends_with(", 3]") { 3 } else { 1 };
    let (mean, std) = if channels == 3 { ("0.485, 0.456, 0.406", "0.229, 0.224, 0.225") } else { ("0.1307", "0.3081") };
    let is_table = data.is_some_and(brinell::data::is_table);
    let preprocessing = if is_table {
        "# eps counts in the range of each feature.\nscale = \"data\"\n".to_owned()
    } else {
        format!(
            "# Pixels reach the model as (x - mean) / std, with x in `scale`. Leave out what the model does itself.\n\
             scale = \"{scale}\"\n# mean = [{mean}]\n# std = [{std}]\n# layout = \"nchw\"\n"
        )
    };
    let rules = if is_table {
        "\n# What may change in a feature, one block for each rule. docs/tables.md has all rules.\n# [[feature]]\n# columns = [\"age\"]\n# change = \"none\"\n"
    } else {
        ""
    };
    let eps = if is_table { "0.05" } else { eps };
    let notes = if notes.is_empty() { String::new() } else { format!("{}\n", notes.join("\n")) };
    format!(
        "\
# Settings of `brinell audit`; flags of the same names override them. Paths are relative to this file.
# input {input}, {classes} classes, batch {batch}
{notes}model = {model}
{ports}
# Labelled data: IDX, .npy, .npz, CIFAR binary, safetensors, a table, or a folder of PNG/JPEG images with class folders.
data = {data}
# labels = \"labels.npy\"
# classes = \"classes.txt\"
# limit = 200

{preprocessing}
# The largest change that is allowed, in units of `scale`.
norm = \"linf\"
eps = \"{eps}\"
# target = \"toaster\"

# The attacks: a suite, or a list such as attack = [\"pgd:steps=40\", \"apgd-dlr\"]. `brinell suites` and `brinell attacks` list them.
# suite = \"quick\"
seed = 0
{rules}",
        batch = inspection.batch,
        data = toml::Value::String(data.map_or_else(String::new, |path| path.display().to_string())),
        model = toml::Value::String(model.display().to_string()),
    )
}

/// Lines about inputs and outputs, of a model that leaves a choice.
fn ports(inspection: &Inspection) -> String {
    let names = |ports: &[Port]| ports.iter().map(|port| port.name.clone()).collect::<Vec<_>>();
    let mut lines = String::new();
    for (key, names) in [("input", names(&inspection.inputs)), ("output", names(&inspection.outputs))] {
        if let [first, _, ..] = names.as_slice() {
            lines += &format!("# {key} = {} # one of {}\n", toml::Value::String(first.clone()), names.join(", "));
        }
    }
    if let Some(threshold) = inspection.interface.as_ref().and_then(|interface| interface.threshold) {
        lines += &format!("threshold = {} # the score from which on the class is 1\n", toml::Value::Float(threshold));
    }
    lines
}
