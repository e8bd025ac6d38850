//! A claim from a finished audit.

mod rules;

use std::fmt::Write;
use std::path::{Component, Path, PathBuf};

use brinell_record::{Norm, SUMMARY_SCHEMA, Sampling, SanityLevel, Summary};

use super::error::ClaimError;
use super::read::Source;
use crate::run::Identity;
use crate::subject::DataFiles;
use crate::{ProtocolError, Subject};

/// What the caller wants of the claim.
#[derive(Debug, Clone)]
pub struct DraftOptions {
    /// File to write; its name without the ending becomes the claim's id.
    pub out: PathBuf,
    /// `forall`, `forall:correct`, `rate>=0.6`, `rate<=0.1`, `clean_accuracy>=0.9`, `robust_accuracy>=0.6`, `non_finite_rate<=0` or
    /// `equal:OTHER.onnx:1e-4`; `None` for a rate that the run supports.
    pub property: Option<String>,
    /// What the samples are to the inputs that the claim speaks of.
    pub sampling: Sampling,
}

/// Writes a claim from the run in a folder, with every digest filled in.
///
/// # Errors
/// [`ClaimError::Run`] where the folder holds no finished run or its files are gone, [`ClaimError::Exists`], [`ProtocolError::Io`].
pub fn draft(run: &Path, options: &DraftOptions) -> Result<(), ProtocolError> {
    let unusable = |problem: String| ClaimError::Run { path: run.to_path_buf(), problem };
    let read = |name: &str| std::fs::read(run.join(name)).map_err(|error| unusable(format!("cannot read {name}: {error}")));
    let summary: Summary = serde_json::from_slice(&read("summary.json")?).map_err(|error| unusable(format!("summary.json: {error}")))?;
    if summary.schema != SUMMARY_SCHEMA {
        return Err(unusable(format!("its schema is {}, this version reads {SUMMARY_SCHEMA}", summary.schema)).into());
    }
    if summary.minimum_norm.is_some() {
        let problem = "it looked for the nearest examples at any distance, and a claim is about one radius; audit with --eps".to_owned();
        return Err(unusable(problem).into());
    }
    let identity: Identity = serde_json::from_slice(&read("run.json")?).map_err(|error| unusable(format!("run.json: {error}")))?;
    if options.out.exists() {
        return Err(ClaimError::Exists { path: options.out.clone() }.into());
    }
    let folder = options.out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(ProtocolError::io("create the folder", folder))?;
    let queries = identity.facts.get("max-queries").filter(|limit| *limit != "none").cloned();
    let writer = Writer { summary: &summary, folder: folder.canonicalize().map_err(ProtocolError::io("read", folder))?, queries };
    let id = options.out.file_stem().map_or_else(|| "claim".to_owned(), |stem| stem.to_string_lossy().into_owned());
    let property = match &options.property {
        Some(text) => writer.parse(text)?,
        None => writer.supported(),
    };
    let text = writer.text(&id, &property, options.sampling)?;
    std::fs::write(&options.out, text).map_err(ProtocolError::io("write", &options.out))?;
    // What this program writes it must be able to read.
    Source::read(&options.out).map(|_| ())
}

/// A property as text: its TOML, the claim in words, and whether it speaks of attacks.
struct Wanted {
    toml: String,
    statement: String,
    attacked: bool,
    /// A remark for the reader of the file.
    remark: &'static str,
}

struct Writer<'w> {
    summary: &'w Summary,
    folder: PathBuf,
    queries: Option<String>,
}

