//! A claim from a finished audit.

mod rules;

use std::fmt::Write;
use std::path::{Component, Path, PathBuf};

use brinell_record::{Artefact, ClaimThreat, Effort, FileError, Knowledge, Norm, Population, Sampling, SanityLevel, Summary, Threat};
use brinell_subject::Subject;

use super::read::Source;
use crate::ClaimError;

/// How properties are written.
const PROPERTIES: &str =
    "forall, forall:correct, rate>=0.6, rate<=0.1, clean_accuracy>=0.9, robust_accuracy>=0.6, non_finite_rate<=0 and equal:OTHER.onnx:1e-4";

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
/// [`ClaimError::Nearest`] for a run without a radius, [`ClaimError::Run`] where the folder holds no finished run or its files are gone, [`ClaimError::Exists`], [`ClaimError::File`].
pub fn draft(run: &Path, options: &DraftOptions) -> Result<(), ClaimError> {
    let summary = brinell_ledger::read(run)?.summary;
    if summary.minimum_norm.is_some() {
        return Err(ClaimError::Nearest { path: run.to_path_buf() });
    }
    if options.out.exists() {
        return Err(ClaimError::Exists { path: options.out.clone() });
    }
    let folder = options.out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(FileError::on("create the folder", folder))?;
    let writer = Writer { summary: &summary, folder: folder.canonicalize().map_err(FileError::on("read", folder))? };
    let id = options.out.file_stem().map_or_else(|| "claim".to_owned(), |stem| stem.to_string_lossy().into_owned());
    let property = match &options.property {
        Some(text) => writer.parse(text)?,
        None => writer.supported(),
    };
    let text = writer.text(&id, &property, options.sampling)?;
    std::fs::write(&options.out, text).map_err(FileError::on("write", &options.out))?;
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
}

