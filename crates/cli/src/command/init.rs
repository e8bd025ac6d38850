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
    /// ONNX file to audit
    #[arg(value_name = "MODEL")]
    model: PathBuf,

    /// Labelled data for the audit
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
        .map(|why| format!("# warning: {why}"))
        .chain(
            (!inspection.differentiable && inspection.not_a_classifier.is_none())
                .then(|| "# warning: the model has no gradient, see `brinell inspect`".to_owned()),
        )
        .collect();
    let ports = ports(inspection);
    let whole = inspection.inputs.first().is_some_and(|port| port.dtype.starts_with(['u', 'i']));
    let (scale, eps) = if whole { ("0..255", "8") } else { ("0..1", "8/255") };
    let channels = if input.contains(", 3, ") || input.ends_with(", 3]") { 3 } else { 1 };
    let (mean, std) = if channels == 3 { ("0.485, 0.456, 0.406", "0.229, 0.224, 0.225") } else { ("0.1307", "0.3081") };
    let table = data.map_or_else(|| is_table(inspection), brinell::data::is_table);
    let data = toml::Value::String(data.map_or_else(String::new, |path| path.display().to_string())).to_string();
    let notes = if notes.is_empty() { String::new() } else { format!("{}\n", notes.join("\n")) };
    let head = format!(
        "\
# Settings of `brinell audit`; flags of the same names override them. Paths are relative to this file.
# input {input}, {classes} classes, batch {batch}
{notes}model = {model}
{ports}",
        batch = inspection.batch,
        model = toml::Value::String(model.display().to_string()),
    );
    if table {
        return head + &of_table(inspection, &data);
    }
    format!(
        "\
{head}
# Labelled data: IDX, .npy, .npz, CIFAR binary, safetensors, or a folder of PNG/JPEG images with class folders.
data = {data}
# labels = \"labels.npy\"
# classes = \"classes.txt\"
# limit = 200

# Pixels reach the model as (x - mean) / std, with x in `scale`. Leave out what the model does itself.
scale = \"{scale}\"
# mean = [{mean}]
# std = [{std}]
# layout = \"nchw\"

# The largest change that is allowed, in units of `scale`.
norm = \"linf\"
eps = \"{eps}\"
# target = \"toaster\"

# The attacks: a suite, or a list such as attack = [\"pgd:steps=40\", \"apgd-dlr\"]. `brinell suites` and `brinell attacks` list them.
# suite = \"quick\"
seed = 0
"
    )
}

/// Values of a row from which on it is rather a flat picture than a row of a table.
const WIDE: usize = 512;

/// True where every input is a column or a short row for each sample.
fn is_table(inspection: &Inspection) -> bool {
    let is_row = |port: &Port| match port.shape.trim_matches(['[', ']']).split(", ").collect::<Vec<_>>().as_slice() {
        [_] => inspection.inputs.len() > 1,
        [_, width] => width.parse::<usize>().is_ok_and(|width| width <= WIDE),
        _ => false,
    };
    !inspection.inputs.is_empty() && inspection.inputs.iter().all(is_row)
}

/// The settings of a model of tables.
fn of_table(inspection: &Inspection, data: &str) -> String {
    let columns = match inspection.inputs.as_slice() {
        [_] => "one column per feature, in the order of the model's input".to_owned(),
        several => format!("with the columns {}", several.iter().map(|port| port.name.as_str()).collect::<Vec<_>>().join(", ")),
    };
    let trees = inspection.opaque.iter().any(|node| node.contains("TreeEnsemble"));
    let suite = if trees {
        "# Without a suite, the trees are searched; the result is exact if the search finishes.\n# suite = \"trees\""
    } else {
        "suite = \"quick\""
    };
    format!(
        "
# A table: .csv, .tsv or .parquet, one row per sample, {columns}.
data = {data}
# labels = \"label\" # the column of labels, by name or by number from 0
# drop = [\"id\"] # columns that are not features
# classes = \"classes.txt\"
# limit = 200

# A change is measured as a share of the feature's range in the data; with unit = \"std\", in standard deviations; with \"absolute\", in the feature's own units.
scale = \"data\"
# unit = \"range\"

# The largest change that is allowed, as a share of each feature's range.
norm = \"linf\"
eps = \"0.05\"

{suite}
seed = 0

# What a change may do to single features; see docs/tables.md.
# [[feature]]
# columns = [\"age\"]
# integer = true
# change = \"none\"
"
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
        lines += &format!("threshold = {} # the class is 1 if the score is at least this\n", toml::Value::Float(threshold));
    }
    lines
}