impl Writer<'_> {
    fn under(&self) -> String {
        let threat = &self.summary.threat;
        let eps = &threat.eps_text;
        let what = match threat.norm {
            Norm::Linf if threat.features.is_some() => format!("no feature changes by more than {eps} of its unit"),
            Norm::L2 | Norm::L1 if threat.features.is_some() => {
                let norm = if threat.norm == Norm::L2 { "L2" } else { "L1" };
                format!("the {norm} norm of the change, in units of the features, is at most {eps}")
            }
            Norm::L0 if threat.features.is_some() => format!("at most {eps} features change"),
            Norm::Linf => format!("no value changes by more than {}", threat.eps_text),
            Norm::L2 => format!("the L2 norm of the change is at most {}", threat.eps_text),
            Norm::L1 => format!("the L1 norm of the change is at most {}", threat.eps_text),
            Norm::L0 => format!("at most {} values change", threat.eps_text),
        };
        let what = if threat.features.is_some() { format!("{what} and every feature keeps its rules") } else { what };
        match threat.target {
            Some(target) => format!("and are not turned into class {target} as long as {what}"),
            None => format!("and stay right as long as {what}"),
        }
    }

    fn rate(&self, key: &str, value: f64, remark: &'static str) -> Wanted {
        let words = if key == "at_most" { "At most" } else { "At least" };
        Wanted {
            toml: format!("kind = \"rate\"\n{key} = {value:?}"),
            statement: format!("{words} {} % of the inputs are answered right {}.", rounded(100.0 * value), self.under()),
            attacked: true,
            remark,
        }
    }

    /// A rate that the run's own interval clears.
    fn supported(&self) -> Wanted {
        const REMARK: &str = "# Read off the run that this file was made from. A threshold chosen by looking at the samples that are to confirm it\n# proves little: set it before looking, or check it on samples that had no part in choosing it.\n";
        let rate = &self.summary.robust_accuracy;
        let low = (rate.low * 100.0).floor() / 100.0;
        if low > 0.0 { self.rate("at_least", low, REMARK) } else { self.rate("at_most", (rate.high * 100.0).ceil() / 100.0, REMARK) }
    }

    fn parse(&self, text: &str) -> Result<Wanted, ProtocolError> {
        let wrong = || {
            let problem = format!(
                "`{text}` is no property; use forall, forall:correct, rate>=0.6, rate<=0.1, clean_accuracy>=0.9, robust_accuracy>=0.6, non_finite_rate<=0 or equal:OTHER.onnx:1e-4"
            );
            ProtocolError::from(ClaimError::Run { path: PathBuf::from("--property"), problem })
        };
        let forall = |among: &str, whom: &str| Wanted {
            toml: format!("kind = \"forall\"\namong = \"{among}\""),
            statement: format!("{whom} {}.", self.under()),
            attacked: true,
            remark: "",
        };
        match text {
            "forall" | "forall:all" => return Ok(forall("all", "All samples are answered right")),
            "forall:correct" => return Ok(forall("correct", "All samples that are answered right unchanged are answered right")),
            _ => {}
        }
        if let Some((other, tolerance)) = text.strip_prefix("equal:").and_then(|rest| rest.rsplit_once(':')) {
            return self.equal(other, tolerance.parse().map_err(|_| wrong())?);
        }
        let (quantity, key, value) = match (text.split_once(">="), text.split_once("<=")) {
            (Some((quantity, value)), None) => (quantity.trim(), "at_least", value),
            (None, Some((quantity, value))) => (quantity.trim(), "at_most", value),
            _ => return Err(wrong()),
        };
        let value: f64 = value.trim().parse().map_err(|_| wrong())?;
        let words = if key == "at_most" { "At most" } else { "At least" };
        let what = match quantity {
            "rate" => return Ok(self.rate(key, value, "")),
            "robust_accuracy" => format!("are answered right {}", self.under()),
            "clean_accuracy" => "are answered right".to_owned(),
            "non_finite_rate" => "get an answer that is not finite".to_owned(),
            _ => return Err(wrong()),
        };
        Ok(Wanted {
            toml: format!("kind = \"bound\"\nquantity = \"{quantity}\"\n{key} = {value:?}"),
            statement: format!("{words} {} % of the inputs {what}.", rounded(100.0 * value)),
            attacked: quantity == "robust_accuracy",
            remark: "",
        })
    }

    fn equal(&self, other: &str, tolerance: f64) -> Result<Wanted, ProtocolError> {
        let (data, model) = (&self.summary.data, &self.summary.model);
        let files =
            DataFiles { path: Path::new(&data.path), labels: data.labels.as_deref(), classes: data.classes.as_deref().map(Path::new) };
        let interface = super::plan::interface_of(model);
        let subject =
            Subject::load_beside(Path::new(other), &interface, |model, arrays| files.read(model, &interface, data.limit, arrays))?;
        let weights = subject.weights_sha256.as_ref().map_or_else(String::new, |digest| format!("\nweights_sha256 = \"{digest}\""));
        Ok(Wanted {
            toml: format!(
                "kind = \"equal\"\nother = {}\nsha256 = \"{}\"{weights}\ntolerance = {tolerance:?}",
                quoted(&self.relative(Path::new(other))?),
                subject.sha256
            ),
            statement: format!("{} gives the same answers, and outputs that differ by at most {tolerance}.", subject.name()),
            attacked: false,
            remark: "",
        })
    }

    /// Returns a path as seen from the claim file's folder.
    fn relative(&self, path: &Path) -> Result<String, ProtocolError> {
        let gone = |error: std::io::Error| ClaimError::Run {
            path: path.to_path_buf(),
            problem: format!("{error}; run this in the folder in which the audit was run"),
        };
        Ok(seen_from(&self.folder, &path.canonicalize().map_err(gone)?))
    }

    fn text(&self, id: &str, property: &Wanted, sampling: Sampling) -> Result<String, ProtocolError> {
        let Summary { model, data, preprocessing, .. } = self.summary;
        let list = |values: &[f64]| values.iter().map(f64::to_string).collect::<Vec<_>>().join(", ");
        let mut out = String::new();
        let mut line = |text: String| {
            let _ = writeln!(out, "{text}");
        };
        line("# A claim for `brinell check`. Paths are relative to this file; docs/claims.md explains every key.".to_owned());
        line("schema = \"brinell.claim/1\"".to_owned());
        line("# Probability, over all claims of this file, that no false one is called supported and no true one refuted.".to_owned());
        line("confidence = 0.95".to_owned());
        line("\n[[claim]]".to_owned());
        line(format!("id = {}\nstatement = {}", quoted(id), quoted(&property.statement)));
        line("# expires = 2027-12-31\n# assumptions = [\"the camera delivers pixels in this range\"]".to_owned());
        line("\n# The artefact, by its bytes, and how pixels reach it: (x - mean) / std, with x in `scale`.\n[claim.subject]".to_owned());
        line(format!("model = {}\nsha256 = \"{}\"", quoted(&self.relative(Path::new(&model.path))?), model.sha256));
        if let Some(weights) = &model.weights_sha256 {
            line(format!("weights_sha256 = \"{weights}\""));
        }
        line(format!("scale = \"{}\"", preprocessing.scale));
        for (name, values) in [("mean", &preprocessing.mean), ("std", &preprocessing.std)] {
            if !values.is_empty() {
                line(format!("{name} = [{}]", list(values)));
            }
        }
        line(format!("layout = \"{}\"", preprocessing.layout));
        if let Some(interface) = &model.interface {
            // In an archive the array of samples may be found by this name.
            let archive = [".npz", ".safetensors"].iter().any(|end| data.path.ends_with(end));
            if archive || !interface.held.is_empty() {
                line(format!("input = {}", quoted(&interface.input.name)));
            }
            if !interface.other_outputs.is_empty() {
                line(format!("output = {}", quoted(&interface.output.name)));
            }
            if let Some(threshold) = interface.threshold {
                line(format!("threshold = {threshold:?}"));
            }
            if let Some(shape) = &interface.shape {
                line(format!("shape = {shape:?}"));
            }
        }
        line("\n# The inputs. sampling: \"exhaustive\" if the claim speaks of these samples and no others, \"iid\" if they were drawn at random from\n# those that it speaks of, \"convenience\" if they are what was at hand, which can support no rate.\n[claim.population]".to_owned());
        line(format!("data = {}", quoted(&self.relative(Path::new(&data.path))?)));
        if let Some(labels) = &data.labels {
            let file = Path::new(labels);
            line(format!("labels = {}", quoted(&if file.exists() { self.relative(file)? } else { labels.clone() })));
        }
        if let Some(classes) = &data.classes {
            line(format!("classes = {}", quoted(&self.relative(Path::new(classes))?)));
        }
        line(format!("sha256 = \"{}\"\nn = {}", data.sha256, data.n));
        line(format!("selection = {}", quoted(&format!("the first {} samples, in the order of the file", data.n))));
        line(format!("sampling = \"{}\"", word(&sampling)));
        if property.attacked {
            self.threat(&mut line);
        }
        line(format!("\n{}[claim.property]\n{}", property.remark, property.toml));
        line("\n# What an undecided claim does to the exit code: \"fail\" or \"warn\".\n[claim.policy]\nundecided = \"fail\"".to_owned());
        Ok(out)
    }

    /// Returns a suite's name, or its file as seen from the claim file's folder.
    fn suite(&self, name: &str) -> String {
        if super::plan::is_built_in(name) { name.to_owned() } else { self.relative(Path::new(name)).unwrap_or_else(|_| name.to_owned()) }
    }

    fn threat(&self, line: &mut impl FnMut(String)) {
        let Summary { threat, suite, attacks, seed, knowledge, .. } = self.summary;
        let sanity = self.summary.sanity.as_ref().map_or(&SanityLevel::Cheap, |sanity| &sanity.level);
        line("\n# What the attacker may do, and how hard it is tried. `seed` fixes every random choice, the order of the samples included.\n[claim.threat]".to_owned());
        let norm = word(&threat.norm);
        line(format!("norm = \"{norm}\"\neps = {}", quoted(&threat.eps_text)));
        if let Some(features) = &threat.features {
            line("# Rules of the features: ranges, and what counts as a change of 1. They are all that counts: what the data hold changes none of them.".to_owned());
            line(format!("feature = [\n{}]", rules::list(features)));
        }
        if let Some(target) = threat.target {
            line(format!("target = \"{target}\""));
        }
        line(format!("knowledge = \"{}\"", word(&knowledge.unwrap_or_default())));
        if suite == "custom" {
            line(format!("attacks = [{}]", attacks.iter().map(|attack| quoted(attack)).collect::<Vec<_>>().join(", ")));
        } else {
            line(format!("suite = {}", quoted(&self.suite(suite))));
        }
        if *sanity != SanityLevel::Cheap {
            line(format!("sanity = \"{}\"", word(sanity)));
        }
        if let Some(limit) = &self.queries {
            line(format!("max_queries = {limit}"));
        }
        line(format!("seed = {seed}"));
    }
}

/// The word that a record has for a value.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// A percentage without the noise of binary fractions.
fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

/// Returns `path` as seen from `folder`; both are absolute.
fn seen_from(folder: &Path, path: &Path) -> String {
    let (from, to): (Vec<Component<'_>>, Vec<Component<'_>>) = (folder.components().collect(), path.components().collect());
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..".to_owned(), from.len() - common);
    let down = to.iter().skip(common).map(|part| part.as_os_str().to_string_lossy().into_owned());
    up.chain(down).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_seen_from_the_claims_folder() {
        for (folder, path, seen) in
            [("/a/claims", "/a/m.onnx", "../m.onnx"), ("/a", "/a/b/m.onnx", "b/m.onnx"), ("/a/b", "/c/m", "../../c/m")]
        {
            assert_eq!(seen_from(Path::new(folder), Path::new(path)), seen);
        }
    }
}
