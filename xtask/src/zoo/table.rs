//! From measurements to a table with verdicts.

use std::fmt::Write as _;

use serde_json::Value;

/// Largest difference of outputs, relative to the largest output.
const FORWARD: f64 = 1e-4;
/// Largest distance of gradients, relative to the length of PyTorch's.
const GRADIENT: f64 = 1e-3;
/// Largest distance of a slope from what the file's answers change by, relative to that.
const SLOPE: f64 = 5e-2;

/// The measurements of a zoo.
pub(crate) struct Table<'a> {
    runtimes: &'a Value,
    versions: &'a Value,
    models: &'a [Value],
    /// Files of packages.
    shipped: &'a [Value],
}

/// What one measurement says.
enum Cell {
    Right(String),
    Wrong(String, String),
    Missing,
}

impl Cell {
    fn text(&self) -> &str {
        match self {
            Self::Right(text) | Self::Wrong(text, _) => text,
            Self::Missing => "",
        }
    }
}

/// What is asked of every model, with the name of its measurement.
const COLUMNS: [(&str, &str); 7] = [
    ("loads", "loads"),
    ("onnxruntime", "onnxruntime"),
    ("rten", "rten"),
    ("PyTorch", "pytorch"),
    ("gradient, onnxruntime", "onnxruntime_gradient"),
    ("gradient, rten", "rten_gradient"),
    ("step", "step"),
];

/// What is asked of files that others made.
const SHIPPED: [(&str, &str); 6] = [
    ("loads", "loads"),
    ("onnxruntime", "onnxruntime"),
    ("rten", "rten"),
    ("slopes, onnxruntime", "onnxruntime_slope"),
    ("slopes, rten", "rten_slope"),
    ("step", "step"),
];

impl<'a> Table<'a> {
    pub(crate) fn new(runtimes: &'a Value, versions: &'a Value, models: &'a [Value], shipped: &'a [Value]) -> Self {
        Self { runtimes, versions, models, shipped }
    }

    /// Counts of what every model should do.
    pub(crate) fn summary(&self) -> String {
        let exported: Vec<&Value> = self.models.iter().filter(|facts| facts.get("failure").is_none()).collect();
        let count =
            |wanted: &[&str]| exported.iter().filter(|facts| wanted.iter().all(|key| matches!(cell(facts, key), Cell::Right(_)))).count();
        let runs: Vec<&str> = self.each_runtime(&["onnxruntime", "rten"]);
        let mut text = format!("{} models of {} architectures: ", exported.len(), self.architectures());
        let _ = write!(text, "{} load", count(&["loads"]));
        for runtime in runs {
            let gradient = format!("{runtime}_gradient");
            let _ = write!(text, ", {} run and {} differentiate on {runtime}", count(&[runtime]), count(&[&gradient]));
        }
        let _ = write!(text, ", an attack step works on {}", count(&["step"]));
        let unexported = self.models.len() - exported.len();
        if unexported > 0 {
            let _ = write!(text, "; {unexported} could not be exported");
        }
        text
    }

