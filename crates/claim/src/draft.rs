//! A claim from a finished audit.

mod rules;

use std::fmt::Write;
use std::path::{Component, Path, PathBuf};

use brinell_record::{Artefact, ClaimThreat, Effort, FileError, Knowledge, Population, Sampling, SanityLevel, Summary, Threat};
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

/// A property as TOML, and whether it speaks of attacks.
struct Wanted {
    toml: String,
    attacked: bool,
    /// A remark for the reader of the file.
    remark: &'static str,
}

struct Writer<'w> {
    summary: &'w Summary,
    folder: PathBuf,
}

impl Writer<'_> {
    fn rate(key: &str, value: f64, remark: &'static str) -> Wanted {
        Wanted { toml: format!("kind = \"rate\"\n{key} = {value:?}"), attacked: true, remark }
    }

    /// A rate that the run's own interval clears.
    fn supported(&self) -> Wanted {
        const REMARK: &str = "# This threshold comes from the run itself. A threshold that was chosen on the same samples that then confirm it is weak\n# evidence: choose it before you look at results, or check it on other samples.\n";
        let rate = &self.summary.robust_accuracy;
        let low = (rate.low * 100.0).floor() / 100.0;
        if low > 0.0 { Self::rate("at_least", low, REMARK) } else { Self::rate("at_most", (rate.high * 100.0).ceil() / 100.0, REMARK) }
    }

    fn parse(&self, text: &str) -> Result<Wanted, ClaimError> {
        let wrong = || ClaimError::NoProperty { text: text.to_owned(), known: PROPERTIES };
        let forall = |among: &str| Wanted { toml: format!("kind = \"forall\"\namong = \"{among}\""), attacked: true, remark: "" };
        match text {
            "forall" | "forall:all" => return Ok(forall("all")),
            "forall:correct" => return Ok(forall("correct")),
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
        let bound =
            |attacked| Wanted { toml: format!("kind = \"bound\"\nquantity = \"{quantity}\"\n{key} = {value:?}"), attacked, remark: "" };
        match quantity {
            "rate" => Ok(Self::rate(key, value, "")),
            "robust_accuracy" => Ok(bound(true)),
            "clean_accuracy" | "non_finite_rate" => Ok(bound(false)),
            _ => Err(wrong()),
        }
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
            attacked: false,
            remark: "",
        })
    }

    /// Returns a path as seen from the claim file's folder.
    fn relative(&self, path: &Path) -> Result<String, ClaimError> {
        let gone = |error: std::io::Error| ClaimError::Run {
            path: path.to_path_buf(),
            problem: format!("{error}; paths in a run are relative to the folder in which the audit was started"),
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
        line("# Probability that no false claim in this file is called supported, and likewise that no true claim is called refuted.");
        line("confidence = 0.95");
        line("\n[[claim]]");
        line(&format!("id = {}", quoted(id)));
        line("# Reports describe the claim with a sentence made from the property below; `statement = \"..\"` replaces it.");
        line("# expires = 2027-12-31\n# assumptions = [\"the camera delivers pixels in this range\"]");
        line(
            "\n# The model file with its digest, and its preprocessing: (x - mean) / std, with x in `scale`. After retraining, `claim update`\n# writes the new digest here.\n[claim.subject]",
        );
        line(&table(&self.artefact()?)?);
        line(
            "\n# The samples. sampling = \"exhaustive\" if the claim is about exactly these samples, \"iid\" if they were drawn at random from the\n# inputs that it is about, \"convenience\" if they are just what was available; then no rate can be supported.\n[claim.population]",
        );
        line(&table(&self.population(sampling)?)?);
        if property.attacked {
            line(
                "\n# What the attacker may do, and which attacks are run. `seed` fixes every random choice, including the order of the samples.\n[claim.threat]",
            );
            line(&table(&self.threat())?);
            if let Some(features) = &self.summary.allowed.features {
                line(
                    "# Rules for features: the range of each, and the change that counts as 1. They are written as numbers, so they do not depend on the data.",
                );
                line(&format!("feature = [\n{}]", rules::list(features)));
            }
        }
        line(&format!("\n{}[claim.property]\n{}", property.remark, property.toml));
        line("\n# Whether an undecided claim fails the check (\"fail\") or only warns (\"warn\").\n[claim.policy]\nundecided = \"fail\"");
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
            selection: Some(if data.samples.is_empty() {
                format!("the first {} samples, in the order of the file", data.n)
            } else {
                format!("{} samples, spread evenly over the classes, each class in the order of the file", data.n)
            }),
            sampling: Some(sampling),
            ..asked.clone()
        })
    }

    fn threat(&self) -> ClaimThreat {
        let Summary { question, allowed, suite, attacks, sanity, .. } = self.summary;
        let custom = suite == "custom";
        ClaimThreat {
            adaptive: self.summary.is_adaptive(),
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