impl Writer<'_> {
    fn under(&self) -> String {
        let (threat, allowed) = (&self.summary.question.threat, &self.summary.allowed);
        let eps = threat.eps.text();
        let ruled = allowed.features.is_some();
        let what = match threat.norm {
            Norm::Linf if ruled => format!("no feature changes by more than {eps} of its unit"),
            Norm::L2 | Norm::L1 if ruled => {
                let norm = if threat.norm == Norm::L2 { "L2" } else { "L1" };
                format!("the {norm} norm of the change, in units of the features, is at most {eps}")
            }
            Norm::L0 if ruled => format!("at most {eps} features change"),
            Norm::Linf => format!("no value changes by more than {eps}"),
            Norm::L2 => format!("the L2 norm of the change is at most {eps}"),
            Norm::L1 => format!("the L1 norm of the change is at most {eps}"),
            Norm::L0 => format!("at most {eps} values change"),
        };
        let what = if ruled { format!("{what} and every feature keeps its rules") } else { what };
        match allowed.target {
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

    fn parse(&self, text: &str) -> Result<Wanted, ClaimError> {
        let wrong = || ClaimError::NoProperty { text: text.to_owned(), known: PROPERTIES };
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

    fn equal(&self, other: &str, tolerance: f64) -> Result<Wanted, ClaimError> {
        let asked = &self.summary.question;
        let artefact = Artefact { model: other.into(), sha256: None, weights_sha256: None, ..asked.artefact.clone() };
        let subject = Subject::open(&artefact, &asked.population)?.subject;
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
    fn relative(&self, path: &Path) -> Result<String, ClaimError> {
        let gone = |error: std::io::Error| ClaimError::Run {
            path: path.to_path_buf(),
            problem: format!("{error}; paths in a run start from the folder in which the audit was run"),
        };
        Ok(seen_from(&self.folder, &path.canonicalize().map_err(gone)?))
    }

    fn text(&self, id: &str, property: &Wanted, sampling: Sampling) -> Result<String, ClaimError> {
        let mut out = String::new();
        let mut line = |text: &str| {
            let _ = writeln!(out, "{text}");
        };
        line("# Claims about models. Paths are relative to this file; docs/claims.md explains every key.");
        line("schema = \"brinell.claim/1\"");
        line("# Probability, over all claims of this file, that no false one is called supported and no true one refuted.");
        line("confidence = 0.95");
        line("\n[[claim]]");
        line(&format!("id = {}\nstatement = {}", quoted(id), quoted(&property.statement)));
        line("# expires = 2027-12-31\n# assumptions = [\"the camera delivers pixels in this range\"]");
        line("\n# The artefact, by its bytes, and how pixels reach it: (x - mean) / std, with x in `scale`.\n[claim.subject]");
        line(&table(&self.artefact()?)?);
        line(
            "\n# The inputs. sampling: \"exhaustive\" if the claim speaks of these samples and no others, \"iid\" if they were drawn at random from\n# those that it speaks of, \"convenience\" if they are what was at hand, which can support no rate.\n[claim.population]",
        );
        line(&table(&self.population(sampling)?)?);
        if property.attacked {
            line(
                "\n# What the attacker may do, and how hard it is tried. `seed` fixes every random choice, the order of the samples included.\n[claim.threat]",
            );
            line(&table(&self.threat())?);
            if let Some(features) = &self.summary.allowed.features {
                line(
                    "# Rules of the features: ranges, and what counts as a change of 1. They are all that counts: what the data hold changes none of them.",
                );
                line(&format!("feature = [\n{}]", rules::list(features)));
            }
        }
        line(&format!("\n{}[claim.property]\n{}", property.remark, property.toml));
        line("\n# What an undecided claim does to the exit code: \"fail\" or \"warn\".\n[claim.policy]\nundecided = \"fail\"");
        Ok(out)
    }

    fn artefact(&self) -> Result<Artefact, ClaimError> {
        let Summary { question, model, .. } = self.summary;
        let asked = &question.artefact;
        let interface = model.interface.as_ref();
        // In an archive the array of samples may be found by this name.
        let archive = [".npz", ".safetensors"].iter().any(|end| question.population.data.to_string_lossy().ends_with(end));
        let named = interface.filter(|interface| archive || !interface.held.is_empty() || !interface.parts.is_empty());
        Ok(Artefact {
            model: self.relative(&asked.model)?.into(),
            sha256: Some(model.sha256.clone()),
            weights_sha256: model.weights_sha256.clone(),
            scale: Some(asked.scale()),
            input: named.map(|interface| interface.input.name.clone()),
            output: interface.filter(|interface| !interface.other_outputs.is_empty()).map(|interface| interface.output.name.clone()),
            threshold: interface.and_then(|interface| interface.threshold),
            shape: interface.and_then(|interface| interface.shape.clone()),
            ..asked.clone()
        })
    }

    fn population(&self, sampling: Sampling) -> Result<Population, ClaimError> {
        let Summary { question, data, .. } = self.summary;
        let asked = &question.population;
        let labels = |labels: &String| {
            let file = Path::new(labels);
            if file.exists() { self.relative(file) } else { Ok(labels.clone()) }
        };
        Ok(Population {
            data: self.relative(&asked.data)?.into(),
            labels: asked.labels.as_ref().map(labels).transpose()?,
            classes: asked.classes.as_ref().map(|path| self.relative(path)).transpose()?.map(Into::into),
            pairs: asked.pairs.as_ref().map(|path| self.relative(path)).transpose()?.map(Into::into),
            sha256: Some(data.sha256.clone()),
            n: Some(data.n),
            selection: Some(format!("the first {} samples, in the order of the file", data.n)),
            sampling: Some(sampling),
            ..asked.clone()
        })
    }

    fn threat(&self) -> ClaimThreat {
        let Summary { question, allowed, suite, attacks, sanity, .. } = self.summary;
        let custom = suite == "custom";
        ClaimThreat {
            threat: Threat {
                target: allowed.target.map(|class| class.to_string()),
                knowledge: Some(allowed.knowledge.unwrap_or(Knowledge::White)),
                // The rules stand below, with their units.
                unit: None,
                feature: Vec::new(),
                ..question.threat.clone()
            },
            effort: Effort {
                suite: (!custom).then(|| self.suite(suite)),
                attacks: if custom { attacks.clone() } else { Vec::new() },
                keep_going: false,
                certify: None,
                sanity: sanity.as_ref().map_or(SanityLevel::Cheap, |sanity| sanity.level),
                ..question.effort.clone()
            },
        }
    }

    /// Returns a suite's name, or its file as seen from the claim file's folder.
    fn suite(&self, name: &str) -> String {
        if super::plan::is_built_in(name) { name.to_owned() } else { self.relative(Path::new(name)).unwrap_or_else(|_| name.to_owned()) }
    }
}

/// Returns the lines of a table.
fn table(value: &impl serde::Serialize) -> Result<String, ClaimError> {
    let text = toml::to_string(value).map_err(|error| ClaimError::Run { path: PathBuf::new(), problem: error.to_string() })?;
    Ok(text.trim_end().to_owned())
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