    fn each_runtime<'b>(&self, names: &[&'b str]) -> Vec<&'b str> {
        names.iter().copied().filter(|name| self.runtimes.get(*name).is_some_and(Value::is_string)).collect()
    }

    fn architectures(&self) -> usize {
        let mut names: Vec<&str> = self.models.iter().filter_map(|facts| facts.get("architecture")?.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names.len()
    }

    /// Every failure with its reason, one a line; empty where there is none.
    pub(crate) fn failures(&self) -> String {
        let mut text = String::new();
        for facts in self.models {
            let name = name(facts);
            if let Some(reason) = facts.get("failure").and_then(Value::as_str) {
                let _ = writeln!(text, "- **{name}**: not exported: {reason}");
            }
            for (title, key) in COLUMNS {
                if let Cell::Wrong(_, reason) = cell(facts, key) {
                    let _ = writeln!(text, "- **{name}**, {title}: {reason}");
                }
            }
        }
        text
    }

    /// The table.
    pub(crate) fn rows(&self) -> String {
        let mut text = String::from("| architecture | exporter | opset | MB |");
        COLUMNS.iter().for_each(|(title, _)| text.push_str(&format!(" {title} |")));
        text.push_str("\n|---|---|---|---|");
        text.push_str(&"---|".repeat(COLUMNS.len()));
        text.push('\n');
        for facts in self.models {
            let size = facts.get("bytes").and_then(Value::as_f64).map(|bytes| format!("{:.2}", bytes / 1e6)).unwrap_or_default();
            let _ = write!(text, "| {} | {} | {} | {size} |", word(facts, "architecture"), word(facts, "exporter"), word(facts, "opset"));
            for (_, key) in COLUMNS {
                let _ = write!(text, " {} |", cell(facts, key).text());
            }
            text.push('\n');
        }
        text
    }

    /// The table of files that packages ship, and what failed.
    fn shipped(&self) -> String {
        if self.shipped.is_empty() {
            return String::new();
        }
        let right = |key: &str| self.shipped.iter().filter(|facts| matches!(cell(facts, key), Cell::Right(_))).count();
        let mut text = format!(
            "\n## Models from Python packages\n\n\
             {} files out of Python packages (`tests/zoo/shipped.py`), trained and exported by others: {} load, {} run and {} have the right slopes on\n\
             onnxruntime, {} run and {} have them on rten. Sizes that a file does not fix are chosen, and inputs that are not attacked stay constant.\n\n\
             - **onnxruntime**, **rten**: as above (at most {FORWARD:e}).\n\
             - **slopes**: the gradient with respect to the input, for random cotangents of all outputs, along random halves of itself, compared with the change of the file's own answers on ONNX\n\
             Runtime: the difference relative to that change, median of eight halves, for the best of six steps (at most {SLOPE:e}: the answers are\n\
             in single precision, and have kinks).\n\
             - **step**: as above; only for files with logits per sample.\n\n\
             | model | package | written by | opset | MB |",
            self.shipped.len(),
            right("loads"),
            right("onnxruntime"),
            right("onnxruntime_slope"),
            right("rten"),
            right("rten_slope"),
        );
        SHIPPED.iter().for_each(|(title, _)| text.push_str(&format!(" {title} |")));
        text.push_str("\n|---|---|---|---|---|");
        text.push_str(&"---|".repeat(SHIPPED.len()));
        text.push('\n');
        let mut failures = String::new();
        for facts in self.shipped {
            let size = facts.get("bytes").and_then(Value::as_f64).map(|bytes| format!("{:.2}", bytes / 1e6)).unwrap_or_default();
            let model = word(facts, "architecture");
            let _ =
                write!(text, "| {model} | {} | {} | {} | {size} |", word(facts, "package"), word(facts, "exporter"), word(facts, "opset"));
            for (title, key) in SHIPPED {
                let cell = cell(facts, key);
                let _ = write!(text, " {} |", cell.text());
                if let Cell::Wrong(_, reason) = cell {
                    let _ = writeln!(failures, "- **{model}**, {title}: {reason}");
                }
            }
            text.push('\n');
        }
        if !failures.is_empty() {
            let _ = write!(text, "\n{failures}");
        }
        text
    }

    /// The page.
    pub(crate) fn page(&self) -> String {
        let word = |value: &Value| value.as_str().unwrap_or("absent").to_owned();
        let list = |value: &Value| {
            let pairs = value.as_object().into_iter().flatten();
            pairs.map(|(name, version)| format!("{name} {}", word(version))).collect::<Vec<_>>().join(", ")
        };
        let failures = self.failures();
        let failures = if failures.is_empty() { "None.\n".to_owned() } else { failures };
        format!(
            "# Models\n\n\
             Written by `cargo xtask zoo`; do not edit. {}.\n\n\
             Weights are random, from a fixed seed (`tests/zoo/export.py`); `cargo xtask zoo --short` measures ten small models from this\n\
             repository, without Python. For every model:\n\n\
             - **onnxruntime**, **rten**: outputs after reading, rewriting and running there, compared with those of the original file on ONNX Runtime;\n\
             the largest difference, relative to the largest output (at most {FORWARD:e}).\n\
             - **PyTorch**: the outputs of the original file, compared with those of PyTorch in f64 (at most {FORWARD:e}).\n\
             - **gradient**: with respect to the input, for random cotangents of all outputs, compared with PyTorch's autograd in f64; the length of the difference,\n\
             relative to the length of the gradient, median of the samples (at most {GRADIENT:e}, or, if PyTorch's own gradient in f32 is farther off, twice that).\n\
             - **step**: one step of APGD within a small radius raises the best other output relative to the predicted one (for outputs with positions,\n\
             their means); by how much, for the sample with the smallest gain, and the radius (2e-3; if that does not help, 2e-4 or 2e-2).\n\n\
             Made with {}; measured with {}.\n\n{}\n## Failures\n\n{failures}{}",
            self.summary(),
            list(self.versions),
            list(self.runtimes),
            self.rows(),
            self.shipped(),
        )
    }
}

fn word(facts: &Value, key: &str) -> String {
    facts.get(key).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).unwrap_or_default()
}

fn name(facts: &Value) -> String {
    format!("{}, {} {}", word(facts, "architecture"), word(facts, "exporter"), word(facts, "opset"))
}

/// What rounding at the input does to a gradient, as part of a sentence.
fn noise(facts: &Value) -> String {
    let noise = facts.get("noise").and_then(Value::as_f64);
    noise.map(|noise| format!("; rounding the input changes this gradient by up to {noise:.0e}")).unwrap_or_default()
}

fn cell(facts: &Value, key: &str) -> Cell {
    let Some(value) = facts.get(key) else { return Cell::Missing };
    if let Some(problem) = value.get("problem").and_then(Value::as_str) {
        return Cell::Wrong("no".to_owned(), problem.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    if key == "loads" {
        let unread: Vec<&str> = facts.get("unread").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        return match unread.len() {
            0 => Cell::Right("yes".to_owned()),
            n => Cell::Right(format!("but {n} nodes")),
        };
    }
    if key == "step" {
        let [before, after] = [0, 1].map(|i| value.get(i).and_then(Value::as_f64).unwrap_or(f64::NAN));
        let eps = value.get(2).and_then(Value::as_f64).unwrap_or(f64::NAN);
        let text = format!("{:.1e} in {eps:.0e}", after - before);
        return if after > before { Cell::Right(text) } else { Cell::Wrong(text, format!("the margin goes from {before} to {after}")) };
    }
    let error = value.as_f64().unwrap_or(f64::INFINITY);
    let own = facts.get("torch_f32_error").and_then(Value::as_f64).unwrap_or(0.0);
    let limit = match key.rsplit('_').next() {
        Some("gradient") => GRADIENT.max(2.0 * own),
        Some("slope") => SLOPE,
        _ => FORWARD,
    };
    let text = if error == 0.0 { "0".to_owned() } else { format!("{error:.0e}") };
    if error <= limit {
        Cell::Right(text)
    } else {
        Cell::Wrong(text.clone(), format!("off by {text}, but at most {limit:.0e} is allowed{}", noise(facts)))
    }
}
